//===- Library.cpp - an attention library by itself -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: each variant has a cache group of its own, and each step operands
// of its own: nothing is compared with an earlier result.
//
//===----------------------------------------------------------------------===//
#include "Library.h"

#include "../common/Failure.h"

#include "kvcref/formats.h"

#include <algorithm>
#include <cmath>
#include <random>

using namespace kvctool;

namespace {

/// New tokens of each sequence, step by step; they add up to lengths around the
/// ends of pages and tiles.
const std::vector<std::vector<int32_t>> kSteps = {
    {1, 16, 63, 100}, {1, 1, 65, 1}, {1, 5, 1, 64}, {1, 1, 1, 1}};
constexpr int32_t kSequences = 4, kMaxTokens = 256, kMaxLength = 320;

class LibraryRun {
public:
  LibraryRun(Attention &attention, int32_t threads);
  void run();

private:
  /// Rows of `heads` x `dim` for kMaxTokens tokens, in the device's memory.
  kvcrt_tensor allocate(int32_t element, int32_t heads, int32_t dim);
  const float *allocateFloats(int32_t count);
  void fill(const kvcrt_tensor &tensor, int32_t element, int32_t tokens,
            int32_t heads, int32_t dim);
  kvcrt_params paramsOf(const kvcrt_step_view &view, int32_t variant);
  void runStep(const std::vector<int32_t> &newTokens);

  Attention &attention;
  const kvcrt_manifest &manifest;
  DeviceHandle device;
  RuntimeHandle runtime;
  std::vector<kvcrt_sequence> sequences;
  std::vector<kvcrt_params> operands; // by variant, without step and cache
  std::mt19937_64 random{std::random_device()()};
};

} // namespace

kvcrt_tensor LibraryRun::allocate(int32_t element, int32_t heads, int32_t dim) {
  const int64_t row = int64_t(dim) * kvcref::findFormat(element)->bits / 8;
  void *address = nullptr;
  require(kvcrt_device_alloc(device.get(), KVCRT_MEMORY_CONTROL,
                             uint64_t(kMaxTokens * heads * row), &address),
          "operands");
  return {address, heads * row, row};
}

const float *LibraryRun::allocateFloats(int32_t count) {
  void *address = nullptr;
  require(kvcrt_device_alloc(device.get(), KVCRT_MEMORY_CONTROL,
                             uint64_t(count) * sizeof(float), &address),
          "operands");
  float *numbers = static_cast<float *>(address);
  for (int32_t i = 0; i < count; ++i)
    numbers[i] = std::uniform_real_distribution<float>(0.1f, 1)(random);
  return numbers;
}

