//===- Scale.h - From the softmax back to Q times K --------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_SCALE_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_SCALE_H

#include "Softmax.h"

namespace kvc::raise {

/// One mask on the way from the product to the softmax.
struct MaskTerm {
  /// Additive: the float that is added. Select: the i1 that keeps the score.
  const Expr *value = nullptr;
  /// `value` with all of its producers: mentions only axes it depends on.
  const Expr *expanded = nullptr;
  bool isSelect = false;
  bool negated = false; // additive: subtracted instead; select: true hides
  double hidden = 0;    // select: what a hidden score becomes
  double factor = 1;    // what multiplies the term further out
  std::optional<double> floor; // masked scores are raised to this, factor aside
  mlir::Operation *op = nullptr;
};

/// softmax(score) with score = mask(softcap(scale * (a . b))), read backwards.
struct Score {
  double scale = 1;
  double softcap = 0;                               // 0: none
  llvm::SmallVector<const Expr *, 2> runtimeScales; // rank-0 factors
  llvm::SmallVector<MaskTerm, 2> masks;             // outermost first
  /// The score region's value over `productElement`, which stands for the
  /// score after scale and soft-cap; null when there is none.
  const Expr *edit = nullptr;
  Reduction product;
  const Expr *productElement = nullptr;
  bool hasFloor = false; // some mask has
  const Expr *a = nullptr, *b = nullptr;
};

std::optional<Score> matchScore(Scalars &scalars, const Softmax &softmax,
                                mlir::AffineExpr key, mlir::Operation *anchor,
                                bool takesFloors, Refusal &refusal);

/// What stands between an operand of a contraction and the tensor it was made
/// from: factors and float casts. Every tensor met is a candidate to start at.
struct Operand {
  const Expr *element = nullptr;
  double scale = 1;
  llvm::SmallVector<const Expr *, 2> runtimeScales; // those above it
};
llvm::SmallVector<Operand> peelOperand(Scalars &scalars, const Expr *expr);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_SCALE_H
