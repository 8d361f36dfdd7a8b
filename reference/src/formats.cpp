//===- formats.cpp - the table of number formats --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// IEEE 754 binary formats are described by their two field widths and share one
// conversion. Invariant: store(load(x)) keeps every bit of a number x.
//===----------------------------------------------------------------------===//
#include "kvcref/formats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace kvcref;

namespace {

/// A sign bit, `Exponent` bits, `Mantissa` bits, kept in a Word.
template <typename Word, int Exponent, int Mantissa> struct Binary {
  static constexpr int bias = (1 << (Exponent - 1)) - 1;
  static constexpr int smallestExponent = 1 - bias; // of a normal number
  static constexpr uint64_t fraction = (uint64_t(1) << Mantissa) - 1;
  static constexpr uint64_t special = (uint64_t(1) << Exponent) - 1;

  static double load(const void *payload, int64_t index) {
    Word word;
    std::memcpy(&word, static_cast<const Word *>(payload) + index,
                sizeof(Word));
    double sign = (word >> (Exponent + Mantissa)) & 1 ? -1.0 : 1.0;
    int64_t exponent = (word >> Mantissa) & special;
    int64_t mantissa = word & fraction;
    if (exponent == int64_t(special))
      return mantissa ? std::numeric_limits<double>::quiet_NaN()
                      : sign * std::numeric_limits<double>::infinity();
    if (exponent == 0) // subnormal: no implicit leading one
      return sign * std::ldexp(double(mantissa), smallestExponent - Mantissa);
    return sign * std::ldexp(double(mantissa + fraction + 1),
                             int(exponent) - bias - Mantissa);
  }

  static void store(void *payload, int64_t index, double number) {
    Word word = Word(encode(number));
    std::memcpy(static_cast<Word *>(payload) + index, &word, sizeof(Word));
  }

  static uint64_t encode(double number) {
    uint64_t sign = uint64_t(std::signbit(number)) << (Exponent + Mantissa);
    if (std::isnan(number)) // quiet, without a payload
      return sign | special << Mantissa | (fraction + 1) >> 1;
    if (std::isinf(number))
      return sign | special << Mantissa;
    if (number == 0)
      return sign;
    // Count the magnitude in units of its last kept bit; the tie rule is the
    // default rounding mode of nearbyint.
    int exponent = std::max(std::ilogb(number), smallestExponent);
    auto units = uint64_t(
        std::nearbyint(std::ldexp(std::abs(number), Mantissa - exponent)));
    // units has its leading one at bit `Mantissa` when normal, so that adding
    // it to the exponent field carries: into the next exponent, from subnormal
    // to normal, from the largest number to infinity.
    uint64_t field = uint64_t(exponent - smallestExponent) << Mantissa;
    return sign | std::min(field + units, special << Mantissa);
  }
};

using F32 = Binary<uint32_t, 8, 23>;
using F16 = Binary<uint16_t, 5, 10>;
using BF16 = Binary<uint16_t, 8, 7>;

struct I8 {
  static double load(const void *payload, int64_t index) {
    return static_cast<const int8_t *>(payload)[index];
  }
  static void store(void *payload, int64_t index, double number) {
    double code = std::isnan(number)
                      ? 0
                      : std::clamp(std::nearbyint(number), -127.0, 127.0);
    static_cast<int8_t *>(payload)[index] = int8_t(code);
  }
};

/// OCP 8-bit floating point E4M3: no infinity, and one NaN per sign.
struct F8E4M3FN {
  static constexpr int mantissaBits = 3, bias = 7, smallestExponent = 1 - bias;
  static constexpr double largest = 448;

  static double load(const void *payload, int64_t index) {
    int word = static_cast<const uint8_t *>(payload)[index];
    double sign = word & 0x80 ? -1.0 : 1.0;
    int exponent = (word >> mantissaBits) & 15, mantissa = word & 7;
    if (exponent == 15 && mantissa == 7)
      return std::numeric_limits<double>::quiet_NaN();
    if (exponent == 0)
      return sign * std::ldexp(mantissa, smallestExponent - mantissaBits);
    return sign * std::ldexp(mantissa + 8, exponent - bias - mantissaBits);
  }

  static void store(void *payload, int64_t index, double number) {
    static_cast<uint8_t *>(payload)[index] = uint8_t(encode(number));
  }

  static int encode(double number) {
    if (std::isnan(number))
      return 0x7f;
    int sign = std::signbit(number) ? 0x80 : 0;
    double magnitude = std::fmin(std::abs(number), largest);
    if (magnitude == 0)
      return sign;
    // As in Binary: the leading one of `units` carries into the exponent.
    int exponent = std::max(std::ilogb(magnitude), smallestExponent);
    int units =
        int(std::nearbyint(std::ldexp(magnitude, mantissaBits - exponent)));
    return sign | (((exponent - smallestExponent) << mantissaBits) + units);
  }
};

constexpr double unscaled = std::numeric_limits<double>::infinity();

const Format table[] = {
    {KVCRT_F32, "f32", 32, unscaled, F32::load, F32::store},
    {KVCRT_F16, "f16", 16, unscaled, F16::load, F16::store},
    {KVCRT_BF16, "bf16", 16, unscaled, BF16::load, BF16::store},
    {KVCRT_I8, "i8", 8, 127, I8::load, I8::store},
    {KVCRT_F8E4M3FN, "f8E4M3FN", 8, F8E4M3FN::largest, F8E4M3FN::load,
     F8E4M3FN::store},
};

} // namespace

const Format *kvcref::findFormat(int32_t id) {
  for (const Format &format : table)
    if (format.id == id)
      return &format;
  return nullptr;
}

double kvcref::roundTo(int32_t format, double number) {
  const Format *found = findFormat(format);
  assert(found && "expected a format of the table");
  uint64_t bits = 0;
  found->store(&bits, 0, number);
  return found->load(&bits, 0);
}

int64_t kvcref::payloadBytes(int32_t format, int64_t count) {
  const Format *found = findFormat(format);
  assert(found && "expected a format of the table");
  return (count * found->bits + 7) / 8;
}
