//===- Scale.cpp - From the softmax back to Q times K ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Factors may stand on the scores, on Q, on K, on both; as products,
// quotients, constants of any shape, or numbers known at run time. All that
// are found are multiplied. Anything else between the product and the softmax
// must be a mask or a soft-cap.
//
//===----------------------------------------------------------------------===//

#include "MaskRead.h"
#include "ScoreEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// True when `expr` leads to a sum of products that depends on the key.
static bool leadsToProduct(Scalars &scalars, const Expr *expr, AffineExpr key,
                           unsigned &budget) {
  if (budget == 0)
    return false;
  --budget;
  expr = scalars.look(expr);
  if (expr->is(Expr::Kind::Element)) {
    if (!mentions(expr->index, key))
      return false;
    auto op = expr->tensor.getDefiningOp<linalg::LinalgOp>();
    return op && isContractionLike(op);
  }
  return llvm::any_of(expr->operands, [&](const Expr *operand) {
    return isa<FloatType>(operand->type) &&
           leadsToProduct(scalars, operand, key, budget);
  });
}

namespace {
/// One score, or one number instead of it.
struct Choice {
  const Expr *score = nullptr;
  std::optional<double> hidden;
};

struct Walker {
  Scalars &scalars;
  AffineExpr key;
  Operation *anchor;
  Refusal &refusal;
  bool takesFloors = true;
  Score score;
  std::optional<double> floor; // of what is further in

  bool refuse(StringRef id, const Twine &why, Operation *op = nullptr) {
    if (!refusal)
      refusal = {id, why.str(), op ? op : anchor};
    return false;
  }
  bool leads(const Expr *expr) {
    unsigned budget = 64, seen = scalars.getNarrowest();
    bool found = leadsToProduct(scalars, expr, key, budget);
    scalars.setNarrowest(seen); // a mask's roundings are not the score's
    return found;
  }
  const Expr *step(const Expr *expr);
  const Expr *stepFloor(const Expr *expr);
  const Expr *stepBinary(const Expr *expr, const Expr *inner, const Expr *other,
                         bool innerFirst);
  const Expr *keeps(const Expr *expr, Choice &choice, unsigned depth);
  const Expr *offsets(const Expr *expr, Choice &choice, unsigned depth);
};
} // namespace

/// One op further in from `expr` = op(inner, other); null after a refusal.
const Expr *Walker::stepBinary(const Expr *expr, const Expr *inner,
                               const Expr *other, bool innerFirst) {
  bool product = expr->isApply<arith::MulFOp>(),
       quotient = expr->isApply<arith::DivFOp>() && innerFirst;
  if (product || quotient) {
    if (std::optional<double> factor = scalars.asReal(other)) {
      if (quotient && *factor == 0.0) {
        refuse("score-op", "the score is divided by zero", expr->op);
        return nullptr;
      }
      score.scale *= quotient ? 1.0 / *factor : *factor;
      return inner;
    }
    if (product && isUniform(other)) {
      score.runtimeScales.push_back(other);
      return inner;
    }
    refuse("score-op", "the score is multiplied by a tensor", expr->op);
    return nullptr;
  }
  bool sum = expr->isApply<arith::AddFOp>(),
       difference = expr->isApply<arith::SubFOp>() && innerFirst;
  if (sum || difference) {
    if (score.softcap != 0) {
      refuse("mask-inside-softcap", "a mask is added before the soft-cap",
             expr->op);
      return nullptr;
    }
    if (!score.runtimeScales.empty()) {
      refuse("mask-scaled",
             "a mask is multiplied by a factor that is only "
             "known at run time",
             expr->op);
      return nullptr;
    }
    MaskTerm term;
    term.value = other;
    term.negated = difference;
    term.factor = score.scale;
    term.op = expr->op;
    term.floor = floor;
    score.hasFloor |= floor.has_value();
    score.masks.push_back(term);
    return inner;
  }
  refuse("score-op",
         "`" + expr->op->getName().getStringRef() +
             "` between the product and the softmax is not a scale, a mask or "
             "a soft-cap",
         expr->op);
  return nullptr;
}

