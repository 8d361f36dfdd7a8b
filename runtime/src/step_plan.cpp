//===- step_plan.cpp - what a step would take -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the state, checks every entry, counts blocks per group and, for a step
// that will begin, cuts its attention into tasks. Nothing that a caller can see
// changes here: the arrays are those of a free slot.
//
//===----------------------------------------------------------------------===//
#include "runtime.h"

#include <algorithm>

using namespace kvcrt;

kvcrt_status kvcrt_runtime::plan(const kvcrt_step_entry *entries, int32_t count,
                                 Message message) {
  if (!entries || count < 1)
    return message.fail(KVCRT_INVALID_ARGUMENT,
                        "expected at least one entry, got %d", count);
  if (count > capacity_.max_seqs)
    return message.fail(KVCRT_CAPACITY_EXCEEDED,
                        "expected at most %d sequences (max_seqs), got %d",
                        capacity_.max_seqs, count);
  ++plan_;
  planned_.resize(count);
  int64_t tokens = 0, logits = 0;
  for (int32_t i = 0; i < count; ++i) {
    const kvcrt_step_entry &entry = entries[i];
    const int32_t index = sequences_.find(entry.sequence);
    if (index < 0)
      return message.fail(KVCRT_NOT_FOUND,
                          "entry %d: sequence %llu is not alive", i,
                          static_cast<unsigned long long>(entry.sequence));
    Sequence &sequence = sequences_[index];
    if (sequence.plan == plan_)
      return message.fail(KVCRT_INVALID_ARGUMENT,
                          "entry %d: expected each sequence once in a step", i);
    sequence.plan = plan_;
    if (entry.new_tokens < 1)
      return message.fail(KVCRT_INVALID_ARGUMENT,
                          "entry %d: expected new_tokens >= 1, got %d", i,
                          entry.new_tokens);
    if (entry.new_tokens > maxLength_ - sequence.computed)
      return message.fail(KVCRT_CAPACITY_EXCEEDED,
                          "entry %d: %d tokens and %d new ones exceed the %d "
                          "that a sequence can hold",
                          i, sequence.computed, entry.new_tokens, maxLength_);
    switch (entry.logits) {
    case KVCRT_LOGITS_LAST:
      ++logits;
      break;
    case KVCRT_LOGITS_ALL:
      logits += entry.new_tokens;
      break;
    case KVCRT_LOGITS_NONE:
      break;
    default:
      return message.fail(KVCRT_INVALID_ARGUMENT,
                          "entry %d: expected logits last (0), all (1) or none "
                          "(2), got %d",
                          i, entry.logits);
    }
    tokens += entry.new_tokens;
    planned_[i] = {index, sequence.computed, entry.new_tokens, false};
  }
  if (tokens > capacity_.max_tokens)
    return message.fail(KVCRT_CAPACITY_EXCEEDED,
                        "expected at most %d new tokens (max_tokens), got %lld",
                        capacity_.max_tokens, static_cast<long long>(tokens));
  if (logits > maxLogitRows_)
    return message.fail(KVCRT_CAPACITY_EXCEEDED,
                        "expected at most %d logit rows (max_logit_rows), got "
                        "%lld",
                        maxLogitRows_, static_cast<long long>(logits));
  // Group by group: its table and pool stay in the cache.
  for (size_t g = 0; g < groups_.size(); ++g) {
    Group &group = groups_[g];
    const BlockTable &table = group.table;
    int32_t needed = 0;
    for (const PlannedRow &row : planned_) {
      const int32_t end = row.start + row.tokens;
      needed += std::max(0, table.blocksFor(end) - table.row(row.index).count);
      int32_t j;
      if (writesShared(sequences_[row.index], row.index, group, j)) {
        // Of w writers of a block with r references, min(w, r - 1) copy it: the
        // last owner keeps it.
        const int32_t block = table.blockAt(row.index, j);
        needed += ++group.pool.plannedWriters(block, plan_) <
                  group.pool.references(block);
      }
    }
    needed_[g] = needed;
  }
  return KVCRT_OK;
}

/// Writes the lengths and, per group, the tasks of the planned rows.
kvcrt_status kvcrt_runtime::planAttention(StepSlot &slot, Message message) {
  StepArrays &arrays = slot.arrays;
  const int32_t count = static_cast<int32_t>(planned_.size());
  int32_t token = 0;
  for (int32_t row = 0; row < count; ++row) {
    arrays.qoIndptr[row] = token;
    arrays.kvLen[row] = planned_[row].start + planned_[row].tokens;
    token += planned_[row].tokens;
  }
  arrays.qoIndptr[count] = token;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Group &group = groups_[g];
    if (!group.plan.struct_size)
      continue;
    kvcrt_plan plan = {};
    plan.tasks = arrays.groups[g].tasks;
    plan.capacity = group.planSizes;
    if (kvcrt_status status = kvcrt_plan_attend(
            &group.plan, count, arrays.qoIndptr, arrays.kvLen, &plan))
      return message.fail(status,
                          "group %zu: the plan of %d sequences and %d tokens "
                          "does not fit %d tasks and %d splits",
                          g, count, token, group.planSizes.tasks,
                          group.planSizes.slots);
    arrays.groups[g].header->num_tasks = plan.num_tasks;
    arrays.groups[g].header->num_prefill_tasks = plan.num_prefill_tasks;
    for (int32_t layer : group.layers) {
      slot.plans[layer].decode_blocks = plan.decode_blocks;
      slot.plans[layer].prefill_blocks = plan.prefill_blocks;
      slot.plans[layer].appends = plan.appends;
    }
  }
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::queryStep(const kvcrt_step_entry *entries,
                                      int32_t count, int32_t *needed,
                                      int32_t *free) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (kvcrt_status status = plan(entries, count, Message()))
    return status;
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (needed)
      needed[g] = needed_[g];
    if (free)
      free[g] = groups_[g].pool.numFree();
  }
  return KVCRT_OK;
}
