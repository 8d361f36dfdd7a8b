//===- BenchCell.cpp - one shape of the benchmark -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cache is the runtime's: its pool, tables, step arrays and plan. Tables
// name blocks in random order (or, in a cell that says so, in their own), data
// are random, and one replay goes through enough layers that the L2 cache
// holds none of the next.
//
//===----------------------------------------------------------------------===//
#include "BenchCell.h"

#include "BlockOrder.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>

namespace kvc::bundle {

namespace {
/// A runtime of one group whose sequences stand before the cell's step.
class Cache {
public:
  Cache(const Machine &machine, const BenchCell &cell, const Spec &spec);

  kvcrt_params params(int32_t layer) const;

  int32_t layers = 1;
  int64_t tokens = 0; // of the step
  kvcrt_step_view view{};
  double beginSeconds = 0;
  double consecutive = 0; // of the tables' entries

private:
  void extend(const BenchCell &cell);
  void compute(int32_t most);
  void fillPool(const Spec &spec);
  void begin();

  const Machine &machine;
  const Spec &spec;
  Mirror memory;
  Runtime runtime;
  std::vector<kvcrt_step_entry> step;
  std::vector<int32_t> before; // tokens of each sequence before the step
  void *query = nullptr, *out = nullptr, *newKey = nullptr, *newValue = nullptr;
};
} // namespace

Cache::Cache(const Machine &machine, const BenchCell &cell, const Spec &spec)
    : machine(machine), spec(spec), memory(machine.device, machine.stream) {
  constexpr int32_t kChunk = 8192;
  const kvcrt_policy &p = spec.policy;
  int32_t sequences = 0, longest = 0;
  int64_t blocks = 0;
  const double bytes = workOf(spec, cell, 1).kvBytes;
  for (const Run &run : cell.runs) {
    sequences += run.count;
    longest = std::max(longest, run.kvLen);
    tokens += int64_t(run.count) * run.newTokens;
    const int32_t spare = p.layout == KVCRT_LAYOUT_PAGED;
    blocks += int64_t(run.count) * ((run.kvLen - 1) / p.block + 1 + spare);
  }
  const int32_t table = std::max(longest / p.block, 1);
  // The L2 cache four times over, or a model's layers, in 40 % of memory.
  const double wanted =
      cell.wholeStep ? 32 : 4.0 * machine.info.l2_bytes / bytes + 1;
  const double room = machine.onGpu()
                          ? 0.4 * double(machine.info.memory_bytes) /
                                (double(blocks) * p.block * tokenBytes(spec))
                          : 2;
  layers = int32_t(std::clamp(std::min(wanted, room), 1.0, 64.0));

  const kvcrt_plan_desc plan = planOf(machine, spec, 0);
  kvcrt_group_desc group = {};
  group.policy = p;
  group.num_layers = layers;
  group.num_blocks = int32_t(blocks);
  group.plan = &plan;
  kvcrt_runtime_desc desc;
  KVCRT_INIT(&desc);
  desc.device = machine.device;
  desc.groups = &group;
  desc.num_groups = 1;
  desc.max_live_seqs = std::max(sequences, shuffleSequences(blocks, table));
  desc.capacity.max_seqs = sequences;
  desc.capacity.max_tokens = int32_t(std::max<int64_t>(tokens, kChunk));
  desc.capacity.max_kv_len = longest;
  runtime = createRuntime(desc);
  if (!cell.inOrder)
    shuffleBlocks(machine.device, runtime.get(), blocks,
                  std::min(p.block, longest), table);
  extend(cell);
  compute(kChunk);
  const int64_t rows = std::max<int64_t>(tokens, 1);
  query = memory.scratch(size_t(rows * spec.queryHeads * p.key_dim * 2));
  out = memory.scratch(size_t(rows * spec.queryHeads * p.value_dim * 2));
  newKey = memory.scratch(size_t(rows * p.kv_heads * p.key_dim * 2));
  newValue = memory.scratch(size_t(rows * p.kv_heads * p.value_dim * 2));
  begin();
  fillPool(spec);
}

/// Each sequence takes its blocks, whole before the next.
void Cache::extend(const BenchCell &cell) {
  std::vector<kvcrt_sequence> names;
  for (const Run &run : cell.runs)
    for (int32_t i = 0; i < run.count; ++i) {
      kvcrt_sequence name = 0;
      require(machine.device, kvcrt_sequence_create(runtime.get(), &name),
              "sequence");
      require(machine.device,
              kvcrt_sequence_extend(runtime.get(), name, run.kvLen), "extend");
      step.push_back({name, run.newTokens, KVCRT_LOGITS_NONE});
      before.push_back(run.kvLen - run.newTokens);
      names.push_back(name);
    }
  consecutive = consecutiveBlocks(runtime.get(), names);
}

/// Counts all tokens before the step as computed; what they hold comes later.
void Cache::compute(int32_t most) {
  for (size_t s = 0; s < step.size(); ++s)
    for (int32_t left = before[s]; left > 0;) {
      const int32_t some = std::min(left, most);
      const kvcrt_step_entry entry = {step[s].sequence, some,
                                      KVCRT_LOGITS_NONE};
      kvcrt_step_view one;
      require(machine.device,
              kvcrt_step_begin(runtime.get(), &entry, 1, &one, nullptr, 0),
              "step");
      require(machine.device,
              kvcrt_step_submit(runtime.get(), one.id, machine.stream), "step");
      // Its staging is the next step's.
      require(machine.device,
              kvcrt_device_synchronize(machine.device, machine.stream), "step");
      require(machine.device, kvcrt_step_commit(runtime.get(), one.id, nullptr),
              "step");
      require(machine.device, kvcrt_step_retire(runtime.get(), one.id), "step");
      left -= some;
    }
}

void Cache::begin() {
  char text[500] = "";
  const auto start = std::chrono::steady_clock::now();
  const kvcrt_status status =
      kvcrt_step_begin(runtime.get(), step.data(), int32_t(step.size()), &view,
                       text, sizeof(text));
  beginSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  require(machine.device, status, text);
  require(machine.device,
          kvcrt_step_submit(runtime.get(), view.id, machine.stream), "step");
}

namespace {
/// What pools and operands are filled with, again and again. Random, since a
/// GPU that multiplies zeros draws less power and keeps a higher clock.
struct Patterns {
  static constexpr size_t kBytes = 16 << 20;

