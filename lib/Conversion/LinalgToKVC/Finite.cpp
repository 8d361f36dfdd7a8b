//===- Finite.cpp - Scores that may be infinite ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Raise assumes finite queries, keys and masks. What a graph computes of
// positions may still be infinite, at some of them, and what literals add may
// be so large that the order of sums tells: such scores are told here, by their
// ops and numbers.
//
//===----------------------------------------------------------------------===//

#include "Finite.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

static std::optional<double> constantOf(const Expr *expr) {
  if (!expr->is(Expr::Kind::Constant))
    return std::nullopt;
  std::optional<Number> number = toNumber(expr->constant);
  if (!number)
    return std::nullopt;
  return number->isFloat ? number->real : double(number->integer);
}

/// A power that models make slopes of heads of: 2^(-8 (h + 1) / heads).
static bool isTamePower(const Expr *expr) {
  const bool isPower = expr->isApply<math::PowFOp, math::FPowIOp>();
  if (!isPower && !expr->isApply<math::ExpOp, math::Exp2Op>())
    return false;
  if (isPower) {
    std::optional<double> base = constantOf(expr->operands[0]);
    if (!base || !(*base >= 0.25 && *base <= 4))
      return false;
  }
  bool tame = true;
  walkExpr(expr->operands.back(), [&](const Expr *e) {
    if (std::optional<double> number = constantOf(e))
      tame &= std::fabs(*number) <= 64;
  });
  return tame;
}

/// Whether `expr` is known to be above zero: a position, a number, a power.
static bool isPositive(Axes &axes, const Expr *expr) {
  if (expr->isApply<arith::SIToFPOp, arith::UIToFPOp>())
    expr = expr->operands[0];
  if (expr->is(Expr::Kind::Affine)) {
    Axes::Quiet quiet(axes);
    return axes.isNonNegative(expr->affine - 1) == true;
  }
  if (std::optional<double> number = constantOf(expr))
    return *number > 0;
  return isTamePower(expr);
}

bool isPartial(Axes &axes, const Expr *expr) {
  bool found = false;
  walkExpr(expr, [&](const Expr *e) {
    if (e->isApply<arith::RemFOp>())
      found = true;
    else if (e->isApply<math::PowFOp, math::FPowIOp, math::ExpOp,
                        math::Exp2Op>())
      found |= !isTamePower(e);
    else if (e->isApply<math::LogOp, math::Log2Op, math::Log1pOp, math::Log10Op,
                        math::RsqrtOp>())
      found |= !isPositive(axes, e->operands[0]);
    else if (e->isApply<arith::DivFOp>())
      found |= !e->operands[1]->is(Expr::Kind::Constant) &&
               !isPositive(axes, e->operands[1]);
  });
  return found;
}

bool mayBeInfinite(Axes &axes, const Score &score, AffineExpr key) {
  if (!score.edit)
    return false;
  bool found = isPartial(axes, score.edit);
  auto isGivenPerKey = [&](const Expr *e) {
    return e->is(Expr::Kind::Element) && e != score.productElement &&
           isa<FloatType>(e->type) && mentions(e, key);
  };
  walkExpr(score.edit, [&](const Expr *e) {
    // a sum of both is a bias, as masks are
    if (!e->is(Expr::Kind::Apply) ||
        e->isApply<arith::AddFOp, arith::SubFOp, arith::NegFOp, arith::ExtFOp,
                   arith::TruncFOp>())
      return;
    for (const Expr *operand : e->operands)
      walkExpr(operand,
               [&](const Expr *part) { found |= isGivenPerKey(part); });
  });
  return found;
}

static double highest(Scalars &scalars, const Expr *expr, double sign,
                      unsigned depth = 24) {
  if (depth == 0)
    return 0;
  expr = scalars.look(expr);
  auto of = [&](unsigned operand, double itsSign) {
    return highest(scalars, expr->operands[operand], itsSign, depth - 1);
  };
  if (std::optional<double> number = scalars.asReal(expr))
    return *number * sign;
  if (expr->is(Expr::Kind::Piece))
    return std::max(of(0, sign), of(1, sign));
  if (expr->isApply<arith::SelectOp>())
    return std::max(of(1, sign), of(2, sign));
  if (expr->isApply<arith::UIToFPOp>())
    return std::max(sign, 0.0); // of a flag
  if (expr->isApply<arith::NegFOp>())
    return of(0, -sign);
  if (expr->isApply<arith::AddFOp>())
    return of(0, sign) + of(1, sign);
  if (expr->isApply<arith::SubFOp>())
    return of(0, sign) + of(1, -sign);
  if (expr->isApply<arith::MulFOp>())
    for (unsigned side : {0u, 1u})
      if (auto factor = scalars.asReal(expr->operands[side]))
        return of(1 - side, *factor < 0 ? -sign : sign) * std::fabs(*factor);
  return 0;
}

double highestAdded(Scalars &scalars, const MaskTerm &term) {
  return highest(scalars, term.expanded, term.negated ? -1 : 1) * term.factor;
}

namespace {
/// What `isTame` says of an expression, by its sign in the mask.
struct TameReader {
  Scalars &scalars;
  AffineExpr key;

  bool isGiven(const Expr *e) {
    return e->is(Expr::Kind::Element) && isa<FloatType>(e->type) &&
           mentions(e, key);
  }
  bool mayHoldInfinity(const Expr *expr) {
    bool found = false;
    walkExpr(expr, [&](const Expr *e) {
      std::optional<double> number = constantOf(e);
      found |= isGiven(e) || (number && !std::isfinite(*number));
    });
    return found;
  }
  bool read(const Expr *expr, double sign, unsigned depth);
};
} // namespace

bool TameReader::read(const Expr *expr, double sign, unsigned depth) {
  if (depth == 0)
    return true;
  expr = scalars.look(expr);
  auto of = [&](unsigned operand, double itsSign) {
    return read(expr->operands[operand], itsSign, depth - 1);
  };
  if (isGiven(expr))
    return sign > 0;
  if (std::optional<double> number = scalars.asReal(expr))
    return *number * sign < INFINITY; // and no NaN
  if (expr->is(Expr::Kind::Piece))
    return of(0, sign) && of(1, sign);
  if (expr->isApply<arith::SelectOp>())
    return of(1, sign) && of(2, sign);
  if (expr->isApply<arith::NegFOp>())
    return of(0, -sign);
  if (expr->isApply<arith::AddFOp>())
    return of(0, sign) && of(1, sign);
  if (expr->isApply<arith::SubFOp>())
    return of(0, sign) && of(1, -sign);
  if (expr->isApply<arith::MinimumFOp, arith::MaximumFOp, arith::MinNumFOp,
                    arith::MaxNumFOp>())
    return of(0, sign) && of(1, sign);
  if (expr->isApply<arith::MulFOp, arith::DivFOp>())
    for (unsigned side : {0u, 1u}) {
      auto factor = scalars.asReal(expr->operands[side]);
      if (factor && *factor != 0 &&
          (side == 1 || expr->isApply<arith::MulFOp>()))
        return of(1 - side, *factor < 0 ? -sign : sign);
    }
  return !mayHoldInfinity(expr); // zero times -inf, the magnitude of -inf
}

bool isTame(Scalars &scalars, const MaskTerm &term, AffineExpr key) {
  return TameReader{scalars, key}.read(term.expanded, term.negated ? -1 : 1,
                                       24);
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
