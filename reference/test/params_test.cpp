//===- params_test.cpp - masks and arguments behind the kernel ABI --------===//
//----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By hand: keys are 0, so an output is the mean of the visible values.
//===----------------------------------------------------------------------===//
#include "kvcref/kernels.h"
#include "paged_pool.h"
#include "test_support.h"

#include <cstring>

using namespace kvcref;
using namespace kvcref::test;

namespace {

/// Two sequences of 2 and 3 tokens with values 1, 2 and 1, 2, 4, keys 0.
struct Masked {
  kvcrt_policy policy = makePolicy(1, 1, 1, KVCRT_F32);
  PagedPool pool{policy, 1};
  Variant variant = pool.variant();

  explicit Masked(MaskKind kind) {
    variant.mask = kind;
    pool.step({2, 3});
    const float values[] = {1, 2, 1, 2, 4};
    std::memcpy(pool.newValue.data(), values, sizeof(values));
    pool.params.mask_columns = 3;
    EXPECT_EQ(append(variant, pool.params), KVCRT_OK);
  }
  std::vector<double> run(const void *mask, int64_t rowBytes) {
    pool.params.mask = mask;
    pool.params.mask_token_stride = rowBytes;
    EXPECT_EQ(attend(variant, pool.params), KVCRT_OK);
    return toDouble(pool.out, 5);
  }
};

TEST(Params, masks_of_all_kinds) {
  const uint8_t dense[5][3] = {
      {1, 0, 0}, {0, 1, 0}, {1, 1, 1}, {1, 0, 1}, {1, 0, 1}};
  expectNear(Masked(MaskKind::DenseI1).run(dense, 3), {1, 2, 1, 1, 2.5}, 1e-6);

  const float hide = -std::numeric_limits<float>::infinity();
  const float additive[5][3] = {
      {0, 0, 0}, {hide, 0, 0}, {0, 0, 0}, {0, hide, 0}, {0, hide, 0}};
  expectNear(Masked(MaskKind::DenseF32).run(additive, 12), {1, 2, 1, 1, 2.5},
             1e-6);

  // Packed: sequence 0 is bits 10 01; sequence 1, from column 1 on, 00 00 01.
  Masked packed(MaskKind::Packed);
  const uint8_t bits[] = {0x09, 0x20};
  const int32_t indptr[] = {0, 1, 2}, firstColumn[] = {0, 1};
  packed.pool.params.mask_indptr = indptr;
  packed.pool.params.mask_first_column = firstColumn;
  expectNear(packed.run(bits, 0), {1, 2, 1, 1, 2.5}, 1e-6);

  Masked narrow(MaskKind::DenseI1);
  narrow.pool.params.mask = dense;
  narrow.pool.params.mask_columns = 2;
  EXPECT_EQ(attend(narrow.variant, narrow.pool.params), KVCRT_INVALID_ARGUMENT);
}

// Rows 0 and 1 of sequence 0, as head 0 and head 1 have them.
TEST(Params, mask_of_each_head) {
  kvcrt_policy policy = makePolicy(1, 1, 1, KVCRT_F32);
  PagedPool pool(policy, 2);
  Variant variant = pool.variant();
  variant.mask = MaskKind::DenseI1;
  pool.step({2});
  pool.newValue[0] = 1;
  pool.newValue[1] = 2;
  const uint8_t mask[2][2][2] = {{{1, 0}, {1, 0}}, {{1, 0}, {0, 1}}};
  pool.params.mask = mask; // [head][token][key]
  pool.params.mask_head_stride = 4;
  pool.params.mask_token_stride = 2;
  pool.params.mask_columns = 2;
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);
  ASSERT_EQ(attend(variant, pool.params), KVCRT_OK);
  expectNear(toDouble(pool.out, 4), {1, 1, 1, 2}, 1e-6);
}

/// Two tokens, keys 0 and 4, values 8 and 4, queries 1, scale 1.
struct TwoKeys {
  kvcrt_policy policy;
  PagedPool pool;
  Variant variant = pool.variant();

