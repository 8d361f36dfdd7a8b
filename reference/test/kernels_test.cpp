//===- kernels_test.cpp - the reference behind the kernel ABI -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A paged pool against the unpaged Cache (which expected.py vouches for), and
// single bytes of the pool by hand.
//===----------------------------------------------------------------------===//
#include "kvcref/kernels.h"
#include "paged_pool.h"
#include "test_support.h"

#include <cstring>

using namespace kvcref;
using namespace kvcref::test;

namespace {

void fill(std::vector<float> &numbers, int64_t seed) {
  auto values = ramp<1>(seed, {int64_t(numbers.size())});
  numbers.assign(values.elements.begin(), values.elements.end());
}

/// Three steps of a growing batch, paged and unpaged.
void expectPagedEqualsCache(const kvcrt_policy &policy) {
  const int64_t heads = 4;
  PagedPool pool(policy, heads);
  Cache cache(policy);
  Variant variant = pool.variant();
  variant.lse = true;
  int64_t seed = 0;
  for (std::vector<int32_t> counts :
       {std::vector<int32_t>{5, 0, 7}, {1, 4, 1}, {3, 1, 6}}) {
    pool.step(counts);
    fill(pool.query, ++seed);
    fill(pool.newKey, ++seed);
    fill(pool.newValue, ++seed);
    ASSERT_EQ(append(variant, pool.params), KVCRT_OK);
    ASSERT_EQ(attend(variant, pool.params), KVCRT_OK);
    ASSERT_EQ(pool.errorWord, 0);

    std::vector<StepRow> rows;
    for (size_t row = 0; row < counts.size(); ++row)
      rows.push_back({int64_t(row), counts[row]});
    const int64_t tokens = pool.header.num_tokens;
    Array<int64_t, 1> positions({tokens});
    for (int64_t t = 0; t < tokens; ++t)
      positions(t) = pool.positions[t];
    AttendOptions options;
    options.score.scale = 0.5;
    cache.append(rows, readTensor(pool.params.new_key, KVCRT_F32, tokens, 2, 4),
                 readTensor(pool.params.new_value, KVCRT_F32, tokens, 2, 4),
                 positions);
    Array<double, 3> out({tokens, heads, 4});
    Array<double, 2> lse({tokens, heads});
    cache.attend(options, rows,
                 readTensor(pool.params.query, KVCRT_F32, tokens, heads, 4),
                 positions, out, lse);
    expectNear(toDouble(pool.out, tokens * heads * 4), out.elements, 1e-6);
    expectNear(toDouble(pool.lse, tokens * heads), lse.elements, 1e-6);
  }
}

TEST(Kernels, paged_equals_unpaged) {
  for (int32_t block : {1, 2, 3, 16})
    for (kvcrt_order order : {KVCRT_HND, KVCRT_NHD})
      for (int32_t retention : {KVCRT_RETAIN_ALL, KVCRT_RETAIN_STREAMING}) {
        kvcrt_policy policy = makePolicy(2, 4, 4, KVCRT_F32);
        policy.block = block;
        policy.order = order;
        policy.retention = retention;
        policy.window = 4;
        policy.sink_tokens = 2;
        policy.key = i8Storage();
        policy.value.format = KVCRT_BF16;
        policy.position = KVCRT_POSITION_ROPE;
        policy.rope.theta = 100;
        policy.rope.dim = 4;
        expectPagedEqualsCache(policy);
      }
}

TEST(Kernels, append_writes_these_bytes_and_no_others) {
  kvcrt_policy policy = makePolicy(1, 2, 2, KVCRT_F32);
  policy.block = 2;
  policy.key = i8Storage();
  policy.value.format = KVCRT_F16;
  PagedPool pool(policy, 1);
  Variant variant = pool.variant();
  pool.step({3});
  pool.slots[1] = -1; // skipped
  pool.newKey = {127, -64, 5, 5, 0, 254};
  pool.newValue = {1, -2, 5, 5, 0.5, 0};
  pool.params.new_key.data = pool.newKey.data();
  pool.params.new_value.data = pool.newValue.data();
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);