/// Where the pieces and selects of `expr` keep one score: an i1. The others
/// are one number that hides it. Null when the choice is another.
const Expr *Walker::keeps(const Expr *expr, Choice &choice, unsigned depth) {
  Builder b(scalars.getAxes().getContext());
  auto truth = [&](bool value) {
    return scalars.constant(b.getBoolAttr(value));
  };
  if (depth == 0)
    return nullptr;
  if (!leads(expr)) {
    std::optional<double> value = scalars.asReal(expr);
    if (!value || choice.hidden.value_or(*value) != *value)
      return nullptr;
    choice.hidden = *value;
    return truth(false);
  }
  const Expr *score = scalars.look(expr);
  bool isPiece = score->is(Expr::Kind::Piece);
  if (!isPiece && !score->isApply<arith::SelectOp>()) {
    if (choice.score && !scalars.equal(choice.score, score))
      return nullptr;
    choice.score = score;
    return truth(true);
  }
  if (!isPiece && leads(score->operands[0]))
    return nullptr;
  const Expr *yes = keeps(score->operands[isPiece ? 0 : 1], choice, depth - 1);
  const Expr *no =
      yes ? keeps(score->operands[isPiece ? 1 : 2], choice, depth - 1)
          : nullptr;
  if (!no)
    return nullptr;
  if (isPiece)
    return scalars.piece(score->affine, yes, no);
  return scalars.apply(score->op, b.getI1Type(), {score->operands[0], yes, no});
}

/// What the pieces and selects of `expr` add to one score: select(c, s - 1e9,
/// s) is how XLA writes a mask that is subtracted. Null when it is another
/// choice.
const Expr *Walker::offsets(const Expr *expr, Choice &choice, unsigned depth) {
  if (depth == 0)
    return nullptr;
  const Expr *score = scalars.look(expr);
  const bool isPiece = score->is(Expr::Kind::Piece);
  if (isPiece || score->isApply<arith::SelectOp>()) {
    if (!isPiece && leads(score->operands[0]))
      return nullptr;
    const unsigned first = isPiece ? 0 : 1;
    const Expr *yes = offsets(score->operands[first], choice, depth - 1);
    const Expr *no =
        yes ? offsets(score->operands[first + 1], choice, depth - 1) : nullptr;
    if (!no)
      return nullptr;
    return isPiece ? scalars.piece(score->affine, yes, no)
                   : scalars.apply(score->op, score->type,
                                   {score->operands[0], yes, no});
  }
  double offset = 0;
  if (score->isApply<arith::AddFOp, arith::SubFOp>()) {
    const bool isSum = score->isApply<arith::AddFOp>();
    for (unsigned side : {1u, 0u}) {
      std::optional<double> number = scalars.asReal(score->operands[side]);
      if (!number || (side == 0 && !isSum))
        continue;
      offset = isSum ? *number : -*number;
      score = scalars.look(score->operands[1 - side]);
      break;
    }
  }
  if (choice.score && !scalars.equal(choice.score, score))
    return nullptr;
  choice.score = score;
  return scalars.constant(FloatAttr::get(score->type, offset));
}

