//===- formats_test.cpp - number formats and row storage ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expected bits are worked out by hand from the IEEE 754 field widths.
//===----------------------------------------------------------------------===//
#include "kvcref/attention.h"
#include "kvcref/formats.h"
#include "kvcref/storage.h"
#include "test_support.h"

#include <cstring>

using namespace kvcref;
using namespace kvcref::test;

namespace {

const double nan = std::numeric_limits<double>::quiet_NaN();

uint32_t bitsOf(kvcrt_format format, double number) {
  uint32_t bits = 0;
  findFormat(format)->store(&bits, 0, number);
  return bits;
}

double numberOf(kvcrt_format format, uint32_t bits) {
  return findFormat(format)->load(&bits, 0);
}

TEST(Formats, f16_bits) {
  EXPECT_EQ(bitsOf(KVCRT_F16, 1.0), 0x3c00u);
  EXPECT_EQ(bitsOf(KVCRT_F16, -2.0), 0xc000u);
  EXPECT_EQ(bitsOf(KVCRT_F16, 65504.0), 0x7bffu);
  EXPECT_EQ(bitsOf(KVCRT_F16, 0x1p-24), 0x0001u);
  EXPECT_EQ(bitsOf(KVCRT_F16, 0x1p-14), 0x0400u);
  EXPECT_EQ(bitsOf(KVCRT_F16, 0.0), 0x0000u);
  EXPECT_EQ(bitsOf(KVCRT_F16, -0.0), 0x8000u);
  EXPECT_EQ(bitsOf(KVCRT_F16, kInfinity), 0x7c00u);
  EXPECT_EQ(bitsOf(KVCRT_F16, nan) & 0x7e00u, 0x7e00u);
}

TEST(Formats, f16_ties_go_to_even) {
  EXPECT_EQ(bitsOf(KVCRT_F16, 2049.0), 0x6800u); // 2048, not 2050
  EXPECT_EQ(bitsOf(KVCRT_F16, 2051.0), 0x6802u); // 2052, not 2050
  EXPECT_EQ(bitsOf(KVCRT_F16, 2049.0000001), 0x6801u);
  EXPECT_EQ(bitsOf(KVCRT_F16, 0x1p-25), 0x0000u);
  EXPECT_EQ(bitsOf(KVCRT_F16, 0x1.8p-24), 0x0002u);
}

TEST(Formats, rounding_carries_into_the_next_exponent) {
  EXPECT_EQ(bitsOf(KVCRT_F16, 65519.0), 0x7bffu);
  EXPECT_EQ(bitsOf(KVCRT_F16, 65520.0), 0x7c00u); // infinity, a tie to even
  EXPECT_EQ(bitsOf(KVCRT_F16, 1e300), 0x7c00u);
  EXPECT_EQ(bitsOf(KVCRT_F16, 2047.9), 0x6800u);
  EXPECT_EQ(bitsOf(KVCRT_F16, 0x1.ffcp-15), 0x0400u); // subnormal to normal
}

TEST(Formats, bf16_bits) {
  EXPECT_EQ(bitsOf(KVCRT_BF16, 1.0), 0x3f80u);
  EXPECT_EQ(bitsOf(KVCRT_BF16, 257.0), 0x4380u); // 256
  EXPECT_EQ(bitsOf(KVCRT_BF16, 259.0), 0x4382u); // 260
  EXPECT_EQ(bitsOf(KVCRT_BF16, 0x1p-133), 0x0001u);
  EXPECT_EQ(bitsOf(KVCRT_BF16, 3.4e38), 0x7f80u);
}

// Through f32 first, 1 + 2^-8 + 2^-30 would become the tie 1 + 2^-8 and then 1.
TEST(Formats, no_double_rounding) {
  EXPECT_EQ(bitsOf(KVCRT_BF16, 1 + 0x1p-8 + 0x1p-30), 0x3f81u);
}

TEST(Formats, f32_agrees_with_the_machine) {
  for (double x : {0.1, -1.0 / 3, 1e-40, 3.4028235677973366e38, 16777217.0}) {
    float rounded = float(x);
    uint32_t bits;
    std::memcpy(&bits, &rounded, 4);
    EXPECT_EQ(bitsOf(KVCRT_F32, x), bits) << x;
    EXPECT_EQ(numberOf(KVCRT_F32, bits), double(rounded)) << x;
  }
}

TEST(Formats, every_16_bit_number_survives) {
  for (kvcrt_format format : {KVCRT_F16, KVCRT_BF16})
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      double number = numberOf(format, bits);
      if (std::isnan(number))
        continue;
      ASSERT_EQ(bitsOf(format, number), bits);
    }
}

TEST(Formats, i8_saturates_symmetrically) {
  EXPECT_EQ(roundTo(KVCRT_I8, 2.5), 2);
  EXPECT_EQ(roundTo(KVCRT_I8, 3.5), 4);
  EXPECT_EQ(roundTo(KVCRT_I8, -200), -127);
  EXPECT_EQ(roundTo(KVCRT_I8, 200), 127);
  EXPECT_EQ(roundTo(KVCRT_I8, nan), 0);
}

