//===- RangeFactor.cpp - rows of any range in f16's -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RangeFactor.h"

#include <cmath>

using llvm::ArrayRef;
using llvm::MutableArrayRef;

namespace kvc::gpu {

/// Of f32: the exponent's bias, and the bits below it.
static constexpr int64_t kBias = 127, kMantissaBits = 23;
/// Exponents (biased) of factors: those of their inverses, 254 less them, are
/// normal as well, and so is 2^14 times one.
static constexpr int64_t kLeast = 14, kMost = 241;
/// Weights are below 2^(kWeightExponent + 1) in their factor.
static constexpr int64_t kWeightExponent = 14;

Num rangeFactor(Num largest, int64_t exponent) {
  KernelBuilder &b = *largest.builder;
  Num its = b.bitcast(largest, b.i32()) >> kMantissaBits;
  Num mine = b.i32(2 * kBias + exponent) - its;
  mine = min(max(mine, b.i32(kLeast)), b.i32(kMost));
  return b.bitcast(mine << kMantissaBits, b.f32());
}

Num inverseFactor(Num factor) {
  KernelBuilder &b = *factor.builder;
  return b.bitcast(
      b.i32(2 * kBias << kMantissaBits) - b.bitcast(factor, b.i32()), b.f32());
}

/// The largest of `weights` in row `half` (0 or 1); a NaN is none.
static Num largestOf(ArrayRef<Num> weights, int half) {
  Num largest;
  for (size_t i = 0; i < weights.size(); ++i)
    if (int(i / 2 % 2) == half)
      largest = largest ? maxNumber(largest, weights[i]) : weights[i];
  return largest;
}

Num WeightFactors::overflow(ArrayRef<Num> weights) const {
  Num any;
  for (int half = 0; half < 2; ++half) {
    Num over = largestOf(weights, half) * factors[half] >
               std::exp2(kWeightExponent + 1);
    any = any ? any | over : over;
  }
  return any;
}

std::pair<WeightFactors, Nums>
WeightFactors::update(ArrayRef<Num> weights, ArrayRef<Num> decays) const {
  Nums next, forOutputs;
  for (int half = 0; half < 2; ++half) {
    Num decay = decays[half] * inverseFactor(factors[half]);
    Num largest = maxNumber(laneMax(largestOf(weights, half), 4),
                            decay * std::exp2(kWeightExponent));
    next.push_back(rangeFactor(largest, kWeightExponent));
    forOutputs.push_back(decay * next.back());
  }
  return {WeightFactors(next), forOutputs};
}

void WeightFactors::apply(MutableArrayRef<Num> weights) const {
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = weights[i] * factors[i / 2 % 2];
}

void WeightFactors::remove(MutableArrayRef<Num> out) const {
  Nums inverse = {inverseFactor(factors[0]), inverseFactor(factors[1])};
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = out[i] * inverse[i / 2 % 2];
}

} // namespace kvc::gpu
