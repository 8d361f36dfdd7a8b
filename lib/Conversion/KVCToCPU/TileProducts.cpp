//===- TileProducts.cpp - the two products of a tile ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// scores = query . key and accumulators += weights . value, blocked so that the
// inner loops keep their accumulators in registers: rowBlock x keyBlock dot
// products, rowBlock x columnBlock vectors of output. Each vector of K or V is
// loaded (and decoded) once for rowBlock query rows.
//
// Invariant: sums are formed in a fixed order, whatever the number of keys.
//
//===----------------------------------------------------------------------===//

#include "AttendContext.h"

using namespace mlir;

namespace kvc::cpu {

/// Rows of K (or V) as the products read them.
namespace {
struct RowSource {
  StorageAttrInterface storage; // null: packed f32
  Num rows, scales;

  RowReader reader(Num j) const {
    KernelBuilder &b = *rows.builder;
    RowReader reader{storage, b.load(b.ptr(), b.at(rows, j * 8)), {}, {}};
    if (storage && storage.hasScale())
      reader.scale = b.load(b.f32(), b.at(scales, j * 4));
    return reader;
  }
};
} // namespace

static RowSource sourceOf(AttendContext &c, bool packed,
                          StorageAttrInterface storage, Num table, int64_t rows,
                          int64_t scales) {
  KernelBuilder &b = c.b;
  if (packed)
    return {nullptr, b.at(c.packedTable, rows), {}};
  return {storage, b.at(table, rows), b.at(table, scales)};
}

/// Asks for `bytes` from byte `begin` on of row `j` of the table whose pointers
/// begin at `rows`. Kept out of the first-level cache, which the tile at hand
/// fills. A few lines at a time between the arithmetic: a burst would wait for
/// the memory that it asks.
static void emitPrefetch(KernelBuilder &b, Num rows, Num j, Num begin,
                         int64_t bytes) {
  constexpr int kSecondLevel = 2;
  Num row = b.at(b.load(b.ptr(), b.at(rows, j * 8)), begin);
  for (int64_t at = 0; at < bytes; at += kLine)
    b.prefetch(b.at(row, at), kSecondLevel);
}

/// <sum a, sum b, sum c, sum d> of four vectors, by adding within groups of
/// four lanes first and across the groups last.
static Num emitSumOfFour(KernelBuilder &b, ArrayRef<Num> v) {
  int64_t lanes = v[0].lanes();
  auto pick = [&](int64_t i0, int64_t i1, int64_t i2, int64_t i3) {
    // Per group of four lanes; an index from 4 on means the second operand.
    SmallVector<int64_t> mask;
    for (int64_t group = 0; group < lanes; group += 4)
      for (int64_t i : {i0, i1, i2, i3})
        mask.push_back(group + (i < 4 ? i : lanes + i - 4));
    return mask;
  };
  auto low = pick(0, 4, 1, 5), high = pick(2, 6, 3, 7);
  Num ab = b.shuffle(v[0], v[1], low) + b.shuffle(v[0], v[1], high);
  Num cd = b.shuffle(v[2], v[3], low) + b.shuffle(v[2], v[3], high);
  Num sums =
      b.shuffle(ab, cd, pick(0, 1, 4, 5)) + b.shuffle(ab, cd, pick(2, 3, 6, 7));
  for (; lanes > 4; lanes /= 2)
    sums = b.slice(sums, 0, lanes / 2) + b.slice(sums, lanes / 2, lanes / 2);
  return sums;
}

void emitScores(AttendContext &c, Num query, Num scores, Num table,
                Num nextTable, Num keys) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  constexpr int64_t keyBlock = TileShape::keyBlock;
  int64_t rowBlock = c.access.rowBlock, lanes = c.shape.lanes;
  RowTableLayout layout = RowTableLayout::get(c.shape);
  RowSource source = sourceOf(c, c.access.packKeys, v.keyStorage, table,
                              layout.key, layout.keyScale);
  Type vectorType = b.vec(lanes, b.f32());

