//===- ScoreRegion.h - a variant's score region in a kernel -----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: emitScoreRegion succeeds on every region that verifyScoreRegion
// accepts.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_SCOREREGION_H
#define KVC_LIB_CONVERSION_KERNEL_SCOREREGION_H

#include "AbiAccess.h"
#include "mlir/IR/Region.h"

namespace kvc::kernel {

/// Reports the first op that the engine named `engine` cannot compute.
llvm::LogicalResult verifyScoreRegion(mlir::Region &region,
                                      llvm::StringRef engine);

/// How an engine computes what is not one instruction everywhere.
struct ScoreFunctions {
  Num (*exp)(Num);
  Num (*exp2)(Num);
  Num (*log)(Num);
  Num (*tanh)(Num);
};

/// What a score region is about. Integers are of any width.
struct ScoreRegionInputs {
  AbiStruct<kvcrt_params> params;
  ScoreFunctions functions;
  Num scores;             // f32, a scalar or a vector
  Num batch, head, query; // scalars
  Num keys;               // as many lanes as scores
};

/// On a division of a score region whose quotient is cut (an integer or a
/// comparison is made of it): no engine may approximate it.
inline constexpr llvm::StringLiteral kRoundedOnce = "kvc.rounded_once";

/// The new scores that `region` yields.
Num emitScoreRegion(mlir::Region &region, const ScoreRegionInputs &inputs);

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_SCOREREGION_H
