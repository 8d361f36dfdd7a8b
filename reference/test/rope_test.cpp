//===- rope_test.cpp - rotary position embedding --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "expected.h"
#include "kvcref/rope.h"
#include "test_support.h"

using namespace kvcref;
using namespace kvcref::test;

namespace {

kvcrt_rope_params plain(double theta, int32_t dim, kvcrt_rope_style style) {
  kvcrt_rope_params rope{};
  rope.theta = theta;
  rope.dim = dim;
  rope.style = style;
  return rope;
}

const Array<int64_t, 1> positions({3}, {0, 1, 1000});

TEST(Rope, neox) {
  auto out =
      rope(plain(1e4, 8, KVCRT_ROPE_NEOX), ramp<3>(5, {3, 2, 8}), positions);
  expectNear(out.elements, expected::ropeNeox, 1e-11);
}

TEST(Rope, interleaved_partial) {
  auto out = rope(plain(500, 4, KVCRT_ROPE_INTERLEAVED), ramp<3>(5, {3, 2, 8}),
                  positions);
  expectNear(out.elements, expected::ropeInterleavedPartial, 1e-11);
}

// theta 1, a quarter turn is pi/2 radians: position 1 turns every pair by 1
// radian, (1, 0) becomes (cos 1, sin 1).
TEST(Rope, one_radian_by_hand) {
  std::vector<double> row = {1, 10, 0, 20};
  rotate(plain(1, 2, KVCRT_ROPE_NEOX), 1, {row.data(), {4}});
  expectNear(row, {std::cos(1.0) - 10 * std::sin(1.0),
                   std::sin(1.0) + 10 * std::cos(1.0), 0, 20});
}

TEST(Rope, linear_scaling) {
  kvcrt_rope_params params = plain(1e4, 8, KVCRT_ROPE_NEOX);
  params.scaling = KVCRT_ROPE_SCALING_LINEAR;
  params.factor = 4;
  auto out = rope(params, ramp<3>(5, {3, 2, 8}), positions);
  expectNear(out.elements, expected::ropeLinear, 1e-11);
}

TEST(Rope, llama3_scaling) {
  kvcrt_rope_params params = plain(5e5, 16, KVCRT_ROPE_NEOX);
  params.scaling = KVCRT_ROPE_SCALING_LLAMA3;
  params.factor = 8;
  params.low_freq_factor = 1;
  params.high_freq_factor = 4;
  params.original_max_positions = 8192;
  std::vector<double> got;
  for (int32_t pair = 0; pair < 8; ++pair)
    got.push_back(ropeFrequency(params, pair));
  expectNear(got, expected::llama3Frequencies, 1e-15);
  // All three branches are taken: kept, blended, divided by 8.
  EXPECT_EQ(got[0], 1.0);
  const double last = std::pow(5e5, -14.0 / 16);
  EXPECT_NEAR(got[7], last / 8, 1e-18);
}

TEST(Rope, unsupported_is_said) {
  kvcrt_rope_params params = plain(1e4, 8, KVCRT_ROPE_NEOX);
  EXPECT_EQ(checkRope(params), KVCRT_OK);
  params.scaling = KVCRT_ROPE_SCALING_DYNAMIC;
  EXPECT_EQ(checkRope(params), KVCRT_UNSUPPORTED);
  params.scaling = KVCRT_ROPE_SCALING_LINEAR; // without a factor
  EXPECT_EQ(checkRope(params), KVCRT_INVALID_ARGUMENT);
  params = plain(1e4, 7, KVCRT_ROPE_NEOX);
  EXPECT_EQ(checkRope(params), KVCRT_INVALID_ARGUMENT);
}

} // namespace
