//===- rope.cpp - rotary position embedding -------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a rotation keeps the length of every pair.
//===----------------------------------------------------------------------===//
#include "kvcref/rope.h"

#include <cmath>

using namespace kvcref;

kvcrt_status kvcref::checkRope(const kvcrt_rope_params &rope) {
  if (rope.dim <= 0 || rope.dim % 2 || !(rope.theta > 0))
    return KVCRT_INVALID_ARGUMENT;
  if (rope.style != KVCRT_ROPE_NEOX && rope.style != KVCRT_ROPE_INTERLEAVED)
    return KVCRT_INVALID_ARGUMENT;
  switch (rope.scaling) {
  case KVCRT_ROPE_SCALING_NONE:
    return KVCRT_OK;
  case KVCRT_ROPE_SCALING_LINEAR:
    return rope.factor > 0 ? KVCRT_OK : KVCRT_INVALID_ARGUMENT;
  case KVCRT_ROPE_SCALING_LLAMA3:
    return rope.factor > 0 && rope.low_freq_factor > 0 &&
                   rope.high_freq_factor > rope.low_freq_factor &&
                   rope.original_max_positions > 0
               ? KVCRT_OK
               : KVCRT_INVALID_ARGUMENT;
  case KVCRT_ROPE_SCALING_DYNAMIC:
    return KVCRT_UNSUPPORTED;
  }
  return KVCRT_INVALID_ARGUMENT;
}

double kvcref::ropeFrequency(const kvcrt_rope_params &rope, int32_t pair) {
  const double frequency = std::pow(rope.theta, -2.0 * pair / rope.dim);
  if (rope.scaling == KVCRT_ROPE_SCALING_LINEAR)
    return frequency / rope.factor;
  if (rope.scaling != KVCRT_ROPE_SCALING_LLAMA3)
    return frequency;

  const double pi = 3.14159265358979323846;
  // Turns of this pair within the original context: few turns mean a low
  // frequency, which is stretched.
  const double turns = rope.original_max_positions * frequency / (2 * pi);
  if (turns < rope.low_freq_factor)
    return frequency / rope.factor;
  if (turns > rope.high_freq_factor)
    return frequency;
  const double smooth = (turns - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

void kvcref::rotate(const kvcrt_rope_params &rope, int64_t position,
                    View<double, 1> row) {
  assert(rope.dim <= row.shape[0] && "expected rope dim <= head_dim");
  const int32_t half = rope.dim / 2;
  const bool neox = rope.style == KVCRT_ROPE_NEOX;
  for (int32_t pair = 0; pair < half; ++pair) {
    double &a = row(neox ? pair : 2 * pair);
    double &b = row(neox ? pair + half : 2 * pair + 1);
    const double angle = double(position) * ropeFrequency(rope, pair);
    const double c = std::cos(angle), s = std::sin(angle);
    const double rotatedA = a * c - b * s;
    b = a * s + b * c;
    a = rotatedA;
  }
}

Array<double, 3> kvcref::rope(const kvcrt_rope_params &rope,
                              View<const double, 3> x,
                              View<const int64_t, 1> positions) {
  Array<double, 3> out(x.shape);
  for (int64_t t = 0; t < x.shape[0]; ++t)
    for (int64_t h = 0; h < x.shape[1]; ++h) {
      View<double, 1> row = out.view()[t][h];
      for (int64_t d = 0; d < x.shape[2]; ++d)
        row(d) = x(t, h, d);
      rotate(rope, positions(t), row);
    }
  return out;
}
