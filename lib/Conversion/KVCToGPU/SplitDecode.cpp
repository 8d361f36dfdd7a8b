//===- SplitDecode.cpp - few query rows, many keys ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block takes 16 rows (query tokens x group of one KV head) of one sequence
// against a range of its keys. Each of 4 (or 8) warps owns every fourth tile of
// 16 keys and a ring of its own, so that no warp waits for another while keys
// arrive:
//
//   warp w:  tiles w, w + 4, ...   copies of the next tiles in flight
//            products, softmax, values in registers
//   block:   the warps' states meet once in shared memory
//   splits:  partial results in global memory; the last block of a group to
//            arrive folds them in the order of their slots
//
// Invariant: a result depends on the task's keys and the number of warps
// alone: everything is folded in a fixed order, whatever the grid.
//
//===----------------------------------------------------------------------===//

#include "SplitFold.h"
#include "WarpAttend.h"

#include "kvc/Support/GpuChip.h"

using namespace mlir;

namespace kvc::gpu {

namespace {
/// Sizes of the schedule, from the variant and the chip alone.
struct DecodeShape {
  static constexpr int64_t rows = GpuTasks::decodeRows, tileKeys = 16;
  static_assert(rows == 16 && GpuTasks::tileKeys % tileKeys == 0);
  int64_t warps = 4, stages = 3;
  bool queriesInRegisters = true, operandsInTurn = false, rolled = false,
       productsInLoop = false, inSteps = false;
  int64_t threads() const { return warps * 32; }
  QueryTile queryTile(const Variant &v) const { return {v, rows}; }
  KeyTiles keyTiles(const Variant &v) const {
    return KeyTiles(v, 32, tileKeys, stages, operandsInTurn, rolled);
  }
  /// Whether the queries, which become registers before the first tile is
  /// decoded, lie where the first warp's operands will.
  bool queriesUnderOperands(const Variant &v) const {
    return keyTiles(v).operandsInTurn() && queriesInRegisters &&
           !v.needsSinkQuery() &&
           queryTile(v).bytes() <= keyTiles(v).operandBytes();
  }
  int64_t queryBytes(const Variant &v) const {
    return queriesUnderOperands(v) ? 0 : queryTile(v).bytes();
  }
  /// Where the warps' states meet, over the rings.
  int64_t meetingBytes(const Variant &v) const {
    return SharedRows::bytes(warps * rows, v.valueDim());
  }
  int64_t ringBytes(const Variant &v) const {
    return std::max(warps * keyTiles(v).bytes(), meetingBytes(v));
  }
  /// Behind them a word more, who arrived last, and the queries' factors.
  int64_t sharedBytes(const Variant &v) const {
    return queryBytes(v) + ringBytes(v) + 16 + queryTile(v).factorBytes();
  }
  /// Two blocks of four warps an SM; else one, of eight warps for 8-bit rows,
  /// with the deepest ring (docs/decisions/0005-decode-shape.md).
  static FailureOr<DecodeShape> get(const Variant &v, const Chip &chip,
                                    int32_t frugality);
};

/// Emits the kernel for one task.
class Decode {
public:
  Decode(AttendContext &c, const DecodeShape &shape,
         AbiStruct<kvcrt_task> task);
  void appendOwn();
  void run();

private:
  Nums attendKeys();
  void meet(ArrayRef<Num> carried);
  void foldWarps();

