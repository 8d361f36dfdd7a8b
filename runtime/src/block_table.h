//===- block_table.h - which block holds which tokens ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row per sequence slot and group: entry j names the block of tokens
// [j * block, (j + 1) * block), or is -1 where retention has freed it:
//
//   | sinks | -1 -1 -1 | held ........ | never read
//   0       sinkBlocks  nextFree        count
//
// Per step slot (two or more sets of device arrays) the row remembers how much
// of it stands in that slot's device table already, so that a step writes only
// what is new.
//
// Lock: the runtime's mutex.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_BLOCK_TABLE_H
#define KVCRT_SRC_BLOCK_TABLE_H

#include "block_pool.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace kvcrt {

constexpr int32_t kMaxStepSlots = 8;

/// What retention means for blocks. window 0: nothing is ever freed.
struct Retention {
  int32_t window = 0;
  int32_t sinkBlocks = 0;
};

class BlockTable {
public:
  struct Row {
    int32_t count = 0;    // entries
    int32_t nextFree = 0; // first block that retention has not freed
    /// The least floor (see sequence.h) at which nextFree can be freed.
    int32_t freeAt = INT32_MAX;
    int32_t last = -1; // entry count - 1, so that most steps read no entry
  };

  /// Rows for `sequences` slots, each with room for `entries` entries, and
  /// `stepSlots` sets of device arrays.
  void create(int32_t sequences, int32_t entries, int32_t block,
              int32_t stepSlots, Retention retention);

  int32_t block() const { return block_; }
  int32_t stride() const { return stride_; }
  const Retention &retention() const { return retention_; }
  Row &row(int32_t sequence) { return rows_[sequence]; }
  const Row &row(int32_t sequence) const { return rows_[sequence]; }
  int32_t *entries(int32_t sequence) {
    return entries_.get() + int64_t(sequence) * stride_;
  }
  const int32_t *entries(int32_t sequence) const {
    return entries_.get() + int64_t(sequence) * stride_;
  }
  /// Blocks that `tokens` tokens need.
  int32_t blocksFor(int32_t tokens) const {
    return shift_ >= 0 ? (tokens + block_ - 1) >> shift_
                       : (tokens + block_ - 1) / block_;
  }
  int32_t blockOf(int32_t token) const {
    return shift_ >= 0 ? token >> shift_ : token / block_;
  }
  int32_t offsetOf(int32_t token) const {
    return shift_ >= 0 ? token & (block_ - 1) : token % block_;
  }
  /// What kvcrt_cache.first_block says: 0 until something is freed.
  int32_t firstBlock(int32_t sequence) const {
    const int32_t next = rows_[sequence].nextFree;
    return next > retention_.sinkBlocks ? next : 0;
  }

  void clear(int32_t sequence);
  /// Appends blocks from the pool until there are `count`.
  void extend(int32_t sequence, int32_t count, BlockPool &pool) {
    Row &r = rows_[sequence];
    if (r.count >= count)
      return;
    int32_t *entry = entries(sequence);
    while (r.count < count)
      entry[r.count++] = pool.take();
    r.last = entry[count - 1];
  }
  /// Drops entries from `count` on.
  void truncate(int32_t sequence, int32_t count, BlockPool &pool,
                uint64_t newestStep);
  /// Drops blocks that no query with index >= floor can see.
  void retain(int32_t sequence, int32_t floor, BlockPool &pool,
              uint64_t newestStep);
  /// Replaces entry j (copy on write).
  void replace(int32_t sequence, int32_t j, int32_t block);
  /// Makes `to` share the leading `count` entries of `from`.
  void share(int32_t from, int32_t to, int32_t count, BlockPool &pool);

  /// Brings one row of a device table up to date. fresh: the row held another
  /// sequence's entries.
  void sync(int32_t sequence, int32_t slot, int32_t *device, bool fresh) {
    const Row &r = rows_[sequence];
    Synced &synced = synced_[slot][sequence];
    if (fresh)
      synced = Synced();
    if (synced.count == r.count && synced.nextFree == r.nextFree)
      return;
    const int32_t *entry = entries(sequence);
    for (int32_t j = synced.nextFree, e = std::min(r.nextFree, synced.count);
         j < e; ++j)
      device[j] = -1;
    if (synced.count < r.count)
      memcpy(device + synced.count, entry + synced.count,
             size_t(r.count - synced.count) * sizeof(int32_t));
    synced = {r.count, r.nextFree};
  }

  /// The block that holds a token.
  int32_t blockAt(int32_t sequence, int32_t j) const {
    const Row &r = rows_[sequence];
    return j == r.count - 1 ? r.last : entries(sequence)[j];
  }

private:
  struct Synced {
    int32_t count = 0;    // leading entries that the device table has
    int32_t nextFree = 0; // of which these are -1 from sinkBlocks on
  };

  void forget(int32_t sequence, int32_t count) {
    for (std::vector<Synced> &slot : synced_)
      slot[sequence].count = std::min(slot[sequence].count, count);
  }
  int32_t freeThreshold(int32_t nextFree) const;

  int32_t block_ = 0;  // tokens; constant
  int32_t shift_ = -1; // log2(block_), or -1
  int32_t stride_ = 0; // entries per row; constant
  Retention retention_;
  std::vector<Row> rows_;                   // [sequences]
  std::vector<std::vector<Synced>> synced_; // [stepSlots][sequences]
  /// [sequences][stride]; from calloc, so that unused rows cost no memory.
  std::unique_ptr<int32_t[], void (*)(void *)> entries_{nullptr, &::free};
};

} // namespace kvcrt

#endif // KVCRT_SRC_BLOCK_TABLE_H