/// max(score, c) for a c that only hidden scores lie below.
const Expr *Walker::stepFloor(const Expr *expr) {
  const Expr *inner = nullptr;
  std::optional<double> value;
  if (expr->isApply<arith::MaximumFOp, arith::MaxNumFOp>()) {
    for (unsigned side : {0u, 1u})
      if (auto number = scalars.asReal(expr->operands[side])) {
        value = number;
        inner = expr->operands[1 - side];
      }
  } else if (expr->isApply<arith::SelectOp>()) {
    const Expr *test = scalars.look(expr->operands[0]);
    if (!test->isApply<arith::CmpFOp>())
      return nullptr;
    using P = arith::CmpFPredicate;
    P predicate = cast<arith::CmpFOp>(test->op).getPredicate();
    bool greater = predicate == P::OGT || predicate == P::OGE ||
                   predicate == P::UGT || predicate == P::UGE;
    bool less = predicate == P::OLT || predicate == P::OLE ||
                predicate == P::ULT || predicate == P::ULE;
    if (!greater && !less)
      return nullptr;
    const Expr *high = expr->operands[greater ? 1 : 2],
               *low = expr->operands[greater ? 2 : 1];
    value = scalars.asReal(low);
    if (value && scalars.asReal(test->operands[1]) == value &&
        scalars.equal(scalars.look(test->operands[0]), scalars.look(high)))
      inner = high;
  }
  if (!inner || !value || !(*value <= weakestHidden) ||
      !std::isfinite(*value) || score.softcap != 0 ||
      !score.runtimeScales.empty() || !(score.scale > 0))
    return nullptr;
  floor = std::max(*value * score.scale, floor.value_or(*value * score.scale));
  return inner;
}

const Expr *Walker::step(const Expr *expr) {
  if (takesFloors)
    if (const Expr *inner = stepFloor(expr))
      return inner;
  if (expr->is(Expr::Kind::Piece) || expr->isApply<arith::SelectOp>()) {
    Operation *op = expr->is(Expr::Kind::Piece) ? anchor : expr->op;
    Choice choice, added;
    const Expr *condition = keeps(expr, choice, 24);
    const bool isSelect = condition && choice.score && choice.hidden;
    const Expr *addend = isSelect ? nullptr : offsets(expr, added, 24);
    if (!isSelect && !addend) {
      refuse("mask-select",
             "a hidden score becomes something other than one constant", op);
      return nullptr;
    }
    if (score.softcap != 0 || !score.runtimeScales.empty()) {
      refuse("mask-inside-softcap",
             "a mask is applied before a soft-cap or a runtime factor", op);
      return nullptr;
    }
    MaskTerm term;
    term.value = isSelect ? condition : addend;
    term.isSelect = isSelect;
    term.hidden = isSelect ? *choice.hidden : 0;
    term.factor = score.scale;
    term.op = op;
    term.floor = floor;
    score.hasFloor |= floor.has_value();
    score.masks.push_back(term);
    return isSelect ? choice.score : added.score;
  }
  if (expr->isApply<math::TanhOp>()) {
    // a cap of one is tanh itself, which no model means
    if (score.softcap != 0 || !score.runtimeScales.empty() ||
        !(score.scale > 0) || score.scale == 1.0) {
      refuse("score-softcap",
             "tanh on the score is not a soft-cap by one "
             "positive constant",
             expr->op);
      return nullptr;
    }
    // cap * tanh(inner), with the score scaled so that inner = s / cap
    score.softcap = score.scale;
    return expr->operands[0];
  }
  if (expr->isApply<arith::NegFOp>()) {
    score.scale = -score.scale;
    return expr->operands[0];
  }
  if (expr->is(Expr::Kind::Apply) && expr->operands.size() == 2) {
    bool first = leads(expr->operands[0]);
    if (first && leads(expr->operands[1])) {
      refuse("score-two-products", "two products meet in one score", expr->op);
      return nullptr;
    }
    return stepBinary(expr, expr->operands[first ? 0 : 1],
                      expr->operands[first ? 1 : 0], first);
  }
  if (expr->is(Expr::Kind::Apply))
    refuse("score-op",
           "`" + expr->op->getName().getStringRef() +
               "` between the product and the softmax is not a scale, a mask "
               "or a soft-cap",
           expr->op);
  else
    refuse("score-no-product",
           "the score is not made from a product of queries and keys",
           expr->tensor ? expr->tensor.getDefiningOp() : nullptr);
  return nullptr;
}

