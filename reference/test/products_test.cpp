//===- products_test.cpp - what rounding operands makes of a row ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One key: its log-sum-exp is its score, a product of two rows of two numbers
// that are written down here.
//===----------------------------------------------------------------------===//
#include "kvcref/formats.h"
#include "kvcref/products.h"
#include "test_support.h"

using namespace kvcref;
using namespace kvcref::test;

namespace {

struct Range {
  double low, high;
};

kvcrt_policy plainPolicy(int32_t element, int32_t stored) {
  kvcrt_policy policy = makePolicy(1, 2, 2, element);
  policy.key.format = policy.value.format = stored;
  return policy;
}

kvcrt_policy ropePolicy(int32_t element, kvcrt_rope_at at) {
  kvcrt_policy policy = plainPolicy(element, element);
  policy.position = KVCRT_POSITION_ROPE;
  policy.rope.theta = 100;
  policy.rope.dim = 2; // one pair, which turns by its position in radians
  policy.rope.style = KVCRT_ROPE_NEOX;
  policy.rope.at = at;
  return policy;
}

/// scale 1/2, one query and one key, both at `position`.
Range rangeOf(const kvcrt_policy &policy, std::vector<double> query,
              std::vector<double> key, int64_t position = 0, double scale = 1) {
  const Array<double, 3> q({1, 1, 2}, query), k({1, 1, 2}, key),
      v({1, 1, 2}, {0, 0});
  const auto positions = iota(1, position);
  const Array<double, 2> scales({1, 1}, scale);
  Array<double, 2> low({1, 1}), high({1, 1});
  AttendOptions options;
  options.score.scale = 0.5;
  sequenceLseRange(policy, options, 0, q, positions, {k, v, positions}, scales,
                   low, high);
  return {low(0, 0), high(0, 0)};
}

double bf16(double x) { return roundTo(KVCRT_BF16, x); }

TEST(LseRange, RoundsQueriesOfAnotherType) {
  // Between 1 and 1 + 2^-7, three quarters up.
  const double x = 1 + 3 * 0x1p-9;
  const Range stored =
      rangeOf(plainPolicy(KVCRT_F32, KVCRT_BF16), {x, 2}, {1, 3});
  EXPECT_EQ(stored.low, 0.5 * (1 + 0x1p-7 + 6));
  EXPECT_EQ(stored.high, stored.low);
  // f16 has a place for it, and so has f32.
  for (int32_t format : {KVCRT_F16, KVCRT_F32}) {
    const Range whole = rangeOf(plainPolicy(KVCRT_F32, format), {x, 2}, {1, 3});
    EXPECT_EQ(whole.low, 0.5 * (x + 6));
    EXPECT_EQ(whole.high, whole.low);
  }
}

TEST(LseRange, TurnedQueriesBesideTheMiddleMayBecomeEither) {
  const kvcrt_policy policy = ropePolicy(KVCRT_BF16, KVCRT_ROPE_AT_APPEND);
  // Turned by nothing, but by f32 for all that is known.
  const Range middle = rangeOf(policy, {1 + 0x1p-8, 0}, {3, 0});
  EXPECT_EQ(middle.low, 0.5 * 3);
  EXPECT_EQ(middle.high, 0.5 * 3 * (1 + 0x1p-7));
  for (double off : {-0x1p-20, 0x1p-20}) {
    const Range beside = rangeOf(policy, {1 + 0x1p-8 + off, 0}, {3, 0});
    EXPECT_EQ(beside.low, 0.5 * 3 * (off < 0 ? 1 : 1 + 0x1p-7));
    EXPECT_EQ(beside.high, beside.low);
  }
  // What meets a zero does not matter, but for the error of the turn itself.
  const Range unseen = rangeOf(policy, {1 + 0x1p-8, 0}, {0, 1});
  EXPECT_LE(unseen.high - unseen.low, 2 * 0x1p-22);
}

TEST(LseRange, TurnsQueriesAndKeysBeforeRounding) {
  const double c = std::cos(2), s = std::sin(2);
  const double q[] = {bf16(5 * c - 3 * s), bf16(5 * s + 3 * c)};
  const Range append =
      rangeOf(ropePolicy(KVCRT_BF16, KVCRT_ROPE_AT_APPEND), {5, 3}, {7, 1}, 2);
  EXPECT_EQ(append.low, 0.5 * (q[0] * 7 + q[1]));
  EXPECT_EQ(append.high, append.low);
  const double k[] = {bf16(7 * c - s), bf16(7 * s + c)};
  const Range attend =
      rangeOf(ropePolicy(KVCRT_BF16, KVCRT_ROPE_AT_ATTEND), {5, 3}, {7, 1}, 2);
  EXPECT_EQ(attend.low, 0.5 * (q[0] * k[0] + q[1] * k[1]));
  EXPECT_EQ(attend.high, attend.low);
  // Rounding is seen: the whole product is another.
  EXPECT_GT(std::abs(attend.low - 0.5 * (5 * 7 + 3 * 1)), 5e-4);
}

TEST(LseRange, TurnsCodesBeforeTheirScale) {
  kvcrt_policy policy = ropePolicy(KVCRT_BF16, KVCRT_ROPE_AT_ATTEND);
  policy.key = policy.value = i8Storage();
  const double c = std::cos(2), s = std::sin(2), scale = 0.3;
  const double k[] = {bf16(7 * c - s) * scale, bf16(7 * s + c) * scale};
  const Range codes = rangeOf(policy, {0, 1}, {7 * scale, 1 * scale}, 2, scale);
  EXPECT_NEAR(codes.low, 0.5 * (bf16(-s) * k[0] + bf16(c) * k[1]), 1e-15);
  EXPECT_EQ(codes.high, codes.low);
  // A row of zeros has no scale.
  EXPECT_EQ(rangeOf(policy, {0, 1}, {0, 0}, 2, 0).high, 0);
}

TEST(LseRange, QueriesOfAnyRangeMeetF8AsF16) {
  kvcrt_policy policy = plainPolicy(KVCRT_F32, KVCRT_F32);
  policy.key.kind = policy.value.kind = KVCRT_STORAGE_QUANT;
  policy.key.format = policy.value.format = KVCRT_F8E4M3FN;
  EXPECT_EQ(productFormat(policy, policy.key), KVCRT_F16);
  policy.element = KVCRT_BF16;
  EXPECT_EQ(productFormat(policy, policy.key), KVCRT_F16);
  // f16's eleven digits, far beyond its range: 1 + 2^-10 stays, and of 2^-11 at
  // the middle the even neighbour.
  policy.element = KVCRT_F32;
  for (int exponent : {-100, -20, 0, 16, 100}) {
    const double unit = std::ldexp(1.0, exponent);
    const Range range =
        rangeOf(policy, {(1 + 0x1p-10) * unit, (1 + 0x1p-11) * unit}, {4, 8});
    EXPECT_EQ(range.low, 0.5 * (4 * (1 + 0x1p-10) + 8) * unit);
    EXPECT_EQ(range.high, range.low);
  }
  // What is 2^-38 of the row's largest is below f16's smallest, 2^-24, when
  // that one is at 2^13.
  EXPECT_EQ(rangeOf(policy, {1, 0x1p-39}, {0, 8}).high, 0);
  EXPECT_EQ(rangeOf(policy, {1, 0x1p-37}, {0, 8}).high, 0.5 * 0x1p-34);
}

TEST(LseRange, DistanceIsFromTheNearerEnd) {
  const LseRange range{Array<double, 2>({1, 1}, 2),
                       Array<double, 2>({1, 1}, 3)};
  EXPECT_EQ(range.distance(0, 0, 2.5), 0);
  EXPECT_EQ(range.distance(0, 0, 1), 0.5);
  EXPECT_EQ(range.distance(0, 0, 6), 1);
  EXPECT_EQ(range.distance(0, 0, NAN), INFINITY);
}

} // namespace
