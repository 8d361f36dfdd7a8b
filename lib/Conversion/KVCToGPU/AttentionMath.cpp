//===- AttentionMath.cpp - from scores to outputs, written once -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   m' = max(m, max s);  w = 2^(s - m');  f = 2^(m - m');  l = l f + sum w
//   o = o f + w . v  (the schedule's);  out = o / (l + 2^(sink - m))
//   lse = ln 2 (m + log2(l + 2^(sink - m)))
//
//===----------------------------------------------------------------------===//

#include "AttentionMath.h"

using namespace mlir;

namespace kvc::gpu {

SoftmaxState SoftmaxState::empty(KernelBuilder &b) {
  Num none = b.negInf(b.f32()), zero = b.f32(0);
  return {{none, none}, {zero, zero}};
}

SoftmaxState SoftmaxState::from(ArrayRef<Num> four) {
  return {{four[0], four[1]}, {four[2], four[3]}};
}

Num finiteMax(Num maximum) {
  return select(maximum == maximum.builder->negInf(maximum.type()),
                maximum.like(0), maximum);
}

// A NaN is no maximum, and yet its weight is one: it reaches the sum.
Nums emitSoftmax(MutableArrayRef<Num> scores, SoftmaxState &state) {
  Step named(*scores[0].builder, "softmax");
  Nums factors;
  for (int half = 0; half < 2; ++half) {
    Num highest;
    for (size_t i = 0; i < scores.size(); ++i)
      if (int(i / 2 % 2) == half)
        highest = highest ? maxNumber(highest, scores[i]) : scores[i];
    Num before = state.max[half];
    Num after = maxNumber(before, laneMax(highest, 4));
    Num reference = finiteMax(after);
    Num factor = exp2Approx(before - reference);
    Num sum = state.sum[half] * factor;
    for (size_t i = 0; i < scores.size(); ++i) {
      if (int(i / 2 % 2) != half)
        continue;
      scores[i] = exp2Approx(scores[i] - reference);
      sum = sum + scores[i];
    }
    state.max[half] = after;
    state.sum[half] = sum;
    factors.push_back(factor);
  }
  return factors;
}

RowFinish emitFinishRow(const AttendContext &c, Num head, Num maximum,
                        Num sum) {
  Num sink;
  if (c.variant.sinkLogits)
    sink =
        loadStepF32(c.params.load(KVC_FIELD(kvcrt_params, sink_logits)), head);
  return emitFinishRow(maximum, sum, sink);
}

RowFinish emitFinishRow(Num maximum, Num sum, Num sink) {
  KernelBuilder &b = *sum.builder;
  Num reference = finiteMax(maximum), factor = b.f32(1);
  if (sink) {
    sink = sink * kLog2E;
    Num both = max(maximum, sink);
    reference = finiteMax(both);
    factor = exp2Approx(maximum - reference);
    sum = fma(sum, factor, exp2Approx(sink - reference));
  }
  // Nothing visible: 0 over 0 is 0 here. Else the sum is at least the weight of
  // the maximum, 1, so that the approximation is good to a unit in the last
  // place; a division is a call, and registers are spilled around it.
  Num inverse = select(sum == 0.0, b.f32(0), factor * reciprocal(sum));
  Num lse = select(sum == 0.0, b.negInf(b.f32()),
                   (reference + log2Approx(sum)) * kLn2);
  return {inverse, lse};
}

} // namespace kvc::gpu