  Patterns()
      : sixteen(kBytes / 2), codes(kBytes), scales(kBytes / 4, 1.0f / 128) {
    std::mt19937 random(11);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (uint16_t &x : sixteen) {
      // As bf16; as f16 these bits are numbers below 2.
      const float value = uniform(random);
      uint32_t bits;
      memcpy(&bits, &value, 4);
      x = uint16_t(bits >> 16);
    }
    for (uint8_t &x : codes) {
      x = uint8_t(random());
      if ((x & 0x7f) == 0x7f) // the NaNs of f8E4M3FN
        x = 0x3c;
    }
  }

  std::vector<uint16_t> sixteen;
  std::vector<uint8_t> codes;
  std::vector<float> scales;
};
} // namespace

void Cache::fillPool(const Spec &spec) {
  static const Patterns patterns;
  constexpr size_t kPattern = Patterns::kBytes;
  const kvcrt_policy &p = spec.policy;
  auto fill = [&](void *region, int64_t size, const void *pattern) {
    for (int64_t at = 0; region && at < size; at += kPattern)
      require(machine.device,
              kvcrt_device_update(
                  machine.device, static_cast<char *>(region) + at, pattern,
                  uint64_t(std::min<int64_t>(kPattern, size - at)),
                  machine.stream),
              "fill");
  };
  const kvcrt_cache &first = view.caches[0];
  const bool quant = p.key.kind == KVCRT_STORAGE_QUANT;
  fill(first.key.payload, first.num_blocks * first.key.block_stride,
       quant ? static_cast<const void *>(patterns.codes.data())
             : patterns.sixteen.data());
  for (const kvcrt_plane *plane : {&first.key, &first.value})
    fill(plane->scale, first.num_blocks * plane->scale_block_stride,
         patterns.scales.data());
  fill(query, tokens * spec.queryHeads * p.key_dim * 2,
       patterns.sixteen.data());
  fill(newKey, tokens * p.kv_heads * p.key_dim * 2, patterns.sixteen.data());
  fill(newValue, tokens * p.kv_heads * p.value_dim * 2,
       patterns.sixteen.data());
}

kvcrt_params Cache::params(int32_t layer) const {
  const kvcrt_policy &p = spec.policy;
  kvcrt_params params;
  KVCRT_INIT(&params);
  params.step = *view.step;
  params.cache = view.caches[layer];
  kvcrt_attend_plan_apply(&view.plans[layer], &params);
  params.query = {query, spec.queryHeads * p.key_dim * 2, p.key_dim * 2};
  params.out = {out, spec.queryHeads * p.value_dim * 2, p.value_dim * 2};
  params.new_key = {newKey, p.kv_heads * p.key_dim * 2, p.key_dim * 2};
  params.new_value = {newValue, p.kv_heads * p.value_dim * 2, p.value_dim * 2};
  params.scale = 0.088f;
  params.window = p.window;
  params.sink_tokens = p.sink_tokens;
  return params;
}

BenchResult runBenchCell(const Machine &machine, const BenchCell &cell,
                         int repeats) {
  BenchResult result;
  result.cell = cell;
  try {
    const Spec spec = specOf(cell);
    const Kernels kernels(machine.device, machine.folder, spec);
    Cache cache(machine, cell, spec);
    result.layers = cache.layers;
    result.planSeconds = cache.beginSeconds;
    result.consecutive = cache.consecutive;
    const kvcrt_env env = machine.env();
    const Times all = measure(machine, repeats, [&] {
      for (int32_t layer = 0; layer < cache.layers; ++layer) {
        kvcrt_params params = cache.params(layer);
        // One launch where the plan allows it, else two.
        params.attend_appends =
            cell.wholeStep && cache.view.plans[layer].appends;
        if (cell.wholeStep && !params.attend_appends)
          require(machine.device, kernels.append(&env, &params), "append");
        require(machine.device, kernels.attend(&env, &params), "attend");
      }
    });
    const double parts = cell.wholeStep ? 1 : cache.layers;
    result.times = {all.median / parts, all.low / parts, all.high / parts};
    result.work = workOf(spec, cell, cache.layers);
  } catch (const Failure &failure) {
    result.failure = failure.what();
  }
  return result;
}

} // namespace kvc::bundle
