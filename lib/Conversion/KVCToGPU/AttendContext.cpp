//===- AttendContext.cpp - a task's parameters and visible tiles ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: lengths come from device data; what the plan knew were bounds.
//
//===----------------------------------------------------------------------===//

#include "AttendContext.h"

using namespace mlir;

namespace kvc::gpu {

AttendContext emitLoadTask(KernelBuilder &b, const Variant &v,
                           AbiStruct<kvcrt_params> params,
                           AbiStruct<kvcrt_task> task, int64_t tileRows,
                           int64_t parts, Num part) {
  Step named(b, "load task");
  AttendContext c(b, v, params);
  auto field = [&](size_t offset) {
    return loadInvariant(b.i32(), b.at(task.address(), int64_t(offset)), 4);
  };
  c.seq = field(offsetof(kvcrt_task, seq));
  c.kvHead = field(offsetof(kvcrt_task, kv_head));
  c.firstRow = field(offsetof(kvcrt_task, q_tile)) * (tileRows * parts);
  if (parts > 1)
    c.firstRow = c.firstRow + part * tileRows;

  c.loadSequence();
  c.endRow = min(c.firstRow + tileRows, c.numNew * v.group());
  c.lowIndex = c.firstIndex + c.rowToken(c.firstRow);
  c.highIndex = c.firstIndex + c.rowToken(c.endRow - 1);

  c.loadParameters();

  Num stride = c.cache.load(KVC_FIELD(kvcrt_cache, block_table_stride));
  c.blockRow = b.at(c.cache.load(KVC_FIELD(kvcrt_cache, block_table)),
                    b.toI64(c.seq) * stride * 4);
  c.limit = v.causal ? min(c.kvLen, c.highIndex + 1) : c.kvLen;
  c.low = c.loadOrZero(c.cache.load(KVC_FIELD(kvcrt_cache, first_block))) *
          int64_t(v.policy.block);
  if (v.window)
    c.low = max(c.low, c.lowIndex - c.window + 1);
  return c;
}

Num AttendContext::maySee(Num key) const {
  Num reachable = key >= low;
  if (variant.streaming())
    reachable = reachable | (key < sinkTokens);
  return (key < limit) & reachable;
}

Num AttendContext::maySeeSome(Num first, int64_t count) const {
  Num reachable = first + count > low;
  if (variant.streaming())
    reachable = reachable | (first < sinkTokens);
  return (first < limit) & reachable;
}

TaskRange TaskRange::load(AbiStruct<kvcrt_task> task) {
  KernelBuilder &b = *task.address().builder;
  auto field = [&](size_t offset) {
    return loadInvariant(b.i32(), b.at(task.address(), int64_t(offset)), 4);
  };
  Num splits = field(offsetof(kvcrt_task, splits));
  Num index = splits >> 16, count = splits & 0xffff;
  return {field(offsetof(kvcrt_task, kv_begin)),
          field(offsetof(kvcrt_task, kv_end)), index == 0, index == count - 1};
}

Num VisibleTiles::tileOf(Num ordinal) const {
  if (!sinkTiles)
    return ordinal + firstTile;
  return select(ordinal < sinkTiles, ordinal + first,
                ordinal - sinkTiles + firstTile);
}

VisibleTiles emitVisibleTiles(const AttendContext &c, const TaskRange &range,
                              int64_t tileKeys) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  Num zero = b.i32(0);
  Num end = ceilDiv(max(c.limit, zero), tileKeys);
  // The last task's end is a bound that kv_len has not reached.
  end = select(range.isLast, end, min(end, range.end / tileKeys));
  Num begin = select(range.isFirst, zero, range.begin / tileKeys);
  Num window = begin;
  if (v.window)
    window = max(window, max(c.lowIndex - c.window + 1, zero) / tileKeys);
  if (!v.streaming())
    return {begin, {}, window, max(end - window, zero)};
  Num sinkEnd = ceilDiv(max(min(c.sinkTokens, c.limit), zero), tileKeys);
  Num sinks = max(min(sinkEnd, end) - begin, zero);
  window = max(window, v.needsSinkQuery() ? max(c.sinkTokens, zero) / tileKeys
                                          : sinkEnd);
  return {begin, sinks, window, sinks + max(end - window, zero)};
}

} // namespace kvc::gpu
