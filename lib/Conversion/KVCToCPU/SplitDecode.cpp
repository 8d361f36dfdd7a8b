//===- SplitDecode.cpp - few query rows, many keys ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All query rows of a KV head pass over its keys once, straight out of the
// cache. The keys are cut into splits of a fixed number of tiles. A split's
// state is computed from nothing and folded into the total in order, either at
// once by the task that has all splits, or later from partial states when
// splits went to several tasks.
//
// Invariant: both ways do the same operations in the same order, so a result
// does not depend on how the work was spread.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

namespace kvc::cpu {

/// A task's slot among the partial states of `closure`.
static SoftmaxState partialState(AbiStruct<Closure> closure,
                                 const TileShape &shape, Num slot) {
  KernelBuilder &b = *slot.builder;
  StateLayout layout = StateLayout::get(shape.decodeRows, shape);
  Num partials = closure.load(KVC_FIELD(Closure, partials));
  return SoftmaxState::at(b.at(partials, slot * layout.size), layout);
}

void KernelEmitter::emitSplitDecode(KernelBuilder &b,
                                    AbiStruct<Closure> closure,
                                    AbiStruct<Task> task, Num worker) {
  // Rotating a key needs it in scratch; nothing else does.
  TileAccess access{variant.rotatesAtAttend(), false, shape.decodeRowBlock};
  AttendContext c =
      emitTaskContext(b, variant, shape, access, closure, task, worker);
  Num slot = b.toI64(task.load(KVC_FIELD(Task, slot)));
  Num isPartial = slot >= 0;
  SoftmaxState partial =
      partialState(closure, shape, select(isPartial, slot, b.i64(0)));
  c.total = {select(isPartial, partial.acc, c.total.acc),
             select(isPartial, partial.max, c.total.max),
             select(isPartial, partial.sum, c.total.sum)};

  emitLoadQueries(c);
  emitClearState(c, c.total, c.rows);
  VisibleTiles tiles = emitVisibleTiles(variant, shape, c.params, c.kvLen,
                                        c.lowIndex, c.highIndex);
  Num first = b.toI64(task.load(KVC_FIELD(Task, firstTile)));
  Num end = b.toI64(task.load(KVC_FIELD(Task, endTile)));
  b.loop(first, end, shape.splitTiles, [&](Num begin) {
    emitClearState(c, c.state, c.paddedRows);
    emitTileLoop(c, tiles, begin, min(begin + shape.splitTiles, end));
    emitFoldState(c, c.total, c.state, c.rows);
  });
  b.ifThen(isFalse(isPartial), [&] { emitFinish(c, c.total); });
}

void KernelEmitter::emitFoldSplits(KernelBuilder &b, AbiStruct<Closure> closure,
                                   AbiStruct<Task> task, Num worker) {
  AttendContext c = emitTaskContext(b, variant, shape, {false, false, 1},
                                    closure, task, worker);
  Num first = b.toI64(task.load(KVC_FIELD(Task, slot)));
  Num count = b.toI64(task.load(KVC_FIELD(Task, numSlots)));
  emitClearState(c, c.total, c.rows);
  b.loop(first, first + count, 1, [&](Num slot) {
    emitFoldState(c, c.total, partialState(closure, shape, slot), c.rows);
  });
  emitFinish(c, c.total);
}

} // namespace kvc::cpu
