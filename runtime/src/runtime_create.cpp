//===- runtime_create.cpp - from descriptors to pools ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All memory of a runtime is made here: regions of the pools, step arrays, RoPE
// tables, sequence and block tables.
//
//===----------------------------------------------------------------------===//
#include "runtime.h"

#include <algorithm>
#include <new>

using namespace kvcrt;

kvcrt_runtime::~kvcrt_runtime() {
  for (float *table : ropeTables_)
    device_.free(table);
  for (void *scratch : {counters_, splitOut_, splitState_})
    device_.free(scratch);
}

kvcrt_status kvcrt_runtime::create(const kvcrt_runtime_desc &desc,
                                   Message message) {
  capacity_ = desc.capacity;
  if (capacity_.max_tokens < 1 || capacity_.max_seqs < 1 ||
      capacity_.max_kv_len < 1)
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "expected capacities of at least 1, got max_tokens %d, "
                        "max_seqs %d, max_kv_len %d",
                        capacity_.max_tokens, capacity_.max_seqs,
                        capacity_.max_kv_len);
  if (!desc.groups || desc.num_groups < 1)
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "expected at least one cache group, got %d",
                        desc.num_groups);
  const int32_t slots = desc.max_steps_in_flight ? desc.max_steps_in_flight : 2;
  if (slots < 1 || slots > kMaxStepSlots)
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "expected max_steps_in_flight in [0, %d], got %d",
                        kMaxStepSlots, slots);
  const int64_t live = desc.max_live_seqs ? int64_t(desc.max_live_seqs)
                                          : int64_t(2) * capacity_.max_seqs;
  if (live < 1 || live >= int64_t(1) << SequenceTable::kSlotBits)
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "expected max_live_seqs below 2^24, got %lld",
                        static_cast<long long>(live));
  maxLogitRows_ =
      desc.max_logit_rows ? desc.max_logit_rows : capacity_.max_seqs;
  if (maxLogitRows_ < 1)
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "expected max_logit_rows >= 0, got %d", maxLogitRows_);

  maxLength_ = capacity_.max_kv_len;
  std::vector<Group>(desc.num_groups).swap(groups_);
  for (int32_t g = 0; g < desc.num_groups; ++g)
    if (kvcrt_status status = createGroup(desc.groups[g], g, message))
      return status;
  if (kvcrt_status status = assignLayers(desc, message))
    return status;
  if (kvcrt_status status = dividePools(desc, message))
    return status;

  needed_.resize(groups_.size());
  tableEntries_.resize(groups_.size());
  planned_.reserve(capacity_.max_seqs);
  sequences_.create(static_cast<int32_t>(live));
  for (Group &group : groups_) {
    const kvcrt_policy &p = group.policy;
    Retention retention;
    if (p.retention != KVCRT_RETAIN_ALL) {
      retention.window = p.window;
      retention.sinkBlocks =
          p.sink_tokens / p.block + (p.sink_tokens % p.block != 0);
    }
    group.table.create(static_cast<int32_t>(live),
                       (maxLength_ - 1) / p.block + 1, p.block, slots,
                       retention);
    if (kvcrt_status status = fillRopeTable(group, message))
      return status;
  }
  for (int32_t g = 0; g < desc.num_groups; ++g)
    if (desc.groups[g].plan)
      if (kvcrt_status status = checkPlan(*desc.groups[g].plan, g, message))
        return status;
  if (kvcrt_status status = createScratch(message))
    return status;
  std::vector<StepSlot>(slots).swap(slots_);
  for (StepSlot &slot : slots_)
    if (kvcrt_status status = createSlot(slot))
      return message.fail(status,
                          "cannot allocate step arrays for %d sequences and %d "
                          "tokens; lower the capacities",
                          capacity_.max_seqs, capacity_.max_tokens);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::createGroup(const kvcrt_group_desc &desc,
                                        int32_t index, Message message) {
  if (desc.num_layers < 1 || desc.num_blocks < 0 ||
      (desc.max_blocks && desc.max_blocks < desc.num_blocks))
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "group %d: expected num_layers >= 1 and 0 <= "
                        "num_blocks <= max_blocks, got %d layers, %d and %d",
                        index, desc.num_layers, desc.num_blocks,
                        desc.max_blocks);
  char text[400];
  Message inner{text, sizeof(text)};
  kvcrt_status status =
      kvcrt_legality_check(&desc.policy, inner.data, inner.size);
  Group &group = groups_[index];
  group.policy = desc.policy;
  if (!status)
    status =
        computeGroupLayout(desc.policy, desc.num_layers, group.layout, inner);
  if (status)
    return message.fail(status, "group %d: %s", index, text);

  const kvcrt_policy &p = group.policy;
  group.layers.resize(desc.num_layers);
  if (p.max_positions)
    maxLength_ = std::min(maxLength_, p.max_positions);
  if (p.layout == KVCRT_LAYOUT_CONTIGUOUS) {
    maxLength_ = std::min(maxLength_, p.block);
    contiguous_ = true;
  }
  if (p.retention != KVCRT_RETAIN_ALL)
    rollback_ = rollback_ < 0 ? p.rollback : std::min(rollback_, p.rollback);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::assignLayers(const kvcrt_runtime_desc &desc,
                                         Message message) {
  for (const Group &group : groups_)
    numCaches_ += static_cast<int32_t>(group.layers.size());
  std::vector<bool> taken(numCaches_);
  int32_t next = 0;
  for (size_t g = 0; g < groups_.size(); ++g)
    for (size_t l = 0; l < groups_[g].layers.size(); ++l) {
      const int32_t index =
          desc.groups[g].layers ? desc.groups[g].layers[l] : next;
      if (index < 0 || index >= numCaches_ || taken[index])
        return message.fail(KVCRT_INVALID_ARGUMENT,
                            "group %zu: expected each of the %d caches in one "
                            "group, got cache %d %s",
                            g, numCaches_, index,
                            index < 0 || index >= numCaches_ ? "out of range"
                                                             : "twice");
      taken[index] = true;
      groups_[g].layers[l] = index;
      while (next < numCaches_ && taken[next])
        ++next;
    }
  return KVCRT_OK;
}

