//===- TiledPrefill.cpp - many query rows ---------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block takes a tile of rows (query tokens x group of one KV head) of one
// sequence, or half of one; each warp owns 16 of them. Tiles of keys pass
// through a ring that the block shares: one barrier a tile, copies of the tiles
// ahead in flight behind the products. Scores, weights and outputs stay in
// registers.
//
// Where the plan cuts a task's keys, a warp writes its rows from its registers
// to the task's slot, and the last block of the group folds (SplitFold).
//
// Hopper's warp-specialised schedule (wgmma, TMA) is another file beside this
// one over the same AttentionMath and ScoreEdits.
//
// Invariant: a row sees its keys tile by tile in order, whatever the grid.
//
//===----------------------------------------------------------------------===//

#include "SplitFold.h"
#include "WarpAttend.h"

#include "kvc/Support/GpuChip.h"

using namespace mlir;

namespace kvc::gpu {

namespace {
/// Sizes of the schedule, from the variant and the chip alone.
struct PrefillShape {
  int64_t warps = GpuTasks::prefillRows / 16, tileKeys = 64, stages = 3;
  bool queriesInRegisters = true;
  int64_t threads() const { return warps * 32; }
  /// Of the task's rows, those that a block takes at once.
  int64_t rows() const { return warps * 16; }
  int64_t parts() const { return GpuTasks::prefillRows / rows(); }
  QueryTile queryTile(const Variant &v) const { return {v, rows()}; }
  KeyTiles keyTiles(const Variant &v) const {
    return KeyTiles(v, threads(), tileKeys, stages);
  }
  int64_t sharedBytes(const Variant &v) const {
    return queryTile(v).bytes() + keyTiles(v).bytes();
  }
  /// The deepest ring that leaves room for two blocks, else for one; fewer
  /// keys where even two stages do not fit, and then half of the rows.
  static FailureOr<PrefillShape> get(const Variant &v, const Chip &chip);
};

} // namespace

FailureOr<PrefillShape> PrefillShape::get(const Variant &v, const Chip &chip) {
  PrefillShape shape;
  KeyTiles tiles = shape.keyTiles(v);
  bool wide = tiles.key.element.isF32() || tiles.value.element.isF32();
  shape.queriesInRegisters =
      v.keyDim() <= (wide ? 32 : 128) && v.valueDim() <= 128;
  // Beside outputs of 256, tiles of scaled rows with more keys spill on sm_86
  // and sm_89, as ptxas says (assembles-256.mlir); larger chips hide a tile of
  // 64 behind more stages.
  bool small = (tiles.key.hasScale() || tiles.value.hasScale()) &&
               v.valueDim() > 192 && chip.sharedBytes < 128 * 1024;
  // A region that reads tables, or one beside two rotated queries and scales:
  // more scores than those of 32 keys spill, as ptxas says.
  bool busy = v.score && (!VariantOp(v.op).getCaptures().empty() ||
                          (v.needsSinkQuery() &&
                           (tiles.key.hasScale() || tiles.value.hasScale())));
  for (int64_t warps : {4, 2})
    for (int64_t budget : {chip.sharedBytesPerSM / 2 - 1024, chip.sharedBytes})
      for (int64_t keys : {64, 32, 16})
        for (int64_t stages : {3, 2}) {
          // Halves of scores and weights take twice the registers.
          if (((wide || busy) && keys == 64) || (small && keys > 16))
            continue;
          shape.warps = warps;
          shape.tileKeys = keys;
          shape.stages = stages;
          // Two blocks an SM are worth less than whole tiles.
          if (keys < (wide || busy ? 32 : 64) && budget != chip.sharedBytes)
            continue;
          if (shape.sharedBytes(v) <= budget)
            return shape;
        }
  VariantOp op = v.op;
  return op.emitOpError("expected tiles that fit the shared memory of a block, "
                        "got ")
         << shape.sharedBytes(v) << " bytes of " << chip.sharedBytes
         << "; use a smaller head_dim or another chip";
}

//===----------------------------------------------------------------------===//
// One task
//===----------------------------------------------------------------------===//

/// `emit`(row of the warp's tile, its maximum, its sum, its pairs of outputs)
/// for both rows of a lane, where the task has them. Pair i is of the elements
/// from 8 * i + 2 * (lane % 4).
static void
forRows(const AttendContext &c, const WarpAttend &warp, ArrayRef<Num> carried,
        llvm::function_ref<void(Num, Num, Num, ArrayRef<std::pair<Num, Num>>)>
            emit) {
  SoftmaxState state = WarpAttend::stateOf(carried);
  ArrayRef<Num> out = WarpAttend::outOf(carried);
  for (int half = 0; half < 2; ++half) {
    Num sum = laneSum(state.sum[half], 4);
    Num row = warp.row(half);
    SmallVector<std::pair<Num, Num>> pairs;
    for (int64_t d = 0; d < c.variant.valueDim(); d += 8) {
      size_t i = size_t(d / 8 * 4 + half * 2);
      pairs.push_back({out[i], out[i + 1]});
    }
    c.b.ifThen(c.firstRow + row < c.endRow,
               [&] { emit(row, state.max[half], sum, pairs); });
  }
}

static void emitFinish(const AttendContext &c, const WarpAttend &warp,
                       ArrayRef<Num> carried) {
  Step named(c.b, "finish rows");
  Num lane = laneId(c.b);
  forRows(c, warp, carried,
          [&](Num row, Num max, Num sum, ArrayRef<std::pair<Num, Num>> pairs) {
            Num taskRow = c.firstRow + row;
            RowFinish end = emitFinishRow(c, c.rowHead(taskRow), max, sum);
            SmallVector<std::pair<Num, std::pair<Num, Num>>> pieces;
            for (auto [i, pair] : llvm::enumerate(pairs))
              pieces.push_back({((lane & 3) << 1) + int64_t(i) * 8, pair});
            emitStoreOutput(c, taskRow, end, pieces, (lane & 3) == 0);
          });
}

/// Unnormalised rows to the task's slot.
static void emitPartial(const AttendContext &c, const WarpAttend &warp,
                        const SplitFold &fold, Num slot,
                        ArrayRef<Num> carried) {
  Step named(c.b, "store partial results");
  KernelBuilder &b = c.b;
  Num lane = laneId(b);
  forRows(
      c, warp, carried,
      [&](Num tileRow, Num max, Num sum, ArrayRef<std::pair<Num, Num>> pairs) {
        Num row = fold.rowOfTile(tileRow);
        Num target = b.at(fold.outAt(slot, row), (lane & 3) << 3);
        for (auto [i, pair] : llvm::enumerate(pairs))
          b.store(makePair(pair.first, pair.second),
                  b.at(target, int64_t(i) * 32), 8);
        b.ifThen((lane & 3) == 0, [&] {
          b.store(makePair(max, sum), fold.stateAt(slot, row), 8);
        });
      });
}

/// Part `part` (i32) of the rows of `task`.
static void emitTask(AttendContext &c, const PrefillShape &shape,
                     AbiStruct<kvcrt_task> task, Num part) {
  Step named(c.b, "attend keys");
  KernelBuilder &b = c.b;
  KeyTiles tiles = shape.keyTiles(c.variant);
  QueryTile queryTile = shape.queryTile(c.variant);
  Num queries = sharedMemory(b), ring = sharedMemory(b, queryTile.bytes());
  Num thread = threadId(b);

  // The task before may still be reading shared memory.
  blockBarrier(b);
  VisibleTiles visible =
      emitVisibleTiles(c, TaskRange::load(task), shape.tileKeys);
  auto lookUp = [&](Num ordinal) {
    return tiles.lookUp(c, thread, visible.tileOf(ordinal),
                        ordinal < visible.count);
  };
  auto copy = [&](Num ordinal, Num stage, ArrayRef<Num> found) {
    tiles.emitCopy(c, ring, thread, visible.tileOf(ordinal), stage,
                   ordinal < visible.count, found);
  };
  const int64_t ahead = shape.stages - 1;
  for (int64_t stage = 0; stage < ahead; ++stage)
    copy(b.i32(stage), b.i32(stage), lookUp(b.i32(stage)));
  queryTile.emitLoad(c, queries, shape.threads());
  blockBarrier(b);
  WarpAttend warp(c, tiles, queryTile, queries, ring, warpId(b) * 16,
                  shape.queriesInRegisters);
  // The state, the stage, and where the tile that is copied next lies, unless
  // wide rows leave no registers to know it ahead.
  Nums carried = warp.start();
  size_t stateSize = carried.size();
  carried.push_back(b.i32(0));
  if (shape.queriesInRegisters)
    carried.append(lookUp(b.i32(ahead)));
  carried = b.loop(b.i32(0), visible.count, 1, carried,
                   [&](Num ordinal, ArrayRef<Num> before) -> Nums {
                     Num stage = before[stateSize];
                     Num tile = visible.tileOf(ordinal);
                     copyWait(b, shape.stages - 2);
                     // This tile is there for all, and the one before is no
                     // longer read.
                     blockBarrier(b);
                     Nums found(before.drop_front(stateSize + 1)), next;
                     if (!shape.queriesInRegisters)
                       found = lookUp(ordinal + ahead);
                     copy(ordinal + ahead, tiles.stageBefore(stage), found);
                     if (shape.queriesInRegisters)
                       next = lookUp(ordinal + (ahead + 1));
                     if (tiles.decodes()) {
                       tiles.emitDecode(c, ring, thread, tile, stage);
                       blockBarrier(b);
                     }
                     Nums after =
                         warp.attend(tile, stage, before.take_front(stateSize));
                     after.push_back(tiles.stageAfter(stage));
                     after.append(next);
                     return after;
                   });
  carried.truncate(stateSize);
  // Nothing may land in the next task's stages.
  copyWait(b, 0);
  // The loop has no registers for it.
  Split split = Split::load(task, /*again=*/true);
  SplitFold fold(c, split, shape.warps, {shape.rows(), shape.parts(), part});
  b.ifElse(
      split.slot < 0,
      [&]() -> Nums {
        emitFinish(c, warp, carried);
        return {};
      },
      [&]() -> Nums {
        emitPartial(c, warp, fold, split.slot, carried);
        return {};
      });
  // Nobody reads the ring behind the barrier that is the first thing there.
  fold.arrive(ring);
}

LogicalResult KernelEmitter::emitTiledPrefill() {
  FailureOr<PrefillShape> shape = PrefillShape::get(variant, chip);
  if (failed(shape))
    return failure();
  emitKernel(
      "_attend_prefill", shape->threads(), shape->sharedBytes(variant),
      {shape->tileKeys, shape->warps},
      [&](KernelBuilder &b, AbiStruct<kvcrt_params> params) {
        AbiStruct<kvcrt_step_header> header(
            params.load(KVC_FIELD(kvcrt_params, step.header)));
        auto count = [&](size_t offset) {
          return loadInvariant(b.i32(), b.at(header.address(), int64_t(offset)),
                               4);
        };
        Num decode = count(offsetof(kvcrt_step_header, num_tasks));
        Num prefill = count(offsetof(kvcrt_step_header, num_prefill_tasks));
        AbiStruct<kvcrt_task> tasks(
            params.load(KVC_FIELD(kvcrt_params, tasks)));
        const int64_t parts = shape->parts();
        auto attend = [&](Num index) {
          AbiStruct<kvcrt_task> task = tasks.element(decode + index / parts);
          Num part = index % parts;
          AttendContext c = emitLoadTask(b, variant, params, task,
                                         shape->rows(), parts, part);
          c.convertsFp8 = chip.hasFp8;
          if (parts == 1)
            return emitTask(c, *shape, task, part);
          b.ifThen(c.firstRow < c.endRow,
                   [&] { emitTask(c, *shape, task, part); });
        };
        b.loopBy(blockId(b), prefill * parts, gridBlocks(b), attend);
      });
  return success();
}

} // namespace kvc::gpu
