//===- step.cpp - begin, submit, cancel, commit, retire -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   begin ----> submit ----> (kernels) ----> retire
//     |  cancel   |  commit, once, anywhere here |
//     +-----------+------------------------------+  in flight: blocks that are
//                                                   freed wait in quarantine
//
// Steps are numbered in the order they begin; that is also the order of submit,
// and so of the stream.
//
//===----------------------------------------------------------------------===//
#include "runtime.h"

#include <algorithm>

using namespace kvcrt;

StepSlot *kvcrt_runtime::findStep(uint64_t id) {
  for (StepSlot &slot : slots_)
    if (id && slot.id == id)
      return &slot;
  return nullptr;
}

kvcrt_status kvcrt_runtime::beginStep(const kvcrt_step_entry *entries,
                                      int32_t count, kvcrt_step_view *out,
                                      Message message) {
  std::lock_guard<std::mutex> lock(mutex_);
  int32_t slotIndex = 0;
  while (slotIndex < int32_t(slots_.size()) && slots_[slotIndex].id)
    ++slotIndex;
  if (slotIndex == int32_t(slots_.size()))
    return message.fail(KVCRT_BUSY,
                        "%d steps are in flight, which is the most; retire one",
                        inFlight_);
  if (kvcrt_status status = plan(entries, count, message))
    return status;
  for (size_t g = 0; g < groups_.size(); ++g) {
    const BlockPool &pool = groups_[g].pool;
    if (needed_[g] > pool.numFree())
      return message.fail(
          KVCRT_OUT_OF_BLOCKS,
          "group %zu: expected %d free blocks, got %d of %d (%d wait for steps "
          "in flight); retire a step, release a sequence, or give the pool "
          "more",
          g, needed_[g], pool.numFree(), pool.numBlocks(),
          pool.numQuarantined());
  }

  StepSlot &slot = slots_[slotIndex];
  if (kvcrt_status status = planAttention(slot, message))
    return status;
  slot.copies.reserveMore(pending_.copies().size() +
                          size_t(count) * groups_.size());
  // From here on nothing fails.
  slot.id = ++newestStep_;
  slot.submitted = slot.committed = slot.forked = false;
  ++inFlight_;
  slot.copies.take(pending_);
  for (int32_t g = 0; g < int32_t(groups_.size()); ++g)
    fillGroup(slot, slotIndex, g);
  fillRows(entries, slot);
  *slot.arrays.errorWord = 0;
  for (const Group &group : groups_)
    for (int32_t layer : group.layers)
      slot.caches[layer].num_blocks = group.pool.numBlocks();

  kvcrt_struct_init(out, sizeof(*out));
  out->id = slot.id;
  out->slot = slotIndex;
  out->num_caches = numCaches_;
  out->step = &slot.arrays.step;
  out->caches = slot.caches.data();
  out->plans = slot.plans.empty() ? nullptr : slot.plans.data();
  out->host_step = &slot.arrays.hostStep;
  return KVCRT_OK;
}

/// Claims a group's blocks for the planned rows and writes its arrays.
void kvcrt_runtime::fillGroup(StepSlot &slot, int32_t slotIndex,
                              int32_t groupIndex) {
  Group &group = groups_[groupIndex];
  BlockTable &table = group.table;
  BlockPool &pool = group.pool;
  const StepArrays::GroupArrays &out = slot.arrays.groups[groupIndex];
  int32_t *mapping = out.slotMapping;
  int32_t *deviceRow = out.blockTable;
  const int32_t count = static_cast<int32_t>(planned_.size());
  for (int32_t row = 0; row < count; ++row, deviceRow += table.stride()) {
    PlannedRow &planned = planned_[row];
    const int32_t index = planned.index;
    const Sequence &sequence = sequences_[index];
    int32_t j;
    if (writesShared(sequence, index, group, j)) {
      const int32_t from = table.blockAt(index, j);
      const int32_t to = pool.take();
      slot.copies.push({groupIndex, from, to});
      table.replace(index, j, to);
      pool.drop(from, newestStep_);
      ++copied_;
    }
    table.extend(index, table.blocksFor(planned.start + planned.tokens), pool);

    if (groupIndex == 0) {
      planned.fresh =
          slot.rowOwner[row] != sequence.name || slot.rowOf[index] != row;
      slot.rowOwner[row] = sequence.name;
      slot.rowOf[index] = row;
    }
    table.sync(index, slotIndex, deviceRow, planned.fresh);
    if (out.firstBlock)
      out.firstBlock[row] = table.firstBlock(index);

    // Runs of consecutive slots, one per block; decode has one run of one.
    j = table.blockOf(planned.start);
    int32_t offset = table.offsetOf(planned.start);
    int32_t slotId = table.blockAt(index, j) * table.block() + offset;
    for (int32_t t = 0;;) {
      *mapping++ = slotId++;
      if (++t == planned.tokens)
        break;
      if (++offset == table.block()) {
        offset = 0;
        slotId = table.blockAt(index, ++j) * table.block();
      }
    }
  }
}