/// Blocks for every group. A budget is divided so that all groups run out at
/// the same number of sequences of maxLength_: a group with a window needs only
/// its window for each of them, plus room for one step's new tokens over all.
kvcrt_status kvcrt_runtime::dividePools(const kvcrt_runtime_desc &desc,
                                        Message message) {
  double perSequence = 0.0, fixed = 0.0;
  std::vector<double> blocks(groups_.size()), headroom(groups_.size());
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (desc.groups[g].num_blocks)
      continue;
    const kvcrt_policy &p = groups_[g].policy;
    const double all = (maxLength_ - 1) / p.block + 1;
    blocks[g] = all;
    if (p.retention != KVCRT_RETAIN_ALL) {
      const double kept = double(p.window) + p.sink_tokens + p.rollback;
      blocks[g] = std::min(all, kept / p.block + 2.0);
      headroom[g] =
          blocks[g] < all ? double(capacity_.max_tokens) / p.block : 0.0;
    }
    perSequence += blocks[g] * groups_[g].layout.blockBytes;
    fixed += headroom[g] * groups_[g].layout.blockBytes;
  }
  const double budget = static_cast<double>(desc.byte_budget);
  // A budget too small for headroom is still useful with short steps.
  const double scale = fixed > budget / 2 ? budget / 2 / fixed : 1.0;
  const double sequences =
      perSequence > 0.0 ? (budget - fixed * scale) / perSequence : 0.0;

  for (size_t g = 0; g < groups_.size(); ++g) {
    Group &group = groups_[g];
    const int32_t limit = INT32_MAX / group.policy.block; // slots are int32
    int32_t count = desc.groups[g].num_blocks;
    if (!count) {
      count = static_cast<int32_t>(
          std::min(double(limit), blocks[g] * sequences + headroom[g] * scale));
      if (count < 1)
        return message.fail(
            KVCRT_INVALID_ARGUMENT,
            "group %zu: expected num_blocks or a byte_budget with room for one "
            "block of %lld bytes, got a budget of %llu bytes for all groups",
            g, static_cast<long long>(group.layout.blockBytes),
            static_cast<unsigned long long>(desc.byte_budget));
    }
    const int32_t most = std::max(count, desc.groups[g].max_blocks);
    if (most > limit)
      return message.fail(KVCRT_INVALID_ARGUMENT,
                          "group %zu: expected at most %d blocks of %d tokens "
                          "(slots are int32), got %d",
                          g, limit, group.policy.block, most);
    if (kvcrt_status status =
            group.pool.create(device_, group.layout, count, most))
      return message.fail(status,
                          "group %zu: cannot reserve %d blocks of %lld bytes; "
                          "lower num_blocks, max_blocks or byte_budget",
                          g, most,
                          static_cast<long long>(group.layout.blockBytes));
  }
  return KVCRT_OK;
}

