//===- bounds.cpp - how far a GPU engine may be from the reference --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "kvcref/bounds.h"

#include "kvcref/products.h"

#include <algorithm>
#include <cmath>

using namespace kvcref;

/// By format: f32 (two tf32), f16, bf16.
static double choose(int32_t format, double f32, double f16, double bf16) {
  return format == KVCRT_F32 ? f32 : format == KVCRT_F16 ? f16 : bf16;
}

GpuBounds kvcref::gpuBounds(const kvcrt_policy &policy) {
  const int32_t key = productFormat(policy, policy.key);
  const int32_t value = productFormat(policy, policy.value);
  GpuBounds bounds{};
  // Of sums in f32 and approximate exponentials: products.h knows what rounding
  // the operands does.
  bounds.lse = 1e-5;
  for (int32_t format : {key, value}) {
    // Weights are rounded before they meet the values.
    bounds.out = std::max(bounds.out, choose(format, 5e-6, 1e-3, 6e-3));
    bounds.roundoff =
        std::max(bounds.roundoff, choose(format, 0x1p-20, 0x1p-11, 0x1p-8));
  }
  // Outputs of 16 bits are rounded on both sides: after weights that are off,
  // many take another neighbour.
  if (policy.element == KVCRT_BF16)
    bounds.out = std::max(bounds.out, 2.5e-3);
  // One rounding to the storage's type of a number that f32 arithmetic made:
  // one beside a boundary takes the neighbour, a step of 2^-10 (f16), 2^-7
  // (bf16), 1/127 of the row's largest (i8) or 2^-3 (f8). Few do, among the
  // thousands of elements that a cache of some hundred tokens has.
  bounds.stored = 1e-6;
  for (const kvcrt_storage *s : {&policy.key, &policy.value})
    bounds.stored = std::max(bounds.stored, s->format == KVCRT_I8         ? 2e-3
                                            : s->format == KVCRT_F8E4M3FN ? 2e-2
                                            : s->format == KVCRT_F16      ? 1e-4
                                            : s->format == KVCRT_BF16 ? 1e-3
                                                                      : 1e-6);
  return bounds;
}

void RelativeError::add(double x, double reference) {
  if (x != reference && !(std::isnan(x) && std::isnan(reference))) {
    // What is no number on one side must not vanish in a comparison.
    const double d = x - reference;
    difference += std::isfinite(d) ? d * d : INFINITY;
  }
  norm += std::isfinite(reference) ? reference * reference : 0;
}

void RelativeError::add(const Array<double, 3> &x,
                        const Array<double, 3> &reference) {
  for (size_t i = 0; i < reference.elements.size(); ++i)
    add(x.elements[i], reference.elements[i]);
}

double RelativeError::get() const {
  return difference == 0 ? 0 : std::sqrt(difference / std::max(norm, 1e-200));
}

double kvcref::lseDistance(double x, double reference) {
  if (x == reference || (std::isnan(x) && std::isnan(reference)))
    return 0;
  const double d = std::abs(x - reference) / std::max(1.0, std::abs(reference));
  return std::isfinite(d) ? d : INFINITY;
}
