//===- ScoreEdits.h - what happens to a score before softmax ----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a score of a key that the query must not see leaves as -inf,
// whatever its bits were.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_SCOREEDITS_H
#define KVC_LIB_CONVERSION_KVCTOCPU_SCOREEDITS_H

#include "AttendContext.h"

namespace kvc::cpu {

/// One query row's view of its scores.
class ScoreRow {
public:
  /// Loads what does not change along the row: query head, new token of the
  /// sequence and index of the query, all i64.
  ScoreRow(AttendContext &c, Num head, Num token, Num index, bool steady);
  /// The finished score of keys [key, key + lanes) from their dot products;
  /// `sinkDot` (null without) are those of the query that meets the sinks.
  Num edit(Num dot, Num sinkDot, Num key);

private:
  AttendContext &c;
  Num head, token, index;
  bool steady;

  Num alibi(Num score, Num keys);
  Num visible(Num keys);
  Num denseMask(Num key, mlir::Type element);
  Num packedMask(Num key);

  Num slope, position, sinkPosition;
  Num maskRow;                         // dense
  Num maskBytes, maskFirst, maskWidth; // packed
};

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_SCOREEDITS_H
