//===- AttentionMath.h - from scores to outputs, written once ---*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The online softmax of every schedule, on the accumulators of mma.sync
// m16n8k16: a warp holds 16 rows; lane l holds columns 2 (l % 4) and the next
// of rows l / 4 (values 0, 1 of each tile of 8 columns) and l / 4 + 8 (values
// 2, 3). "Half" 0 and 1 are those two rows.
//
// Invariant: a row with nothing visible has max = -inf and sum = 0 and never
// makes a NaN: differences are taken from a finite stand-in for such a maximum.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_ATTENTIONMATH_H
#define KVC_LIB_CONVERSION_KVCTOGPU_ATTENTIONMATH_H

#include "AttendContext.h"

namespace kvc::gpu {

/// Of a lane's two rows: the maximum (the same in the four lanes of a row), in
/// powers of two, and this lane's part of the sum of weights.
struct SoftmaxState {
  Num max[2], sum[2];
  static SoftmaxState empty(KernelBuilder &b);
  static SoftmaxState from(llvm::ArrayRef<Num> four);
  Nums values() const { return {max[0], max[1], sum[0], sum[1]}; }
};

/// Scores (four per tile of 8 columns) become weights 2^(score - max); updates
/// the state. Answers the factors for the accumulators of the two rows.
Nums emitSoftmax(llvm::MutableArrayRef<Num> scores, SoftmaxState &state);

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_ATTENTIONMATH_H
