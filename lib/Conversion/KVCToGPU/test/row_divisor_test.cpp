//===- row_divisor_test.cpp - quotients against true division -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of RowDivisor.h, and that of a row's scale (KVCStorage.cpp), on
// the host's floats: all scales, all reciprocals, all quotients that lie next
// to the middle between two floats. What the header says of its error leaves no
// others; those next to the middle between two codes and random rows of any
// magnitude are tried to hold that against. KVC_ROW_DIVISOR_DRAWS sets how many
// divisors of random ones are drawn (each meets 64 numerators).
//
//===----------------------------------------------------------------------===//

#include "../RowDivisor.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
// Loops of these formulas, with the machine's own fused multiply-add.
#if defined(__x86_64__) && !__has_feature(address_sanitizer)
#define KVC_FAST __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define KVC_FAST
#endif

namespace {

/// A float of the host that reads as a Num does.
struct Host {
  float value;
  Host like(double x) const { return {float(x)}; }
};
Host operator*(Host a, Host b) { return {a.value * b.value}; }
Host operator-(Host a) { return {-a.value}; }
bool operator<(Host a, double b) { return a.value < float(b); }
Host fma(Host a, Host b, Host c) {
  return {std::fma(a.value, b.value, c.value)};
}
Host select(bool condition, Host a, Host b) { return condition ? a : b; }

float fromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
uint32_t bitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

constexpr uint32_t kOne = 0x3f800000, kMantissa = 1u << 23;

/// What an approximation that is `off` units in the last place off answers.
struct Approximate {
  int off;
  Host operator()(Host s) const {
    return {fromBits(bitsOf(float(1.0 / double(s.value))) + off)};
  }
};

kvc::gpu::RowDivisor<Host> divisorOf(float s, int off = 0) {
  return kvc::gpu::rowDivisor(Host{s}, Approximate{off});
}

/// Whether x / s is what RowDivisor.h promises.
bool isRight(const kvc::gpu::RowDivisor<Host> &divisor, float x, float s) {
  float got = divisor.quotient({x}).value, exact = x / s;
  if (std::fabs(exact) >= 0x1p-40f)
    return bitsOf(got) == bitsOf(exact);
  return std::fabs(got) < 0x1p-39f && std::signbit(got) == std::signbit(x);
}

/// How many floats from 0 to infinity have another scale than a / codes.
KVC_FAST uint64_t wrongScales(float codes) {
  const double inverse = 1.0 / codes;
  uint64_t wrong = 0;
  for (uint32_t bits = 0; bits <= 0x7f800000u; ++bits) {
    float a = fromBits(bits);
    wrong += bitsOf(float(double(a) * inverse)) != bitsOf(a / codes);
  }
  return wrong;
}

TEST(RowDivisor, EveryScaleIsTheQuotientRoundedOnce) {
  EXPECT_EQ(wrongScales(127), 0u);
  EXPECT_EQ(wrongScales(448), 0u);
  EXPECT_TRUE(std::isnan(float(double(std::nanf("")) * (1.0 / 127))));
}

KVC_FAST uint64_t wrongReciprocals(float unit, int off) {
  uint64_t wrong = 0;
  for (uint32_t mantissa = 0; mantissa < kMantissa; ++mantissa) {
    Host s{fromBits(kOne | mantissa) * unit};
    Host r = kvc::gpu::roundedReciprocal(s, Approximate{off}(s));
    wrong += r.value != float(1.0 / double(s.value));
  }
  return wrong;
}

TEST(RowDivisor, EveryReciprocalIsRoundedToNearest) {
  for (int off = -8; off <= 8; ++off)
    EXPECT_EQ(wrongReciprocals(1.0f, off), 0u) << off;
  // Powers of two change nothing, up to the ends of the range.
  for (float unit : {0x1p-60f, 0x1p121f})
    for (int off : {-8, -1, 1, 8})
      EXPECT_EQ(wrongReciprocals(unit, off), 0u) << unit << " " << off;
}

/// Of all quotients of numbers of 24 bits that are miss / s units of their 25th
/// bit away from the middle between two floats, the wrong ones; `tried` counts.
/// They lie in [1, 2) for shift 24, in (1/2, 1) for shift 25.
KVC_FAST uint64_t wrongNextToMiddles(int shift, int64_t miss, uint64_t &tried) {
  uint64_t wrong = 0;
  for (uint64_t s = kMantissa; s < 2 * kMantissa; ++s) {
    // s middle = x 2^shift + miss, where middle has 25 bits and is odd.
    const int even = __builtin_ctzll(s);
    if (even > 3 || miss % (int64_t(1) << even))
      continue;
    const uint64_t odd = s >> even;
    uint64_t inverse = odd; // modulo 2^3, then 2^6, 2^12, 2^24, 2^48
    for (int step = 0; step < 4; ++step)
      inverse *= 2 - odd * inverse;
    const uint64_t period = uint64_t(1) << (shift - even);
    uint64_t middle =
        (inverse * uint64_t(miss / (int64_t(1) << even))) & (period - 1);
    auto divisor = divisorOf(float(s));
    for (; middle < (1u << 25); middle += period) {
      uint64_t x = (s * middle - uint64_t(miss)) >> shift;
      if (middle < (1u << 24) || middle % 2 == 0 || x >= (1u << 24))
        continue;
      ++tried;
      wrong += !isRight(divisor, float(x), float(s));
    }
  }
  return wrong;
}

TEST(RowDivisor, EveryQuotientNextToTheMiddleOfTwoFloats) {
  uint64_t tried = 0;
  for (int shift : {24, 25})
    for (int64_t miss = -8; miss <= 8; ++miss)
      if (miss != 0)
        EXPECT_EQ(wrongNextToMiddles(shift, miss, tried), 0u) << miss;
  EXPECT_GT(tried, 50000000u);
  RecordProperty("tried", std::to_string(tried));
}

KVC_FAST uint64_t wrongNumerators(float s) {
  auto divisor = divisorOf(s);
  uint64_t wrong = 0;
  for (uint32_t i = 0; i < 2 * kMantissa; ++i) // 1 <= x < 4
    wrong += !isRight(divisor, fromBits(kOne + i), s);
  return wrong;
}

TEST(RowDivisor, EveryNumeratorOverTheHardestDivisors) {
  // All ones, its neighbours, and the smallest mantissas.
  for (uint32_t mantissa :
       {kMantissa - 1, kMantissa - 2, kMantissa - 3, 0u, 1u, 2u})
    EXPECT_EQ(wrongNumerators(fromBits(kOne + mantissa)), 0u) << mantissa;
}

/// Magnitudes at which a code changes: the middles between neighbours.
std::vector<double> codeMiddles(bool isFloat) {
  std::vector<double> codes, middles;
  if (isFloat) {
    for (int bits = 0; bits < 127; ++bits)
      codes.push_back(bits < 8 ? bits * 0x1p-9
                               : std::ldexp(8 + bits % 8, bits / 8 - 10));
  } else {
    for (int code = 0; code <= 127; ++code)
      codes.push_back(code);
  }
  for (size_t i = 0; i + 1 < codes.size(); ++i)
    middles.push_back((codes[i] + codes[i + 1]) / 2);
  return middles;
}

KVC_FAST uint64_t wrongNextToCodes(float s, const double *middles,
                                   size_t count) {
  auto divisor = divisorOf(s, int(bitsOf(s) % 5) - 2);
  uint64_t wrong = 0;
  for (size_t i = 0; i < count; ++i) {
    float x = float(middles[i] * double(s));
    for (int step = -2; step <= 2; ++step) {
      float near = fromBits(bitsOf(x) + step);
      wrong += !isRight(divisor, near, s) + !isRight(divisor, -near, s);
    }
  }
  return wrong;
}

/// A scale that some row has: an f32 of any magnitude, denormals included.
float drawScale(std::mt19937_64 &random) {
  uint32_t most = bitsOf(std::numeric_limits<float>::max() / 127);
  return fromBits(1 + random() % most);
}

TEST(RowDivisor, QuotientsNextToTheMiddleOfTwoCodes) {
  std::mt19937_64 random(std::random_device{}());
  std::vector<double> middles[] = {codeMiddles(false), codeMiddles(true)};
  EXPECT_EQ(middles[1].back(), 432.0);
  for (int draw = 0; draw < 20000; ++draw) {
    float s = drawScale(random);
    for (const std::vector<double> &of : middles)
      if (s * of.back() < std::numeric_limits<float>::max())
        ASSERT_EQ(wrongNextToCodes(s, of.data(), of.size()), 0u) << s;
  }
}

KVC_FAST uint64_t wrongOfRow(float s, int off, const float *numerators) {
  auto divisor = divisorOf(s, off);
  uint64_t wrong = 0;
  for (int i = 0; i < 64; ++i)
    wrong += !isRight(divisor, numerators[i], s);
  return wrong;
}

TEST(RowDivisor, RandomRows) {
  const char *said = std::getenv("KVC_ROW_DIVISOR_DRAWS");
  const uint64_t draws = said ? std::strtoull(said, nullptr, 10) : 400000;
  std::mt19937_64 random(std::random_device{}());
  float numerators[64];
  for (uint64_t draw = 0; draw < draws; ++draw) {
    float s = drawScale(random);
    // 448.5 s: with a scale that is a denormal, the largest may be half a unit
    // more than the codes reach.
    float largest = std::fmin(s * 672.0f, std::numeric_limits<float>::max());
    uint64_t state = random();
    for (int i = 0; i < 64; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      // Half of them of any magnitude down to zero, half of that of the row.
      uint32_t bits = bitsOf(largest);
      bits -= uint32_t((state >> 32) * bits >> (i % 2 ? 32 : 36));
      numerators[i] = fromBits(bits | (uint32_t(state) & 0x80000000u));
    }
    numerators[0] = 0.0f;
    numerators[1] = -0.0f;
    ASSERT_EQ(wrongOfRow(s, int(state >> 60) - 8, numerators), 0u)
        << std::hexfloat << s;
  }
}

} // namespace