/// Writes the arrays that all groups share (planAttention wrote the lengths),
/// and moves the sequences' lengths.
void kvcrt_runtime::fillRows(const kvcrt_step_entry *entries, StepSlot &slot) {
  StepArrays &arrays = slot.arrays;
  const int32_t count = static_cast<int32_t>(planned_.size());
  int32_t token = 0, logit = 0, longestQuery = 0, longest = 0;
  slot.records.resize(count);
  for (int32_t row = 0; row < count; ++row) {
    const PlannedRow &planned = planned_[row];
    Sequence &sequence = sequences_[planned.index];
    const int32_t start = planned.start, tokens = planned.tokens;
    const int32_t end = start + tokens;
    slot.records[row] = {sequence.name, start, tokens};
    sequence.computed = end;
    if (end > sequence.length) {
      tokens_ += end - sequence.length;
      sequence.length = end;
    }
    int32_t position = start;
    do { // not a vector loop: most entries have one token
      arrays.positions[token] = position;
      arrays.tokenSeq[token] = row;
      ++token;
    } while (++position < end);
    if (entries[row].logits == KVCRT_LOGITS_LAST)
      arrays.logitRows[logit++] = token - 1;
    else if (entries[row].logits == KVCRT_LOGITS_ALL)
      for (int32_t t = token - tokens; t < token; ++t)
        arrays.logitRows[logit++] = t;
    longestQuery = std::max(longestQuery, tokens);
    longest = std::max(longest, end);
  }
  kvcrt_step_header &header = *arrays.header;
  header.num_seqs = count;
  header.num_tokens = token;
  header.num_logit_rows = logit;
  header.num_tasks = header.num_prefill_tasks = 0;
  header.max_q_len = longestQuery;
  header.max_kv_len = longest;
  for (const StepArrays::GroupArrays &group : arrays.groups) {
    if (!group.header)
      continue;
    const int32_t decode = group.header->num_tasks;
    const int32_t prefill = group.header->num_prefill_tasks;
    *group.header = header;
    group.header->num_tasks = decode;
    group.header->num_prefill_tasks = prefill;
  }
}

kvcrt_status kvcrt_runtime::submitStep(uint64_t id, void *stream) {
  std::lock_guard<std::mutex> lock(mutex_);
  StepSlot *slot = findStep(id);
  if (!slot)
    return KVCRT_NOT_FOUND;
  if (slot->submitted)
    return KVCRT_INVALID_ARGUMENT;
  for (const StepSlot &other : slots_)
    if (other.id && other.id < id && !other.submitted)
      return KVCRT_INVALID_ARGUMENT;
  for (const BlockCopy &copy : slot->copies.copies())
    if (kvcrt_status status =
            groups_[copy.group].pool.copy(copy.from, copy.to, stream))
      return status;
  tableEntries_.assign(groups_.size(), 0);
  for (size_t g = 0; g < groups_.size(); ++g)
    tableEntries_[g] =
        groups_[g].table.blocksFor(slot->arrays.header->max_kv_len);
  if (kvcrt_status status = slot->arrays.upload(tableEntries_, stream))
    return status;
  slot->copies.clear();
  slot->stream = stream;
  slot->submitted = true;
  return KVCRT_OK;
}

