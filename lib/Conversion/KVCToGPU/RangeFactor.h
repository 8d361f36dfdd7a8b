//===- RangeFactor.h - rows of any range in f16's ---------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f16 holds what bf16 does to three digits more, within 2^-14 and 2^16. So a
// row that becomes f16 is multiplied by a power of two of its own, which the
// f32 results of its products give back: a query by what brings its largest
// element near 2^14, and the weights of a row, with the scales of their values
// in them, by what keeps the largest so far below 2^15.
//
// Invariant: factors and their inverses are powers of two that f32 holds as
// normal numbers, so that a multiplication by one is exact but for the range.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_RANGEFACTOR_H
#define KVC_LIB_CONVERSION_KVCTOGPU_RANGEFACTOR_H

#include "Warp.h"

namespace kvc::gpu {

/// The power of two that brings `largest` (f32, not negative) into
/// [2^exponent, 2^(exponent + 1)), or the nearest of 2^-113 to 2^114.
Num rangeFactor(Num largest, int64_t exponent);
/// 1 / `factor`, one of those.
Num inverseFactor(Num factor);

/// That of a query: its largest element becomes one of 2^13 to 2^14, and stays
/// below 2^15 when the row is turned.
inline Num queryFactor(Num largest) { return rangeFactor(largest, 13); }

/// The factors of a lane's two rows of weights.
class WeightFactors {
public:
  /// Those of a row without a key.
  static WeightFactors none(KernelBuilder &b) {
    return WeightFactors(Nums{b.f32(1), b.f32(1)});
  }
  /// As values() gave them.
  explicit WeightFactors(Nums two) : factors(std::move(two)) {}
  const Nums &values() const { return factors; }

  /// Whether one of this lane's `weights` (of both rows, as scores lie) is too
  /// large for its row's factor: i1.
  Num overflow(llvm::ArrayRef<Num> weights) const;
  /// For new weights and the outputs so far, which are multiplied by `decays`,
  /// factors that fit the larger of the two; what outputs that the old ones are
  /// in are to be multiplied by comes with them.
  std::pair<WeightFactors, Nums> update(llvm::ArrayRef<Num> weights,
                                        llvm::ArrayRef<Num> decays) const;
  void apply(llvm::MutableArrayRef<Num> weights) const;
  /// Takes the factors out of `out`.
  void remove(llvm::MutableArrayRef<Num> out) const;

private:
  Nums factors;
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_RANGEFACTOR_H