TEST(Formats, unknown_is_null) {
  EXPECT_EQ(findFormat(KVCRT_I4), nullptr);
  EXPECT_EQ(findFormat(99), nullptr);
}

struct I8Row {
  int8_t codes[4];
  float scale;
  bool notKept;
};

I8Row encode(std::vector<double> row) {
  I8Row result{};
  result.notKept =
      encodeRow(i8Storage(), View<const double, 1>(row.data(), {4}),
                result.codes, &result.scale);
  return result;
}

TEST(Formats, f8e4m3_bits) {
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 1.0), 0x38u);
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, -1.5), 0xbcu);
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 448.0), 0x7eu);
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 1e9), 0x7eu); // saturates
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, -kInfinity), 0xfeu);
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 0x1p-6), 0x08u);
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 0x1p-9), 0x01u);
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 0x1p-10), 0x00u);   // a tie to even
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 0x3p-10), 0x02u);   // likewise
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 17.0), 0x58u);      // 16, not 18
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 19.0), 0x5au);      // 20, not 18
  EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, 0xf.cp-10), 0x08u); // subnormal to normal
  EXPECT_TRUE(std::isnan(numberOf(KVCRT_F8E4M3FN, 0x7f)));
  for (uint32_t bits = 0; bits < 256; ++bits)
    if ((bits & 0x7f) != 0x7f) {
      EXPECT_EQ(bitsOf(KVCRT_F8E4M3FN, numberOf(KVCRT_F8E4M3FN, bits)), bits);
    }
}

TEST(Storage, i8_by_hand) {
  // Largest 254, so the scale is 2: 254, -3, 1, 5 are codes 127, -1.5,
  // 0.5, 2.5.
  I8Row row = encode({254, -3, 1, 5});
  EXPECT_EQ(row.scale, 2.0f);
  EXPECT_EQ(row.codes[0], 127);
  EXPECT_EQ(row.codes[1], -2);
  EXPECT_EQ(row.codes[2], 0);
  EXPECT_EQ(row.codes[3], 2);
  EXPECT_FALSE(row.notKept);

  std::vector<double> back(4);
  decodeRow(i8Storage(), row.codes, &row.scale, {back.data(), {4}});
  expectNear(back, {254, -4, 0, 4}, 0);
}

// Scale 1 + 2^-23. The quotient of 1.5 + 2^-23 is 1.5 - 2^-24 + 2^-47: in f32
// the tie 1.5, which goes to 2; an engine that divides in f32 stores 2 as well.
TEST(Storage, i8_quotient_is_f32) {
  I8Row row = encode({127 + 0x1p-16, 1.5 + 0x1p-23, 0, 0});
  EXPECT_EQ(row.scale, 1 + 0x1p-23f);
  EXPECT_EQ(row.codes[1], 2);
}

TEST(Storage, i8_zero_row) {
  I8Row row = encode({0, -0.0, 0, 0});
  EXPECT_EQ(row.scale, 0.0f);
  EXPECT_EQ(row.codes[1], 0);
  EXPECT_FALSE(row.notKept);
}

TEST(Storage, i8_nan_and_infinity) {
  I8Row row = encode({1, nan, 0, 0});
  EXPECT_TRUE(std::isnan(row.scale));
  EXPECT_EQ(row.codes[0], 0);
  EXPECT_TRUE(row.notKept);

  row = encode({1, -kInfinity, 0, 0});
  EXPECT_EQ(row.scale, float(kInfinity));
  EXPECT_TRUE(row.notKept);
  std::vector<double> back(4);
  decodeRow(i8Storage(), row.codes, &row.scale, {back.data(), {4}});
  EXPECT_TRUE(std::isnan(back[0]));
}

TEST(Storage, unsupported_is_said) {
  kvcrt_storage storage = i8Storage();
  EXPECT_EQ(checkStorage(storage), KVCRT_OK);
  storage.symmetric = 0;
  EXPECT_EQ(checkStorage(storage), KVCRT_UNSUPPORTED);
  storage = i8Storage();
  storage.axis = KVCRT_AXIS_CHANNEL;
  EXPECT_EQ(checkStorage(storage), KVCRT_UNSUPPORTED);
  storage = i8Storage();
  storage.kind = KVCRT_STORAGE_PLAIN; // codes without a scale
  EXPECT_EQ(checkStorage(storage), KVCRT_INVALID_ARGUMENT);
  storage.format = KVCRT_F8E4M3FN;
  EXPECT_EQ(checkStorage(storage), KVCRT_INVALID_ARGUMENT);
  storage.format = KVCRT_F8E5M2;
  EXPECT_EQ(checkStorage(storage), KVCRT_UNSUPPORTED);
}

} // namespace
