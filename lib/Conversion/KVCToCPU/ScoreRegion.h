//===- ScoreRegion.h - a variant's score region on vectors ------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: emitScoreRegion succeeds on every region that verifyScoreRegion
// lets through.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_SCOREREGION_H
#define KVC_LIB_CONVERSION_KVCTOCPU_SCOREREGION_H

#include "mlir/IR/Region.h"
#include "mlir/Support/LLVM.h"

namespace kvc::cpu {

/// Reports the first op that the engine cannot compute.
llvm::LogicalResult verifyScoreRegion(mlir::Region &region);

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_SCOREREGION_H
