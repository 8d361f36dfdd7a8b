//===- SharedTile.h - rows of K, V or Q in shared memory --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile is `rows` rows of 16-byte chunks. So that the eight rows of a matrix
// lie in eight different groups of banks, chunk c of row r stands at c ^ (r %
// 8) where a row has a multiple of eight chunks; other rows are padded to an
// odd number of chunks.
//
// Invariant: whatever the row length, ldmatrix and copies of 16 bytes have no
// bank conflicts.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_SHAREDTILE_H
#define KVC_LIB_CONVERSION_KVCTOGPU_SHAREDTILE_H

#include "Stepped.h"

namespace kvc::gpu {

struct SharedTile {
  int64_t rows = 0, chunks = 0;

  static SharedTile ofBytes(int64_t rows, int64_t rowBytes) {
    return {rows, rowBytes / 16};
  }
  bool swizzled() const { return chunks % 8 == 0; }
  int64_t pitch() const { return (swizzled() ? chunks : chunks | 1) * 16; }
  int64_t bytes() const { return rows * pitch(); }
  /// Address of chunk `chunk` of row `row` of the tile at `base`.
  Num address(Num base, Stepped row, Stepped chunk) const;
};

/// Where this lane points to for ldmatrix: row `row` of each matrix's rows, and
/// chunk `chunk` (0 or 1) of each pair of chunks.
struct MatrixLane {
  Num row, chunk;
  /// Matrices 0 to 3: rows first (rows 0-7, 8-15, then the next chunk), the
  /// order of an A fragment, and of V as B fragments when transposed.
  static MatrixLane rowsFirst(KernelBuilder &b);
  /// Chunks first, the order of two B fragments of keys 0-7 and 8-15.
  static MatrixLane chunksFirst(KernelBuilder &b);
  /// The lane's address in the 16 rows from `row` and the two chunks from
  /// `chunk` (even) on.
  Num address(const SharedTile &tile, Num base, Num firstRow,
              int64_t firstChunk) const;
};

/// How the threads of a block or a warp walk over a tile: each row by as many
/// threads as divide its chunks, up to eight.
struct TileWalk {
  int64_t threads, rows, chunks, perRow;
  /// Chunks c < apart and c + apart come together; 0: none do.
  int64_t apart;
  /// `partner`: how far apart chunks are that are best taken together. They are
  /// where one thread has both.
  TileWalk(int64_t threads, int64_t rows, int64_t chunks, int64_t partner = 0);
  int64_t rowsPerPass() const { return threads / perRow; }
  int64_t passes() const { return (rows + rowsPerPass() - 1) / rowsPerPass(); }
  /// Whether a thread has many chunks: for work that takes tens of registers a
  /// chunk, more code than can be worth it, and more registers when
  /// interleaved.
  bool isLong() const { return passes() * chunks > 8 * perRow; }
  /// Calls `row(row)` for each row of thread `thread` (i32, of `threads`), and
  /// for one behind the last where there are more threads than chunks; it
  /// answers what `chunk(of the row, row, a chunk or two that come together)`
  /// gets. With `passesAtOnce` (0: all), the passes are a loop: less code, and
  /// loads of so many passes alone are in flight. With `chunksInLoop`, so are a
  /// row's chunks.
  void forEach(KernelBuilder &b, Num thread,
               llvm::function_ref<Nums(Num row)> row,
               llvm::function_ref<void(llvm::ArrayRef<Num>, Stepped row,
                                       llvm::ArrayRef<Stepped> chunks)>
                   chunk,
               int64_t passesAtOnce = 0, bool chunksInLoop = false) const;
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_SHAREDTILE_H
