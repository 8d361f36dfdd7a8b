//===- Finite.cpp - Scores that may be infinite ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Raise assumes finite queries, keys and masks. What a graph computes of
// positions may still be infinite, at some of them: such scores are told here,
// by their ops, with no attempt to bound them.
//
//===----------------------------------------------------------------------===//

#include "Finite.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace kvc::raise {

bool isPartial(const Expr *expr) {
  bool found = false;
  walkExpr(expr, [&](const Expr *e) {
    found |= e->isApply<math::LogOp, math::Log2Op, math::Log1pOp, math::Log10Op,
                        math::PowFOp, math::FPowIOp, math::RsqrtOp, math::ExpOp,
                        math::Exp2Op, arith::RemFOp>() ||
             (e->isApply<arith::DivFOp>() &&
              !e->operands[1]->is(Expr::Kind::Constant));
  });
  return found;
}

bool mayBeInfinite(const Score &score, AffineExpr key) {
  if (!score.edit)
    return false;
  bool found = isPartial(score.edit);
  auto isGivenPerKey = [&](const Expr *e) {
    return e->is(Expr::Kind::Element) && e != score.productElement &&
           isa<FloatType>(e->type) && mentions(e, key);
  };
  walkExpr(score.edit, [&](const Expr *e) {
    if (e->isApply<arith::MulFOp, arith::DivFOp>())
      for (const Expr *factor : e->operands)
        walkExpr(factor,
                 [&](const Expr *part) { found |= isGivenPerKey(part); });
  });
  return found;
}

static bool dividesByNegativeZero(Axes &axes, const Expr *expr) {
  auto mayBeNegativeZero = [&](const Expr *e) {
    return e->is(Expr::Kind::Affine) &&
           // what is never negative was no negation in the graph either
           axes.isNonNegative(e->affine) != true &&
           axes.isNonNegative(-e->affine - 1) != true;
  };
  bool found = false;
  walkExpr(expr, [&](const Expr *e) {
    const Expr *base =
        e->isApply<arith::DivFOp>() ? e->operands[1]
        : e->isApply<math::PowFOp, math::FPowIOp, math::RsqrtOp>()
            ? e->operands[0]
            : nullptr;
    if (base)
      walkExpr(base,
               [&](const Expr *part) { found |= mayBeNegativeZero(part); });
  });
  return found;
}

bool dividesByNegativeZero(Axes &axes, const Score &score) {
  return (score.edit && dividesByNegativeZero(axes, score.edit)) ||
         llvm::any_of(score.masks, [&](const MaskTerm &term) {
           return dividesByNegativeZero(axes, term.expanded);
         });
}

} // namespace kvc::raise