  explicit TwoKeys(const kvcrt_policy &policy)
      : policy(policy), pool(policy, 1) {
    pool.params.scale = 1;
    pool.step({2});
    pool.query = {1, 1};
    pool.newKey = {0, 4};
    pool.newValue = {8, 4};
    pool.params.query.data = pool.query.data();
    pool.params.new_key.data = pool.newKey.data();
    pool.params.new_value.data = pool.newValue.data();
    EXPECT_EQ(append(variant, pool.params), KVCRT_OK);
  }
  double last() {
    EXPECT_EQ(attend(variant, pool.params), KVCRT_OK);
    return pool.out[1];
  }
};

/// The mean of 8 and 4 when the scores are 0 and `score`.
double meanFor(double score) {
  return (8 + 4 * std::exp(score)) / (1 + std::exp(score));
}

// A field is read iff the variant says so.
TEST(Params, presence_is_the_variants) {
  const float sink[] = {1};
  TwoKeys keys(makePolicy(1, 1, 1, KVCRT_F32));
  keys.pool.params.softcap = 2;
  keys.pool.params.window = 1;
  keys.pool.params.sink_logits = sink;
  EXPECT_NEAR(keys.last(), meanFor(4), 1e-6);
  EXPECT_EQ(keys.pool.lse[1], -7.0f); // untouched
  keys.variant.softcap = true;
  EXPECT_NEAR(keys.last(), meanFor(2 * std::tanh(2.0)), 1e-6);
  keys.variant.softcap = false;
  keys.variant.lse = true;
  keys.variant.window = true;
  EXPECT_NEAR(keys.last(), 4, 1e-6);
  EXPECT_NEAR(keys.pool.lse[1], 4, 1e-6);
  keys.variant.sinkLogits = true;
  EXPECT_NEAR(keys.last(), 4 / (1 + std::exp(-3.0)), 1e-6);
  EXPECT_NEAR(keys.pool.lse[1], 4 + std::log1p(std::exp(-3.0)), 1e-6);
}

// ALiBi by hand; a position offset moves keys and queries alike.
TEST(Params, alibi_and_position_offset) {
  kvcrt_policy policy = makePolicy(1, 1, 1, KVCRT_F32);
  policy.position = KVCRT_POSITION_ALIBI;
  const float slopes[] = {0.5};
  const int32_t offset = 7;
  TwoKeys keys(policy);
  keys.pool.params.alibi_slopes = slopes;
  EXPECT_NEAR(keys.last(), meanFor(4 + 0.5), 1e-6);
  keys.pool.positions = {7, 8};
  keys.pool.params.step.positions = keys.pool.positions.data();
  keys.pool.params.cache.position_offset = &offset;
  keys.variant.lse = true;
  EXPECT_NEAR(keys.last(), meanFor(4 + 0.5), 1e-6);
  EXPECT_NEAR(keys.pool.lse[1], std::log(std::exp(4.0) + std::exp(-0.5)), 1e-6);
}

TEST(Params, error_word) {
  kvcrt_policy policy = makePolicy(1, 2, 2, KVCRT_F32);
  policy.position = KVCRT_POSITION_ROPE;
  policy.rope.theta = 100;
  policy.rope.dim = 2;
  policy.key = i8Storage();
  PagedPool pool(policy, 1);
  Variant variant = pool.variant();
  const float table[4] = {};
  pool.params.cache.rope_table = table;
  pool.params.cache.rope_positions = 2;
  pool.step({2});
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);
  EXPECT_EQ(pool.errorWord, 0);
  pool.step({1}); // position 2
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);
  EXPECT_EQ(pool.errorWord, KVCRT_ERROR_POSITION_RANGE);
  pool.errorWord = 0;
  pool.positions[0] = 1;
  pool.newKey[1] = NAN;
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);
  EXPECT_EQ(pool.errorWord, KVCRT_ERROR_NAN_INPUT);
  pool.errorWord = 0;
  pool.newKey[1] = 0;
  pool.slots[0] = PagedPool::numBlocks * policy.block;
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);
  EXPECT_EQ(pool.errorWord, KVCRT_ERROR_BLOCK_RANGE);
}

} // namespace
