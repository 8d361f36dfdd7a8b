//===- QueryTile.h - a block's queries in shared memory ---------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From global memory, turned where the policy turns queries, and in the type
// and range that products with the keys need.
//
// Invariant: every row of the tile is a query: rows behind the block's last one
// are that once more, and nobody reads what becomes of them.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_QUERYTILE_H
#define KVC_LIB_CONVERSION_KVCTOGPU_QUERYTILE_H

#include "AttendContext.h"
#include "Kernels.h"
#include "SharedTile.h"

namespace kvc::gpu {

/// Where a block's queries lie in shared memory: the rows, and what gives their
/// factors back, an f32 a row, where they have some.
struct QueryPlace {
  Num rows, factors;
  Num inverseFactor(Num row) const {
    return rows.builder->at(factors, row << 2);
  }
};

/// The query rows of a block in shared memory: one tile, and a second one,
/// turned for the sinks, where the variant needs it.
struct QueryTile {
  QueryTile(const Variant &variant, int64_t rows)
      : variant(variant), element(operandType(variant, variant.keyStorage)),
        tile(SharedTile::ofBytes(
            rows, variant.keyDim() * element.getIntOrFloatBitWidth() / 8)) {}
  int64_t bytes() const {
    return tile.bytes() * (variant.needsSinkQuery() ? 2 : 1);
  }
  int64_t factorBytes() const {
    return scalesQueries(variant) ? tile.rows * 4 : 0;
  }
  /// By all `threads` threads of the block. With `inSteps`, a thread has one
  /// chunk of each row at once.
  void emitLoad(const AttendContext &c, const QueryPlace &place,
                int64_t threads, bool inSteps) const;
  Num sinks(Num base) const { return base.builder->at(base, tile.bytes()); }

  const Variant &variant;
  mlir::Type element; // of the products
  SharedTile tile;
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_QUERYTILE_H
