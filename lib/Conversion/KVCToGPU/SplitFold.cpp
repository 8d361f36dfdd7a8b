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
  // For LLVM, which would keep what TaskRange has loaded; of an invariant load
  // NVPTX makes ld.global.nc all the same.
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

PartialState PartialState::load(Num at) {
  KernelBuilder &b = *at.builder;
  Num both = b.load(b.vec(2, b.f32()), at, 8);
  return {b.lane(both, 0), b.lane(both, 1)};
}

void SharedRows::put(Num firstRow, ArrayRef<Num> carried) const {
  KernelBuilder &b = *base.builder;
  SoftmaxState state = WarpAttend::stateOf(carried);
  ArrayRef<Num> out = WarpAttend::outOf(carried);
  Num lane = laneId(b);
  for (int half = 0; half < 2; ++half) {
    Num row = firstRow + (lane >> 2) + 8 * half;
    Num target = b.at(outAt(row), (lane & 3) << 3);
    for (int64_t d = 0; d < dim; d += 8) {
      size_t i = size_t(d / 8 * 4 + half * 2);
      b.store(makePair(out[i], out[i + 1]), b.at(target, d * 4), 8);
    }
    Num sum = laneSum(state.sum[half], 4);
    b.ifThen((lane & 3) == 0,
             [&] { b.store(makePair(state.max[half], sum), stateAt(row), 8); });
  }
}

Nums loadPairs(Num row, ArrayRef<Num> columns, int64_t dim) {
  KernelBuilder &b = *row.builder;
  Nums elements;
  for (Num column : columns) {
    // Columns beyond the row read its first ones and are not written.
    Num safe = dim % 64 == 0 ? column : select(column < dim, column, b.i32(0));
    Num both = b.load(b.vec(2, b.f32()), b.at(row, safe << 2), 8);
    elements.append({b.lane(both, 0), b.lane(both, 1)});
  }
  return elements;
}

void emitFold(KernelBuilder &b, Num count, ArrayRef<Num> columns, int64_t dim,
              llvm::function_ref<Num(Num)> stateOf,
              llvm::function_ref<Num(Num)> outOf, Nums &sums,
              PartialState &total) {
  Num highest =
      b.loop(b.i32(0), count, 1, {b.negInf(b.f32())},
             [&](Num p, ArrayRef<Num> before) -> Nums {
               return {max(before[0], PartialState::load(stateOf(p)).max)};
             })[0];
  Num reference = finiteMax(highest);
  Nums initial(2 * columns.size() + 1, b.f32(0));
  Nums folded = b.loop(
      b.i32(0), count, 1, initial, [&](Num p, ArrayRef<Num> before) -> Nums {
        PartialState part = PartialState::load(stateOf(p));
        Num factor = exp2Approx(part.max - reference);
        Nums next;
        for (auto [i, element] :
             llvm::enumerate(loadPairs(outOf(p), columns, dim)))
          next.push_back(fma(element, factor, before[i]));
        next.push_back(fma(part.sum, factor, before.back()));
        return next;
      });
  total = {highest, folded.back()};
  folded.pop_back();
  sums = folded;
}

void SplitFold::forRowsFrom(Num first, int64_t count, RowBody body) const {
  int64_t rowsPerWarp = count / warps;
  Num warp = warpId(b), lane = laneId(b);
  b.loop(b.i32(0), b.i32(rowsPerWarp), 1, [&](Num i) {
    Num row = warp * rowsPerWarp + i;
    b.ifThen(firstRow + first + row < endRow, [&] {
      Nums columns;
      for (int64_t d = 0; d < c.variant.valueDim(); d += 64)
        columns.push_back((lane << 1) + d);
      body(row, columns);
    });
  });
}

void SplitFold::forEachRow(RowBody body) const {
  forRowsFrom(rowOfTile(b.i32(0)), part.rows, body);
}

