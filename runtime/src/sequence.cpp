//===- sequence.cpp - create, extend, commit, roll back, fork, release ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block can be written by a sequence that shares it only where `computed`
// lies inside a block: fork shares blocks below `computed` alone, and rollback
// drops the blocks behind it. So copy on write looks at one block per group.
//
//===----------------------------------------------------------------------===//
#include "runtime.h"

#include <algorithm>

using namespace kvcrt;

void kvcrt_runtime::truncate(Sequence &sequence, int32_t index,
                             int32_t length) {
  tokens_ -= sequence.length - length;
  sequence.length = length;
  sequence.computed = std::min(sequence.computed, length);
  sequence.committed = std::min(sequence.committed, length);
  for (Group &group : groups_)
    group.table.truncate(index, group.table.blocksFor(length), group.pool,
                         newestInFlight());
  // Steps in flight that covered the tokens must not commit them any more.
  for (size_t slot = 0; slot < slots_.size(); ++slot)
    if (StepRecord *record = recordOf(index, slot))
      record->tokens =
          std::max(0, std::min(record->tokens, length - record->start));
}

StepRecord *kvcrt_runtime::recordOf(int32_t index, size_t slot) {
  StepSlot &step = slots_[slot];
  const int32_t row = step.rowOf[index];
  if (!step.id || row >= int32_t(step.records.size()) ||
      step.records[row].sequence != sequences_[index].name)
    return nullptr;
  return &step.records[row];
}

kvcrt_status kvcrt_runtime::createSequence(kvcrt_sequence *out) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t index = sequences_.add();
  if (index < 0)
    return KVCRT_CAPACITY_EXCEEDED;
  for (Group &group : groups_)
    group.table.clear(index);
  *out = sequences_[index].name;
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::extend(kvcrt_sequence name, int32_t tokens) {
  if (tokens < 1)
    return KVCRT_INVALID_ARGUMENT;
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t index = sequences_.find(name);
  if (index < 0)
    return KVCRT_NOT_FOUND;
  Sequence &sequence = sequences_[index];
  if (tokens > maxLength_ - sequence.length)
    return KVCRT_CAPACITY_EXCEEDED;
  const int32_t end = sequence.length + tokens;
  for (const Group &group : groups_)
    if (group.table.blocksFor(end) - group.table.row(index).count >
        group.pool.numFree())
      return KVCRT_OUT_OF_BLOCKS;
  for (Group &group : groups_)
    group.table.extend(index, group.table.blocksFor(end), group.pool);
  tokens_ += tokens;
  sequence.length = end;
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::commit(kvcrt_sequence name, int32_t accepted) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t index = sequences_.find(name);
  if (index < 0)
    return KVCRT_NOT_FOUND;
  Sequence &sequence = sequences_[index];
  if (accepted < 0 || accepted > sequence.computed - sequence.committed)
    return KVCRT_INVALID_ARGUMENT;
  commitTokens(sequence, index, accepted);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::rollback(kvcrt_sequence name, int32_t tokens) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t index = sequences_.find(name);
  if (index < 0)
    return KVCRT_NOT_FOUND;
  Sequence &sequence = sequences_[index];
  if (tokens < 0 || tokens > sequence.length - shortest(sequence))
    return KVCRT_INVALID_ARGUMENT;
  truncate(sequence, index, sequence.length - tokens);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::fork(kvcrt_sequence name, kvcrt_sequence *out) {
  if (contiguous_)
    return KVCRT_UNSUPPORTED;
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t from = sequences_.find(name);
  if (from < 0)
    return KVCRT_NOT_FOUND;
  const int32_t to = sequences_.add();
  if (to < 0)
    return KVCRT_CAPACITY_EXCEEDED;
  Sequence &source = sequences_[from];
  Sequence &target = sequences_[to];
  target.length = target.computed = source.computed;
  target.committed = source.committed;
  target.floor = source.floor;
  source.mayShare = target.mayShare = true;
  tokens_ += target.length;
  for (size_t slot = 0; slot < slots_.size(); ++slot)
    if (const StepRecord *record = recordOf(from, slot))
      slots_[slot].forked |= record->tokens > 0;
  for (Group &group : groups_) {
    group.table.clear(to);
    group.table.share(from, to, group.table.blocksFor(target.length),
                      group.pool);
  }
  *out = target.name;
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::release(kvcrt_sequence name) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t index = sequences_.find(name);
  if (index < 0)
    return KVCRT_NOT_FOUND;
  for (Group &group : groups_)
    group.table.truncate(index, 0, group.pool, newestInFlight());
  tokens_ -= sequences_[index].length;
  sequences_.remove(index);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::info(kvcrt_sequence name,
                                 kvcrt_sequence_info *out) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t index = sequences_.find(name);
  if (index < 0)
    return KVCRT_NOT_FOUND;
  const Sequence &sequence = sequences_[index];
  out->length = sequence.length;
  out->computed = sequence.computed;
  out->committed = sequence.committed;
  out->shortest = shortest(sequence);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::list(kvcrt_sequence *out, int32_t capacity,
                                 int32_t *count) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<kvcrt_sequence> names;
  for (int32_t index = 0; index < sequences_.numSlots(); ++index)
    if (sequences_[index].name)
      names.push_back(sequences_[index].name);
  std::sort(names.begin(), names.end());
  *count = static_cast<int32_t>(names.size());
  std::copy_n(names.begin(), std::min(capacity, *count), out);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::blocks(kvcrt_sequence name, int32_t group,
                                   int32_t *out, int32_t capacity,
                                   int32_t *count) {
  std::lock_guard<std::mutex> lock(mutex_);
  const int32_t index = sequences_.find(name);
  if (index < 0)
    return KVCRT_NOT_FOUND;
  if (group < 0 || group >= static_cast<int32_t>(groups_.size()))
    return KVCRT_INVALID_ARGUMENT;
  const BlockTable &table = groups_[group].table;
  *count = table.row(index).count;
  std::copy_n(table.entries(index), std::min(capacity, *count), out);
  return KVCRT_OK;
}
