//===- block_pool.h - the blocks of one cache group -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory: up to five regions of the device (group_layout.h); block b of a
// region is [base + b * stride, + stride). Bases never move.
//
// Every block is in exactly one of three places:
//
//   free_ (a stack)  --take-->  used: references_[b] > 0  --last drop-->
//        ^                                                 |
//        |<------ no step in flight -----------------------|
//        |<-- reclaim(oldest) -- quarantine_ (a queue) <---|  steps in flight
//
// A quarantined block carries the number of the newest step in flight when it
// was dropped: kernels of that step or an older one may still read it. The
// queue is in order of these numbers.
//
// Lock: the runtime's mutex guards all of it.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_BLOCK_POOL_H
#define KVCRT_SRC_BLOCK_POOL_H

#include "device.h"
#include "group_layout.h"

#include <array>
#include <vector>

namespace kvcrt {

class BlockPool {
public:
  BlockPool() = default;
  BlockPool(const BlockPool &) = delete;
  BlockPool &operator=(const BlockPool &) = delete;
  ~BlockPool();

  /// Reserves address space for `maxBlocks` and makes `numBlocks` usable.
  kvcrt_status create(kvcrt_device &device, const GroupLayout &layout,
                      int32_t numBlocks, int32_t maxBlocks);
  kvcrt_status grow(int32_t numBlocks);

  int32_t numBlocks() const { return numBlocks_; }
  int32_t maxBlocks() const { return maxBlocks_; }
  int32_t numFree() const { return static_cast<int32_t>(free_.size()); }
  int32_t numQuarantined() const { return quarantined_; }
  int32_t numUsed() const { return numBlocks_ - numFree() - quarantined_; }
  int32_t numShared() const { return shared_; }
  int32_t peakUsed() const { return peak_; }
  int32_t references(int32_t block) const { return references_[block]; }
  char *region(RegionKind kind) const { return base_[kind]; }

  /// A free block with one reference; there must be one.
  int32_t take() {
    const int32_t block = free_.back();
    free_.pop_back();
    references_[block] = 1;
    if (numUsed() > peak_)
      peak_ = numUsed();
    return block;
  }
  void share(int32_t block) { shared_ += ++references_[block] == 2; }
  /// Takes one reference away. newestStep: number of the newest step in flight,
  /// 0 when there is none.
  void drop(int32_t block, uint64_t newestStep);
  /// Frees what was dropped before every step in flight began; oldestStep: the
  /// oldest number in flight, UINT64_MAX when there is none.
  void reclaim(uint64_t oldestStep);

  /// Copies block `from` to `to` in every region, in stream order.
  kvcrt_status copy(int32_t from, int32_t to, void *stream) const;

  /// Writers of a shared block that a plan has met, for counting copies
  /// exactly; forgotten when the plan's number changes.
  int32_t &plannedWriters(int32_t block, uint64_t plan) {
    PlanMark &mark = marks_[block];
    if (mark.plan != plan)
      mark = {plan, 0};
    return mark.writers;
  }

  /// The first contradiction with `expected` references, or null.
  const char *verify(const std::vector<int32_t> &expected) const;

private:
  struct Quarantined {
    int32_t block;
    uint64_t step;
  };
  struct PlanMark {
    uint64_t plan = 0;
    int32_t writers = 0;
  };

  kvcrt_device *device_ = nullptr; // constant
  std::array<int64_t, kNumRegions> stride_ = {};
  std::array<char *, kNumRegions> base_ = {};
  int32_t numBlocks_ = 0;
  int32_t maxBlocks_ = 0;
  int32_t shared_ = 0; // blocks with more than one reference
  int32_t peak_ = 0;
  std::vector<int32_t> references_;     // [maxBlocks]
  std::vector<PlanMark> marks_;         // [maxBlocks]
  std::vector<int32_t> free_;           // capacity maxBlocks
  std::vector<Quarantined> quarantine_; // [maxBlocks], a ring
  int32_t quarantineHead_ = 0;
  int32_t quarantined_ = 0;
};

} // namespace kvcrt

#endif // KVCRT_SRC_BLOCK_POOL_H
