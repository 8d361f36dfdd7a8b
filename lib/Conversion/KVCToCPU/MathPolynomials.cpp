//===- MathPolynomials.cpp - exp, exp2, log, tanh without libm ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Range reduction and polynomial after the single-precision routines of the
// Cephes library (S. Moshier); coefficients are its.
//
// Invariant: no branch, no table, no conversion of a value that may be NaN or
// out of range to an integer (that would be poison).
//
//===----------------------------------------------------------------------===//

#include "MathPolynomials.h"

#include <limits>

namespace kvc::cpu {

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// 1.5 * 2^23: added to a float of magnitude below 2^22 it rounds it to an
/// integer, half to even, which then stands in the low bits of the sum.
constexpr double kRounder = 12582912.0;
constexpr int kMantissaBits = 23;
} // namespace

/// Horner, highest coefficient first.
static Num polynomial(Num x, std::initializer_list<double> coefficients) {
  Num result;
  for (double c : coefficients)
    result = result ? fma(result, x, x.like(c)) : x.like(c);
  return result;
}

/// y * 2^n for y near 1, with n in the low bits of `rounded` = n + kRounder and
/// a result known to be a normal number. Of a NaN it makes anything: callers
/// end in a select that puts the NaN back (x + inf, which is inf else).
static Num scaleByPowerOfTwo(Num y, Num rounded) {
  KernelBuilder &b = *y.builder;
  Num exponent = b.bitcast(rounded, b.i32()) << kMantissaBits;
  return b.bitcast(b.bitcast(y, b.i32()) + exponent, b.f32());
}

Num emitExp(Num x) {
  constexpr double kLowest = -87.33654, kHighest = 88.72283;
  // A NaN passes both selects, because it does not compare.
  Num clamped = select(x < kLowest, x.like(kLowest), x);
  clamped = select(clamped > kHighest, x.like(kHighest), clamped);
  Num rounded = fma(clamped, x.like(1.44269504088896341), x.like(kRounder));
  Num n = rounded - kRounder;
  // ln 2 in two parts, the first exact when multiplied by n.
  Num r = fma(n, x.like(-0.693359375), clamped);
  r = fma(n, x.like(2.12194440e-4), r);
  Num p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                         4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  Num y = fma(p, r * r, r) + 1.0;
  y = scaleByPowerOfTwo(y, rounded);
  y = select(x < kLowest, x.like(0), y);
  return select(x <= kHighest, y, x + kInfinity);
}

Num emitExp2(Num x) {
  constexpr double kLowest = -126.0, kHighest = 127.9999924;
  Num clamped = select(x < kLowest, x.like(kLowest), x);
  clamped = select(clamped > kHighest, x.like(kHighest), clamped);
  Num rounded = clamped + kRounder;
  Num r = clamped - (rounded - kRounder);
  Num p = polynomial(r, {1.535336188319500e-4, 1.339887440266574e-3,
                         9.618437357674640e-3, 5.550332471162809e-2,
                         2.402264791363012e-1, 6.931472028550421e-1});
  Num y = scaleByPowerOfTwo(fma(p, r, x.like(1.0)), rounded);
  y = select(x < kLowest, x.like(0), y);
  return select(x <= kHighest, y, x + kInfinity);
}

Num emitLog(Num x) {
  KernelBuilder &b = *x.builder;
  constexpr double kSmallestNormal = 1.17549435e-38;
  // A denormal is scaled up first, so that its exponent field means something.
  Num tiny = x < kSmallestNormal;
  Num scaled = select(tiny, x * 8388608.0, x);
  Num bits = b.bitcast(scaled, b.i32());
  Num exponent = (bits >> kMantissaBits) -
                 select(tiny, bits.like(126 + 23), bits.like(126));
  // Mantissa in [0.5, 1), then in [sqrt(0.5), sqrt(2)).
  Num mantissa = b.bitcast((bits & 0x007fffff) | 0x3f000000, b.f32());
  Num low = mantissa < 0.707106781186547524;
  Num e = b.toFloat(exponent) - select(low, x.like(1), x.like(0));
  Num f = mantissa + select(low, mantissa, x.like(0)) - 1.0;
  Num z = f * f;
  Num p = polynomial(f, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1,
                         -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
                         2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  Num y = p * f * z;
  y = fma(e, x.like(-2.12194440e-4), y);
  y = fma(z, x.like(-0.5), y);
  y = fma(e, x.like(0.693359375), f + y);
  y = select(x == kInfinity, x, y);
  y = select(x == 0, x.like(-kInfinity), y);
  // False for a NaN too.
  return select(x >= 0, y, x.like(kNaN));
}

Num emitTanh(Num x) {
  Num magnitude = select(x < 0, -x, x);
  // Near zero the quotient below would cancel; an odd polynomial does not.
  Num z = x * x;
  Num small =
      polynomial(z, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                     1.33314422036e-1, -3.33332819422e-1});
  small = fma(small * z, x, x);
  Num large = x.like(1) - x.like(2) / (emitExp(magnitude + magnitude) + 1.0);
  large = select(x < 0, -large, large);
  return select(magnitude < 0.625, small, large);
}

static Num divide(Num a, Num b) { return a / b; }

const EngineMath engineMath = {/*unit=*/1,
                               /*natural=*/1,
                               {emitExp, emitExp2, emitLog, emitTanh},
                               /*weight=*/emitExp,
                               /*score=*/emitLog,
                               divide,
                               loadI32,
                               loadF32};

} // namespace kvc::cpu
