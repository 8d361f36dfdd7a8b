//===- AttendContext.h - what the pieces of attend share --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parameters and the task at hand as SSA values, loaded once at the start
// of a task, and the interfaces of the pieces that schedules are built from:
//
//   queries  ->  [ row tables -> (packed rows) -> scores -> softmax -> values ]
//            ->  finish
//
// A schedule decides which rows and which tiles; the pieces do not know it.
// Row r of a task is query head kvHead * group + r % group of new token
// firstToken + r / group of the sequence.
//
// Invariant: a row of K or V is read only when some query of the task may see
// it; every other row of a tile is the row of zeros in scratch.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_ATTENDCONTEXT_H
#define KVC_LIB_CONVERSION_KVCTOCPU_ATTENDCONTEXT_H

#include "../Kernel/AttendTask.h"
#include "MathPolynomials.h"
#include "Rotation.h"
#include "Workspace.h"

namespace kvc::cpu {

/// What a schedule decides about a tile: rows of K and V straight out of the
/// cache, or decoded once into scratch because many query rows read them; and
/// how many query rows share a load of them.
struct TileAccess {
  bool packKeys;
  bool packValues;
  int64_t rowBlock;
};

/// Indices, lengths and positions are i64.
struct AttendContext : AttendTask {
  AttendContext(KernelBuilder &b, const Variant &variant,
                const TileShape &shape, TileAccess access,
                AbiStruct<kvcrt_params> params)
      : AttendTask(b, variant, engineMath, params), shape(shape),
        access(access) {}

  const TileShape &shape;
  TileAccess access;

  // The task: first new token, tokens, rows, rows padded.
  Num firstToken, numTokens, rows, paddedRows;
  RopeTable ropeTable;

  // Scratch of this worker.
  Num query, sinkQuery, scores, sinkScores, rescale;
  Num tables, packedTable, packedKey, packedValue, zeroRow;
  SoftmaxState state; // of maxRows
  SoftmaxState total; // of decodeRows

  /// Token of the sequence's new ones that row `row` belongs to.
  Num rowToken(Num row) const { return firstToken + row / variant.group(); }
};

/// Visible keys of a block of queries, in tiles: first the tiles that hold
/// sinks, then those from the window's start to the last visible key. An
/// *ordinal* counts them through.
struct VisibleTiles {
  Num sinkTiles; // tiles [0, sinkTiles) hold sinks
  Num firstTile; // first of the window
  Num count;     // ordinals [0, count)
  Num tileOf(Num ordinal) const;
};
VisibleTiles emitVisibleTiles(const Variant &variant, const TileShape &shape,
                              AbiStruct<kvcrt_params> params, Num kvLen,
                              Num lowIndex, Num highIndex);

/// Loads what the task `task` of `closure` needs.
AttendContext emitTaskContext(KernelBuilder &b, const Variant &variant,
                              const TileShape &shape, TileAccess access,
                              AbiStruct<Closure> closure, AbiStruct<Task> task,
                              Num worker);

/// The task's queries, widened to f32 and rotated, into scratch; rows from
/// `rows` to `paddedRows` are zero.
void emitLoadQueries(AttendContext &c);

/// Where the rows of tile `tile` are, into the table at `table`.
void emitRowTable(AttendContext &c, Num tile, Num table);
/// Decodes (and rotates) the first `keys` rows that `table` names, where the
/// schedule asks for it.
void emitPackRows(AttendContext &c, Num table, Num tile, Num keys);

/// scores[r][j] = query[r] . key[j] for j < keys (rounded up to keyBlock);
/// prefetches the rows of `nextTable` where that helps.
void emitScores(AttendContext &c, Num query, Num scores, Num table,
                Num nextTable, Num keys);
/// state.acc[r] = state.acc[r] * rescale[r] + sum over j of scores[r][j] *
/// value[j]. With `guarded`, a value whose weight is zero is not multiplied:
/// it may be NaN.
void emitValues(AttendContext &c, Num table, Num nextTable, Num keys,
                bool guarded);

/// Scores become weights: scale, soft-cap, score region, alibi, masks,
/// visibility, online softmax. Updates max and sum of the state and leaves the
/// factor for its accumulators in `rescale`. With `steady`, every query sees
/// every key of the tile.
void emitSoftmax(AttendContext &c, Num tile, bool steady);

void emitClearState(AttendContext &c, SoftmaxState state, Num rows);
/// into = the state after the keys of both, `into` first.
void emitFoldState(AttendContext &c, SoftmaxState into, SoftmaxState part,
                   Num rows);
/// Divides, adds the sink logit, writes out and lse.
void emitFinish(AttendContext &c, SoftmaxState state);

/// The loop over ordinals [first, end) of `tiles`, into c.state.
void emitTileLoop(AttendContext &c, const VisibleTiles &tiles, Num first,
                  Num end);

/// A piece of a row of K or V as f32, from the cache or from a packed row.
struct RowReader {
  StorageAttrInterface storage; // null: f32
  Num row, scale, zeroPoint;
  /// Elements [offset, offset + width), `offset` an i64 or a literal.
  Num read(Num offset, int64_t width) const;
};

/// Splits [0, dim) into whole vectors and a tail: calls `body(offset, width)`
/// with constants.
void forEachPiece(int64_t dim, int64_t lanes,
                  llvm::function_ref<void(int64_t offset, int64_t width)> body);

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_ATTENDCONTEXT_H
