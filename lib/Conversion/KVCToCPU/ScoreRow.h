//===- ScoreRow.h - scores of a query row, and its masks --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A vector of keys reads its part of a mask at once.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_SCOREROW_H
#define KVC_LIB_CONVERSION_KVCTOCPU_SCOREROW_H

#include "../Kernel/ScoreEdits.h"
#include "AttendContext.h"

namespace kvc::cpu {

class ScoreRow : public ScoreEdits {
public:
  ScoreRow(const AttendContext &c, Num token, Num head);

private:
  Num denseMask(Num key, Num keys, mlir::Type element) const override;
  Num packedMask(Num key, Num keys) const override;
};

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_SCOREROW_H
