//===- kvcref/formats.h - how numbers are stored --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table of formats: how one number becomes the bits of a payload and back.
// A new format is a new entry; storage.h builds rows with scales on it, and
// nothing else in the reference knows a format by name.
//
// Invariant: conversions round half to even, straight from double. Decoding is
// exact.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_FORMATS_H
#define KVCREF_FORMATS_H

#include "kvcref/view.h"
#include "kvcrt/policy.h"

namespace kvcref {

struct Format {
  kvcrt_format id;
  const char *name;
  int bits;
  /// Largest code in magnitude that quantisation uses (i8: 127, so that the
  /// range is symmetric; f8E4M3FN: 448); infinite for formats that stand
  /// without a scale.
  double largestCode;
  /// Number `index` of a payload.
  double (*load)(const void *payload, int64_t index);
  /// Rounds half to even; codes saturate at +-largestCode. A NaN becomes 0 in
  /// an integer.
  void (*store)(void *payload, int64_t index, double number);
};

/// The table's entry, or null for a format that no engine runs yet.
const Format *findFormat(int32_t id);

/// The number that is left of `number` after storing and loading it.
double roundTo(int32_t format, double number);

/// Bytes that `count` numbers take, padding not counted.
int64_t payloadBytes(int32_t format, int64_t count);

} // namespace kvcref

#endif // KVCREF_FORMATS_H
