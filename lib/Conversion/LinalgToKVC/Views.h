//===- Views.h - Look through ops that only move elements --------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// expand, collapse, transpose, broadcast, slice and copy do not compute: an
// element of their result is an element of their source at another index. A
// view step maps the one index to the other.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_VIEWS_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_VIEWS_H

#include "Axes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Value.h"

namespace kvc::raise {

/// One element of a tensor.
struct Element {
  mlir::Value tensor;
  Index index;
};

/// The element of the source that `element` is, when its producer is a view.
std::optional<Element> viewStep(Axes &axes, const Element &element);

/// `element` and everything it is a view of, the deepest source last.
llvm::SmallVector<Element> viewChain(Axes &axes, Element element);

/// The loop indices at which a structured op computes result `result` at
/// `index`; loops that the result does not name keep a null expression.
std::optional<Index> solveLoops(Axes &axes, mlir::linalg::LinalgOp op,
                                unsigned result,
                                llvm::ArrayRef<mlir::AffineExpr> index);

/// Operand `operand`'s element for the given loop indices.
std::optional<Index> operandIndex(Axes &axes, mlir::linalg::LinalgOp op,
                                  mlir::OpOperand &operand,
                                  llvm::ArrayRef<mlir::AffineExpr> loops);

/// The size of a tensor's dimension: a constant, or the value that it was made
/// from, so that two dimensions of one origin compare equal. Null when unknown.
mlir::OpFoldResult originOfSize(mlir::Value tensor, unsigned dim);

/// True when both dimensions are proven to have the same size.
bool haveSameSize(mlir::Value a, unsigned dimA, mlir::Value b, unsigned dimB);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_VIEWS_H
