//===- plan_split.cpp - the model behind the length of a split ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates are parts of the longest tile and of what a block has to do; the
// one whose last block is done first wins, a tie goes to fewer splits.
//
// Invariant: no split is shorter than pays or makes more than
// KVCRT_PLAN_MAX_SPLITS of a tile.
//
//===----------------------------------------------------------------------===//
#include "plan_split.h"

#include "kvcrt/plan.h"

#include <cmath>

using namespace kvcrt;

namespace {

/// A split shorter than this costs more to merge than it saves.
constexpr int64_t kMinSplitTiles = 4;
/// What starting a task and folding a partial result cost, in tiles of keys.
constexpr double kTaskTiles = 0.5, kMergeTiles = 1.0;

} // namespace

int64_t SplitModel::whole(double keys) const {
  return std::max<int64_t>(ceilDiv(int64_t(std::ceil(keys)), runner_.tileKeys),
                           1) *
         runner_.tileKeys;
}

bool SplitModel::evenWithoutSplits() const {
  return totals_.tiles * runner_.heads >=
             kBlocksPerResident * runner_.resident &&
         double(totals_.longest) <= perBlock_;
}

/// When the last block is done, in keys, if tiles are cut into splits of
/// `split` keys: full splits go in waves, shorter ones fill the gaps.
double SplitModel::finish(const Lengths &lengths, int64_t split) const {
  // `big`: tasks longer than half a split.
  int64_t big = 0, bigKeys = 0, tasks = 0, merged = 0;
  for (const Lengths::Entry &entry : lengths) {
    const int64_t room = split * entry.tiles;
    if (entry.keys <= room) { // whole, as most are
      // Lengths come in any order: no branch on them.
      const int64_t isBig = -int64_t(2 * entry.keys > room);
      tasks += entry.tiles;
      big += entry.tiles & isBig;
      bigKeys += entry.keys & isBig;
      continue;
    }
    const int64_t keys = entry.keys / entry.tiles;
    const int64_t full = keys / split, rest = keys % split;
    const int64_t count = entry.tiles * (full + (rest > 0));
    tasks += count;
    merged += count;
    big += entry.tiles * full;
    bigKeys += entry.tiles * full * split;
    if (2 * rest > split) {
      big += entry.tiles;
      bigKeys += entry.tiles * rest;
    }
  }
  const double heads = double(runner_.heads),
               resident = double(runner_.resident);
  const double waves =
      big > 0 ? double(ceilDiv(big * runner_.heads, runner_.resident)) *
                    (double(bigKeys) / double(big))
              : 0.0;
  const double overhead =
      (kTaskTiles * double(tasks) + kMergeTiles * double(merged)) * heads /
      resident * double(runner_.tileKeys);
  return std::max(waves, perBlock_) + overhead;
}

int64_t SplitModel::choose(const Lengths &lengths) const {
  const int64_t tile = runner_.tileKeys, longest = uncut();
  const int64_t least = std::max(
      {kMinSplitTiles * tile, whole(perBlock_ / double(runner_.splitsPerBlock)),
       whole(double(totals_.longest) / KVCRT_PLAN_MAX_SPLITS)});
  int64_t best = longest, tried = longest;
  double bestFinish = finish(lengths, longest);
  auto consider = [&](double keys) {
    const int64_t split =
        std::clamp(whole(keys), least, std::max(least, longest));
    if (split >= longest || split == tried)
      return;
    tried = split;
    const double end = finish(lengths, split);
    // A tie goes to fewer splits: they were tried first.
    if (end < bestFinish * 0.99) {
      best = split;
      bestFinish = end;
    }
  };
  for (double parts : {1.0, 2.0, 3.0, 4.0}) {
    consider(double(totals_.longest) / (parts + 1));
    consider(perBlock_ / parts);
  }
  return best;
}
