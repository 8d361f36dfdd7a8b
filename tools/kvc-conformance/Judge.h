//===- Judge.h - what counts as agreement -----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors of a cell and the bounds they must keep. Without LLVM: the programs
// that judge on a GPU's machine use it as well.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_JUDGE_H
#define KVC_TOOLS_KVC_CONFORMANCE_JUDGE_H

#include "Fixture.h"

#include "kvcref/products.h"
#include <string>
#include <vector>

namespace kvc::conformance {

/// norm(x - ref) / norm(ref) over all elements; lse: largest difference, of an
/// engine that rounds operands from what these give (kvcref/products.h).
struct Outcome {
  double appendError = 0, outError = 0, lseError = 0;
  std::string problem; // what else is wrong; empty when nothing
};

/// Largest errors that count as agreement, by type of the outputs and of what
/// is stored.
struct Bounds {
  double append, out, lse;
};
Bounds boundsFor(const Spec &spec);
/// Of kernels that multiply matrices, by what these are of.
Bounds boundsForGpu(const Spec &spec);

/// norm(x - reference) / norm(reference).
double relativeError(const kvcref::Array<double, 3> &x,
                     const kvcref::Array<double, 3> &reference);
/// The error of a batch's outputs, to be held against Bounds::out: that of all
/// elements; where ranges are wide and the largest row would hide the others,
/// a quarter of the worst row's, which is its largest weight's and not the mean
/// of many.
double outputError(const Batch &batch, const kvcref::Array<double, 3> &x,
                   const kvcref::Array<double, 3> &reference);
/// What both pools hold after the appends.
double compareStored(const Spec &spec, const Batch &batch,
                     const kvcrt_params &ours, const kvcrt_params &theirs);
/// A copy of what was written as lse.
std::vector<float> copyLse(Fixture &fixture);
/// What lse must be. Call it behind the reference's attend of `params`, whose
/// lse it is where an engine rounds no operands, or where there is no range.
kvcref::LseRange expectLse(const Spec &spec, const kvcref::Variant &reference,
                           const kvcrt_params &params, Fixture &fixture,
                           bool onGpu);
/// The largest difference, relative where the reference is above one.
double compareLse(const std::vector<float> &ours,
                  const kvcref::LseRange &expected);

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_JUDGE_H
