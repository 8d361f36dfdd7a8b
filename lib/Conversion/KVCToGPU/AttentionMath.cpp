//===- AttentionMath.cpp - from scores to outputs, written once -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   m' = max(m, max s);  w = 2^(s - m');  f = 2^(m - m');  l = l f + sum w
//   o = o f + w . v  (the schedule's)
//
// What a score is and how a row ends is in ../Kernel (ScoreEdits, AttendTask),
// for every engine.
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

} // namespace kvc::gpu