  b.loop(b.i64(0), keys, keyBlock, [&](Num j) {
    SmallVector<RowReader> readers;
    for (int64_t k = 0; k < keyBlock; ++k)
      readers.push_back(source.reader(j + k));
    if (!c.access.packKeys)
      for (int64_t k = 0; k < keyBlock; ++k)
        emitPrefetch(b, b.at(nextTable, layout.key), j + k, b.i64(0),
                     v.storedKeyBytes());
    b.loop(b.i64(0), c.paddedRows, rowBlock, [&](Num row) {
      Num queryRow = b.at(query, row * c.shape.keyRowBytes());
      Nums sums(rowBlock * keyBlock, b.constant(vectorType, 0));
      auto accumulate = [&](Nums &sums, Num offset, int64_t width) {
        Nums keyPieces, queryPieces;
        for (RowReader &reader : readers)
          keyPieces.push_back(b.padZero(reader.read(offset, width), lanes));
        for (int64_t r = 0; r < rowBlock; ++r) {
          Num at = b.at(b.at(queryRow, r * c.shape.keyRowBytes()), offset * 4);
          Num piece = b.load(vectorType, at);
          for (int64_t k = 0; k < keyBlock; ++k) {
            Num &sum = sums[r * keyBlock + k];
            sum = fma(piece, keyPieces[k], sum);
          }
        }
      };
      int64_t whole = v.keyDim() / lanes * lanes;
      sums = b.loop(b.i64(0), b.i64(whole), lanes, sums,
                    [&](Num offset, ArrayRef<Num> carried) {
                      Nums next(carried.begin(), carried.end());
                      accumulate(next, offset, lanes);
                      return next;
                    });
      forEachPiece(v.keyDim() - whole, lanes, [&](int64_t at, int64_t width) {
        accumulate(sums, b.i64(whole + at), width);
      });
      for (int64_t r = 0; r < rowBlock; ++r) {
        Num four =
            emitSumOfFour(b, ArrayRef<Num>(sums).slice(r * keyBlock, keyBlock));
        b.store(four,
                b.at(b.at(scores, (row + r) * c.shape.scoreRowBytes()), j * 4));
      }
    });
  });
}

void emitValues(AttendContext &c, Num table, Num nextTable, Num keys,
                bool guarded) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  int64_t rowBlock = c.access.rowBlock, lanes = c.shape.lanes;
  RowTableLayout layout = RowTableLayout::get(c.shape);
  RowSource source = sourceOf(c, c.access.packValues, v.valueStorage, table,
                              layout.value, layout.valueScale);
  Type vectorType = b.vec(lanes, b.f32());
  int64_t bits = StorageAttrInterface(v.valueStorage).getBits();
  // `columns` pieces of width `width` that begin at element `offset`.
  auto block = [&](Num offset, int64_t columns, int64_t width) {
    b.loop(b.i64(0), c.paddedRows, rowBlock, [&](Num row) {
      auto accAt = [&](int64_t r, int64_t k) {
        Num rowAcc = b.at(c.state.acc, (row + r) * c.shape.valueRowBytes());
        return b.at(b.at(rowAcc, offset * 4), k * lanes * 4);
      };
      Nums acc;
      for (int64_t r = 0; r < rowBlock; ++r) {
        Num factor = b.splat(loadF32(c.rescale, row + r), lanes);
        for (int64_t k = 0; k < columns; ++k)
          acc.push_back(b.load(vectorType, accAt(r, k)) * factor);
      }
      acc = b.loop(
          b.i64(0), keys, 1, acc, [&](Num j, ArrayRef<Num> carried) -> Nums {
            Nums next(carried.begin(), carried.end());
            RowReader reader = source.reader(j);
            if (!c.access.packValues)
              emitPrefetch(b, b.at(nextTable, layout.value), j,
                           offset * bits / 8, columns * width * bits / 8);
            Nums pieces;
            for (int64_t k = 0; k < columns; ++k)
              pieces.push_back(
                  b.padZero(reader.read(offset + k * lanes, width), lanes));
            for (int64_t r = 0; r < rowBlock; ++r) {
              Num scoreRow =
                  b.at(c.scores, (row + r) * c.shape.scoreRowBytes());
              Num weight = loadF32(scoreRow, j);
              Num weights = b.splat(weight, lanes);
              Num unseen = weights == 0.0;
              for (int64_t k = 0; k < columns; ++k) {
                Num &sum = next[r * columns + k];
                Num added = fma(weights, pieces[k], sum);
                sum = guarded ? select(unseen, sum, added) : added;
              }
            }
            return next;
          });
      for (int64_t r = 0; r < rowBlock; ++r)
        for (int64_t k = 0; k < columns; ++k)
          b.store(acc[r * columns + k], accAt(r, k));
    });
  };

  int64_t whole = v.valueDim() / lanes;
  int64_t columns = c.shape.accumulators / rowBlock;
  int64_t blocked = whole / columns * columns;
  if (blocked > 0)
    b.loop(b.i64(0), b.i64(blocked * lanes), columns * lanes,
           [&](Num offset) { block(offset, columns, lanes); });
  if (whole > blocked)
    block(b.i64(blocked * lanes), whole - blocked, lanes);
  forEachPiece(v.valueDim() - whole * lanes, lanes,
               [&](int64_t at, int64_t width) {
                 block(b.i64(whole * lanes + at), 1, width);
               });
}

} // namespace kvc::cpu
