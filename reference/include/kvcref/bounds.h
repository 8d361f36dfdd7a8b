//===- kvcref/bounds.h - how far a GPU engine may be from the reference ---===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bounds on norm(x - ref) / norm(ref) of engines that multiply matrices, by the
// type that the products take: the element type where it has 16 bits, else the
// stored type of plain rows, and bf16 for 8-bit codes. docs/cuda.md has the
// table and where the numbers come from.
//
// Invariant: a bound depends on the policy alone.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_BOUNDS_H
#define KVCREF_BOUNDS_H

#include "kvcref/view.h"

#include "kvcrt/policy.h"

namespace kvcref {

struct GpuBounds {
  double out; // norm over a step's outputs
  /// Largest difference from attendLseRange, relative to max(1, |lse|).
  double lse;
  double stored; // norm over what append wrote
  /// Largest relative error of one rounding to the products' type.
  double roundoff;
};

GpuBounds gpuBounds(const kvcrt_policy &policy);

/// norm(x - reference) / norm(reference) over all that was added. Never NaN:
/// equal infinities and two NaN agree, any other is infinitely far.
class RelativeError {
public:
  void add(double x, double reference);
  /// Element by element; both have the same extents.
  void add(const Array<double, 3> &x, const Array<double, 3> &reference);
  double get() const;

private:
  double difference = 0, norm = 0;
};

/// |x - reference|, relative where the reference is above 1: a log-sum-exp is
/// compared by itself. Never NaN, like RelativeError.
double lseDistance(double x, double reference);

} // namespace kvcref

#endif // KVCREF_BOUNDS_H
