//===- sim_intrinsics_test.cpp - GPU intrinsics against golden vectors ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expected values are sim_golden.py's, which is written from the PTX ISA.
//
//===----------------------------------------------------------------------===//
#include "../src/sim/numbers.h"
#include "sim_fixture.h"
#include "sim_golden.h"

#include <cmath>
#include <limits>

using namespace kvcrt::test;

namespace {

class Intrinsics : public SimTest {};

template <uint32_t kWhich>
void convertAll(kvcrt_sim_thread *t, const void *params) {
  for (uint32_t &word : *pointer<std::vector<uint32_t>>(params))
    word = t->table->convert(t, 0, kWhich, 0, word);
}

#define CONVERT_TEST(name, which)                                              \
  TEST_F(Intrinsics, Convert##name) {                                          \
    std::vector<uint32_t> words(std::begin(kConvert##name##In),                \
                                std::end(kConvert##name##In));                 \
    auto *data = &words;                                                       \
    ASSERT_EQ(launch(&convertAll<which>, 1, &data), KVCRT_OK);                 \
    for (size_t i = 0; i < words.size(); ++i)                                  \
      EXPECT_EQ(words[i], kConvert##name##Out[i])                              \
          << std::hex << kConvert##name##In[i];                                \
  }
CONVERT_TEST(F16, KVCRT_SIM_CONVERT_F32_F16X2)
CONVERT_TEST(Bf16, KVCRT_SIM_CONVERT_F32_BF16X2)
CONVERT_TEST(E4m3, KVCRT_SIM_CONVERT_F32_E4M3X2)
CONVERT_TEST(E5m2, KVCRT_SIM_CONVERT_F32_E5M2X2)

TEST_F(Intrinsics, ConvertSpecialValues) {
  std::vector<uint32_t> words;
  auto *data = &words;
  auto run = [&](KernelFn function) {
    words = {0x7f800000, 0xff800000, 0x7fc00001, 0xffc00000};
    ASSERT_EQ(launch(function, 1, &data), KVCRT_OK);
  };
  run(&convertAll<KVCRT_SIM_CONVERT_F32_F16X2>);
  EXPECT_EQ(words, (std::vector<uint32_t>{0x7c00, 0xfc00, 0x7fff, 0x7fff}));
  run(&convertAll<KVCRT_SIM_CONVERT_F32_BF16X2>);
  EXPECT_EQ(words, (std::vector<uint32_t>{0x7f80, 0xff80, 0x7fff, 0x7fff}));
  // satfinite: infinity becomes the largest, NaN stays NaN
  run(&convertAll<KVCRT_SIM_CONVERT_F32_E4M3X2>);
  EXPECT_EQ(words, (std::vector<uint32_t>{0x7e, 0xfe, 0x7f, 0x7f}));
}

TEST_F(Intrinsics, ConvertPutsTheFirstOperandHigh) {
  std::vector<uint32_t> words(2);
  auto *data = words.data();
  ASSERT_EQ(launch(
                [](kvcrt_sim_thread *t, const void *params) {
                  auto *out = pointer<uint32_t>(params);
                  // 1.0 and -2.0
                  out[0] = t->table->convert(t, 0, KVCRT_SIM_CONVERT_F32_BF16X2,
                                             0x3f800000, 0xc0000000);
                  out[1] = t->table->convert(t, 0,
                                             KVCRT_SIM_CONVERT_F32_E4M3X2 |
                                                 KVCRT_SIM_CONVERT_RELU,
                                             0x3f800000, 0xc0000000);
                },
                1, &data),
            KVCRT_OK);
  EXPECT_EQ(words[0], 0x3f80c000u);
  EXPECT_EQ(words[1], 0x3800u);
}

TEST_F(Intrinsics, ConvertE4m3ToF16) {
  std::vector<uint32_t> words(256);
  auto *data = words.data();
  ASSERT_EQ(launch(
                [](kvcrt_sim_thread *t, const void *params) {
                  for (uint32_t i = 0; i < 256; ++i)
                    pointer<uint32_t>(params)[i] =
                        t->table->convert(t, 0, KVCRT_SIM_CONVERT_E4M3X2_F16X2,
                                          i | (255 - i) << 8, 0);
                },
                1, &data),
            KVCRT_OK);
  for (uint32_t i = 0; i < 256; ++i) {
    EXPECT_EQ(words[i] & 0xffff, kE4m3AsF16[i]) << i;
    EXPECT_EQ(words[i] >> 16, kE4m3AsF16[255 - i]) << i;
  }
}

template <uint32_t kType>
void half2All(kvcrt_sim_thread *t, const void *params) {
  auto *row = pointer<uint32_t>(params);
  for (size_t i = 0; i < 60; ++i, row += 6) {
    const uint32_t operations[] = {KVCRT_SIM_HALF2_ADD, KVCRT_SIM_HALF2_MUL,
                                   KVCRT_SIM_HALF2_FMA};
    for (int j = 0; j < 3; ++j)
      // The same in both halves.
      row[3 + j] =
          t->table->half2(t, 0, operations[j] | kType << 8, row[0] * 0x10001u,
                          row[1] * 0x10001u, row[2] * 0x10001u);
  }
}
template <uint32_t kType, size_t kCount>
void expectHalf2(const uint32_t (&golden)[kCount],
                 const std::vector<uint32_t> &words) {
  for (size_t i = 0; i < kCount; ++i)
    EXPECT_EQ(words[i], i % 6 < 3 ? golden[i] : golden[i] * 0x10001u) << i;
}
TEST_F(Intrinsics, Half2) {
  std::vector<uint32_t> f16(std::begin(kHalf2F16), std::end(kHalf2F16));
  auto *data = f16.data();
  ASSERT_EQ(launch(&half2All<KVCRT_SIM_TYPE_F16>, 1, &data), KVCRT_OK);
  expectHalf2<KVCRT_SIM_TYPE_F16>(kHalf2F16, f16);
  std::vector<uint32_t> bf16(std::begin(kHalf2Bf16), std::end(kHalf2Bf16));
  data = bf16.data();
  ASSERT_EQ(launch(&half2All<KVCRT_SIM_TYPE_BF16>, 1, &data), KVCRT_OK);
  expectHalf2<KVCRT_SIM_TYPE_BF16>(kHalf2Bf16, bf16);
}

TEST_F(Intrinsics, Permute) {
  std::vector<uint32_t> words(std::begin(kPermute), std::end(kPermute));
  auto *data = words.data();
  ASSERT_EQ(launch(
                [](kvcrt_sim_thread *t, const void *params) {
                  auto *row = pointer<uint32_t>(params);
                  for (int i = 0; i < 56; ++i, row += 5)
                    row[4] =
                        t->table->permute(t, 0, row[0], row[1], row[2], row[3]);
                },
                1, &data),
            KVCRT_OK);
  ASSERT_EQ(std::size(kPermute), 56u * 5);
  for (size_t i = 4; i < words.size(); i += 5)
    EXPECT_EQ(words[i], kPermute[i]) << "row " << i / 5;
}

TEST_F(Intrinsics, ApproximateSpecialValues) {
  std::vector<float> values(8);
  auto *data = values.data();
  ASSERT_EQ(launch(
                [](kvcrt_sim_thread *t, const void *params) {
                  auto *out = pointer<float>(params);
                  auto call = [&](uint32_t which, float x) {
                    return t->table->approximate(t, 0, which, x);
                  };
                  const float inf = std::numeric_limits<float>::infinity();
                  out[0] = call(KVCRT_SIM_APPROXIMATE_EX2, -inf);
                  out[1] = call(KVCRT_SIM_APPROXIMATE_EX2, 10);
                  out[2] = call(KVCRT_SIM_APPROXIMATE_EX2, -140);
                  out[3] =
                      call(KVCRT_SIM_APPROXIMATE_EX2 | KVCRT_SIM_FLUSH, -140);
                  out[4] = call(KVCRT_SIM_APPROXIMATE_LG2, 0);
                  out[5] = call(KVCRT_SIM_APPROXIMATE_RCP, 0.25f);
                  out[6] = call(KVCRT_SIM_APPROXIMATE_RSQRT, 16);
                  out[7] = call(KVCRT_SIM_APPROXIMATE_TANH, inf);
                },
                1, &data),
            KVCRT_OK);
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 1024);
  EXPECT_EQ(values[2], std::ldexp(1.0f, -140));
  EXPECT_EQ(values[3], 0);
  EXPECT_EQ(values[4], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[5], 4);
  EXPECT_EQ(values[6], 0.25f);
  EXPECT_EQ(values[7], 1);
}

TEST_F(Intrinsics, Shuffle) {
  // Rows: mode, operand, clamp, source lane, predicate; one per lane.
  std::vector<uint64_t> results(std::size(kShuffle));
  auto *data = results.data();
  ASSERT_EQ(launch(
                [](kvcrt_sim_thread *t, const void *params) {
                  const uint32_t lane = laneOf(t);
                  for (size_t i = lane; i < std::size(kShuffle); i += 32) {
                    const uint32_t row = kShuffle[i];
                    pointer<uint64_t>(params)[i] =
                        t->table->shuffle(t, 1, ~0u, 1000 + lane, row >> 4 & 31,
                                          row >> 12 & 0x1fff, row & 15);
                  }
                },
                32, &data),
            KVCRT_OK);
  for (size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i], (1000 + (kShuffle[i] >> 26 & 31)) |
                              uint64_t(kShuffle[i] >> 31) << 32)
        << "row " << i / 32 << " lane " << i % 32;
}

TEST_F(Intrinsics, VoteMatchReduceElect) {
  std::vector<uint64_t> results(32 * 16);
  auto *data = results.data();
  ASSERT_EQ(launch(
                [](kvcrt_sim_thread *t, const void *params) {
                  const uint32_t lane = laneOf(t);
                  auto *out = pointer<uint64_t>(params) + lane * 16;
                  const kvcrt_sim_table &f = *t->table;
                  // Two groups at once: lanes of each only see their own.
                  const uint32_t mask = lane < 16 ? 0x0000ffff : 0xffff0000;
                  out[0] =
                      f.vote(t, 1, mask, lane % 3 == 0, KVCRT_SIM_VOTE_BALLOT);
                  out[1] = f.vote(t, 1, mask, lane == 3, KVCRT_SIM_VOTE_ANY);
                  out[2] = f.vote(t, 1, mask, lane != 20, KVCRT_SIM_VOTE_ALL);
                  out[3] = f.vote(t, 1, mask, lane < 16, KVCRT_SIM_VOTE_UNI);
                  out[4] = f.match(t, 1, mask, lane / 8, KVCRT_SIM_MATCH_ANY);
                  out[5] = f.match(t, 1, mask, lane / 16, KVCRT_SIM_MATCH_ALL);
                  out[6] = f.match(t, 1, mask, lane / 8, KVCRT_SIM_MATCH_ALL);
                  out[7] = f.reduce(t, 1, mask, lane, KVCRT_SIM_REDUCE_ADD);
                  out[8] = f.reduce(t, 1, mask, uint32_t(int32_t(lane) - 5),
                                    KVCRT_SIM_REDUCE_SMIN);
                  out[9] = f.reduce(t, 1, mask, uint32_t(int32_t(lane) - 5),
                                    KVCRT_SIM_REDUCE_UMIN);
                  out[10] = f.reduce(t, 1, mask, lane, KVCRT_SIM_REDUCE_XOR);
                  out[11] = f.elect(t, 1, mask);
                },
                32, &data),
            KVCRT_OK);
  const uint64_t low[] = {
      0x9249,       1, 1, 1, 0xff, 0xffff | uint64_t(1) << 32, 0, 120,
      uint32_t(-5), 0, 0, 1};
  const uint64_t high[] = {
      0x49240000, 0,   0,  1,  0xff0000, 0xffff0000 | uint64_t(1) << 32,
      0,          376, 11, 11, 0,        1};
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(results[0 * 16 + i], low[i]) << i;
    EXPECT_EQ(results[16 * 16 + i], high[i]) << i;
  }
  EXPECT_EQ(results[1 * 16 + 11], 0u); // one leader
}

TEST_F(Intrinsics, AtomicOperations) {
  std::vector<uint64_t> memory(64, 0);
  ASSERT_EQ(kvcrt_sim_add_memory(sim, memory.data(), 64 * 8, 0, "memory"),
            KVCRT_OK);
  auto *data = memory.data();
  ASSERT_EQ(
      launch(
          [](kvcrt_sim_thread *t, const void *params) {
            auto *base = pointer<uint64_t>(params);
            auto at = [&](int slot, uint32_t operation, uint64_t value,
                          uint32_t logBytes = 2, uint64_t compare = 0) {
              return t->table->atomic(
                  t, 1, reinterpret_cast<uint64_t>(base + slot), value, compare,
                  operation | logBytes << KVCRT_SIM_ATOMIC_SIZE_SHIFT |
                      KVCRT_SIM_GLOBAL << KVCRT_SIM_ATOMIC_SPACE_SHIFT |
                      KVCRT_SIM_SCOPE_GPU << KVCRT_SIM_ATOMIC_SCOPE_SHIFT);
            };
            const uint32_t lane = laneOf(t);
            at(0, KVCRT_SIM_ATOMIC_ADD, 3);
            at(1, KVCRT_SIM_ATOMIC_OR, 1u << lane);
            at(2, KVCRT_SIM_ATOMIC_UMAX, lane * 7 % 32);
            at(3, KVCRT_SIM_ATOMIC_SMIN, uint32_t(-int32_t(lane)));
            at(4, KVCRT_SIM_ATOMIC_INC, 9); // wraps after 9
            at(5, KVCRT_SIM_ATOMIC_ADD, uint64_t(1) << 40, 3);
            at(6, KVCRT_SIM_ATOMIC_FADD, 0x3f000000); // 0.5
            // One lane wins.
            if (at(7, KVCRT_SIM_ATOMIC_COMPARE_EXCHANGE, lane + 1, 2, 0) == 0)
              at(8, KVCRT_SIM_ATOMIC_ADD, 1);
          },
          32, &data, 1024, /*blocks=*/2),
      KVCRT_OK);
  EXPECT_EQ(memory[0], 3u * 64);
  EXPECT_EQ(memory[1], 0xffffffffu);
  EXPECT_EQ(memory[2], 31u);
  EXPECT_EQ(uint32_t(memory[3]), uint32_t(-31));
  EXPECT_EQ(memory[4], 64u % 10);
  EXPECT_EQ(memory[5], uint64_t(64) << 40);
  EXPECT_EQ(memory[6], 0x42000000u); // 32.0
  EXPECT_EQ(memory[8], 1u);
}

// The quick conversions from f32 round as the exact ones from f64, which the
// golden vectors hold: every sign, exponent and upper fraction, and around
// ties.
TEST(Numbers, QuickConversionsRoundAsExactOnes) {
  for (uint32_t high = 0; high < 1u << 16; ++high)
    for (uint32_t low : {0x0000u, 0x0001u, 0x0fffu, 0x1000u, 0x1001u, 0x7fffu,
                         0x8000u, 0x8001u, 0xefffu, 0xf000u, 0xffffu}) {
      const float x = kvcrt::sim::bitsToFloat(high << 16 | low);
      ASSERT_EQ(kvcrt::sim::toBf16(x), kvcrt::sim::toBf16(double(x))) << x;
      ASSERT_EQ(kvcrt::sim::toF16(x), kvcrt::sim::toF16(double(x))) << x;
    }
}

} // namespace
