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
// At the end, rows meet in shared memory, where warps write whole ones: to out
// or, where the plan cuts a task's keys, to the task's slot, and the last block
// of the group folds (SplitFold).
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
  bool queriesInRegisters = true, rolled = false, productsInLoop = false,
       inSteps = false;
  int64_t threads() const { return warps * 32; }
  /// Of the task's rows, those that a block takes at once.
  int64_t rows() const { return warps * 16; }
  int64_t parts() const { return GpuTasks::prefillRows / rows(); }
  QueryTile queryTile(const Variant &v) const { return {v, rows()}; }
  KeyTiles keyTiles(const Variant &v) const {
    return KeyTiles(v, threads(), tileKeys, stages, /*inTurn=*/false, rolled);
  }
  int64_t sharedBytes(const Variant &v) const {
    return std::max(queryTile(v).bytes() + keyTiles(v).bytes() +
                        queryTile(v).factorBytes(),
                    SharedRows::bytes(rows(), v.valueDim()));
  }
  /// The deepest ring that leaves room for two blocks, else for one; fewer
  /// keys where even two stages do not fit, and then half of the rows.
  static FailureOr<PrefillShape> get(const Variant &v, const Chip &chip,
                                     int32_t frugality);
};

} // namespace

FailureOr<PrefillShape> PrefillShape::get(const Variant &v, const Chip &chip,
                                          int32_t frugality) {
  PrefillShape shape;
  shape.rolled = frugality >= 2;
  shape.inSteps = frugality >= 3;
  KeyTiles tiles = shape.keyTiles(v);
  bool wide = tiles.key.element.isF32() || tiles.value.element.isF32();
  // Rows that are multiplied as they are stored, with scores that are masked at
  // most by their places, leave registers for queries of 192; tables of masks
  // take some.
  const bool masked = v.mask != MaskKind::none, asStored = !tiles.decodes();
  const int64_t held = wide                              ? 32
                       : asStored && !masked && !v.score ? 192
                       : asStored || !masked             ? 128
                                                         : 64;
  shape.queriesInRegisters =
      frugality == 0 && v.keyDim() <= held && v.valueDim() <= 128;
  // Where keys are wide, a loop over them spares more than smaller tiles do,
  // and costs less. Halves of f32 take turns anyway (WarpAttend::products).
  const bool wideKeys = v.keyDim() > (wide ? 64 : 128);
  const bool alwaysInLoop = wideKeys && (tiles.key.element.isF32() || masked);
  shape.productsInLoop = alwaysInLoop || frugality >= (wideKeys ? 1 : 3);
  // A region that reads tables, or one beside two rotated queries and scales:
  // more scores than those of 32 keys spill, as ptxas says.
  bool busy = v.score && (!VariantOp(v.op).getCaptures().empty() ||
                          (v.needsSinkQuery() &&
                           (tiles.key.hasScale() || tiles.value.hasScale())));
  // Operands of wide rows beside the ring: half a tile leaves room for a second
  // block, which works while this one stands at its two barriers a tile.
  bool wideOperands = tiles.decodes() && v.valueDim() > 192;
  // Halves of scores and weights of f32 take twice the registers.
  int64_t whole = wide || busy || wideOperands ? 32 : 64;
  if (int32_t smaller = frugality - (wideKeys && !alwaysInLoop); smaller > 0)
    whole = smaller == 1 ? whole / 2 : 16;
  for (int64_t warps : {4, 2})
    for (int64_t budget : {chip.sharedBytesPerSM / 2 - 1024, chip.sharedBytes})
      for (int64_t keys : {64, 32, 16})
        for (int64_t stages : {3, 2}) {
          if (keys > whole)
            continue;
          shape.warps = warps;
          shape.tileKeys = keys;
          shape.stages = stages;
          // Two blocks an SM are worth less than whole tiles.
          if (keys < whole && budget != chip.sharedBytes)
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

/// The block's rows: to out, or to the task's slot. Queries and ring are no
/// longer needed, once all warps are here.
static void emitFinish(const AttendContext &c, const PrefillShape &shape,
                       const SplitFold &fold, ArrayRef<Num> carried) {
  Step named(c.b, "finish rows");
  KernelBuilder &b = c.b;
  SharedRows shared{sharedMemory(b), shape.rows(), c.variant.valueDim()};
  blockBarrier(b);
  shared.put(warpId(b) * 16, carried);
  // A warp writes the rows that are its own.
  warpSync(b);
  fold.forEachRow([&](Num row, ArrayRef<Num> columns) {
    Nums sums = loadPairs(shared.outAt(row), columns, c.variant.valueDim());
    fold.putRow(row, columns, sums, PartialState::load(shared.stateAt(row)));
  });
}

/// Part `part` (i32) of the rows of `task`.
static void emitTask(AttendContext &c, const PrefillShape &shape,
                     AbiStruct<kvcrt_task> task, Num part) {
  Step named(c.b, "attend keys");
  KernelBuilder &b = c.b;
  KeyTiles tiles = shape.keyTiles(c.variant);
  QueryTile queryTile = shape.queryTile(c.variant);
  Num ring = sharedMemory(b, queryTile.bytes());
  QueryPlace queries = {sharedMemory(b), b.at(ring, tiles.bytes())};
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
  tiles.emitFill(b, lookUp, [&](Num stage, ArrayRef<Num> found) {
    copy(stage, stage, found);
  });
  queryTile.emitLoad(c, queries, shape.threads(), shape.inSteps);
  blockBarrier(b);
  WarpAttend warp(c, tiles, queryTile, queries, ring, warpId(b) * 16,
                  shape.queriesInRegisters, shape.productsInLoop);
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
                     Nums after = warp.attend(
                         tile, TileQuery::of(c.variant, visible, ordinal, 1),
                         stage, before.take_front(stateSize));
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
  emitFinish(c, shape, fold, warp.finish(carried));
  // Nobody reads shared memory behind the barrier that is the first thing
  // there.
  fold.arrive(ring);
}

LogicalResult KernelEmitter::emitTiledPrefill() {
  FailureOr<PrefillShape> shape =
      PrefillShape::get(variant, chip, frugality.prefill);
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
