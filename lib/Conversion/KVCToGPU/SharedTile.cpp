//===- SharedTile.cpp - rows of K, V or Q in shared memory ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedTile.h"

#include <algorithm>

using llvm::ArrayRef;

namespace kvc::gpu {

Num SharedTile::address(Num base, Stepped row, Stepped chunk) const {
  KernelBuilder &b = *base.builder;
  // The swizzle reaches the lowest three bits of a chunk and of its row: what
  // is a multiple of eight beyond them is a constant offset.
  int64_t rows = row.offset, chunks = chunk.offset;
  if (swizzled()) {
    rows -= rows % 8;
    chunks -= chunks % 8;
  }
  Num r = row.start + (row.offset - rows),
      place = chunk.start + (chunk.offset - chunks);
  if (swizzled())
    place = place ^ (r & 7);
  return b.at(b.at(base, r * pitch() + place * 16),
              rows * pitch() + chunks * 16);
}

MatrixLane MatrixLane::rowsFirst(KernelBuilder &b) {
  Num lane = laneId(b);
  return {lane & 15, lane >> 4};
}

MatrixLane MatrixLane::chunksFirst(KernelBuilder &b) {
  Num lane = laneId(b);
  return {(lane & 7) + ((lane >> 4) << 3), (lane >> 3) & 1};
}

Num MatrixLane::address(const SharedTile &tile, Num base, Num firstRow,
                        int64_t firstChunk) const {
  KernelBuilder &b = *base.builder;
  // Rows come in multiples of eight, so that row % 8 is the lane's own. The
  // swizzle reaches the lowest three bits of a chunk: all else is a constant
  // offset, and four registers do for a row of any length.
  Num place = chunk << 4;
  int64_t fixed = firstChunk * 16;
  if (tile.swizzled()) {
    place = ((chunk ^ (row & 7)) << 4) ^ b.i32(fixed & 127);
    fixed &= ~int64_t(127);
  }
  Num lane = b.at(base, row * tile.pitch() + place);
  return b.at(b.at(lane, firstRow * tile.pitch()), fixed);
}

TileWalk::TileWalk(int64_t threads, int64_t rows, int64_t chunks,
                   int64_t partner)
    : threads(threads), rows(rows), chunks(chunks), perRow(8) {
  while (chunks % perRow != 0)
    perRow /= 2;
  apart = partner % perRow == 0 ? partner : 0;
}

void TileWalk::forEach(
    KernelBuilder &b, Num thread, llvm::function_ref<Nums(Num)> row,
    llvm::function_ref<void(ArrayRef<Num>, Stepped, ArrayRef<Stepped>)> chunk,
    int64_t passesAtOnce, bool chunksInLoop) const {
  Num myRow = thread / perRow, myChunk = thread % perRow;
  auto pass = [&](Stepped r, ArrayRef<Num> found) {
    // Chunks from `begin` to `end`, each with the one `partner` behind it.
    auto walk = [&](int64_t begin, int64_t end, int64_t partner) {
      auto at = [&](Stepped first) {
        llvm::SmallVector<Stepped> together = {first};
        if (partner)
          together.push_back({first.start, first.offset + partner});
        chunk(found, r, together);
      };
      if (chunksInLoop && end - begin > perRow)
        return b.rolledLoop(b.i32(begin), b.i32(end), perRow,
                            [&](Num c) { at(myChunk + c); });
      for (int64_t c = begin; c < end; c += perRow)
        at({myChunk, c});
    };
    walk(0, apart, apart);
    walk(2 * apart, chunks, 0);
  };
  const int64_t step = passesAtOnce * rowsPerPass();
  if (step > 0 && step < rows && rows % step == 0)
    return b.loop(b.i32(0), b.i32(rows), step, [&](Num first) {
      for (int64_t next = 0; next < step; next += rowsPerPass()) {
        Stepped r(myRow + first, next);
        pass(r, row(r.value()));
      }
    });
  for (int64_t first = 0; first < rows; first += rowsPerPass()) {
    Stepped r(myRow, first);
    // More threads than chunks: the others have nothing to do, but are there
    // when lanes look for what a row needs.
    bool all = first + rowsPerPass() <= rows;
    Nums found = row(r.value());
    if (all)
      pass(r, found);
    else
      b.ifThen(r.value() < rows, [&] { pass(r, found); });
  }
}

} // namespace kvc::gpu
