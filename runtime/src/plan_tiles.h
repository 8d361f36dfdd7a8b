//===- plan_tiles.h - which keys the rows of a step see -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   tile      all rows of one KV head of one sequence that a task can hold
//   span      keys that some row of a tile sees, sinks apart: [begin, end)
//
// Invariant: every walk over a part's tiles visits the same ones in the same
// order, sequence by sequence.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_PLAN_TILES_H
#define KVCRT_PLAN_TILES_H

#include "kvcrt/plan.h"

#include <algorithm>
#include <cstdint>

namespace kvcrt {

/// Decode or prefill of a step: what is planned apart from the other.
struct Part {
  bool decode;
  int32_t rows;               // of a tile
  int32_t sequences = 0;      // of this part
  int32_t begin = 0, end = 0; // all of them, others in between
  bool oneTileEach = false;   // all rows of a sequence are one tile
};

/// A tile and its span.
struct Tile {
  int32_t seq, index;
  int32_t begin, end;
  int32_t keys() const { return end - begin; }
};

/// The tiles of a part, in order, as often as wanted. They are made some at a
/// time, apart from what is done with them, so that each loop is short; most
/// steps have no more than fit and make them once.
class Tiles {
public:
  Tiles(const kvcrt_plan_desc &desc, const int32_t *indptr,
        const int32_t *kvLen, const Part &part)
      : indptr_(indptr), kvLen_(kvLen), part_(part),
        decodeTokens_(desc.decode_tokens), group_(desc.group),
        causal_(desc.causal), before_(desc.window ? desc.window - 1 : kAll),
        tileKeys_(desc.tile_keys),
        powerOfTwo_((desc.tile_keys & (desc.tile_keys - 1)) == 0),
        seq_(part.begin) {}

  template <typename Body> void forEach(Body body) {
    do {
      if (!complete_)
        make();
      for (int i = 0; i < used_; ++i)
        body(tiles_[i]);
    } while (seq_ < part_.end);
    if (!complete_)
      seq_ = part_.begin;
  }

private:
  /// Beyond any length.
  static constexpr int64_t kAll = int64_t(1) << 40;
  static constexpr int kMost = 2048;

  void make();
  void makeOneEach();
  void makeMany();
  int64_t tokens(int32_t seq) const {
    return int64_t(indptr_[seq + 1]) - indptr_[seq];
  }
  bool isOfPart(int64_t tokens) const {
    return tokens > 0 && (tokens <= decodeTokens_) == part_.decode;
  }
  /// Spans go by the host's bounds. With a lower kv_len a window begins
  /// earlier: the first task of a group looks there.
  Tile tile(int32_t seq, int32_t index, int64_t lowQuery, int64_t end) const {
    const int64_t begin = std::max<int64_t>(lowQuery - before_, 0);
    const int64_t over =
        powerOfTwo_ ? begin & (tileKeys_ - 1) : begin % tileKeys_;
    return {seq, index, int32_t(std::min(begin - over, end)), int32_t(end)};
  }

  const int32_t *indptr_, *kvLen_;
  const Part part_;
  const int64_t decodeTokens_, group_;
  const bool causal_;
  const int64_t before_; // keys that a query sees before itself
  const int64_t tileKeys_;
  const bool powerOfTwo_;
  // Where make() goes on.
  int32_t seq_, index_ = 0;
  int64_t low_ = 0, past_ = 0;
  bool complete_ = false; // tiles_ are all of the part
  int used_ = 0;
  Tile tiles_[kMost];
};

} // namespace kvcrt

#endif // KVCRT_PLAN_TILES_H