Num SplitFold::outAt(Num slot, Num row) const {
  return b.at(c.params.load(KVC_FIELD(kvcrt_params, split_out)),
              b.toI64(slot * kSlotRows + row) * (c.variant.valueDim() * 4));
}

Num SplitFold::stateAt(Num slot, Num row) const {
  return b.at(c.params.load(KVC_FIELD(kvcrt_params, split_state)),
              b.toI64(slot * kSlotRows + row) * 8);
}

/// Calls `write(column, its sum, the next one's)` for those of `columns` that a
/// row of `dim` has: the last 64 may be fewer.
static void forPairs(KernelBuilder &b, int64_t dim, ArrayRef<Num> columns,
                     ArrayRef<Num> sums,
                     llvm::function_ref<void(Num, Num, Num)> write) {
  for (auto [i, column] : llvm::enumerate(columns)) {
    auto both = [&, i = i, column = column] {
      write(column, sums[2 * i], sums[2 * i + 1]);
    };
    if (dim % 64 == 0)
      both();
    else
      b.ifThen(column < dim, both);
  }
}

void SplitFold::putPartial(Num row, ArrayRef<Num> columns, ArrayRef<Num> sums,
                           PartialState state) const {
  Num out = outAt(split.slot, row);
  forPairs(b, c.variant.valueDim(), columns, sums,
           [&](Num column, Num first, Num second) {
             b.store(makePair(first, second), b.at(out, column << 2), 8);
           });
  b.ifThen(laneId(b) == 0, [&] {
    b.store(makePair(state.max, state.sum), stateAt(split.slot, row), 8);
  });
}

void SplitFold::putOutput(Num row, ArrayRef<Num> columns, ArrayRef<Num> sums,
                          PartialState state) const {
  Step named(b, "store output");
  const Variant &v = c.variant;
  Num taskRow = firstRow + row;
  Num token = c.stepToken + c.rowToken(taskRow), head = c.rowHead(taskRow);
  auto param = [&](auto field) { return c.params.load(field); };
  Num target =
      b.at(param(KVC_FIELD(kvcrt_params, out.data)),
           b.toI64(token) * param(KVC_FIELD(kvcrt_params, out.token_stride)) +
               b.toI64(head) * param(KVC_FIELD(kvcrt_params, out.head_stride)));
  RowFinish end = emitFinishRow(c, head, state.max, state.sum);
  forPairs(b, v.valueDim(), columns, sums,
           [&](Num column, Num first, Num second) {
             first = first * end.factor;
             second = second * end.factor;
             if (v.element.isF32())
               b.store(makePair(first, second), b.at(target, column << 2), 8);
             else
               b.store(packPair(first, second, v.element),
                       b.at(target, column << 1), 4);
           });
  if (!v.lse)
    return;
  b.ifThen(laneId(b) == 0, [&] {
    Num lseRow =
        b.at(param(KVC_FIELD(kvcrt_params, lse)),
             b.toI64(token) * param(KVC_FIELD(kvcrt_params, lse_token_stride)));
    b.store(end.lse, b.at(lseRow, b.toI64(head) * 4));
  });
}

void SplitFold::putRow(Num row, ArrayRef<Num> columns, ArrayRef<Num> sums,
                       PartialState state) const {
  row = rowOfTile(row);
  b.ifElse(
      split.slot < 0,
      [&]() -> Nums {
        putOutput(row, columns, sums, state);
        return {};
      },
      [&]() -> Nums {
        putPartial(row, columns, sums, state);
        return {};
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
      forRowsFrom(b.i32(0), rows(), [&](Num row, ArrayRef<Num> columns) {
        Nums sums;
        PartialState total;
        emitFold(
            b, split.count, columns, c.variant.valueDim(),
            [&](Num p) { return stateAt(slotOf(p), row); },
            [&](Num p) { return outAt(slotOf(p), row); }, sums, total);
        putOutput(row, columns, sums, total);
      });
    });
  });
}

} // namespace kvc::gpu
