//===- Bias.cpp - Biases that are functions of positions ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ALiBi is written as slope * key (BLOOM), slope * (key - last key) (MPT), as
// -slope * |key - query|, before the scale (Falcon) or after it. Softmax does
// not see what is one number for a row, so all of them are slope * (key -
// query).
//
//===----------------------------------------------------------------------===//

#include "BiasTable.h"
#include "ScoreEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

static constexpr unsigned maxBiasNodes = 192;
/// A number as large as this hides a score rather than shifting it.
static constexpr double hides = 9999.0;
static constexpr int64_t maxSlopes = 4096;

const Expr *asPositional(Scalars &scalars, const Expr *expr, AffineExpr query,
                         AffineExpr key) {
  unsigned budget = maxBiasNodes;
  const Expr *whole = scalars.expandAll(expr, budget);
  if (!whole)
    return nullptr;
  bool fits = true, positions = false;
  auto moves = [&](AffineExpr at) {
    return (query && mentions(at, query)) || mentions(at, key);
  };
  walkExpr(whole, [&](const Expr *e) {
    if (e->affine)
      positions |= moves(e->affine);
    for (AffineExpr at : e->index)
      fits &= !moves(at);
    if (e->is(Expr::Kind::Constant))
      if (std::optional<Number> n = toNumber(e->constant))
        fits &= !n->isFloat || (n->real > -hides && n->real < hides);
    if (e->is(Expr::Kind::Apply) && e->tensor)
      fits &= cast<RankedTensorType>(e->tensor.getType()).getRank() <= 4;
    else if (e->is(Expr::Kind::Apply))
      // what a library computes, a kernel may round otherwise: harmless where
      // it only depends on the head, not where a position is cut by it
      fits &= isa<arith::ArithDialect>(e->op->getDialect()) ||
              isa<math::AbsFOp, math::AbsIOp>(e->op) ||
              !(mentions(e, key) || (query && mentions(e, query)));
  });
  return fits && positions ? whole : nullptr;
}

namespace {
/// The sum of slope * distance; one slope.
struct Linear {
  const Expr *slope = nullptr; // null: 1
  double factor = 1;
  AffineExpr distance;
};

struct LinearReader {
  Scalars &scalars;
  AffineExpr query, key, causal;

  bool moves(const Expr *e) {
    return mentions(e, key) || (query && mentions(e, query));
  }
  std::optional<Linear> read(const Expr *expr, unsigned depth);
};
} // namespace

