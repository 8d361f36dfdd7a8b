//===- plan_tiles.cpp - walks the tiles of a step -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decode steps have one tile a sequence, and a loop of their own.
//
//===----------------------------------------------------------------------===//
#include "plan_tiles.h"

using namespace kvcrt;

void Tiles::make() {
  const bool fromStart = seq_ == part_.begin && index_ == 0;
  used_ = 0;
  if (part_.oneTileEach)
    makeOneEach();
  else
    makeMany();
  complete_ = fromStart && seq_ == part_.end;
}

void Tiles::makeOneEach() {
  const int32_t end = std::min(part_.end - seq_, kMost) + seq_;
  int used = 0;
  for (int32_t seq = seq_; seq < end; ++seq) {
    // No branch on whether it is of the part: it stays only if it is.
    const int64_t count = tokens(seq), kvLen = kvLen_[seq];
    tiles_[used] = tile(seq, 0, kvLen - count, kvLen);
    used += isOfPart(count);
  }
  used_ = used;
  seq_ = end;
}

void Tiles::makeMany() {
  const int64_t queries = part_.rows / group_, rest = part_.rows % group_;
  // Row 0 of the next tile is `past` rows into query `low`.
  int64_t low = low_, past = past_;
  int32_t seq = seq_, index = index_, used = 0;
  for (; seq < part_.end; ++seq) {
    const int64_t count = tokens(seq), kvLen = kvLen_[seq];
    if (!isOfPart(count))
      continue;
    const int64_t base = kvLen - count;
    for (; low < count && used < kMost; ++index) {
      int64_t next = low + queries, nextPast = past + rest;
      if (nextPast >= group_) {
        ++next;
        nextPast -= group_;
      }
      const int64_t high = std::min(next - (nextPast == 0), count - 1);
      // A bound below the new tokens leaves the first of them without keys.
      const int64_t end =
          causal_ ? std::max<int64_t>(base + high + 1, 0) : kvLen;
      tiles_[used++] = tile(seq, index, base + low, end);
      low = next;
      past = nextPast;
    }
    if (low < count)
      break;
    low = past = 0;
    index = 0;
  }
  seq_ = seq;
  index_ = index;
  low_ = low;
  past_ = past;
  used_ = used;
}
