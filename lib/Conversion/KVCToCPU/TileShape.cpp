//===- TileShape.cpp - loop sizes of the CPU engine -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: sizes depend on the variant and the target's features only, so a
// result is the same bit for bit on any number of workers.
//
//===----------------------------------------------------------------------===//

#include "Variant.h"

#include "llvm/Support/MathExtras.h"

namespace kvc::cpu {

/// The row block of at most `most` rows that pads `group` rows least.
static int64_t rowBlockFor(int64_t group, int64_t most) {
  int64_t best = 1;
  for (int64_t rows = 1; rows <= std::min(most, group); ++rows)
    if (llvm::alignTo(group, rows) <= llvm::alignTo(group, best))
      best = rows;
  return best;
}

TileShape TileShape::get(const Variant &variant, const VectorTarget &target) {
  // rowBlock x keyBlock dot products, or rowBlock x columnBlock vectors of
  // output, leave room for operands in 32 registers, or in 16.
  bool manyRegisters = target.registers() == 32;
  int64_t group = variant.group(), mostRows = manyRegisters ? 4 : 2;
  TileShape s;
  s.lanes = target.lanes();
  s.accumulators = mostRows * keyBlock;
  s.decodeRowBlock = rowBlockFor(group, mostRows);
  s.prefillRowBlock = mostRows;
  s.tileKeys = 64;
  s.splitTiles = 16;
  s.decodeRows = llvm::alignTo(std::max<int64_t>(group, 8), s.decodeRowBlock);
  s.prefillTokens = std::max<int64_t>(1, 64 / group);
  s.maxRows = std::max<int64_t>(
      s.decodeRows, llvm::alignTo(s.prefillTokens * group, s.prefillRowBlock));
  s.keyPitch = llvm::alignTo(variant.keyDim(), s.lanes);
  s.valuePitch = llvm::alignTo(variant.valueDim(), s.lanes);
  return s;
}

} // namespace kvc::cpu
