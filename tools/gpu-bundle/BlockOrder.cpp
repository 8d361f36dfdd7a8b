//===- BlockOrder.cpp - which blocks a cell's tables name -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "BlockOrder.h"

#include "Mirror.h"

#include <algorithm>
#include <random>

namespace kvc::bundle {

int32_t shuffleSequences(int64_t blocks, int32_t longest) {
  // Twice what would hold all, so that few are full before the last block.
  return int32_t(std::max<int64_t>(64, 2 * blocks / longest + 1));
}

void shuffleBlocks(kvcrt_device *device, kvcrt_runtime *runtime, int64_t blocks,
                   int32_t blockTokens, int32_t longest) {
  std::mt19937 random(7);
  // Piles that are dealt at random and stacked again, as cards are riffled: n
  // piles dealt r times are n^r piles dealt once.
  for (int round = 0; round < 3; ++round) {
    std::vector<kvcrt_sequence> piles(
        size_t(shuffleSequences(blocks, longest)));
    std::vector<int32_t> held(piles.size());
    for (kvcrt_sequence &pile : piles)
      require(device, kvcrt_sequence_create(runtime, &pile), "sequence");
    for (int64_t i = 0; i < blocks; ++i) {
      size_t at = random() % piles.size();
      while (held[at] == longest)
        at = (at + 1) % piles.size();
      require(device, kvcrt_sequence_extend(runtime, piles[at], blockTokens),
              "extend");
      ++held[at];
    }
    for (kvcrt_sequence pile : piles)
      require(device, kvcrt_sequence_release(runtime, pile), "release");
  }
}

double consecutiveBlocks(kvcrt_runtime *runtime,
                         const std::vector<kvcrt_sequence> &sequences) {
  int64_t pairs = 0, follow = 0;
  for (kvcrt_sequence sequence : sequences) {
    int32_t count = 0;
    (void)kvcrt_sequence_get_blocks(runtime, sequence, 0, nullptr, 0, &count);
    std::vector<int32_t> table(static_cast<size_t>(count));
    if (kvcrt_sequence_get_blocks(runtime, sequence, 0, table.data(), count,
                                  &count) != KVCRT_OK)
      throw Failure("expected a table of each sequence, got none");
    for (size_t i = 1; i < table.size(); ++i) {
      const bool both = table[i] >= 0 && table[i - 1] >= 0; // -1: freed
      pairs += both;
      follow += both && table[i] == table[i - 1] + 1;
    }
  }
  return pairs ? double(follow) / double(pairs) : 0;
}

} // namespace kvc::bundle
