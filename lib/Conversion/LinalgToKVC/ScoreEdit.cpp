//===- ScoreEdit.cpp - What is done to a score beside scale and mask ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The edit is the graph's own expression with the product as its only unknown.
// Factors and a soft-cap right at the product are taken out of it again, in the
// op's order: scale, soft-cap, then the edit.
//
//===----------------------------------------------------------------------===//

#include "ScoreEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace kvc::raise {

/// Expressions of a region longer than this are not worth it.
static constexpr unsigned maxEditNodes = 128;

std::optional<Reduction>
matchScoreProduct(Scalars &scalars, const Expr *element, AffineExpr key) {
  if (!element->is(Expr::Kind::Element) || !mentions(element->index, key))
    return std::nullopt;
  auto product = matchReduction(scalars, element);
  if (!product || product->kind != Reduction::Kind::Sum)
    return std::nullopt;
  return product;
}

bool contains(const Expr *expr, const Expr *part) {
  bool found = false;
  walkExpr(expr, [&](const Expr *e) { found |= e == part; });
  return found;
}

const Expr *replaced(Scalars &scalars, const Expr *expr, const Expr *from,
                     const Expr *to) {
  llvm::DenseMap<const Expr *, const Expr *> done;
  std::function<const Expr *(const Expr *)> visit = [&](const Expr *e) {
    if (e == from)
      return to;
    if (e->operands.empty())
      return e;
    if (const Expr *known = done.lookup(e))
      return known;
    SmallVector<const Expr *> operands;
    bool changed = false;
    for (const Expr *operand : e->operands) {
      operands.push_back(visit(operand));
      changed |= operands.back() != operand;
    }
    const Expr *result = e;
    if (changed && e->is(Expr::Kind::Piece))
      result = scalars.piece(e->affine, operands[0], operands[1]);
    else if (changed)
      result = scalars.apply(e->op, e->type, operands, e->tensor);
    return done[e] = result;
  };
  return visit(expr);
}

namespace {
struct EditReader {
  Scalars &scalars;
  AffineExpr key;
  Score &score;
  unsigned budget = maxEditNodes;

  bool leads(const Expr *expr, unsigned depth = 24);
  const Expr *read(const Expr *expr, bool isCapped = false);
  void takeOutFactors();
  void takeOutSoftcap();
  SmallVector<const Expr *> usersOf(const Expr *expr);
};
} // namespace

/// True when `expr` depends on the product of queries and keys.
bool EditReader::leads(const Expr *expr, unsigned depth) {
  if (depth == 0)
    return false;
  expr = scalars.look(expr);
  if (expr->is(Expr::Kind::Element))
    return matchScoreProduct(scalars, expr, key).has_value();
  return llvm::any_of(expr->operands, [&](const Expr *operand) {
    return leads(operand, depth - 1);
  });
}

/// `expr` with its casts stripped where it depends on the product; what does
/// not depend on it stays as it is.
const Expr *EditReader::read(const Expr *expr, bool isCapped) {
  if (budget == 0)
    return nullptr;
  --budget;
  unsigned seen = scalars.getNarrowest();
  bool found = leads(expr);
  scalars.setNarrowest(seen); // an edit's roundings are not the score's
  if (!found)
    return expr;
  expr = scalars.look(expr);
  if (expr->is(Expr::Kind::Element)) {
    auto product = matchScoreProduct(scalars, expr, key);
    if (!product || (score.productElement && score.productElement != expr))
      return nullptr;
    auto factors = matchProduct(scalars, *product);
    if (!factors)
      return nullptr;
    score.product = *product;
    score.productElement = expr;
    std::tie(score.a, score.b) = *factors;
    return expr;
  }
  bool isPlain =
      expr->is(Expr::Kind::Piece) ||
      (!expr->tensor &&
       expr->isApply<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
                     arith::NegFOp, arith::MaximumFOp, arith::MaxNumFOp,
                     arith::MinimumFOp, arith::MinNumFOp, arith::SelectOp,
                     arith::CmpFOp, math::AbsFOp>());
  // cap * tanh(...), with a cap that is one
  if (!isPlain && !(isCapped && expr->isApply<math::TanhOp>()))
    return nullptr;
  bool caps = false;
  if (expr->isApply<arith::MulFOp>())
    for (const Expr *operand : expr->operands)
      if (std::optional<double> cap = scalars.asReal(operand))
        caps |= *cap > 0 && *cap != 1.0;
  SmallVector<const Expr *> operands;
  for (const Expr *operand : expr->operands) {
    operands.push_back(read(operand, caps));
    if (!operands.back())
      return nullptr;
  }
  if (expr->is(Expr::Kind::Piece))
    return scalars.piece(expr->affine, operands[0], operands[1]);
  return scalars.apply(expr->op, expr->type, operands);
}

SmallVector<const Expr *> EditReader::usersOf(const Expr *expr) {
  SmallVector<const Expr *> users;
  walkExpr(score.edit, [&](const Expr *e) {
    if (llvm::is_contained(e->operands, expr))
      users.push_back(e);
  });
  return users;
}

/// scale * product, where the edit reads the product only so.
void EditReader::takeOutFactors() {
  for (unsigned round = 0; round < 8; ++round) {
    SmallVector<const Expr *> users = usersOf(score.productElement);
    if (users.size() != 1 || !users[0]->isApply<arith::MulFOp, arith::DivFOp>())
      return;
    const Expr *user = users[0];
    bool first = user->operands[0] == score.productElement;
    const Expr *factor = user->operands[first ? 1 : 0];
    bool quotient = user->isApply<arith::DivFOp>();
    if (factor == score.productElement || (quotient && !first))
      return;
    std::optional<double> number = scalars.asReal(factor);
    if (number && *number != 0.0)
      score.scale *= quotient ? 1.0 / *number : *number;
    else if (!number && !quotient && isUniform(factor))
      score.runtimeScales.push_back(factor);
    else
      return;
    score.edit = replaced(scalars, score.edit, user, score.productElement);
  }
}

void EditReader::takeOutSoftcap() {
  SmallVector<const Expr *> users = usersOf(score.productElement);
  if (users.size() != 1 || !users[0]->isApply<math::TanhOp>())
    return;
  SmallVector<const Expr *> outer = usersOf(users[0]);
  if (outer.size() != 1 || !outer[0]->isApply<arith::MulFOp>())
    return;
  bool first = outer[0]->operands[0] == users[0];
  std::optional<double> cap = scalars.asReal(outer[0]->operands[first ? 1 : 0]);
  if (!cap || !(*cap > 0))
    return;
  score.softcap = *cap;
  score.scale *= *cap;
  score.edit = replaced(scalars, score.edit, outer[0], score.productElement);
}

bool readEdit(Scalars &scalars, const Expr *core, double factor, AffineExpr key,
              Score &score) {
  score.scale = 1;
  score.softcap = 0;
  score.runtimeScales.clear();
  EditReader reader{scalars, key, score};
  const Expr *edit = reader.read(core);
  if (!edit || !score.productElement || edit == score.productElement)
    return false;
  if (factor != 1.0) {
    Type type = edit->type;
    edit =
        scalars.build("arith.mulf", type,
                      {edit, scalars.constant(FloatAttr::get(type, factor))});
  }
  score.edit = edit;
  reader.takeOutFactors();
  reader.takeOutSoftcap();
  if (score.edit == score.productElement)
    score.edit = nullptr;
  return true;
}

} // namespace kvc::raise
