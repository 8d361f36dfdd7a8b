//===- numbers.h - the number formats of a GPU ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions as PTX's cvt defines them: to nearest, ties to even, one
// rounding; NaN becomes the canonical NaN of the target (0x7fff for f16 and
// bf16, 0x7f for e4m3 and e5m2).
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SIM_NUMBERS_H
#define KVCRT_SRC_SIM_NUMBERS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace kvcrt::sim {

inline float bitsToFloat(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}
inline uint32_t floatToBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float fromBf16(uint32_t bits) { return bitsToFloat(bits << 16); }

/// Any small binary format with an implicit leading one. `bias` and `fraction`
/// (bits) describe it; exponents above `fraction` bits of `exponent`.
template <int kExponent, int kFraction> float fromSmall(uint32_t bits) {
  constexpr int kBias = (1 << (kExponent - 1)) - 1;
  const uint32_t sign = bits >> (kExponent + kFraction) & 1;
  const uint32_t exponent = bits >> kFraction & ((1u << kExponent) - 1);
  const uint32_t fraction = bits & ((1u << kFraction) - 1);
  float magnitude;
  if (exponent == 0)
    magnitude = std::ldexp(float(fraction), 1 - kBias - kFraction);
  else
    magnitude = std::ldexp(float(fraction | 1u << kFraction),
                           int(exponent) - kBias - kFraction);
  return sign ? -magnitude : magnitude;
}

/// f16: as above, with infinities and NaN; quick for normal numbers.
inline float fromF16(uint32_t bits) {
  const uint32_t sign = (bits & 0x8000) << 16;
  const uint32_t rest = bits & 0x7fff;
  if (rest >= 0x7c00)
    return bitsToFloat(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  if (rest >= 0x400)
    return bitsToFloat(sign | ((rest << 13) + ((127 - 15) << 23)));
  const float magnitude = float(rest) * 5.9604644775390625e-8f; // 2^-24
  return sign ? -magnitude : magnitude;
}
inline float fromE4M3(uint32_t bits) {
  if ((bits & 0x7f) == 0x7f)
    return bitsToFloat(0x7fc00000);
  return fromSmall<4, 3>(bits);
}
inline float fromE5M2(uint32_t bits) { return fromF16((bits & 0xff) << 8); }

/// Rounds a magnitude to `kFraction` bits with the smallest exponent of a
/// format; the result in units of the format's encoding, without a limit at
/// the top. Exact for every double.
template <int kExponent, int kFraction> uint64_t roundMagnitude(double value) {
  constexpr int kBias = (1 << (kExponent - 1)) - 1;
  if (value == 0)
    return 0;
  int exponent;
  std::frexp(value, &exponent); // value = m * 2^exponent, m in [0.5, 1)
  --exponent;
  if (exponent < 1 - kBias)
    exponent = 1 - kBias; // subnormal
  // Below 2^(kFraction + 1): nearbyint is exact and ties to even.
  const double scaled = std::nearbyint(std::ldexp(value, kFraction - exponent));
  const auto units = uint64_t(scaled);
  // A carry out of the fraction lands in the exponent by itself.
  return units + (uint64_t(exponent + kBias - 1) << kFraction);
}

/// To nearest, ties to even; what is larger than `kLargest` is `kBeyond`, and
/// so is an infinity. NaN has all bits but the sign.
template <int kExponent, int kFraction, uint32_t kLargest, uint32_t kBeyond>
uint32_t toSmall(double value) {
  constexpr uint32_t kSign = 1u << (kExponent + kFraction);
  if (std::isnan(value))
    return kSign - 1;
  const uint32_t sign = std::signbit(value) ? kSign : 0;
  if (std::isinf(value))
    return sign | kBeyond;
  const uint64_t bits = roundMagnitude<kExponent, kFraction>(std::fabs(value));
  return sign | (bits > kLargest ? kBeyond : uint32_t(bits));
}

inline uint32_t toF16(double value) {
  return toSmall<5, 10, 0x7bff, 0x7c00>(value);
}
inline uint32_t toBf16(double value) {
  return toSmall<8, 7, 0x7f7f, 0x7f80>(value);
}
/// The same from f32, quick for what is a normal number in the format: the
/// dropped bits round by a carry.
inline uint32_t toBf16(float value) {
  const uint32_t bits = floatToBits(value);
  if ((bits & 0x7f800000) == 0x7f800000)
    return toBf16(double(value));
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline uint32_t toF16(float value) {
  const uint32_t bits = floatToBits(value), magnitude = bits & 0x7fffffff;
  // 2^-14 up to what rounds to infinity.
  if (magnitude < 0x38800000 || magnitude >= 0x477ff000)
    return toF16(double(value));
  const uint32_t rounded =
      magnitude - ((127 - 15) << 23) + 0xfff + (magnitude >> 13 & 1);
  return (bits >> 16 & 0x8000) | rounded >> 13;
}
/// cvt.rn.satfinite: what is too large, infinity too, is the largest.
inline uint32_t toE4M3(double value) {
  return toSmall<4, 3, 0x7e, 0x7e>(value);
}
inline uint32_t toE5M2(double value) {
  return toSmall<5, 2, 0x7b, 0x7b>(value);
}
/// cvt.rna.tf32: to nearest, ties away; 10 fraction bits, the rest zero.
inline uint32_t toTf32(float value) {
  const uint32_t bits = floatToBits(value);
  if ((bits & 0x7f800000) == 0x7f800000)
    return (bits & 0x7fffff) ? 0x7fffffff : bits;
  return (bits + 0x1000) & ~0x1fffu;
}

} // namespace kvcrt::sim

#endif // KVCRT_SRC_SIM_NUMBERS_H
