//===- Rotation.cpp - RoPE on a row in scratch ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As many pairs at a time as divide the number of pairs. Invariant: reads and
// writes exactly the first `rope.dim` elements of the row.
//
//===----------------------------------------------------------------------===//

#include "Rotation.h"

using namespace mlir;

namespace kvc::cpu {

/// Evenly placed elements: `first`, `first` + 2, ... of the pair (a, b).
static SmallVector<int64_t> everyOther(int64_t count, int64_t first) {
  SmallVector<int64_t> mask;
  for (int64_t i = 0; i < count; ++i)
    mask.push_back(first + 2 * i);
  return mask;
}

/// a0 b0 a1 b1 ...
static SmallVector<int64_t> interleave(int64_t count) {
  SmallVector<int64_t> mask;
  for (int64_t i = 0; i < count; ++i)
    mask.append({i, count + i});
  return mask;
}

void emitRotateRow(const Variant &variant, const RopeTable &table, Num row,
                   Num position) {
  KernelBuilder &b = *row.builder;
  int64_t pairs = variant.policy.rope.dim / 2;
  bool neox = variant.policy.rope.style == KVCRT_ROPE_NEOX;
  // Two vectors of pairs are loaded at once, so half a register's lanes each.
  int64_t width = b.target.lanes();
  while (pairs % width != 0)
    width /= 2;

  Num angles = table.angles(position, pairs);
  auto loadPairs = [&](Num address) -> std::pair<Num, Num> {
    Num both = b.load(b.vec(2 * width, b.f32()), address);
    if (width == 1)
      return {b.lane(both, 0), b.lane(both, 1)};
    return {b.shuffle(both, both, everyOther(width, 0)),
            b.shuffle(both, both, everyOther(width, 1))};
  };
  b.loop(b.i64(0), b.i64(pairs), width, [&](Num i) {
    auto [cosine, sine] = loadPairs(b.at(angles, i * 8));
    if (neox) {
      Num low = b.at(row, i * 4), high = b.at(low, pairs * 4);
      Type type = b.vec(width, b.f32());
      Num x = b.load(type, low), y = b.load(type, high);
      auto [first, second] = rotate(x, y, cosine, sine);
      b.store(first, low);
      b.store(second, high);
      return;
    }
    Num where = b.at(row, i * 8);
    auto [x, y] = loadPairs(where);
    auto [first, second] = rotate(x, y, cosine, sine);
    if (width == 1) {
      b.store(first, where);
      b.store(second, b.at(where, 4));
      return;
    }
    b.store(b.shuffle(first, second, interleave(width)), where);
  });
}

} // namespace kvc::cpu