std::optional<Linear> LinearReader::read(const Expr *expr, unsigned depth) {
  if (depth == 0)
    return std::nullopt;
  expr = scalars.look(expr);
  Axes &axes = scalars.getAxes();
  if (expr->isApply<arith::SIToFPOp, arith::UIToFPOp>() &&
      expr->operands[0]->is(Expr::Kind::Affine) &&
      (expr->isApply<arith::SIToFPOp>() ||
       axes.isNonNegative(expr->operands[0]->affine) == true))
    return Linear{nullptr, 1, expr->operands[0]->affine};
  if (std::optional<double> number = scalars.asReal(expr)) {
    if (*number != static_cast<double>(static_cast<int64_t>(*number)))
      return std::nullopt;
    return Linear{nullptr, 1,
                  getAffineConstantExpr(static_cast<int64_t>(*number),
                                        axes.getContext())};
  }
  if (expr->is(Expr::Kind::Piece)) {
    // |i - j| is i - j where only keys before the query are seen
    if (!causal)
      return std::nullopt;
    Axes::Quiet quiet(axes);
    if (axes.isNonNegative(expr->affine - causal) == true)
      return read(expr->operands[0], depth - 1);
    if (axes.isNonNegative(-expr->affine - 1 - causal) == true)
      return read(expr->operands[1], depth - 1);
    // the diagonal alone is left to the other side, and there both are 0
    if (axes.isNonNegative(-expr->affine - causal) != true)
      return std::nullopt;
    auto yes = read(expr->operands[0], depth - 1),
         no = read(expr->operands[1], depth - 1);
    AffineExpr zero = getAffineConstantExpr(0, axes.getContext());
    auto vanishes = [&](AffineExpr e) { return axes.simplify(e) == zero; };
    if (!yes || !no || yes->slope != no->slope || yes->factor != no->factor ||
        !vanishes(yes->distance + no->distance) ||
        (!vanishes(yes->distance - expr->affine) &&
         !vanishes(yes->distance + expr->affine)))
      return std::nullopt;
    return no;
  }
  if (expr->isApply<arith::NegFOp>()) {
    auto inner = read(expr->operands[0], depth - 1);
    if (inner)
      inner->distance = -inner->distance;
    return inner;
  }
  if (expr->isApply<arith::MulFOp, arith::DivFOp>()) {
    bool quotient = expr->isApply<arith::DivFOp>();
    for (unsigned side : {0u, 1u}) {
      const Expr *factor = expr->operands[1 - side];
      if (moves(factor) || (quotient && side == 1))
        continue;
      auto inner = read(expr->operands[side], depth - 1);
      if (!inner)
        continue;
      if (std::optional<double> number = scalars.asReal(factor)) {
        inner->factor *= quotient ? 1 / *number : *number;
        return inner;
      }
      if (inner->slope || quotient)
        return std::nullopt;
      inner->slope = factor;
      return inner;
    }
    return std::nullopt;
  }
  if (expr->isApply<arith::AddFOp, arith::SubFOp>()) {
    auto a = read(expr->operands[0], depth - 1),
         b = read(expr->operands[1], depth - 1);
    if (!a || !b || a->slope != b->slope || a->factor != b->factor)
      return std::nullopt;
    a->distance = expr->isApply<arith::AddFOp>() ? a->distance + b->distance
                                                 : a->distance - b->distance;
    return a;
  }
  return std::nullopt;
}

bool isModest(Scalars &scalars, const Expr *slope) {
  bool modest = true;
  walkExpr(slope, [&](const Expr *e) {
    if (std::optional<double> number = scalars.asReal(e))
      modest &= std::fabs(*number) < hides;
    if (!e->is(Expr::Kind::Element) || !isa<FloatType>(e->type))
      return;
    DenseElementsAttr literal = scalars.literalOf(e->tensor, maxSlopes);
    if (!literal)
      return;
    auto values = literal.value_begin<APFloat>();
    for (int64_t offset : offsetsOf(literal.getType().getShape(), e->index)) {
      APFloat value = *(values + offset);
      bool rounded; // of types wider than double
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                    &rounded);
      modest &= std::fabs(value.convertToDouble()) < hides;
    }
  });
  return modest;
}

const Expr *asAlibi(Scalars &scalars, const Expr *bias, AffineExpr query,
                    AffineExpr key, AffineExpr causal) {
  if (!query)
    return nullptr;
  LinearReader reader{scalars, query, key, causal};
  auto linear = reader.read(bias, 24);
  if (!linear)
    return nullptr;
  Axes &axes = scalars.getAxes();
  Axes::Quiet quiet(axes);
  LinearForm form = axes.linearize(linear->distance);
  int64_t ofKey = 0;
  for (auto [atom, coefficient] : form.terms) {
    if (atom == key)
      ofKey = coefficient;
    else if (mentions(atom, key))
      return nullptr; // cut by a division
  }
  double factor = linear->factor * ofKey;
  if (ofKey == 0 || !(std::fabs(factor) < hides) ||
      (linear->slope && !isModest(scalars, linear->slope)))
    return nullptr;
  Builder b(axes.getContext());
  Type f32 = b.getF32Type();
  const Expr *distance = scalars.build(
      "arith.sitofp", f32, {scalars.affine(key - query, b.getI32Type())});
  const Expr *slope =
      scalars.constant(b.getF32FloatAttr(static_cast<float>(factor)));
  if (linear->slope)
    slope = factor == 1.0
                ? linear->slope
                : scalars.build("arith.mulf", f32, {linear->slope, slope});
  return scalars.build("arith.mulf", f32, {slope, distance});
}

} // namespace kvc::raise
