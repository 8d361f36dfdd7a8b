//===- plan_split.h - how many keys a split of a step's attention has -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The length of a split is chosen by a model of the last block's finish, which
// is asked several times over. It reads a histogram of the tiles' lengths, and
// that is only filled where splits can help at all: most decode steps have many
// more tasks than blocks and none of them long.
//
// Invariant: the choice depends on the multiset of lengths and, beyond 256 runs
// of equal ones, on their leading bits; never on sequences' other properties.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_PLAN_SPLIT_H
#define KVCRT_PLAN_SPLIT_H

#include <algorithm>
#include <cstdint>

namespace kvcrt {

/// Blocks launched per resident block, at most. With so many tasks for each
/// block their order alone ends a step evenly.
constexpr int64_t kBlocksPerResident = 8;

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// What all tiles of one kind (decode, prefill) have together.
struct TileTotals {
  int64_t tiles = 0, keys = 0, longest = 0;
  int64_t runs = 0; // of tiles of equal length, one after another
  int64_t last = -1;

  void add(int64_t keysOfTile) {
    ++tiles;
    keys += keysOfTile;
    longest = std::max(longest, keysOfTile);
    runs += keysOfTile != last;
    last = keysOfTile;
  }
};

/// What runs the tiles: each is a task per KV head.
struct TileRunner {
  int64_t heads, tileKeys;
  int64_t resident; // blocks at once
  int64_t splitsPerBlock;
};

/// How many tiles have how many keys. Exact where there are few runs; else
/// lengths that share their leading bits share an entry.
class Lengths {
public:
  struct Entry {
    int64_t tiles, keys; // keys over these tiles
  };
  explicit Lengths(const TileTotals &totals)
      : exact_(totals.runs <= kEntries), used_(exact_ ? 0 : kEntries) {
    std::fill(entries_, entries_ + used_, Entry{0, 0});
  }
  void add(int64_t keys) {
    if (exact_ && keys != last_)
      entries_[used_++] = {0, 0};
    last_ = keys;
    Entry &entry = entries_[exact_ ? used_ - 1 : binOf(keys)];
    ++entry.tiles;
    entry.keys += keys;
  }
  /// Leaves out entries without tiles, after the last length.
  void close() {
    used_ = int(std::remove_if(entries_, entries_ + used_,
                               [](const Entry &e) { return e.tiles == 0; }) -
                entries_);
  }
  const Entry *begin() const { return entries_; }
  const Entry *end() const { return entries_ + used_; }

private:
  static constexpr int kBits = 3; // behind the leading one
  static constexpr int kEntries = 32 << kBits;
  /// Lengths are below 2^31.
  static int binOf(int64_t keys) {
    if (keys < (1 << kBits))
      return int(keys);
    const int lead = 63 - __builtin_clzll(uint64_t(keys));
    return ((lead - kBits + 1) << kBits) |
           int(keys >> (lead - kBits) & ((1 << kBits) - 1));
  }

  const bool exact_;
  int used_;
  int64_t last_ = -1;
  Entry entries_[kEntries]; // [0, used_) are set
};

class SplitModel {
public:
  SplitModel(const TileRunner &runner, const TileTotals &totals)
      : runner_(runner), totals_(totals),
        perBlock_(double(totals.keys) * double(runner.heads) /
                  double(runner.resident)) {}

  /// Keys of a split that cuts nothing.
  int64_t uncut() const { return whole(double(totals_.longest)); }
  /// Many more tasks than blocks and none of them long: order evens them out.
  bool evenWithoutSplits() const;
  int64_t choose(const Lengths &lengths) const;

private:
  /// Rounded up to tiles, fractions too: a key less makes one split too many.
  int64_t whole(double keys) const;
  double finish(const Lengths &lengths, int64_t split) const;

  TileRunner runner_;
  TileTotals totals_;
  double perBlock_; // keys
};

} // namespace kvcrt

#endif // KVCRT_PLAN_SPLIT_H