/// Groups with the same rotation share a table.
kvcrt_status kvcrt_runtime::fillRopeTable(Group &group, Message message) {
  if (group.policy.position != KVCRT_POSITION_ROPE)
    return KVCRT_OK;
  const kvcrt_rope_params &rope = group.policy.rope;
  for (const Group &other : groups_) {
    const kvcrt_rope_params &r = other.policy.rope;
    if (other.ropeTable && r.theta == rope.theta && r.dim == rope.dim &&
        r.scaling == rope.scaling && r.factor == rope.factor &&
        r.low_freq_factor == rope.low_freq_factor &&
        r.high_freq_factor == rope.high_freq_factor &&
        r.original_max_positions == rope.original_max_positions) {
      group.ropeTable = other.ropeTable;
      return KVCRT_OK;
    }
  }
  const size_t count = size_t(maxLength_) * rope.dim;
  std::vector<float> host(count);
  if (kvcrt_status status =
          kvcrt_rope_table_fill(&rope, maxLength_, host.data(), count))
    return message.fail(status, "cannot fill a rope table for theta %g, dim %d",
                        rope.theta, rope.dim);
  void *table = nullptr;
  kvcrt_status status =
      device_.alloc(KVCRT_MEMORY_PAYLOAD, count * sizeof(float), &table);
  if (!status) {
    ropeTables_.push_back(static_cast<float *>(table));
    status = device_.update(table, host.data(), count * sizeof(float), nullptr);
  }
  if (status)
    return message.fail(status, "cannot allocate a rope table of %zu bytes",
                        count * sizeof(float));
  group.ropeTable = static_cast<float *>(table);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::checkPlan(const kvcrt_plan_desc &desc,
                                      int32_t index, Message message) {
  Group &group = groups_[index];
  const kvcrt_policy &p = group.policy;
  if (kvcrt_status status = checkStruct(&desc))
    return message.fail(
        status, "group %d: expected a kvcrt_plan_desc of ABI version %u", index,
        KVCRT_ABI_VERSION);
  if (desc.kv_heads != p.kv_heads)
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "group %d: expected a plan for the policy's %d KV "
                        "heads, got one for %d",
                        index, p.kv_heads, desc.kv_heads);
  const int32_t sinks =
      p.retention == KVCRT_RETAIN_STREAMING ? p.sink_tokens : 0;
  if (p.retention != KVCRT_RETAIN_ALL &&
      (desc.window != p.window || desc.sink_tokens != sinks))
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "group %d: expected a plan with the policy's window %d "
                        "and %d sink tokens, got %d and %d",
                        index, p.window, sinks, desc.window, desc.sink_tokens);
  if (kvcrt_status status = kvcrt_plan_attend_sizes(
          &desc, capacity_.max_seqs, capacity_.max_tokens, maxLength_,
          &group.planSizes))
    return message.fail(
        status,
        status == KVCRT_CAPACITY_EXCEEDED
            ? "group %d: expected at most %d splits of %d keys for %d tokens; "
              "use longer split_keys or lower the capacities"
            : "group %d: expected a plan with positive tiles, resident blocks "
              "and group, and split_keys a multiple of tile_keys (splits <= "
              "%d, split_keys %d, max_kv_len %d)",
        index, KVCRT_PLAN_MAX_SPLITS, desc.split_keys, maxLength_);
  group.plan = desc;
  // Every step has at least one task, so that the group has its arrays.
  group.planSizes.tasks = std::max(group.planSizes.tasks, 1);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::createScratch(Message message) {
  uint64_t counters = 0, out = 0, state = 0; // bytes
  for (const Group &group : groups_) {
    if (!group.plan.struct_size)
      continue;
    const uint64_t rows =
        uint64_t(std::max(group.planSizes.slots, 1)) * group.plan.decode_rows;
    const uint64_t groups = std::max(group.planSizes.groups, 1);
    counters = std::max(counters, groups * sizeof(int32_t));
    out = std::max(out, rows * group.policy.value_dim * sizeof(float));
    state = std::max(state, rows * 2 * sizeof(float));
  }
  for (auto [bytes, room] : {std::pair<uint64_t, void **>{counters, &counters_},
                             {out, &splitOut_},
                             {state, &splitState_}})
    if (bytes)
      if (kvcrt_status status =
              device_.alloc(KVCRT_MEMORY_PAYLOAD, bytes, room))
        return message.fail(status,
                            "cannot allocate %llu bytes for results of splits; "
                            "lower the capacities or use longer split_keys",
                            static_cast<unsigned long long>(bytes));
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::createSlot(StepSlot &slot) {
  std::vector<StepArrays::GroupShape> shapes;
  for (const Group &group : groups_)
    shapes.push_back({group.table.stride(), group.table.retention().window > 0,
                      group.plan.struct_size ? group.planSizes.tasks : 0});
  if (kvcrt_status status =
          slot.arrays.create(device_, capacity_.max_seqs, capacity_.max_tokens,
                             maxLogitRows_, shapes))
    return status;
  slot.rowOwner.assign(capacity_.max_seqs, 0);
  slot.rowOf.assign(sequences_.numSlots(), 0);
  slot.records.reserve(capacity_.max_seqs);
  slot.caches.resize(numCaches_);
  if (counters_)
    slot.plans.resize(numCaches_);
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Group &group = groups_[g];
    const StepArrays::GroupArrays &arrays = slot.arrays.groups[g];
    for (size_t l = 0; l < group.layers.size(); ++l) {
      kvcrt_cache &cache = slot.caches[group.layers[l]];
      kvcrt_struct_init(&cache, sizeof(cache));
      cache.key = group.layout.key;
      cache.value = group.layout.value;
      const BlockPool &pool = group.pool;
      const auto at = [&](RegionKind kind, int64_t layerStride) -> char * {
        return pool.region(kind) ? pool.region(kind) + l * layerStride
                                 : nullptr;
      };
      cache.key.payload = at(kPayload, cache.key.layer_stride);
      cache.value.payload =
          at(kPayload, cache.value.layer_stride) + group.layout.valueOffset;
      cache.key.scale = at(kKeyScale, cache.key.scale_layer_stride);
      cache.key.zero_point = at(kKeyZero, cache.key.scale_layer_stride);
      cache.value.scale = at(kValueScale, cache.value.scale_layer_stride);
      cache.value.zero_point = at(kValueZero, cache.value.scale_layer_stride);
      const StepArrays &all = slot.arrays;
      cache.block_table = all.onDevice(arrays.blockTable);
      cache.block_table_stride = group.table.stride();
      cache.slot_mapping = all.onDevice(arrays.slotMapping);
      cache.first_block = all.onDevice(arrays.firstBlock);
      cache.rope_table = group.ropeTable;
      cache.rope_positions = group.ropeTable ? maxLength_ : 0;
      cache.block_size = group.policy.block;
      cache.num_blocks = group.pool.numBlocks();
      cache.layer = static_cast<int32_t>(l);
      cache.error_word = all.onDevice(all.errorWord);
      if (group.plan.struct_size)
        slot.plans[group.layers[l]] = {all.onDevice(arrays.header),
                                       all.onDevice(arrays.tasks),
                                       static_cast<int32_t *>(counters_),
                                       static_cast<float *>(splitOut_),
                                       static_cast<float *>(splitState_),
                                       0,
                                       0,
                                       /*appends=*/0,
                                       0};
    }
  }
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::grow(int32_t group, int32_t numBlocks) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (group < 0 || group >= static_cast<int32_t>(groups_.size()))
    return KVCRT_INVALID_ARGUMENT;
  BlockPool &pool = groups_[group].pool;
  if (numBlocks < pool.numBlocks())
    return KVCRT_INVALID_ARGUMENT;
  if (numBlocks > pool.maxBlocks())
    return KVCRT_CAPACITY_EXCEEDED;
  return pool.grow(numBlocks);
}
