//===- rope_table_test.cpp - cosines and sines ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Angles are written out by hand; cosines and sines come from Python's math.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/runtime.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

kvcrt_rope_params params(double theta, int32_t dim) {
  kvcrt_rope_params rope = {};
  rope.theta = theta;
  rope.dim = dim;
  return rope;
}

TEST(RopeTable, TwoFrequencies) {
  // theta 10000, dim 4: frequencies 1 and 0.01.
  const kvcrt_rope_params rope = params(1e4, 4);
  std::vector<float> table(3 * 4);
  ASSERT_EQ(kvcrt_rope_table_fill(&rope, 3, table.data(), table.size()),
            KVCRT_OK);
  const float expected[] = {
      1.0f,           0.0f,          1.0f,          0.0f,          // position 0
      0.5403023059f,  0.8414709848f, 0.99995f,      0.0099998333f, // 1
      -0.4161468365f, 0.9092974268f, 0.9998000067f, 0.0199986667f};
  for (int i = 0; i < 12; ++i)
    EXPECT_FLOAT_EQ(table[i], expected[i]) << i;
}

TEST(RopeTable, AnglesAreNotRoundedToFloat) {
  // cos(100001) = -0.5700385249 with the angle in double; a float angle or a
  // sum of float steps is off in the third digit.
  const kvcrt_rope_params rope = params(1e4, 2);
  std::vector<float> table(size_t(100002) * 2);
  ASSERT_EQ(kvcrt_rope_table_fill(&rope, 100002, table.data(), table.size()),
            KVCRT_OK);
  EXPECT_FLOAT_EQ(table[100001 * 2], -0.5700385249f);
  EXPECT_FLOAT_EQ(table[100001 * 2 + 1], -0.8216179648f);
}

TEST(RopeTable, LinearDividesThePosition) {
  kvcrt_rope_params rope = params(1e4, 2);
  rope.scaling = KVCRT_ROPE_SCALING_LINEAR;
  rope.factor = 4.0;
  std::vector<float> table(9 * 2);
  ASSERT_EQ(kvcrt_rope_table_fill(&rope, 9, table.data(), table.size()),
            KVCRT_OK);
  EXPECT_FLOAT_EQ(table[4 * 2], 0.5403023059f);  // cos 1
  EXPECT_FLOAT_EQ(table[8 * 2], -0.4161468365f); // cos 2
}

TEST(RopeTable, Llama3KeepsShortStretchesLongBlendsBetween) {
  // theta 5e5, dim 128, factor 8, low 1, high 4, original 8192 (Llama 3.1). By
  // hand: pair 0 has wavelength 6.28 < 2048, kept. Pair 63 has frequency
  // 5e5^(-126/128) = 2.455141e-06, wavelength 2.56e6 > 8192, divided by 8. Pair
  // 31: frequency 5e5^(-62/128) = 1.736047e-03, wavelength 3619.2, smooth =
  // (8192 / 3619.2 - 1) / 3 = 0.421151, frequency * ((1 - s) / 8 + s) =
  // 8.567514e-04.
  kvcrt_rope_params rope = params(5e5, 128);
  rope.scaling = KVCRT_ROPE_SCALING_LLAMA3;
  rope.factor = 8.0;
  rope.low_freq_factor = 1.0;
  rope.high_freq_factor = 4.0;
  rope.original_max_positions = 8192;
  std::vector<float> table(2 * 128);
  ASSERT_EQ(kvcrt_rope_table_fill(&rope, 2, table.data(), table.size()),
            KVCRT_OK);
  const float *one = table.data() + 128; // position 1: the sine is the angle
  EXPECT_FLOAT_EQ(one[1], 0.8414709848f);
  EXPECT_NEAR(one[31 * 2 + 1], 8.567514e-4, 1e-9);
  EXPECT_NEAR(one[63 * 2 + 1], 2.455141e-6 / 8, 1e-12);
}

TEST(RopeTable, RefusesWhatItCannotMean) {
  float table[8];
  kvcrt_rope_params rope = params(1e4, 4);
  EXPECT_EQ(kvcrt_rope_table_fill(&rope, 3, table, 8), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_rope_table_fill(&rope, 2, table, 8), KVCRT_OK);
  EXPECT_EQ(kvcrt_rope_table_fill(&rope, -1, table, 8), KVCRT_INVALID_ARGUMENT);
  rope.scaling = KVCRT_ROPE_SCALING_DYNAMIC;
  EXPECT_EQ(kvcrt_rope_table_fill(&rope, 2, table, 8), KVCRT_UNSUPPORTED);
  rope = params(1e4, 3);
  EXPECT_EQ(kvcrt_rope_table_fill(&rope, 1, table, 8), KVCRT_INVALID_ARGUMENT);
  rope = params(0.0, 4);
  EXPECT_EQ(kvcrt_rope_table_fill(&rope, 1, table, 8), KVCRT_INVALID_ARGUMENT);
}

} // namespace
