//===- ScoreEdits.h - from a dot product to a score -------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scale, soft-cap, score region, ALiBi, masks and visibility of one score of
// one query row, for every schedule: a schedule only knows which row and which
// key a register belongs to.
//
// Invariant: a score of a key that the query must not see leaves as -inf,
// whatever its bits were. Scores are in powers of two: log2(e) times the
// natural ones.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_SCOREEDITS_H
#define KVC_LIB_CONVERSION_KVCTOGPU_SCOREEDITS_H

#include "AttendContext.h"

namespace kvc::gpu {

/// One query row's view of its scores.
class ScoreRow {
public:
  /// Loads what does not change along row `row` (i32, within the task).
  ScoreRow(const AttendContext &c, Num row);
  /// The finished score of `key` (i32) from its dot product; `sinkDot` (null
  /// without) is that of the query that meets the sinks. With `steady`, the
  /// row sees the key, and no mask is looked at.
  Num edit(Num dot, Num sinkDot, Num key, bool steady) const;

private:
  Num alibi(Num score, Num key, bool steady) const;
  Num visible(Num key) const;
  Num denseMask(Num key, mlir::Type element, Num outside) const;
  Num packedMask(Num key) const;

  const AttendContext &c;
  Num head, token, index;
  Num scaleLog2; // scale * log2(e), when nothing needs the natural score
  Num slope, position, sinkPosition;
  Num maskRow;                         // dense
  Num maskBytes, maskFirst, maskWidth; // packed
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_SCOREEDITS_H
