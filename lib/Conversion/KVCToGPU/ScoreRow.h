//===- ScoreRow.h - scores of a query row, and its masks --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread reads the one column of each of its keys. Invariant: addresses of a
// tile's columns differ by constants, so that a row's masks take the registers
// of one.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_SCOREROW_H
#define KVC_LIB_CONVERSION_KVCTOGPU_SCOREROW_H

#include "../Kernel/ScoreEdits.h"
#include "AttendContext.h"

namespace kvc::gpu {

class ScoreRow : public ScoreEdits {
public:
  /// Of row `row` (i32) of the KV head, for key `firstKey` and others behind
  /// it.
  ScoreRow(const AttendContext &c, Num row, Num firstKey)
      : ScoreEdits(c, c.rowToken(row), c.rowHead(row)), firstKey(firstKey) {}
  /// The finished score of the key that is `column` behind the first.
  Num edit(Num dot, int64_t column, bool steady) {
    this->column = column;
    return ScoreEdits::edit(dot, Num(), firstKey + column, steady);
  }

private:
  Num denseMask(Num key, Num keys, mlir::Type element) const override;
  Num packedMask(Num key, Num keys) const override;

  Num firstKey;
  int64_t column = 0;
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_SCOREROW_H
