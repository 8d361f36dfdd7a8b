//===- Build.h - Write kvc.attention for a match -----------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_BUILD_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_BUILD_H

#include "Match.h"
#include "mlir/IR/PatternMatch.h"

namespace kvc::raise {

/// Positions 0 .. S-1 already written, by block and size: one tensor serves all
/// layers. A function has one or two sizes, so a list is enough.
struct WrittenPositions {
  mlir::Block *block;
  mlir::OpFoldResult size;
  mlir::Value tensor;
};
using PositionCache = llvm::SmallVector<WrittenPositions>;

/// Writes kvc.attention (and kvc.rope) before the product of probabilities and
/// values and gives it that product's uses. Returns false, with the graph as it
/// was and `refusal` set, when something cannot be written.
bool build(mlir::RewriterBase &rewriter, Attempt &attempt,
           PositionCache &positions, Refusal &refusal);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_BUILD_H
