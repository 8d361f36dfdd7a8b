//===- cache.cpp - keys and values of all layers, and the step that runs --===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "cache.h"

#include "kvcrt/gpu.h"

#include <algorithm>
#include <cstdlib>

namespace kvcpy {

/// Steps in flight.
static constexpr int32_t kSlots = 2;

Cache::Cache(std::shared_ptr<Library> shared, const CacheOptions &wanted)
    : library(std::move(shared)), options(wanted) {
  for (auto [value, name] : {std::pair{options.layers, "layers"},
                             std::pair{options.maxSeqs, "max_seqs"},
                             std::pair{options.maxTokens, "max_tokens"},
                             std::pair{options.maxLength, "max_length"}})
    if (value < 1)
      refuse(std::string(name) + ": expected at least 1, got " +
             std::to_string(value));
  const kvcrt_policy &policy = library->policy();
  kvcrt_group_desc group{};
  group.policy = policy;
  group.num_layers = options.layers;
  group.num_blocks = options.blocks;
  if (group.num_blocks == 0) { // every sequence at its longest
    const int64_t each =
        policy.layout == KVCRT_LAYOUT_CONTIGUOUS
            ? 1
            : (int64_t(options.maxLength) + policy.block - 1) / policy.block;
    const int64_t all = each * options.maxSeqs;
    if (all > INT32_MAX)
      refuse("blocks: expected at most 2147483647, got " + std::to_string(all));
    group.num_blocks = int32_t(all);
  }
  const kvcrt_plan_desc planned = plan();
  if (planned.tile_keys)
    group.plan = &planned;
  kvcrt_runtime_desc desc;
  KVCRT_INIT(&desc);
  desc.device = library->device();
  desc.groups = &group;
  desc.num_groups = 1;
  desc.max_steps_in_flight = kSlots;
  KVCRT_INIT(&desc.capacity);
  desc.capacity.max_tokens = options.maxTokens;
  desc.capacity.max_seqs = options.maxSeqs;
  desc.capacity.max_kv_len = options.maxLength;
  library->reserve(desc.capacity);
  Message message{};
  require(kvcrt_runtime_create(&desc, &runtime, message.data(), message.size()),
          "cache", message.data());
  try {
    allocateOwn();
  } catch (...) { // no destructor runs
    releaseAll();
    throw;
  }
}

void Cache::allocateOwn() {
  const auto allocate = [&](int32_t kind, uint64_t bytes, const char *what) {
    void *address = nullptr;
    require(kvcrt_device_alloc(library->device(), kind, bytes, &address), what);
    return address;
  };
  if (library->kind() == KVCRT_DEVICE_CUDA)
    errorWords = static_cast<int32_t *>(allocate(
        KVCRT_MEMORY_CONTROL, kSlots * sizeof(int32_t), "error words"));
  if (library->policy().position != KVCRT_POSITION_ALIBI)
    return;
  if (int32_t(options.slopes.size()) != library->queryHeads())
    refuse("slopes: expected " + std::to_string(library->queryHeads()) +
           ", got " + std::to_string(options.slopes.size()));
  const uint64_t bytes = options.slopes.size() * sizeof(float);
  slopes =
      static_cast<float *>(allocate(KVCRT_MEMORY_PAYLOAD, bytes, "slopes"));
  require(kvcrt_device_update(library->device(), slopes, options.slopes.data(),
                              bytes, nullptr),
          "slopes");
}

void Cache::releaseAll() {
  kvcrt_runtime_destroy(runtime);
  (void)kvcrt_device_free(library->device(), slopes);
  (void)kvcrt_device_free(library->device(), errorWords);
}

kvcrt_plan_desc Cache::plan() const {
  const kvcrt_policy &policy = library->policy();
  kvcrt_plan_desc desc;
  KVCRT_INIT(&desc);
  desc.kv_heads = policy.kv_heads;
  desc.group = library->queryHeads() / policy.kv_heads;
  desc.decode_rows = library->manifest().decode_rows;
  desc.prefill_rows = library->manifest().prefill_rows;
  desc.tile_keys = library->manifest().tile_keys; // 0: kernels take no plan
  desc.prefill_resident = library->multiprocessors();
  desc.decode_resident = 2 * desc.prefill_resident;
  desc.causal = 1;
  if (policy.retention != KVCRT_RETAIN_ALL)
    desc.window = policy.window;
  if (policy.retention == KVCRT_RETAIN_STREAMING)
    desc.sink_tokens = policy.sink_tokens;
  if (desc.tile_keys) {
    // Of a fixed size, for the same bits in any batch; as many as there may be
    // reach to the longest sequence.
    const int64_t tiles =
        (int64_t(options.maxLength) + desc.tile_keys) / desc.tile_keys + 1;
    desc.split_keys =
        int32_t(std::max<int64_t>(4, tiles / KVCRT_PLAN_MAX_SPLITS + 1) *
                desc.tile_keys);
  }
  desc.decode_tokens = 8;
  return desc;
}

Cache::~Cache() {
  for (const Pending &step : pending) {
    (void)kvcrt_event_synchronize(library->device(), step.event);
    (void)kvcrt_event_destroy(library->device(), step.event);
  }
  if (open)
    (void)kvcrt_device_synchronize(library->device(),
                                   reinterpret_cast<void *>(openStream));
  releaseAll();
}

uint64_t Cache::create() {
  kvcrt_sequence sequence = 0;
  require(kvcrt_sequence_create(runtime, &sequence), "a new sequence");
  return sequence;
}

void Cache::release(uint64_t sequence) {
  require(kvcrt_sequence_release(runtime, sequence), "release");
}

uint64_t Cache::fork(uint64_t sequence) {
  kvcrt_sequence forked = 0;
  require(kvcrt_sequence_fork(runtime, sequence, &forked), "fork");
  return forked;
}

void Cache::rollback(uint64_t sequence, int32_t count) {
  kvcrt_sequence_info info;
  KVCRT_INIT(&info);
  require(kvcrt_sequence_get_info(runtime, sequence, &info), "rollback");
  if (count < 0 || count > info.length - info.shortest)
    refuse("rollback: expected 0 to " +
           std::to_string(info.length - info.shortest) +
           " tokens (policy.rollback and the length), got " +
           std::to_string(count));
  require(kvcrt_sequence_rollback(runtime, sequence, count), "rollback");
}

int32_t Cache::length(uint64_t sequence) {
  kvcrt_sequence_info info;
  KVCRT_INIT(&info);
  require(kvcrt_sequence_get_info(runtime, sequence, &info), "length");
  return info.length;
}

std::vector<int32_t> Cache::blocks(uint64_t sequence) {
  int32_t count = 0;
  require(kvcrt_sequence_get_blocks(runtime, sequence, 0, nullptr, 0, &count),
          "blocks");
  std::vector<int32_t> table(size_t(count), 0);
  require(kvcrt_sequence_get_blocks(runtime, sequence, 0, table.data(), count,
                                    &count),
          "blocks");
  return table;
}

kvcrt_group_stats Cache::stats() {
  kvcrt_group_stats stats;
  KVCRT_INIT(&stats);
  require(kvcrt_group_get_stats(runtime, 0, &stats), "stats");
  return stats;
}

void Cache::begin(const std::vector<std::pair<uint64_t, int32_t>> &wanted,
                  uintptr_t stream) {
  if (open)
    refuse(
        "step: expected the step before to have ended, got one that is open");
  reap(/*wait=*/false);
  std::vector<kvcrt_step_entry> list;
  int64_t total = 0;
  for (auto [sequence, count] : wanted) {
    list.push_back({sequence, count, KVCRT_LOGITS_NONE});
    total += count;
  }
  kvcrt_step_view view;
  KVCRT_INIT(&view);
  Message message{};
  auto attempt = [&] {
    return kvcrt_step_begin(runtime, list.data(), int32_t(list.size()), &view,
                            message.data(), message.size());
  };
  int32_t status = attempt();
  // A full pool or no slot: what earlier steps hold comes back when they end.
  while ((status == KVCRT_BUSY || status == KVCRT_OUT_OF_BLOCKS) &&
         !pending.empty()) {
    reap(/*wait=*/true);
    status = attempt();
  }
  require(status, "step", message.data());
  status =
      kvcrt_step_submit(runtime, view.id, reinterpret_cast<void *>(stream));
  if (status != KVCRT_OK) {
    (void)kvcrt_step_cancel(runtime, view.id);
    require(status, "step submit");
  }
  open = view;
  tokens = int32_t(total);
  entries = int32_t(list.size());
  openStream = stream;
}

kvcrt_params Cache::paramsOf(int32_t layer, uintptr_t stream) {
  if (!open)
    refuse("expected an open step, got one that has ended");
  if (layer < 0 || layer >= options.layers)
    refuse("layer: expected 0 to " + std::to_string(options.layers - 1) +
           ", got " + std::to_string(layer));
  if (stream != openStream)
    refuse("expected the stream that the step began on, got another");
  kvcrt_params params;
  KVCRT_INIT(&params);
  params.step = *open->step;
  params.cache = open->caches[layer];
  if (open->plans)
    kvcrt_attend_plan_apply(&open->plans[layer], &params);
  const kvcrt_policy &policy = library->policy();
  params.window = policy.window;
  params.sink_tokens = policy.sink_tokens;
  params.alibi_slopes = slopes;
  return params;
}

Expected Cache::rows(const char *name, int32_t heads, int32_t dim) const {
  const kvcrt_policy &policy = library->policy();
  return {name,
          policy.element,
          {tokens, heads, dim},
          library->kind() == KVCRT_DEVICE_CUDA,
          library->ordinal(),
          library->isGpuCode()          ? 16
          : policy.element == KVCRT_F32 ? 4
                                        : 2};
}

Library::Range Cache::extent(const kvcrt_tensor &tensor, int32_t heads,
                             int32_t dim, int32_t bytes) const {
  const int64_t token = (tokens - 1) * tensor.token_stride,
                head = (heads - 1) * tensor.head_stride;
  return {static_cast<const char *>(tensor.data) + std::min<int64_t>(token, 0) +
              std::min<int64_t>(head, 0),
          uint64_t(std::abs(token) + std::abs(head) + int64_t(dim) * bytes)};
}

void Cache::append(int32_t layer, const Input &key, const Input &value,
                   uintptr_t stream) {
  kvcrt_params params = paramsOf(layer, stream);
  const kvcrt_policy &policy = library->policy();
  params.new_key = checked(key, rows("key", policy.kv_heads, policy.key_dim));
  params.new_value =
      checked(value, rows("value", policy.kv_heads, policy.value_dim));
  const int32_t bytes = policy.element == KVCRT_F32 ? 4 : 2;
  library->append(
      params, reinterpret_cast<void *>(stream),
      {extent(params.new_key, policy.kv_heads, policy.key_dim, bytes),
       extent(params.new_value, policy.kv_heads, policy.value_dim, bytes)});
}

void Cache::attend(int32_t layer, const Input &query, const Output &out,
                   const std::optional<Output> &lse, const Operands &operands,
                   float scale, float softcap, uintptr_t stream) {
  kvcrt_params params = paramsOf(layer, stream);
  const kvcrt_policy &policy = library->policy();
  const int32_t heads = library->queryHeads();
  params.query = checked(query, rows("query", heads, policy.key_dim));
  params.out = checked(out, rows("out", heads, policy.value_dim));
  if (lse) {
    Expected wanted = rows("lse", heads, 0);
    wanted.format = KVCRT_F32;
    wanted.shape.pop_back();
    wanted.alignment = 4;
    const kvcrt_tensor place = checked(*lse, wanted);
    params.lse = static_cast<float *>(place.data);
    params.lse_token_stride = place.token_stride;
  }
  params.scale = scale;
  params.softcap = softcap;
  const int32_t bytes = policy.element == KVCRT_F32 ? 4 : 2;
  std::vector<Library::Range> ranges{
      extent(params.query, heads, policy.key_dim, bytes),
      extent(params.out, heads, policy.value_dim, bytes)};
  if (lse)
    ranges.push_back(
        extent({params.lse, params.lse_token_stride, 4}, heads, 1, 4));
  setOperands(*library, *open->host_step, operands, params, ranges);
  library->attend(params, reinterpret_cast<void *>(stream), std::move(ranges));
}

void Cache::end(bool keep) {
  if (!open)
    return;
  const kvcrt_step_view step = *open;
  open.reset();
  const std::vector<int32_t> none(size_t(entries), 0);
  require(kvcrt_step_commit(runtime, step.id, keep ? nullptr : none.data()),
          "step commit");
  if (library->kind() != KVCRT_DEVICE_CUDA) {
    retire(step.id);
    return;
  }
  // The error word comes over behind the kernels and before the event: asking
  // for it later would wait for all that the stream has got since.
  kvcrt_device *device = library->device();
  void *stream = reinterpret_cast<void *>(openStream), *event = nullptr;
  int32_t *errors = errorWords + step.slot;
  int32_t status = kvcrt_device_copy(device, errors, step.caches[0].error_word,
                                     sizeof(*errors), stream);
  if (!status)
    status = kvcrt_event_create(device, &event);
  if (!status)
    status = kvcrt_event_record(device, event, stream);
  if (!status) {
    pending.push_back({step.id, event, errors});
    return;
  }
  // Without its event the step must not be taken for done before it is.
  if (event)
    (void)kvcrt_event_destroy(device, event);
  (void)kvcrt_device_synchronize(device, stream);
  (void)kvcrt_step_retire(runtime, step.id);
  requireOnDevice(status, "step end");
}

/// As require, in the words of the device where it has any.
void Cache::requireOnDevice(int32_t status, const char *what) const {
  Message message{};
  if (status != KVCRT_OK)
    (void)kvcrt_device_get_error(library->device(), message.data(),
                                 message.size());
  require(status, what, message.data());
}

void Cache::retire(uint64_t step) {
  int32_t errors = 0;
  const int32_t status = kvcrt_step_get_errors(runtime, step, &errors);
  require(kvcrt_step_retire(runtime, step), "step retire");
  require(status, "step errors");
  report(errors);
}

void Cache::report(int32_t errors) const {
  if (errors & KVCRT_ERROR_NAN_INPUT)
    refuse("append: expected finite keys and values for a quantised cache, got "
           "a NaN or an infinity");
  if (errors & KVCRT_ERROR_POSITION_RANGE)
    refuse("expected positions within the policy's max_positions, got others");
  if (errors)
    throw std::runtime_error("a kernel reported error bits " +
                             std::to_string(errors));
}

/// Retires what the device is done with; `wait`: at least the oldest step.
void Cache::reap(bool wait) {
  while (!pending.empty()) {
    const Pending oldest = pending.front();
    const int32_t status =
        wait ? kvcrt_event_synchronize(library->device(), oldest.event)
             : kvcrt_event_query(library->device(), oldest.event);
    if (status == KVCRT_BUSY)
      return;
    requireOnDevice(status, "step");
    wait = false;
    pending.pop_front();
    (void)kvcrt_event_destroy(library->device(), oldest.event);
    require(kvcrt_step_retire(runtime, oldest.step), "step retire");
    report(*oldest.errors);
  }
}

} // namespace kvcpy
