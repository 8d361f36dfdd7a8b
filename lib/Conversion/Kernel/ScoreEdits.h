//===- ScoreEdits.h - from a dot product to a score -------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scale, soft-cap, score region, ALiBi, masks and visibility of scores of one
// query row, for every engine and schedule: a schedule only knows which row and
// which keys a value belongs to. How masks are read is the engine's: one column
// in a branch where a thread has one key, a run of them in a vector.
//
//   s = scale * q.k;  s = c tanh(s / c);  s = region(s);
//   s = unit (s + slope * distance + mask);  -inf where not visible
//
// Invariant: a score of a key that the query must not see leaves as -inf,
// whatever its bits were.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_SCOREEDITS_H
#define KVC_LIB_CONVERSION_KERNEL_SCOREEDITS_H

#include "AttendTask.h"

namespace kvc::kernel {

/// One query row's view of its scores.
class ScoreEdits {
public:
  /// Loads what does not change along the row: new token of the sequence and
  /// query head.
  ScoreEdits(const AttendTask &c, Num token, Num head);
  virtual ~ScoreEdits() = default;
  /// The finished scores of `key` and as many after it as `dot` has lanes, from
  /// their dot products; `sinkDot` (null without) are those of the query that
  /// meets the sinks. With `steady`, the row sees the keys, and no mask is
  /// looked at.
  Num edit(Num dot, Num sinkDot, Num key, bool steady) const;

protected:
  /// Columns `keys` (i32 lanes, the first is `key`) of the row's dense mask of
  /// `element`; any number beyond kv_len, where nothing is read.
  virtual Num denseMask(Num key, Num keys, mlir::Type element) const = 0;
  /// Whether the row's bits (token * width + key - first) of the sequence's
  /// packed mask are set; keys before the first column have none and are
  /// visible. Any truth beyond kv_len, where nothing is read.
  virtual Num packedMask(Num key, Num keys) const = 0;

  const AttendTask &c;
  Num token, head, index;
  Num maskRow;                         // dense
  Num maskBytes, maskFirst, maskWidth; // packed

private:
  void loadMask(Num stepToken);
  Num alibi(Num score, Num keys, bool steady) const;
  Num visible(Num keys) const;
  /// Something wants the score before it is in the engine's unit.
  bool needsNatural() const { return c.variant.softcap || c.variant.score; }

  Num scale;
  Num slope, position, sinkPosition;
};

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_SCOREEDITS_H
