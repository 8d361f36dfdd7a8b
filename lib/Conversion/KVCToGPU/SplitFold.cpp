//===- SplitFold.cpp - partial results of tasks that share rows -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SplitFold.h"
#include "WarpAttend.h"

using namespace mlir;

namespace kvc::gpu {

Split Split::load(AbiStruct<kvcrt_task> task, bool again) {
  KernelBuilder &b = *task.address().builder;
  auto field = [&](size_t offset) {
    return loadInvariant(b.i32(), b.at(task.address(), int64_t(offset)), 4);
  };
  Num splits = field(offsetof(kvcrt_task, splits));
  if (again)
    splits.value.getDefiningOp<LLVM::LoadOp>().setVolatile_(true);
  return {field(offsetof(kvcrt_task, partial_slot)),
          field(offsetof(kvcrt_task, merge_group)), splits & 0xffff,
          splits >> 16};
}

SplitFold::SplitFold(const AttendContext &c, Split split, int64_t warps,
                     TilePart part)
    : c(c), b(c.b), split(split), warps(warps), part(part),
      firstRow(c.firstRow), endRow(c.endRow) {
  if (part.count == 1)
    return;
  firstRow = c.firstRow - part.index * part.rows;
  endRow = min(firstRow + rows(), c.numNew * c.variant.group());
}

static PartialState loadState(KernelBuilder &b, Num at) {
  Num both = b.load(b.vec(2, b.f32()), at, 8);
  return {b.lane(both, 0), b.lane(both, 1)};
}

void emitFold(KernelBuilder &b, Num count, ArrayRef<Num> columns, int64_t dim,
              llvm::function_ref<Num(Num)> stateOf,
              llvm::function_ref<Num(Num)> outOf, Nums &sums,
              PartialState &total) {
  Num highest = b.loop(b.i32(0), count, 1, {b.negInf(b.f32())},
                       [&](Num p, ArrayRef<Num> before) -> Nums {
                         return {max(before[0], loadState(b, stateOf(p)).max)};
                       })[0];
  Num reference = finiteMax(highest);
  Nums initial(2 * columns.size() + 1, b.f32(0));
  Nums folded = b.loop(
      b.i32(0), count, 1, initial, [&](Num p, ArrayRef<Num> before) -> Nums {
        PartialState part = loadState(b, stateOf(p));
        Num factor = exp2Approx(part.max - reference), out = outOf(p);
        Nums next;
        for (auto [i, column] : llvm::enumerate(columns)) {
          // Columns beyond the row read its first ones and are not written.
          Num safe =
              dim % 64 == 0 ? column : select(column < dim, column, b.i32(0));
          Num both = b.load(b.vec(2, b.f32()), b.at(out, safe << 2), 8);
          for (int64_t k = 0; k < 2; ++k)
            next.push_back(fma(b.lane(both, k), factor, before[2 * i + k]));
        }
        next.push_back(fma(part.sum, factor, before.back()));
        return next;
      });
  total = {highest, folded.back()};
  folded.pop_back();
  sums = folded;
}

void SplitFold::forEachRow(
    llvm::function_ref<void(Num, ArrayRef<Num>)> body) const {
  int64_t rowsPerWarp = rows() / warps;
  Num warp = warpId(b), lane = laneId(b);
  b.loop(b.i32(0), b.i32(rowsPerWarp), 1, [&](Num i) {
    Num row = warp * rowsPerWarp + i;
    b.ifThen(firstRow + row < endRow, [&] {
      Nums columns;
      for (int64_t d = 0; d < c.variant.valueDim(); d += 64)
        columns.push_back((lane << 1) + d);
      body(row, columns);
    });
  });
}

Num SplitFold::outAt(Num slot, Num row) const {
  return b.at(c.params.load(KVC_FIELD(kvcrt_params, split_out)),
              b.toI64(slot * kSlotRows + row) * (c.variant.valueDim() * 4));
}

Num SplitFold::stateAt(Num slot, Num row) const {
  return b.at(c.params.load(KVC_FIELD(kvcrt_params, split_state)),
              b.toI64(slot * kSlotRows + row) * 8);
}

void SplitFold::putRow(Num row, ArrayRef<Num> columns, ArrayRef<Num> sums,
                       PartialState state, bool partial) const {
  int64_t dim = c.variant.valueDim();
  Num lane = laneId(b);
  auto guarded = [&](Num column, llvm::function_ref<void()> write) {
    // The last 64 columns may be fewer.
    if (dim % 64 == 0)
      write();
    else
      b.ifThen(column < dim, write);
  };
  if (partial) {
    Num out = outAt(split.slot, row);
    for (auto [i, column] : llvm::enumerate(columns))
      guarded(column, [&, i = i, column = column] {
        b.store(makePair(sums[2 * i], sums[2 * i + 1]), b.at(out, column << 2),
                8);
      });
    b.ifThen(lane == 0, [&] {
      b.store(makePair(state.max, state.sum), stateAt(split.slot, row), 8);
    });
    return;
  }
  Num taskRow = firstRow + row;
  RowFinish end = emitFinishRow(c, c.rowHead(taskRow), state.max, state.sum);
  for (auto [i, column] : llvm::enumerate(columns))
    guarded(column, [&, i = i, column = column] {
      emitStoreOutput(c, taskRow, end,
                      {{column, {sums[2 * i], sums[2 * i + 1]}}},
                      (lane == 0) & (column < 64));
    });
}

void SplitFold::arrive(Num arrived) const {
  Step named(b, "fold splits");
  b.ifThen(split.slot >= 0, [&] {
    Num counter = b.at(c.params.load(KVC_FIELD(kvcrt_params, counters)),
                       b.toI64(split.group) * 4);
    blockBarrier(b);
    b.ifThen(threadId(b) == 0, [&] {
      // What the barrier has shown to this thread is shown to the GPU before
      // the block is counted, and what others have shown is seen after it.
      gpuFence(b);
      Num before = atomicAdd(counter, b.i32(1));
      gpuFence(b);
      Num arrivals = split.count;
      if (part.count > 1) // of parts that have rows
        arrivals = arrivals * ceilDiv(endRow - firstRow, part.rows);
      Num last = before == arrivals - 1;
      // Ready for the next step.
      b.ifThen(last, [&] { b.store(b.i32(0), counter, 4); });
      b.store(select(last, b.i32(1), b.i32(0)), arrived, 4);
    });
    blockBarrier(b);
    b.ifThen(b.load(b.i32(), arrived, 4) != 0, [&] {
      Num firstSlot = split.slot - split.index * slotsOfTask();
      auto slotOf = [&](Num p) { return firstSlot + p * slotsOfTask(); };
      forEachRow([&](Num row, ArrayRef<Num> columns) {
        Nums sums;
        PartialState total;
        emitFold(
            b, split.count, columns, c.variant.valueDim(),
            [&](Num p) { return stateAt(slotOf(p), row); },
            [&](Num p) { return outAt(slotOf(p), row); }, sums, total);
        putRow(row, columns, sums, total, false);
      });
    });
  });
}

} // namespace kvc::gpu