LibraryRun::LibraryRun(Attention &attention, int32_t threads)
    : attention(attention), manifest(attention.manifest()),
      device(createDevice(attention.deviceKind(), threads)) {
  std::vector<kvcrt_group_desc> groups;
  for (int32_t i = 0; i < manifest.num_variants; ++i) {
    const kvcrt_manifest_variant &variant = manifest.variants[i];
    if (variant.features & (KVCRT_FEATURE_MASK | KVCRT_FEATURE_SCORE))
      fail(
          "variant '%s': expected no mask and no score region, whose tensors a "
          "model has, got %s; run its model with --attention, or "
          "kvc-conformance --engine=%s",
          variant.name,
          variant.features & KVCRT_FEATURE_MASK ? "a mask" : "a score region",
          manifest.target);
    const kvcrt_policy &policy = manifest.groups[variant.group].policy;
    kvcrt_group_desc group{};
    group.policy = policy;
    group.num_layers = 1;
    group.num_blocks =
        kSequences * ((kMaxLength + policy.block - 1) / policy.block + 1);
    group.plan = attention.plan(i);
    groups.push_back(group);

    kvcrt_params p;
    KVCRT_INIT(&p);
    const int32_t heads = variant.query_heads;
    p.query = allocate(policy.element, heads, policy.key_dim);
    p.out = allocate(policy.element, heads, policy.value_dim);
    p.new_key = allocate(policy.element, policy.kv_heads, policy.key_dim);
    p.new_value = allocate(policy.element, policy.kv_heads, policy.value_dim);
    p.scale = 1 / std::sqrt(float(policy.key_dim));
    p.softcap = variant.features & KVCRT_FEATURE_SOFTCAP ? 20.0f : 0.0f;
    p.window = policy.window;
    if (variant.features & KVCRT_FEATURE_WINDOW)
      p.window = 48;
    p.sink_tokens = policy.sink_tokens;
    if (variant.features & KVCRT_FEATURE_SINK_LOGITS)
      p.sink_logits = allocateFloats(heads);
    if (policy.position == KVCRT_POSITION_ALIBI)
      p.alibi_slopes = allocateFloats(heads);
    if (variant.features & KVCRT_FEATURE_LSE) {
      p.lse = const_cast<float *>(allocateFloats(kMaxTokens * heads));
      p.lse_token_stride = heads * int64_t(sizeof(float));
    }
    operands.push_back(p);
  }

  kvcrt_runtime_desc pool;
  KVCRT_INIT(&pool);
  pool.device = device.get();
  pool.groups = groups.data();
  pool.num_groups = int32_t(groups.size());
  pool.max_live_seqs = kSequences;
  pool.max_steps_in_flight = 1;
  KVCRT_INIT(&pool.capacity);
  pool.capacity.max_tokens = kMaxTokens;
  pool.capacity.max_seqs = kSequences;
  pool.capacity.max_kv_len = kMaxLength;
  runtime = createRuntime(pool);
}

void LibraryRun::fill(const kvcrt_tensor &tensor, int32_t element,
                      int32_t tokens, int32_t heads, int32_t dim) {
  kvcref::Array<double, 3> numbers({tokens, heads, dim});
  std::normal_distribution<double> normal;
  for (double &x : numbers.elements)
    x = normal(random);
  kvcref::writeTensor(numbers, element, tensor);
}

kvcrt_params LibraryRun::paramsOf(const kvcrt_step_view &view, int32_t i) {
  const kvcrt_manifest_variant &variant = manifest.variants[i];
  const kvcrt_policy &policy = manifest.groups[variant.group].policy;
  kvcrt_params p = operands[i];
  p.step = *view.step;
  p.cache = view.caches[i];
  const int32_t tokens = view.step->header->num_tokens;
  fill(p.query, policy.element, tokens, variant.query_heads, policy.key_dim);
  fill(p.new_key, policy.element, tokens, policy.kv_heads, policy.key_dim);
  fill(p.new_value, policy.element, tokens, policy.kv_heads, policy.value_dim);
  return p;
}

void LibraryRun::runStep(const std::vector<int32_t> &newTokens) {
  std::vector<kvcrt_step_entry> entries;
  for (int32_t s = 0; s < kSequences; ++s)
    entries.push_back({sequences[s], newTokens[s], KVCRT_LOGITS_NONE});
  const kvcrt_step_view view = beginStep(runtime.get(), entries);
  submitStep(runtime.get(), view.id);
  const kvcrt_hooks *hooks = attention.begin(device.get(), view);
  const kvcrt_env *env = kvcrt_device_env(device.get());
  for (int32_t i = 0; i < manifest.num_variants; ++i) {
    const kvcrt_params params = paramsOf(view, i);
    int32_t status = hooks->append(hooks->context, env, &params);
    if (!status)
      status = hooks->attend(hooks->context, env, &params);
    if (status)
      fail("variant '%s': %s", manifest.variants[i].name,
           attention.getError().c_str());
  }
  finishStep(runtime.get(), view.id);
}

void LibraryRun::run() {
  for (int32_t s = 0; s < kSequences; ++s) {
    kvcrt_sequence sequence = 0;
    require(kvcrt_sequence_create(runtime.get(), &sequence), "a new sequence");
    sequences.push_back(sequence);
  }
  for (const std::vector<int32_t> &newTokens : kSteps)
    runStep(newTokens);
}

void kvctool::runLibrary(Attention &attention, int32_t threads) {
  LibraryRun(attention, threads).run();
}
