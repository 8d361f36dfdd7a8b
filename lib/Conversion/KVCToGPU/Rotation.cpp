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

Nums readGlobalRow(Type element, Num row, Stepped first, int64_t count) {
  KernelBuilder &b = *row.builder;
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  Num at = addressOf(row, first, bytes);
  Nums elements;
  // No access is wider than 16 bytes: rows are aligned to no more.
  int64_t width = std::min(count, 16 / bytes);
  for (int64_t i = 0; i < count; i += width) {
    Num piece = loadInvariant(b.vec(width, element), b.at(at, i * bytes),
                              unsigned(width * bytes));
    for (int64_t j = 0; j < width; ++j)
      elements.push_back(b.toF32(b.lane(piece, j)));
  }
  return elements;
}

namespace {
struct Angle {
  Num cosine, sine;
};
} // namespace

/// Angles [first, first + count) of the row; `first` (i32) is a multiple of two
/// where `count` is.
static SmallVector<Angle> loadAngles(const Variant &variant,
                                     const Angles &angles, Stepped first,
                                     int64_t count) {
  KernelBuilder &b = *angles.row.builder;
  // Two a load, where rows are as aligned as their table is.
  int64_t width = count % 2 == 0 && variant.policy.rope.dim % 4 == 0 ? 2 : 1;
  Num at = addressOf(angles.row, first, 8);
  SmallVector<Angle> all;
  for (int64_t i = 0; i < count; i += width) {
    Num some = loadInvariant(b.vec(2 * width, b.f32()), b.at(at, i * 8),
                             unsigned(8 * width));
    for (int64_t j = 0; j < 2 * width; j += 2)
      all.push_back({b.lane(some, j), b.lane(some, j + 1)});
  }
  return all;
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
                                      const Angles &angles, Stepped first,
                                      int64_t count, RowReader read) {
  Nums low = read(first, count),
       high = read(first + variant.policy.rope.dim / 2, count);
  for (auto [x, y, angle] :
       llvm::zip(low, high, loadAngles(variant, angles, first, count)))
    std::tie(x, y) = std::pair{turn(x, y, angle.cosine, -angle.sine),
                               turn(y, x, angle.cosine, angle.sine)};
  return {low, high};
}

/// Turns neighbours, a pair each.
static Nums rotateNeighbours(const Variant &variant, const Angles &angles,
                             Num first, Nums piece) {
  KernelBuilder &b = *first.builder;
  int64_t dim = variant.policy.rope.dim, count = int64_t(piece.size());
  // A piece, or else a pair, that is beyond the rotated dimension reads the
  // last one's angles and drops what they make of it.
  int64_t together = dim % count == 0 ? count : 2;
  for (int64_t i = 0; i < count; i += together) {
    Num pair = min((first + i) >> 1, b.i32((dim - together) / 2));
    Num inside = first + i < dim;
    for (auto [j, angle] :
         llvm::enumerate(loadAngles(variant, angles, pair, together / 2))) {
      Num &x = piece[i + 2 * j], &y = piece[i + 2 * j + 1];
      auto [turnedX, turnedY] = rotate(x, y, angle.cosine, angle.sine);
      bool all = dim == variant.keyDim();
      x = all ? turnedX : select(inside, turnedX, x);
      y = all ? turnedY : select(inside, turnedY, y);
    }
  }
  return piece;
}

/// Turns elements with those of the other half.
static Nums rotateHalves(const Variant &variant, const Angles &angles,
                         Num first, Nums piece, RowReader read) {
  KernelBuilder &b = *first.builder;
  int64_t dim = variant.policy.rope.dim, half = dim / 2,
          count = int64_t(piece.size());
  // As many at once as have their partners in one place.
  int64_t together = std::min(count, half & -half);
  for (int64_t i = 0; i < count; i += together) {
    Num own = first + i;
    Num inside = own < dim, low = own < half;
    Num other = select(low, own + half, own - half);
    // Those beyond the rotated dimension are their own partners, and read the
    // last angles.
    Nums partners = read(select(inside, other, own), together);
    Num pair = min(select(low, own, other), b.i32(half - together));
    for (auto [j, angle] :
         llvm::enumerate(loadAngles(variant, angles, pair, together))) {
      Num &x = piece[i + j];
      x = select(inside,
                 turn(x, partners[j], angle.cosine,
                      select(low, -angle.sine, angle.sine)),
                 x);
    }
  }
  return piece;
}

Nums emitRotatedPiece(const Variant &variant, const Angles &angles,
                      Stepped first, int64_t count, RowReader read) {
  Nums piece = read(first, count);
  if (variant.policy.rope.style == KVCRT_ROPE_NEOX)
    return rotateHalves(variant, angles, first.value(), piece, read);
  return rotateNeighbours(variant, angles, first.value(), piece);
}

} // namespace kvc::gpu
