//===- rope_table.cpp - cosines and sines of rotary embedding -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   table: [positions][dim / 2] pairs {cos, sin}
//
// Angles are computed in double from the position itself, never by adding up,
// and each value is rounded to float once: at position 100,000 a float angle
// would already be off by 4e-3.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/runtime.h"

#include <cmath>

namespace {

constexpr double kPi = 3.14159265358979323846;

/// Llama 3.1's rule (rope_type "llama3"): wavelengths beyond the original
/// context are stretched by `factor`, short ones are kept, and those between
/// are blended.
double scaledFrequency(const kvcrt_rope_params &rope, double frequency) {
  switch (rope.scaling) {
  case KVCRT_ROPE_SCALING_LINEAR:
    return frequency / rope.factor;
  case KVCRT_ROPE_SCALING_LLAMA3: {
    const double wavelength = 2.0 * kPi / frequency;
    const double context = rope.original_max_positions;
    if (wavelength < context / rope.high_freq_factor)
      return frequency;
    if (wavelength > context / rope.low_freq_factor)
      return frequency / rope.factor;
    const double smooth = (context / wavelength - rope.low_freq_factor) /
                          (rope.high_freq_factor - rope.low_freq_factor);
    return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
  }
  default:
    return frequency;
  }
}

} // namespace

kvcrt_status kvcrt_rope_table_fill(const kvcrt_rope_params *rope,
                                   int32_t positions, float *table,
                                   size_t table_size) {
  if (!rope || !table || positions < 0 || rope->dim < 2 || rope->dim % 2 ||
      !(rope->theta > 0.0))
    return KVCRT_INVALID_ARGUMENT;
  if (rope->scaling < KVCRT_ROPE_SCALING_NONE ||
      rope->scaling > KVCRT_ROPE_SCALING_LLAMA3)
    return KVCRT_UNSUPPORTED;
  if (rope->scaling != KVCRT_ROPE_SCALING_NONE && !(rope->factor > 0.0))
    return KVCRT_INVALID_ARGUMENT;
  if (rope->scaling == KVCRT_ROPE_SCALING_LLAMA3 &&
      (rope->original_max_positions < 1 || !(rope->low_freq_factor > 0.0) ||
       !(rope->high_freq_factor > rope->low_freq_factor)))
    return KVCRT_INVALID_ARGUMENT;
  if (table_size / (size_t)rope->dim < (size_t)positions)
    return KVCRT_INVALID_ARGUMENT;

  const int32_t pairs = rope->dim / 2;
  for (int32_t pair = 0; pair < pairs; ++pair) {
    const double frequency =
        scaledFrequency(*rope, std::pow(rope->theta, -2.0 * pair / rope->dim));
    for (int32_t position = 0; position < positions; ++position) {
      float *entry = table + ((size_t)position * pairs + pair) * 2;
      const double angle = position * frequency;
      entry[0] = (float)std::cos(angle);
      entry[1] = (float)std::sin(angle);
    }
  }
  return KVCRT_OK;
}