  // Token 0 is slot 0 of block 63, token 2 slot 0 of block 61.
  std::vector<uint8_t> key(pool.payload[0].size(), 0xff), scale(64 * 8, 0xff),
      value(pool.payload[1].size(), 0xff);
  const int8_t codes[] = {127, -64, 0, 127};
  std::memcpy(&key[63 * 4], codes, 2);
  std::memcpy(&key[61 * 4], codes + 2, 2);
  const float scales[] = {1.0f, 2.0f};
  std::memcpy(&scale[63 * 8], &scales[0], 4);
  std::memcpy(&scale[61 * 8], &scales[1], 4);
  const uint16_t halves[] = {0x3c00, 0xc000, 0x3800, 0x0000};
  std::memcpy(&value[63 * 8], halves, 4);
  std::memcpy(&value[61 * 8], halves + 2, 4);
  EXPECT_EQ(pool.payload[0], key);
  EXPECT_EQ(pool.scales[0], scale);
  EXPECT_EQ(pool.payload[1], value);

  // Reading back: token 1 was never written, and 0xff is code -1, scale NaN.
  Gathered held;
  ASSERT_EQ(gather(policy, pool.params, 0, held), KVCRT_OK);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expectNear(held.key.elements, {127, -64, nan, nan, 0, 254});
  expectNear(held.value.elements, {1, -2, nan, nan, 0.5, 0});
}

TEST(Kernels, freed_blocks) {
  kvcrt_policy policy = makePolicy(1, 1, 1, KVCRT_F32);
  policy.block = 2;
  policy.retention = KVCRT_RETAIN_STREAMING;
  policy.sink_tokens = 1;
  policy.window = 2;
  PagedPool pool(policy, 1);
  Variant variant = pool.variant();
  pool.step({8});
  for (int i = 0; i < 8; ++i)
    pool.newValue[i] = float(1 << i);
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);
  pool.step({1});
  pool.newValue[0] = 256;
  ASSERT_EQ(append(variant, pool.params), KVCRT_OK);

  // Token 8 sees 0, 7, 8: blocks 0 (a sink's), 3 and 4. Blocks 1, 2 are freed.
  const int32_t firstBlock = 3;
  pool.params.cache.first_block = &firstBlock;
  pool.table[1] = pool.table[2] = -1;
  ASSERT_EQ(attend(variant, pool.params), KVCRT_OK);
  EXPECT_EQ(pool.errorWord, 0);
  EXPECT_NEAR(pool.out[0], (1 + 128 + 256) / 3.0, 1e-4);

  Gathered held;
  ASSERT_EQ(gather(policy, pool.params, 0, held), KVCRT_OK);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expectNear(held.value.elements, {1, 2, nan, nan, nan, nan, 64, 128, 256});

  pool.table[3] = PagedPool::numBlocks; // a block that is needed and not there
  ASSERT_EQ(attend(variant, pool.params), KVCRT_OK);
  EXPECT_EQ(pool.errorWord, KVCRT_ERROR_BLOCK_RANGE);
}

TEST(Kernels, merge_with_sink) {
  kvcrt_policy policy = makePolicy(1, 1, 1, KVCRT_F16);
  PagedPool pool(policy, 1);
  Variant variant = pool.variant();
  variant.sinkLogits = variant.lse = true;
  pool.header.num_tokens = 2;
  const float inf = std::numeric_limits<float>::infinity();
  float out[] = {8, NAN, 4, NAN}, lse[] = {0, -inf, float(std::log(3.0)), -inf};
  const float sink[] = {float(std::log(4.0))};
  uint16_t merged[2] = {};
  pool.params.partial_out = out;
  pool.params.partial_lse = lse;
  pool.params.num_partials = 2;
  pool.params.sink_logits = sink;
  pool.params.out = {merged, 2, 2};
  ASSERT_EQ(merge(variant, pool.params), KVCRT_OK);
  EXPECT_EQ(merged[0], 0x4100); // 2.5
  EXPECT_EQ(merged[1], 0);
  expectNear(toDouble(pool.lse, 2), {std::log(8.0), std::log(4.0)}, 1e-6);
}

TEST(Kernels, refuses_another_version) {
  kvcrt_policy policy = makePolicy(1, 1, 1, KVCRT_F32);
  PagedPool pool(policy, 1);
  Variant variant = pool.variant();
  pool.params.abi_version++;
  EXPECT_EQ(append(variant, pool.params), KVCRT_VERSION_MISMATCH);
  EXPECT_EQ(attend(variant, pool.params), KVCRT_VERSION_MISMATCH);
  EXPECT_EQ(merge(variant, pool.params), KVCRT_VERSION_MISMATCH);
}

} // namespace
