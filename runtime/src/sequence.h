//===- sequence.h - the sequence table ------------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   0 ...... floor ...... committed ...... computed ...... length
//            |            |                |               |
//            |            permanent up to  steps cover     slots are claimed
//            the least index that any later query can have
//
// floor is the highest commit so far less the rollback budget, and never moves
// back; 0 <= floor <= committed <= computed <= length.
//
// A name is (number of creation << 24 | slot + 1): never reused, in order of
// age, and found without a search.
//
// Lock: the runtime's mutex.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SEQUENCE_H
#define KVCRT_SRC_SEQUENCE_H

#include "block_table.h"

#include <vector>

namespace kvcrt {

struct Sequence {
  kvcrt_sequence name = 0; // 0 = this slot is empty
  int32_t length = 0;
  int32_t computed = 0;
  int32_t committed = 0;
  int32_t floor = 0;
  uint64_t plan = 0;     // number of the last plan that named this sequence
  bool mayShare = false; // was forked, on either side: blocks may be shared

  /// Moves floor after a commit; rollback: the budget.
  void raiseFloor(int32_t rollback) {
    if (committed - rollback > floor)
      floor = committed - rollback;
  }
};

class SequenceTable {
public:
  static constexpr int32_t kSlotBits = 24;

  void create(int32_t slots) {
    slots_.resize(slots);
    free_.reserve(slots);
    for (int32_t slot = slots - 1; slot >= 0; --slot)
      free_.push_back(slot);
  }

  /// Slot of a live sequence, or -1.
  int32_t find(kvcrt_sequence name) const {
    const int64_t slot = int64_t(name & ((1u << kSlotBits) - 1)) - 1;
    if (slot < 0 || slot >= int64_t(slots_.size()) || slots_[slot].name != name)
      return -1;
    return static_cast<int32_t>(slot);
  }
  /// An empty sequence's slot, or -1 when all are taken.
  int32_t add() {
    if (free_.empty())
      return -1;
    const int32_t slot = free_.back();
    free_.pop_back();
    Sequence &sequence = slots_[slot];
    sequence = Sequence();
    sequence.name = ++created_ << kSlotBits | uint64_t(slot + 1);
    return slot;
  }
  void remove(int32_t slot) {
    slots_[slot].name = 0;
    free_.push_back(slot);
  }

  Sequence &operator[](int32_t slot) { return slots_[slot]; }
  const Sequence &operator[](int32_t slot) const { return slots_[slot]; }
  int32_t numSlots() const { return static_cast<int32_t>(slots_.size()); }
  int32_t numLive() const {
    return static_cast<int32_t>(slots_.size() - free_.size());
  }

private:
  std::vector<Sequence> slots_; // [max_live_seqs]
  std::vector<int32_t> free_;   // slots without a sequence
  uint64_t created_ = 0;
};

} // namespace kvcrt

#endif // KVCRT_SRC_SEQUENCE_H
