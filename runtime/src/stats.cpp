//===- stats.cpp - numbers about a runtime, and its self-check ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "runtime.h"

using namespace kvcrt;

kvcrt_status kvcrt_runtime::groupStats(int32_t index, kvcrt_group_stats *out) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (index < 0 || index >= static_cast<int32_t>(groups_.size()))
    return KVCRT_INVALID_ARGUMENT;
  const Group &group = groups_[index];
  const BlockPool &pool = group.pool;
  out->blocks_total = pool.numBlocks();
  out->blocks_used = pool.numUsed();
  out->blocks_free = pool.numFree();
  out->blocks_quarantined = pool.numQuarantined();
  out->blocks_shared = pool.numShared();
  out->blocks_used_peak = pool.peakUsed();
  out->block_tokens = group.policy.block;
  out->num_layers = static_cast<int32_t>(group.layers.size());
  out->block_bytes = group.layout.blockBytes;
  out->tokens = tokens_;
  out->bytes_per_token = double(group.layout.blockBytes) / group.policy.block;
  out->bytes_per_token_dense = group.layout.denseBytesPerToken;
  out->bytes_used = int64_t(pool.numUsed()) * group.layout.blockBytes;
  out->bytes_contiguous = static_cast<int64_t>(
      out->bytes_per_token * maxLength_ * sequences_.numLive());
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::stats(kvcrt_runtime_stats *out) {
  std::lock_guard<std::mutex> lock(mutex_);
  out->num_groups = static_cast<int32_t>(groups_.size());
  out->num_layers = numCaches_;
  out->live_seqs = sequences_.numLive();
  out->steps_in_flight = inFlight_;
  out->max_length = maxLength_;
  out->steps_begun = newestStep_;
  out->blocks_copied = copied_;
  out->bytes_used = 0;
  out->bytes_per_token = 0.0;
  for (const Group &group : groups_) {
    out->bytes_used += int64_t(group.pool.numUsed()) * group.layout.blockBytes;
    out->bytes_per_token +=
        double(group.layout.blockBytes) / group.policy.block;
  }
  out->bytes_contiguous = static_cast<int64_t>(
      out->bytes_per_token * maxLength_ * sequences_.numLive());
  return KVCRT_OK;
}

kvcrt_status kvcrt_runtime::verify(Message message) {
  std::lock_guard<std::mutex> lock(mutex_);
  int64_t tokens = 0;
  for (int32_t index = 0; index < sequences_.numSlots(); ++index) {
    const Sequence &s = sequences_[index];
    if (!s.name)
      continue;
    tokens += s.length;
    if (s.floor < 0 || s.floor > s.committed || s.committed > s.computed ||
        s.computed > s.length || s.length > maxLength_)
      return message.fail(KVCRT_CORRUPT,
                          "sequence %llu: floor %d <= committed %d <= computed "
                          "%d <= length %d does not hold",
                          static_cast<unsigned long long>(s.name), s.floor,
                          s.committed, s.computed, s.length);
  }
  if (tokens != tokens_)
    return message.fail(KVCRT_CORRUPT, "the count of tokens is wrong");

  for (size_t g = 0; g < groups_.size(); ++g) {
    const Group &group = groups_[g];
    const BlockTable &table = group.table;
    std::vector<int32_t> references(group.pool.numBlocks());
    for (int32_t index = 0; index < sequences_.numSlots(); ++index) {
      const Sequence &s = sequences_[index];
      if (!s.name)
        continue;
      const BlockTable::Row &row = table.row(index);
      if (row.count != table.blocksFor(s.length))
        return message.fail(KVCRT_CORRUPT, "group %zu: %d blocks for %d tokens",
                            g, row.count, s.length);
      if (row.count && row.last != table.entries(index)[row.count - 1])
        return message.fail(KVCRT_CORRUPT, "group %zu: the last block is stale",
                            g);
      for (int32_t j = 0; j < row.count; ++j) {
        const int32_t block = table.entries(index)[j];
        const bool freed =
            j >= table.retention().sinkBlocks && j < row.nextFree;
        if (freed ? block != -1 : block < 0 || block >= group.pool.numBlocks())
          return message.fail(KVCRT_CORRUPT, "group %zu: entry %d is block %d",
                              g, j, block);
        if (!freed)
          ++references[block];
        // Only blocks below `computed` may be shared: the others are written.
        if (!freed && group.pool.references(block) > 1 &&
            j >= table.blocksFor(s.computed))
          return message.fail(KVCRT_CORRUPT,
                              "group %zu: a block to be written is shared", g);
      }
    }
    if (const char *text = group.pool.verify(references))
      return message.fail(KVCRT_CORRUPT, "group %zu: %s", g, text);
    if (!inFlight_ && group.pool.numQuarantined())
      return message.fail(KVCRT_CORRUPT,
                          "group %zu: quarantine without a step in flight", g);
  }
  return KVCRT_OK;
}
