//===- EngineMath.h - what an engine computes attention with ----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mathematics of attention is written once, over these: elementary
// functions, the unit of finished scores, and how a step's arrays are read. A
// Num is a scalar or a vector of lanes alike.
//
// Invariant: indices of one engine have one width, that of what loadIndex
// gives; keys, queries and positions that are compared lane by lane are i32.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_ENGINEMATH_H
#define KVC_LIB_CONVERSION_KERNEL_ENGINEMATH_H

#include "ScoreRegion.h"

namespace kvc::kernel {

struct EngineMath {
  /// Finished scores are so many times the natural ones: 1, or log2(e) where
  /// 2^x is an instruction and e^x is not.
  double unit;
  double natural; // 1 / unit
  /// Of natural numbers.
  ScoreFunctions functions;
  /// The weight of a finished score, and the finished score of a weight.
  Num (*weight)(Num);
  Num (*score)(Num);
  Num (*divide)(Num, Num);
  /// Element `index` of an array of i32, or f32, that no kernel of the step
  /// writes.
  Num (*loadIndex)(Num array, Num index);
  Num (*loadFloat)(Num array, Num index);

  Num finished(Num natural) const {
    return unit == 1 ? natural : natural * unit;
  }
  Num toNatural(Num finished) const {
    return unit == 1 ? finished : finished * natural;
  }
  /// finished + the finished score of `more`.
  Num add(Num finished, Num more) const {
    return unit == 1 ? finished + more : fma(more, more.like(unit), finished);
  }
};

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_ENGINEMATH_H