  AttendContext &c;
  KernelBuilder &b;
  const Variant &v;
  const DecodeShape &shape;
  KeyTiles tiles;
  QueryTile queryTile;
  TaskRange range;
  Split split;
  SplitFold fold;
  SharedRows meeting; // over the rings
  QueryPlace queries;
  Num rings, arrived; // shared memory
  Num warp, lane;
};
} // namespace

FailureOr<DecodeShape> DecodeShape::get(const Variant &v, const Chip &chip,
                                        int32_t frugality) {
  DecodeShape shape;
  shape.rolled = frugality >= 2;
  shape.inSteps = frugality >= 3;
  // Halves of f32 operands take registers as well, and so do the places of
  // scaled rows that lie in several blocks.
  KeyTiles tiles = shape.keyTiles(v);
  int64_t wideKey = tiles.key.element.isF32(),
          wideValue = tiles.value.element.isF32();
  bool scattered = (tiles.key.hasScale() || tiles.value.hasScale()) &&
                   v.policy.block % tileKeys != 0;
  bool narrow =
      v.keyDim() * (1 + wideKey) + v.valueDim() <= (wideKey || wideValue ? 192
                                                    : scattered          ? 320
                                                                         : 384);
  shape.queriesInRegisters = frugality == 0 && narrow;
  // Halves of f32 take turns anyway (WarpAttend::products).
  shape.productsInLoop = (!narrow && wideKey) || frugality >= (narrow ? 3 : 1);
  auto fits = [&](int64_t warps, int64_t stages, int64_t budget) {
    shape.warps = warps;
    shape.stages = stages;
    return shape.sharedBytes(v) <= budget;
  };
  // Two blocks hide more than a deep ring does: eight warps with a tile each
  // in flight are several times what covers the memory's latency.
  for (int64_t stages : {4, 3, 2})
    if (fits(4, stages, chip.sharedBytesPerSM / 2 - 1024))
      return shape;
  // A tile of 8-bit rows is decoded by the warp that multiplies it: a warp
  // alone on its scheduler waits for itself, step by step.
  if (tiles.key.hasScale() && tiles.value.hasScale() &&
      shape.queriesInRegisters) {
    shape.operandsInTurn = true;
    for (int64_t stages : {4, 3, 2})
      if (fits(8, stages, chip.sharedBytes))
        return shape;
    shape.operandsInTurn = false;
  }
  for (int64_t stages : {4, 3, 2})
    if (fits(4, stages, chip.sharedBytes))
      return shape;
  // Rows of f32: fewer warps, each with a ring that hides something.
  for (int64_t warps : {2, 1})
    for (int64_t stages : {3, 2})
      if (fits(warps, stages, chip.sharedBytes))
        return shape;
  VariantOp op = v.op;
  return op.emitOpError("expected rings of keys that fit the shared memory of "
                        "a block, got ")
         << shape.sharedBytes(v) << " bytes of " << chip.sharedBytes
         << "; use a smaller head_dim or another chip";
}

Decode::Decode(AttendContext &c, const DecodeShape &shape,
               AbiStruct<kvcrt_task> task)
    : c(c), b(c.b), v(c.variant), shape(shape), tiles(shape.keyTiles(v)),
      queryTile(shape.queryTile(v)), range(TaskRange::load(task)),
      split(Split::load(task)), fold(c, split, shape.warps, {shape.rows}) {
  queries.rows =
      sharedMemory(b, shape.queriesUnderOperands(v) ? tiles.ringBytes() : 0);
  rings = sharedMemory(b, shape.queryBytes(v));
  meeting = {rings, shape.warps * shape.rows, v.valueDim()};
  arrived = b.at(rings, shape.ringBytes(v));
  queries.factors = b.at(arrived, 16);
  warp = warpId(b);
  lane = laneId(b);
}

/// The state of this warp after its share of the tiles.
Nums Decode::attendKeys() {
  Step named(b, "attend keys");
  VisibleTiles visible = emitVisibleTiles(c, range, shape.tileKeys);
  Num ring = b.at(rings, warp * tiles.bytes());
  // Ordinals warp, warp + warps, ...
  Num mine = ceilDiv(max(visible.count - warp, b.i32(0)), shape.warps);
  auto tileOf = [&](Num step) {
    return visible.tileOf(step * shape.warps + warp);
  };
  auto lookUp = [&](Num step) {
    return tiles.lookUp(c, lane, tileOf(step), step < mine);
  };
  auto copy = [&](Num step, Num stage, ArrayRef<Num> found) {
    tiles.emitCopy(c, ring, lane, tileOf(step), stage, step < mine, found);
  };
  const int64_t ahead = shape.stages - 1;
  tiles.emitFill(b, lookUp, [&](Num step, ArrayRef<Num> found) {
    copy(step, step, found);
  });
  queryTile.emitLoad(c, queries, shape.threads(), shape.inSteps);
  blockBarrier(b);
  WarpAttend attend(c, tiles, queryTile, queries, ring, b.i32(0),
                    shape.queriesInRegisters, shape.productsInLoop);
  if (shape.queriesUnderOperands(v))
    blockBarrier(b); // all warps have them
  // The state, the stage, and where the tile that is copied next lies, unless
  // no registers are left to know it ahead.
  Nums carried = attend.start();
  size_t stateSize = carried.size();
  carried.push_back(b.i32(0));
  if (!shape.inSteps)
    carried.append(lookUp(b.i32(ahead)));
  carried = b.loop(
      b.i32(0), mine, 1, carried, [&](Num step, ArrayRef<Num> before) -> Nums {
        Num stage = before[stateSize], tile = tileOf(step);
        copyWait(b, shape.stages - 2);
        // All lanes' copies are there, and the stage before is free
        // again.
        warpSync(b);
        Nums found(before.drop_front(stateSize + 1)), next;
        if (shape.inSteps)
          found = lookUp(step + ahead);
        copy(step + ahead, tiles.stageBefore(stage), found);
        if (!shape.inSteps)
          next = lookUp(step + (ahead + 1));
        if (tiles.decodes()) {
          tiles.emitDecode(c, ring, lane, tile, stage);
          warpSync(b);
        }
        TileQuery query =
            TileQuery::of(v, visible, step * shape.warps + warp, shape.warps);
        Nums after =
            attend.attend(tile, query, stage, before.take_front(stateSize));
        after.push_back(tiles.stageAfter(stage));
        after.append(next);
        return after;
      });
  copyWait(b, 0);
  carried.truncate(stateSize);
  return attend.finish(carried);
}

/// Puts this warp's state where all warps can read it.
void Decode::meet(ArrayRef<Num> carried) {
  Step named(b, "share partial results of warps");
  // The other warps may still read their rings, which this is laid over.
  blockBarrier(b);
  meeting.put(warp * shape.rows, carried);
  blockBarrier(b);
}

/// The warps' states become the block's: to out, or to its slot.
void Decode::foldWarps() {
  Step named(b, "fold warps");
  fold.forEachRow([&](Num row, ArrayRef<Num> columns) {
    Nums sums;
    PartialState total;
    auto rowOf = [&](Num w) { return w * shape.rows + row; };
    emitFold(
        b, b.i32(shape.warps), columns, v.valueDim(),
        [&](Num w) { return meeting.stateAt(rowOf(w)); },
        [&](Num w) { return meeting.outAt(rowOf(w)); }, sums, total);
    fold.putRow(row, columns, sums, total);
  });
}

/// Where attend appends: the new tokens among the keys of this task, which no
/// other task reads, since the plan has one tile of rows for each KV head.
void Decode::appendOwn() {
  Num zero = b.i32(0);
  Num begin =
      select(range.isFirst, zero, max(range.begin - c.firstIndex, zero));
  Num end =
      select(range.isLast, c.numNew, min(range.end - c.firstIndex, c.numNew));
  emitAppendTokens(c, begin, end, shape.warps);
}

void Decode::run() {
  // The task before may still be reading shared memory.
  blockBarrier(b);
  meet(attendKeys());
  foldWarps();
  fold.arrive(arrived);
}

/// Whether the loop over keys leaves registers for what is the same for all of
/// them: wide rows do where no more is done than a mask and a sum, but not
/// where codes of 256 and 256 become operands besides.
static bool leavesRegisters(const Variant &v, int32_t frugality) {
  if (frugality > 0)
    return false;
  int64_t dims = v.keyDim() + v.valueDim();
  bool scaled = v.keyStorage.hasScale() || v.valueStorage.hasScale();
  bool plain = v.mask == MaskKind::none && !v.score && !v.rotatesAtAttend();
  return dims <= 256 || (plain && (!scaled || dims <= 384));
}

LogicalResult KernelEmitter::emitSplitDecode() {
  const int32_t level = frugality.decode;
  FailureOr<DecodeShape> shape = DecodeShape::get(variant, chip, level);
  if (failed(shape))
    return failure();
  emitKernel("_attend_decode", shape->threads(), shape->sharedBytes(variant),
             {shape->tileKeys, 1, leavesRegisters(variant, level)},
             [&](KernelBuilder &b, AbiStruct<kvcrt_params> params) {
               AbiStruct<kvcrt_step_header> header(
                   params.load(KVC_FIELD(kvcrt_params, step.header)));
               Num count = loadInvariant(
                   b.i32(),
                   b.at(header.address(),
                        int64_t(offsetof(kvcrt_step_header, num_tasks))),
                   4);
               AbiStruct<kvcrt_task> tasks(
                   params.load(KVC_FIELD(kvcrt_params, tasks)));
               auto forEachTask = [&](llvm::function_ref<void(Decode &)> body) {
                 b.loopBy(blockId(b), count, gridBlocks(b), [&](Num index) {
                   AbiStruct<kvcrt_task> task = tasks.element(index);
                   AttendContext c =
                       emitLoadTask(b, variant, params, task, shape->rows);
                   c.convertsFp8 = chip.hasFp8;
                   Decode decode(c, *shape, task);
                   body(decode);
                 });
               };
               // All that this block reads, before the first task: beside the
               // loop over keys it would take registers from it. A task begins
               // at a barrier, behind which all warps' rows are there.
               Num appends =
                   params.load(KVC_FIELD(kvcrt_params, attend_appends)) != 0;
               b.ifThen(appends, [&] {
                 forEachTask([](Decode &decode) { decode.appendOwn(); });
               });
               forEachTask([](Decode &decode) { decode.run(); });
             });
  return success();
}

} // namespace kvc::gpu
