//===- SplitFold.h - partial results of tasks that share rows ---*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A split task writes its rows, unnormalised, where split_out and split_state
// have its slot; the last block of the group to arrive folds all of them in the
// order of their tasks. A slot of the plan is kSlotRows rows: a task of more
// rows has several, one behind the other.
//
// Invariant: the order of the sum is the order of the keys, whoever comes last.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_SPLITFOLD_H
#define KVC_LIB_CONVERSION_KVCTOGPU_SPLITFOLD_H

#include "AttendContext.h"
#include "kvc/Support/GpuChip.h"

namespace kvc::gpu {

inline constexpr int64_t kSlotRows = GpuTasks::decodeRows;

/// A task's place among those that share its rows.
struct Split {
  Num slot, group, count, index; // i32; slot is negative when it is alone
  /// `again`: behind a loop, in which no register keeps what was loaded before.
  static Split load(AbiStruct<kvcrt_task> task, bool again = false);
};

/// {max, sum} of a partial result, and the sum of several of them.
struct PartialState {
  Num max, sum;
  static PartialState load(Num at);
};

/// Unnormalised rows and their states in shared memory: lanes hold a few
/// elements of many rows, and hand them here to warps that write whole rows.
struct SharedRows {
  Num base;
  int64_t rows, dim;
  /// Rows of `dim` f32, apart by what keeps the lanes of put() off each other's
  /// banks, and their states.
  static int64_t bytes(int64_t rows, int64_t dim) {
    return rows * (pitch(dim) + 8);
  }
  Num outAt(Num row) const { return base.builder->at(base, row * pitch(dim)); }
  Num stateAt(Num row) const {
    return base.builder->at(base.builder->at(base, rows * pitch(dim)),
                            row << 3);
  }
  /// By a warp: what WarpAttend carries, to the 16 rows from `firstRow` on.
  void put(Num firstRow, llvm::ArrayRef<Num> carried) const;

private:
  static int64_t pitch(int64_t dim) { return dim * 4 + 32; }
};

/// Of the row of `dim` f32 at `row`, this lane's pairs of columns.
Nums loadPairs(Num row, llvm::ArrayRef<Num> columns, int64_t dim);

/// Folds `count` (i32) partial results whose states and rows `stateOf(p)` and
/// `outOf(p)` give, in order: of `columns`, this lane's pairs of columns.
void emitFold(KernelBuilder &b, Num count, llvm::ArrayRef<Num> columns,
              int64_t dim, llvm::function_ref<Num(Num)> stateOf,
              llvm::function_ref<Num(Num)> outOf, Nums &sums,
              PartialState &total);

/// What a block takes of a task's tile: `rows` rows, part `index` (i32) of
/// `count`.
struct TilePart {
  int64_t rows, count = 1;
  Num index = Num();
};

/// The rows of one task's tile, walked by the warps of a block.
class SplitFold {
public:
  SplitFold(const AttendContext &c, Split split, int64_t warps, TilePart part);

  /// Calls `body(row of the part, columns)` for each row of the block's part
  /// that exists and is this warp's to write; `columns` are this lane's pairs
  /// of columns.
  using RowBody = llvm::function_ref<void(Num, llvm::ArrayRef<Num>)>;
  void forEachRow(RowBody body) const;
  /// Writes a row of the part from its columns: to its slot where the task
  /// shares its rows, else to out.
  void putRow(Num row, llvm::ArrayRef<Num> columns, llvm::ArrayRef<Num> sums,
              PartialState state) const;
  /// Where row `row` of the partial result in slot `slot` lies.
  Num outAt(Num slot, Num row) const;
  Num stateAt(Num slot, Num row) const;
  /// Counts this block, which has written its rows of the slot; the last one
  /// of all parts of all tasks writes the whole tile to out.
  /// `arrived` is a word of shared memory that nobody uses. Nothing is done
  /// for a task that is alone.
  void arrive(Num arrived) const;

private:
  int64_t rows() const { return part.rows * part.count; }
  int64_t slotsOfTask() const { return rows() / kSlotRows; }
  /// Row of the tile that is row `row` of the block's part.
  Num rowOfTile(Num row) const {
    return part.count == 1 ? row : row + part.index * part.rows;
  }
  /// The warp's share of `count` rows, of which the first is row `first` of
  /// the tile.
  void forRowsFrom(Num first, int64_t count, RowBody body) const;
  void putOutput(Num row, llvm::ArrayRef<Num> columns, llvm::ArrayRef<Num> sums,
                 PartialState state) const;
  void putPartial(Num row, llvm::ArrayRef<Num> columns,
                  llvm::ArrayRef<Num> sums, PartialState state) const;

  const AttendContext &c;
  KernelBuilder &b;
  Split split;
  int64_t warps;
  TilePart part;
  Num firstRow, endRow; // of the whole tile
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_SPLITFOLD_H
