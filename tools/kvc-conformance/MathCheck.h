//===- MathCheck.h - elementary functions against libm ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: what is measured is the text that kernels use, reached through the
// score region of a variant: a query of zeros makes the score the region's own.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_MATHCHECK_H
#define KVC_TOOLS_KVC_CONFORMANCE_MATHCHECK_H

#include "Jit.h"
#include "llvm/Support/raw_ostream.h"

namespace kvc::conformance {

/// Prints the largest error in ulp of exp, exp2, log and tanh over their
/// ranges; false when one is above 2 or a special value is wrong.
bool checkMath(const JitOptions &options, llvm::raw_ostream &out);

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_MATHCHECK_H
