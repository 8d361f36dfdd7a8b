//===- Check.h - run one cell and judge it ----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: the reference attends on the very bits that the kernels stored, so
// a bound on attend's error says nothing about append's, which is judged apart.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_CHECK_H
#define KVC_TOOLS_KVC_CONFORMANCE_CHECK_H

#include "Jit.h"
#include "Judge.h"

namespace kvc::conformance {

/// The kernels, but not the reference, get the scale times `scaleFactor`:
/// anything but 1 must be noticed.
Outcome runCell(const Spec &spec, const Batch &batch,
                const CompiledVariant &kernels, uint64_t seed,
                float scaleFactor);

/// merge against the reference, on random partial results.
Outcome runMergeCell(const Spec &spec, const CompiledVariant &kernels,
                     uint64_t seed);

/// What the kernels answer to arguments that are wrong in one way each.
Outcome runBadCalls(const Spec &spec, const CompiledVariant &kernels,
                    uint64_t seed);

/// Whether append quantises rows of `spec` that it does not turn; what it makes
/// of those that are hard to quantise, against the reference's bits.
bool hasHardRows(const Spec &spec);
Outcome runHardRows(const Spec &spec, const CompiledVariant &kernels,
                    uint64_t seed);

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_CHECK_H
