//===- FrontDoors.h - Graphs that are not linalg yet -------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What other compilers hand over is brought to linalg first, so that one
// matcher reads it all: TOSA by upstream's passes, the attention ops of IREE
// and torch-mlir by writing out what they mean.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_FRONTDOORS_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_FRONTDOORS_H

#include "Softmax.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/PassManager.h"

namespace kvc::raise {

/// True where the function computes an exponential or a softmax in TOSA: what
/// holds no attention is left as it is.
bool mayHoldTosaAttention(mlir::func::FuncOp func);

/// Upstream's lowering of TOSA to linalg on tensors, in the order that works.
/// Verifies nothing in between: the graph may hold ops of other dialects.
void buildTosaToLinalg(mlir::OpPassManager &pm);

/// An attention op of another dialect, written out in linalg before it. The op
/// itself stays, without uses, until it is known whether raise took it.
struct WrittenOut {
  mlir::Operation *op = nullptr;
  mlir::Operation *values = nullptr; // the product of probabilities and values
  mlir::Value result;                // what replaces the op's result
};

/// True for an attention op of another dialect, or another op of one in which
/// graphs spell attention that raise does not read.
bool isForeignAttention(mlir::Operation *op);

/// Writes `op` out and gives its uses to the result; null with a refusal where
/// its operands, attributes or region are not understood.
std::optional<WrittenOut> writeOut(mlir::RewriterBase &rewriter,
                                   mlir::Operation *op, Refusal &refusal);

/// Turns reshapes and broadcasts by sizes computed at run time into views where
/// the sizes are proven.
void settleSizes(mlir::RewriterBase &rewriter, mlir::func::FuncOp func);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_FRONTDOORS_H
