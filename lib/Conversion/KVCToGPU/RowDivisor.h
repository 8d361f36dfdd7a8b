//===- RowDivisor.h - a row's elements over its scale ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x / s as an IEEE division rounds it. The machine's own is ten instructions
// and a call for operands that are very large or small; a row has one divisor,
// so that an element takes two products and two fused multiply-adds here:
//
//   s' = s c, x' = x c         c a power of two, so that 1/s' is no denormal
//   r  = 1 / s'                rounded to nearest (roundedReciprocal)
//   q0 = x' r                  at most 1.5 units of the last place (ulp) off
//   q  = q0 + (x' - q0 s') r   before its rounding, at most 1.5 ulp x 2^-23
//   off:
//                              the remainder and r are good to 2^-24 each
//
// So q is the quotient rounded once, unless that lies within 3 ulp x 2^-24 of
// the middle between two floats. With s and x of 24 bits as whole numbers, it
// misses a middle by j / 2s ulp, j a whole number and never 0; j is at most 6
// in those cases, and the test tries all of them.
//
// Invariant: for 2^-149 <= s <= 2^122 and |x| <= 2^10 s, all of f32, quotients
// of magnitude 2^-40 and more are x / s rounded to nearest, half to even.
// Smaller ones have the sign of x, that of a zero included, and stay below
// 2^-39. What other divisors answer means nothing.
//
// A template over the number that counts: Num in kernels, a float in the test,
// which tries these very formulas (test/row_divisor_test.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_ROWDIVISOR_H
#define KVC_LIB_CONVERSION_KVCTOGPU_ROWDIVISOR_H

namespace kvc::gpu {

/// What there is to know of a divisor before the first quotient.
template <typename F> struct RowDivisor {
  F unit, divisor, reciprocal; // c, s', r of the formulas above

  /// x / s; for vectors, of a RowDivisor of vectors.
  F quotient(F x) const {
    F dividend = x * unit, q = dividend * reciprocal;
    // The remainder is taken with the other sign so that -0 stays -0.
    return fma(fma(q, divisor, -dividend), -reciprocal, q);
  }
};

/// 1 / s rounded to nearest, of an `approximation` that is at most 8 units in
/// the last place off. Two steps of Newton do, except for the divisor whose
/// mantissa is all ones: there s r + 2^-24 = 1 is a tie in the step, and in no
/// other rounded reciprocal is the rest as large.
template <typename F> F roundedReciprocal(F s, F approximation) {
  F one = s.like(1.0), r = approximation;
  for (int step = 0; step < 2; ++step)
    r = fma(fma(-s, r, one), r, r);
  F rest = fma(-s, r, one);
  return select(rest < 0x1p-24, r, fma(r, s.like(0x1p-23), r));
}

/// `approximate` answers about 1 / s of an s from 2^-60 to 2^122.
template <typename F, typename Approximate>
RowDivisor<F> rowDivisor(F s, Approximate approximate) {
  F unit = select(s < 0x1p-60, s.like(0x1p100), s.like(1.0));
  F divisor = s * unit;
  return {unit, divisor, roundedReciprocal(divisor, approximate(divisor))};
}

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_ROWDIVISOR_H
