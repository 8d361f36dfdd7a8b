//===- Contraction.h - Reductions and sums of products -----------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A reduction is read as its body at one symbolic index of the reduced axis,
// whatever op spells it: a named op, a generic, linalg.reduce, a body with a
// second result beside. A contraction is a sum whose body is a product.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_CONTRACTION_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_CONTRACTION_H

#include "Scalars.h"
#include "llvm/ADT/SmallBitVector.h"

namespace kvc::raise {

struct Reduction {
  enum class Kind { Sum, Max, Or, And };
  Kind kind;
  const Expr *body; // over `axis`
  const Expr *init;
  mlir::AffineExpr axis;
  mlir::linalg::LinalgOp op;
};

/// Reads `element` as a reduction over one axis. With `axis` given, that axis
/// stands for the reduced loop and must have its extent; otherwise a new one.
std::optional<Reduction> matchReduction(Scalars &scalars, const Expr *element,
                                        mlir::AffineExpr axis = {});

/// The two factors when the reduction is a sum of products from zero.
std::optional<std::pair<const Expr *, const Expr *>>
matchProduct(Scalars &scalars, const Reduction &reduction);

/// The loops that operand `side` of the product in `op` runs over: those of the
/// inputs it reads, however much of it is computed in the body.
std::optional<llvm::SmallBitVector> loopsOfFactor(mlir::linalg::LinalgOp op,
                                                  unsigned side);

/// True when `op` could be a contraction: one loop longer than one reduced by
/// a sum of products. Cheap; asked of every op once.
bool isContractionLike(mlir::linalg::LinalgOp op);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_CONTRACTION_H
