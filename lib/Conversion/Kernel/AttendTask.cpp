//===- AttendTask.cpp - loads a task, and finishes its rows ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a row with nothing visible has maximum -inf and sum 0 and never
// makes a NaN: differences are taken from a finite stand-in for such a maximum.
//
//===----------------------------------------------------------------------===//

#include "AttendTask.h"

namespace kvc::kernel {

Num AttendTask::toIndex(Num integer) const {
  return seq.type() == b.i64() ? b.toI64(integer) : integer;
}

Num AttendTask::loadOrZero(Num array) const {
  return b.ifElse(
      array != b.nullPtr(),
      [&]() -> Nums { return {math.loadIndex(array, seq)}; },
      [&]() -> Nums { return {seq.like(0)}; })[0];
}

void AttendTask::loadSequence() {
  Num indptr = params.load(KVC_FIELD(kvcrt_params, step.qo_indptr));
  stepToken = math.loadIndex(indptr, seq);
  numNew = math.loadIndex(indptr, seq + 1) - stepToken;
  kvLen =
      math.loadIndex(params.load(KVC_FIELD(kvcrt_params, step.kv_len)), seq);
  firstIndex = kvLen - numNew;
}

void AttendTask::loadParameters() {
  scale = params.load(KVC_FIELD(kvcrt_params, scale));
  if (variant.softcap)
    softcap = params.load(KVC_FIELD(kvcrt_params, softcap));
  if (variant.window)
    window = toIndex(params.load(KVC_FIELD(kvcrt_params, window)));
  if (variant.streaming())
    sinkTokens = toIndex(params.load(KVC_FIELD(kvcrt_params, sink_tokens)));
  if (variant.readsPositions()) {
    positions = params.load(KVC_FIELD(kvcrt_params, step.positions));
    positionOffset =
        loadOrZero(cache.load(KVC_FIELD(kvcrt_cache, position_offset)));
  }
  numBlocks = toIndex(cache.load(KVC_FIELD(kvcrt_cache, num_blocks)));
  errorWord = cache.load(KVC_FIELD(kvcrt_cache, error_word));
}

Num AttendTask::rowPosition(Num token) const {
  return math.loadIndex(positions, stepToken + token);
}

Num AttendTask::sinkPosition(Num token, Num position) const {
  Num lastPlace = sinkTokens + window - 1;
  Num past = firstIndex + token - lastPlace;
  return position - max(past, past.like(0));
}

Num emitIsSteady(const AttendTask &c, Num begin, Num end, Num lowIndex,
                 Num highIndex) {
  const Variant &v = c.variant;
  Num steady = end <= c.kvLen;
  // Not causal, a window still hides what comes after the query.
  if (v.causal || v.window)
    steady = steady & (end <= lowIndex + 1);
  if (v.window)
    steady = steady & (begin > highIndex - c.window);
  if (v.streaming())
    steady = steady & (begin >= c.sinkTokens);
  return steady;
}

Num finiteMax(Num maximum) {
  return select(maximum == maximum.builder->negInf(maximum.type()),
                maximum.like(0), maximum);
}

RowFinish emitFinishRow(const EngineMath &math, Num maximum, Num sum,
                        Num sink) {
  KernelBuilder &b = *sum.builder;
  Num reference = finiteMax(maximum), factor = b.f32(1);
  if (sink) {
    sink = math.finished(sink);
    reference = finiteMax(max(maximum, sink));
    factor = math.weight(maximum - reference);
    sum = fma(sum, factor, math.weight(sink - reference));
  }
  // Nothing visible: 0 over 0 is 0 here. Else the sum is at least the weight of
  // the maximum, 1, which a division's approximation may count on.
  Num inverse = select(sum == 0.0, b.f32(0), math.divide(factor, sum));
  Num lse = select(sum == 0.0, b.negInf(b.f32()),
                   math.toNatural(reference + math.score(sum)));
  return {inverse, lse};
}

RowFinish emitFinishRow(const AttendTask &c, Num head, Num maximum, Num sum) {
  Num sink;
  if (c.variant.sinkLogits)
    sink = c.math.loadFloat(c.params.load(KVC_FIELD(kvcrt_params, sink_logits)),
                            head);
  return emitFinishRow(c.math, maximum, sum, sink);
}

} // namespace kvc::kernel