void kvcrt_runtime::leaveFlight(StepSlot &slot) {
  slot.id = 0;
  --inFlight_;
  uint64_t oldest = UINT64_MAX;
  for (const StepSlot &other : slots_)
    if (other.id)
      oldest = std::min(oldest, other.id);
  for (Group &group : groups_)
    group.pool.reclaim(oldest);
}

kvcrt_status kvcrt_runtime::cancelStep(uint64_t id) {
  std::lock_guard<std::mutex> lock(mutex_);
  StepSlot *slot = findStep(id);
  if (!slot)
    return KVCRT_NOT_FOUND;
  if (slot->submitted || slot->forked)
    return KVCRT_INVALID_ARGUMENT;
  for (const StepSlot &other : slots_)
    if (other.id > id)
      return KVCRT_INVALID_ARGUMENT;
  for (const StepRecord &record : slot->records) {
    const int32_t index = sequences_.find(record.sequence);
    if (index >= 0 && sequences_[index].committed > record.start)
      return KVCRT_INVALID_ARGUMENT;
  }
  pending_.reserveMore(slot->copies.copies().size());
  for (const StepRecord &record : slot->records) {
    const int32_t index = sequences_.find(record.sequence);
    if (index >= 0 && sequences_[index].computed > record.start)
      truncate(sequences_[index], index, record.start);
  }
  // Their tables hold the copies already, so some later step must make them.
  pending_.putBack(slot->copies);
  leaveFlight(*slot);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::commitStep(uint64_t id, const int32_t *accepted) {
  std::lock_guard<std::mutex> lock(mutex_);
  StepSlot *slot = findStep(id);
  if (!slot)
    return KVCRT_NOT_FOUND;
  if (!slot->submitted || slot->committed)
    return KVCRT_INVALID_ARGUMENT;
  const int32_t count = static_cast<int32_t>(slot->records.size());
  for (int32_t row = 0; row < count; ++row) {
    const StepRecord &record = slot->records[row];
    if (accepted && accepted[row] < 0)
      return KVCRT_INVALID_ARGUMENT;
    const int32_t index = sequences_.find(record.sequence);
    if (index < 0 || !record.tokens)
      continue;
    const Sequence &sequence = sequences_[index];
    if (sequence.committed != record.start)
      return KVCRT_INVALID_ARGUMENT;
    const int32_t taken = accepted ? accepted[row] : record.tokens;
    const bool newest = sequence.computed == record.start + record.tokens;
    if (taken > record.tokens || (taken < record.tokens && !newest))
      return KVCRT_INVALID_ARGUMENT;
  }
  for (int32_t row = 0; row < count; ++row) {
    const StepRecord record = slot->records[row];
    const int32_t index = sequences_.find(record.sequence);
    if (index < 0 || !record.tokens)
      continue;
    Sequence &sequence = sequences_[index];
    const int32_t taken = accepted ? accepted[row] : record.tokens;
    if (taken < record.tokens)
      truncate(sequence, index, record.start + taken);
    commitTokens(sequence, index, taken);
  }
  slot->committed = true;
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::retireStep(uint64_t id) {
  std::lock_guard<std::mutex> lock(mutex_);
  StepSlot *slot = findStep(id);
  if (!slot)
    return KVCRT_NOT_FOUND;
  if (!slot->submitted)
    return KVCRT_INVALID_ARGUMENT;
  leaveFlight(*slot);
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::stepErrors(uint64_t id, int32_t *out) {
  const StepArrays *arrays = nullptr;
  void *stream = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const StepSlot *slot = findStep(id);
    if (!slot)
      return KVCRT_NOT_FOUND;
    if (!slot->submitted) { // the device has the word of an earlier step
      *out = *slot->arrays.errorWord;
      return KVCRT_OK;
    }
    arrays = &slot->arrays;
    stream = slot->stream;
  }
  // May wait for the stream: other threads begin steps meanwhile.
  return arrays->readErrors(stream, out);
}
