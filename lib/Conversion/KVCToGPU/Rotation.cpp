//===- Rotation.cpp - RoPE on a piece of a row in registers ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neighbours turn as a pair; in neox style an element is its own value times
// cos plus its partner's times a signed sin, and its partner may be another
// thread's.
//
//===----------------------------------------------------------------------===//

#include "Rotation.h"

#include "Kernels.h"

using namespace mlir;

namespace kvc::gpu {

Angles Angles::at(AbiStruct<kvcrt_cache> cache, const Variant &variant,
                  Num position, Num active) {
  return {RopeTable::load(cache).angles(position, variant.policy.rope.dim / 2,
                                        active)};
}

Nums readGlobalRow(Type element, Num row, Num first, int64_t count,
                   bool whole) {
  KernelBuilder &b = *row.builder;
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  Num at = b.at(row, b.toI64(first) * bytes);
  Nums elements;
  if (whole) {
    // No access is wider than 16 bytes: rows are aligned to no more.
    int64_t width = std::min(count, 16 / bytes);
    for (int64_t first = 0; first < count; first += width) {
      Num piece = loadInvariant(b.vec(width, element), b.at(at, first * bytes),
                                unsigned(width * bytes));
      for (int64_t i = 0; i < width; ++i)
        elements.push_back(b.toF32(b.lane(piece, i)));
    }
    return elements;
  }
  for (int64_t i = 0; i < count; ++i)
    elements.push_back(
        b.toF32(loadInvariant(element, b.at(at, i * bytes), unsigned(bytes))));
  return elements;
}

/// {cos, sin} of pair `pair` (i32).
static std::pair<Num, Num> loadAngle(const Angles &angles, Num pair) {
  KernelBuilder &b = *pair.builder;
  Num both =
      loadInvariant(b.vec(2, b.f32()), b.at(angles.row, b.toI64(pair) * 8), 8);
  return {b.lane(both, 0), b.lane(both, 1)};
}

int64_t partnerPieces(const Variant &variant, int64_t count) {
  int64_t half = variant.policy.rope.dim / 2;
  bool neox = variant.policy.rope.style == KVCRT_ROPE_NEOX;
  return neox && half % count == 0 ? half / count : 0;
}

/// An element, turned; `sine` has the sign that its partner meets.
static Num turn(Num own, Num partner, Num cosine, Num sine) {
  return fma(own, cosine, partner * sine);
}

std::pair<Nums, Nums> emitRotatedPair(const Variant &variant,
                                      const Angles &angles, Num first,
                                      int64_t count, RowReader read) {
  Nums low = read(first, count, /*whole=*/true),
       high = read(first + variant.policy.rope.dim / 2, count, true);
  for (int64_t i = 0; i < count; ++i) {
    auto [cosine, sine] = loadAngle(angles, first + i);
    Num before = low[i];
    low[i] = turn(before, high[i], cosine, -sine);
    high[i] = turn(high[i], before, cosine, sine);
  }
  return {low, high};
}

Nums emitRotatedPiece(const Variant &variant, const Angles &angles, Num first,
                      int64_t count, RowReader read) {
  KernelBuilder &b = *first.builder;
  int64_t dim = variant.policy.rope.dim, half = dim / 2;
  bool neox = variant.policy.rope.style == KVCRT_ROPE_NEOX;
  Nums own = read(first, count, /*whole=*/true);

  Nums turned = own;
  if (!neox) {
    for (int64_t i = 0; i < count; i += 2) {
      // Pairs beyond the rotated dimension read the last one and drop it.
      Num element = first + i;
      Num inside = element < dim;
      auto [cosine, sine] =
          loadAngle(angles, min(element >> 1, b.i32(half - 1)));
      auto [x, y] = rotate(own[i], own[i + 1], cosine, sine);
      turned[i] = select(inside, x, own[i]);
      turned[i + 1] = select(inside, y, own[i + 1]);
    }
    return turned;
  }
  // A piece whose elements all have their partners in one piece of the other
  // half, when the halves are whole pieces.
  if (partnerPieces(variant, count) > 0) {
    Num inside = first < dim, low = first < half;
    Num partnerAt = select(low, first + half, first - half);
    // A piece beyond the rotated dimension is its own partner.
    partnerAt = select(inside, partnerAt, first);
    Num pair = min(select(low, first, first - half), b.i32(half - count));
    Nums partner = read(partnerAt, count, true);
    for (int64_t i = 0; i < count; ++i) {
      auto [cosine, sine] = loadAngle(angles, pair + i);
      Num result = turn(own[i], partner[i], cosine, select(low, -sine, sine));
      turned[i] = select(inside, result, own[i]);
    }
    return turned;
  }
  for (int64_t i = 0; i < count; ++i) {
    Num element = first + i;
    Num inside = element < dim, low = element < half;
    Num partnerAt =
        select(inside, select(low, element + half, element - half), element);
    Num partner = read(partnerAt, 1, false)[0];
    auto [cosine, sine] = loadAngle(
        angles, min(select(low, element, element - half), b.i32(half - 1)));
    Num result = turn(own[i], partner, cosine, select(low, -sine, sine));
    turned[i] = select(inside, result, own[i]);
  }
  return turned;
}

} // namespace kvc::gpu
