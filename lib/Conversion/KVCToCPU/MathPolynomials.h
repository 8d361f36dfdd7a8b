//===- MathPolynomials.h - exp, exp2, log, tanh without libm ----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f32 elementary functions, scalar or vector, as straight-line arithmetic.
// Error against the exact value is at most 2 ulp over the whole range
// (kvc-conformance --math measures it); NaN gives NaN, infinities their limits.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_MATHPOLYNOMIALS_H
#define KVC_LIB_CONVERSION_KVCTOCPU_MATHPOLYNOMIALS_H

#include "../Kernel/EngineMath.h"

namespace kvc::cpu {

using namespace kernel;

/// e^x; 0 below the smallest normal result, +inf above the largest finite.
Num emitExp(Num x);
/// 2^x, with the same limits.
Num emitExp2(Num x);
/// Natural logarithm; log(0) = -inf, NaN for negative arguments.
Num emitLog(Num x);
Num emitTanh(Num x);

/// Natural scores, indices of i64.
extern const EngineMath engineMath;

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_MATHPOLYNOMIALS_H