/// Expands the masks, and gives up on nothing: one that is too long stays as
/// it is.
static Score finished(Scalars &scalars, Score score) {
  for (MaskTerm &mask : score.masks) {
    unsigned budget = 256;
    mask.expanded = scalars.expandAll(mask.value, budget);
    if (!mask.expanded)
      mask.expanded = mask.value;
  }
  return score;
}

std::optional<Score> matchScore(Scalars &scalars, const Softmax &softmax,
                                AffineExpr key, Operation *anchor,
                                bool takesFloors, Refusal &refusal) {
  Walker walker{scalars, key, anchor, refusal, takesFloors, {}, {}};
  Score &score = walker.score;
  score.scale = softmax.factor;
  const Expr *expr = softmax.score;
  // what the outermost masks are applied to, and the factor of it
  const Expr *core = expr;
  double coreFactor = score.scale;
  size_t coreMasks = 0;
  for (unsigned depth = 0; depth < 32; ++depth) {
    expr = scalars.look(expr);
    if (auto product = matchScoreProduct(scalars, expr, key)) {
      if (scalars.asReal(product->init) != 0.0) {
        walker.refuse("product-init",
                      "the product of queries and keys does not start from "
                      "zero",
                      product->op);
        return std::nullopt;
      }
      auto factors = matchProduct(scalars, *product);
      if (!factors) {
        walker.refuse("product-body",
                      "the sum over the head dimension is not a sum of "
                      "products",
                      product->op);
        return std::nullopt;
      }
      score.product = *product;
      score.productElement = expr;
      score.a = factors->first;
      score.b = factors->second;
      return finished(scalars, score);
    }
    size_t masks = score.masks.size();
    expr = walker.step(expr);
    if (!expr) {
      // not a scale, masks and a soft-cap in the op's order: an edit of them
      Score edited;
      edited.masks.assign(score.masks.begin(), score.masks.begin() + coreMasks);
      if (!readEdit(scalars, core, coreFactor, key, edited))
        return std::nullopt;
      refusal = Refusal();
      return finished(scalars, edited);
    }
    if (score.masks.size() != masks && !score.hasFloor) {
      core = expr;
      coreFactor = score.scale;
      coreMasks = score.masks.size();
    }
  }
  walker.refuse("score-deep", "too many ops between the product and softmax");
  return std::nullopt;
}

SmallVector<Operand> peelOperand(Scalars &scalars, const Expr *expr) {
  SmallVector<Operand> seen;
  SmallVector<const Expr *, 2> runtime;
  double scale = 1;
  for (unsigned depth = 0; depth < 32; ++depth) {
    if (expr->is(Expr::Kind::Element) && !expr->index.empty())
      seen.push_back({expr, scale, runtime});
    const Expr *next = scalars.expand(expr);
    if (next->isApply<arith::ExtFOp, arith::TruncFOp>()) {
      if (next->type.getIntOrFloatBitWidth() < 16 ||
          next->operands[0]->type.getIntOrFloatBitWidth() < 16)
        break;
      expr = next->operands[0];
      continue;
    }
    if (next->isApply<arith::NegFOp>()) {
      scale = -scale;
      expr = next->operands[0];
      continue;
    }
    if (next->isApply<arith::MulFOp, arith::DivFOp>()) {
      bool quotient = next->isApply<arith::DivFOp>();
      const Expr *inner = next->operands[0], *factor = next->operands[1];
      if (!quotient && isUniform(inner))
        std::swap(inner, factor);
      if (std::optional<double> number = scalars.asReal(factor)) {
        if (*number == 0.0)
          break;
        scale *= quotient ? 1.0 / *number : *number;
        expr = inner;
        continue;
      }
      if (!quotient && isUniform(factor) && !isUniform(inner)) {
        runtime.push_back(factor);
        expr = inner;
        continue;
      }
      break;
    }
    if (next == expr || !next->is(Expr::Kind::Element))
      break;
    expr = next;
  }
  if (seen.empty()) // computed in the body of the product
    seen.push_back({expr, scale, runtime});
  return seen;
}

} // namespace kvc::raise
