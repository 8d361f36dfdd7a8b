//===- kvcref/rope.h - rotary position embedding --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotates pairs of a head's first `dim` elements by position * frequency (Su et
// al., RoFormer, 2021). Elements from `dim` on pass through.
//
//   neox          pair i is (x[i], x[i + dim/2])
//   interleaved   pair i is (x[2i], x[2i + 1])
//   (a, b) becomes (a cos - b sin, a sin + b cos)
//===----------------------------------------------------------------------===//
#ifndef KVCREF_ROPE_H
#define KVCREF_ROPE_H

#include "kvcref/view.h"
#include "kvcrt/abi.h"
#include "kvcrt/policy.h"

namespace kvcref {

/// KVCRT_OK when ropeFrequency gives the scaling a meaning.
kvcrt_status checkRope(const kvcrt_rope_params &rope);

/// Radians per position of pair `pair`: theta^(-2 pair / dim), then
///   linear   frequency / factor
///   llama3   by wavelength w = 2 pi / frequency against the original context
///   L:
///            w < L / high_freq_factor   unchanged
///            w > L / low_freq_factor    frequency / factor
///            between                    linear blend of the two in L / w
double ropeFrequency(const kvcrt_rope_params &rope, int32_t pair);

/// Rotates `row` [head_dim >= rope.dim] in place as of `position`.
void rotate(const kvcrt_rope_params &rope, int64_t position,
            View<double, 1> row);

/// kvc.rope: x [T][H][D], positions [T] -> [T][H][D].
Array<double, 3> rope(const kvcrt_rope_params &rope, View<const double, 3> x,
                      View<const int64_t, 1> positions);

} // namespace kvcref

#endif // KVCREF_ROPE_H
