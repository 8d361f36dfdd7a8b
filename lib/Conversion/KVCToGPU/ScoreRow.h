//===- ScoreRow.h - scores of a query row, and its masks --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread reads the one column of each of its keys.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_SCOREROW_H
#define KVC_LIB_CONVERSION_KVCTOGPU_SCOREROW_H

#include "../Kernel/ScoreEdits.h"
#include "AttendContext.h"

namespace kvc::gpu {

class ScoreRow : public ScoreEdits {
public:
  /// Of row `row` (i32) of the KV head.
  ScoreRow(const AttendContext &c, Num row)
      : ScoreEdits(c, c.rowToken(row), c.rowHead(row)) {}

private:
  Num denseMask(Num key, Num keys, mlir::Type element) const override;
  Num packedMask(Num key, Num keys) const override;
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_SCOREROW_H
