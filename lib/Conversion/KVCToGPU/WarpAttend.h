//===- WarpAttend.h - one warp's rows against tiles of keys -----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every mma.sync schedule does with a tile of keys that is in shared
// memory: products of 16 query rows and the keys, score edits, softmax, and
// weights times values. A schedule decides which tiles, by which warps, and
// how they got there.
//
// Invariant: scores, weights and outputs stay in registers, in the layout that
// AttentionMath.h describes.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_WARPATTEND_H
#define KVC_LIB_CONVERSION_KVCTOGPU_WARPATTEND_H

#include "AttentionMath.h"
#include "KeyTiles.h"
#include "QueryTile.h"
#include "RangeFactor.h"

namespace kvc::gpu {

/// Which of the two queries a tile of the variant meets, where there are two.
struct TileQuery {
  Num isSinks; // i1; null with one query
  Num turns;   // whether the warp's tile before met the other one, or none
  static TileQuery of(const Variant &variant, const VisibleTiles &visible,
                      Num ordinal, int64_t stride);
};

class WarpAttend {
public:
  /// `queries` and `ring` are shared memory; the warp's rows are [warpRow,
  /// warpRow + 16) of the query tile. With `inRegisters`, the queries and what
  /// comes with them are loaded here, once; with `inLoop`, products of queries
  /// and keys are a loop: operands of a few of them alone are in flight.
  WarpAttend(AttendContext &c, const KeyTiles &tiles,
             const QueryTile &queryTile, QueryPlace queries, Num ring,
             Num warpRow, bool inRegisters, bool inLoop);

  /// No keys yet: a softmax state, outputs of zero, weights' factors where they
  /// have some and, of two queries in registers, the one that met the last
  /// tile.
  Nums start();
  /// The state after the keys of tile `tile`, which is in stage `stage`.
  Nums attend(Num tile, TileQuery query, Num stage, llvm::ArrayRef<Num> before);
  /// The state after the last tile, with outputs that are without factors.
  Nums finish(llvm::ArrayRef<Num> carried) const;

  static SoftmaxState stateOf(llvm::ArrayRef<Num> carried) {
    return SoftmaxState::from(carried.take_front(4));
  }
  static llvm::ArrayRef<Num> outOf(llvm::ArrayRef<Num> carried) {
    return carried.drop_front(4);
  }
  /// Row of the block's tile that half `half` of this lane's fragments is.
  Num row(int half) const { return warpRow + (lane >> 2) + 8 * half; }

private:
  size_t outSize() const { return size_t(v.valueDim() / 8 * 4); }
  Nums loadInverseFactors();
  Nums queryFragment(Num base, int64_t step);
  llvm::SmallVector<Nums> queryFragments(Num base);
  Nums products(Num base, llvm::ArrayRef<Nums> fragments, Num stage);
  void editScores(llvm::MutableArrayRef<Num> scores, Num isSinks, Num tile,
                  Num stage);
  void scaleWeights(llvm::MutableArrayRef<Num> weights, Num stage);
  void addValues(llvm::MutableArrayRef<Num> out, llvm::ArrayRef<Num> weights,
                 Num stage);
  void addWideValues(llvm::MutableArrayRef<Num> out,
                     llvm::ArrayRef<Num> weights, Num base);

  AttendContext &c;
  KernelBuilder &b;
  const Variant &v;
  const KeyTiles &tiles;
  const QueryTile &queryTile;
  QueryPlace queries;
  Num ring, warpRow, lane;
  Num lowIndex, highIndex; // indices of this warp's queries
  bool inRegisters, inLoop;
  llvm::SmallVector<Nums> fragments; // of the only query
  Nums inverseFactors;
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_WARPATTEND_H
