//===- generator_test.cpp - weights out of a counter ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../kvc-weights/Generator.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace kvctool;

namespace {

using Words = std::array<uint32_t, 4>;

// kat_vectors of Random123 1.14 (Salmon et al.), philox4x32, 10 rounds.
TEST(Generator, PhiloxKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                       {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// XXH3-64 of the empty name is 0x2d06800538d394c2 (xxHash's specification).
TEST(Generator, ElementIsAFunctionOfNameIndexAndSeed) {
  const uint64_t seed = 0x0000000500000007;
  const std::vector<float> values =
      generate("", {false, 0.0, 1.0 / std::sqrt(3.0)}, seed, 7);
  const Words words = philox4x32({1, 0, 0x38d394c2, 0x2d068005}, {7, 5});
  ASSERT_EQ(values.size(), 7u);
  for (int i = 4; i < 7; ++i)
    EXPECT_NEAR(values[i], 2.0 * ((words[i - 4] >> 8) + 0.5) / 16777216.0 - 1.0,
                1e-7);
  EXPECT_NE(generate("a", {false, 0.0, 1.0}, seed, 1),
            generate("b", {false, 0.0, 1.0}, seed, 1));
  EXPECT_NE(generate("a", {false, 0.0, 1.0}, 1, 1),
            generate("a", {false, 0.0, 1.0}, 2, 1));
}

TEST(Generator, HasTheStandardDeviationAskedFor) {
  const std::vector<float> values =
      generate("w", {false, 0.0, 0.25}, 1, 1 << 16);
  double sum = 0, squares = 0, most = 0;
  for (float value : values) {
    sum += value;
    squares += double(value) * value;
    most = std::max(most, std::fabs(double(value)));
  }
  // Four standard errors: 0.25 / 256 of the mean, 0.25 / 362 * sqrt(0.4) of
  // the deviation.
  EXPECT_NEAR(sum / values.size(), 0.0, 4e-3);
  EXPECT_NEAR(std::sqrt(squares / values.size()), 0.25, 2e-3);
  EXPECT_LT(most, 0.25 * std::sqrt(3.0));
}

TEST(Generator, Rules) {
  const auto std = [](const char *name, std::vector<int64_t> shape) {
    return fillRule(name, shape).std;
  };
  EXPECT_TRUE(fillRule("model.norm.weight", {256}).constant);
  EXPECT_TRUE(
      fillRule("model.layers.0.input_layernorm.weight", {256}).constant);
  EXPECT_EQ(fillRule("model.norm.weight", {256}).value, 1.0);
  EXPECT_EQ(std("model.embed_tokens.weight", {256, 64}), 1.0);
  EXPECT_EQ(std("model.layers.3.self_attn.q_proj.weight", {256, 64}), 1.5 / 8);
  EXPECT_EQ(std("model.layers.3.self_attn.k_proj.weight", {32, 16}), 1.5 / 4);
  EXPECT_EQ(std("model.layers.3.self_attn.v_proj.weight", {32, 16}), 1.0 / 4);
  EXPECT_EQ(std("lm_head.weight", {256, 64}), 2.0 / 8);
  EXPECT_EQ(std("model.layers.0.mlp.down_proj.bias", {64}), 0.1);
}

} // namespace
