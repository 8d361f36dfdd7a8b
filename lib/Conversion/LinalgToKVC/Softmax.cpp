//===- Softmax.cpp - Recognise a row's softmax
//-----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Spellings: exp(s - max s) / sum, times its reciprocal, exp(s - lse),
// linalg.softmax, powers of two; with a guard for rows that see nothing. The
// maximum and the sum must be taken over the very score that is exponentiated,
// over the key axis alone, from a start value that cannot win.
//
//===----------------------------------------------------------------------===//

#include "Softmax.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

namespace {
struct Matcher {
  Scalars &scalars;
  AffineExpr key;
  Operation *&anchor;
  Refusal &refusal;

  bool refuse(StringRef id, const Twine &why) {
    if (!refusal)
      refusal = {id, why.str(), anchor};
    return false;
  }

  bool isStartOfMax(const Expr *init, Type type);
  bool matchMax(const Expr *max, const Expr *score);
  bool matchSum(const Expr *sum, const Expr *exponential);
  const Expr *matchExponential(const Expr *expr, Softmax &softmax);
  bool matchLogSumExp(const Expr *lse, const Expr *score);
  bool seesNothing(const Expr *condition, const Expr *score, bool negated);
  bool match(const Expr *probability, Softmax &softmax);
};
} // namespace

/// -inf, or the lowest number of the type: nothing is below it.
bool Matcher::isStartOfMax(const Expr *init, Type type) {
  std::optional<double> value = scalars.asReal(init);
  auto floatType = dyn_cast<FloatType>(type);
  if (!value || !floatType)
    return false;
  double lowest = llvm::APFloat::getLargest(floatType.getFloatSemantics(), true)
                      .convertToDouble();
  return *value <= lowest;
}

bool Matcher::matchMax(const Expr *max, const Expr *score) {
  max = scalars.look(max);
  std::optional<Reduction> reduction = matchReduction(scalars, max, key);
  if (!reduction || reduction->kind != Reduction::Kind::Max)
    return refuse("softmax-max",
                  "what is subtracted from the score is not its maximum over "
                  "the key axis");
  if (!isStartOfMax(reduction->init, reduction->init->type))
    return refuse("softmax-max-init",
                  "the maximum does not start from -inf or the lowest number");
  if (!scalars.equal(scalars.look(reduction->body), scalars.look(score)))
    return refuse("softmax-max-source",
                  "the maximum is taken over another tensor than the score");
  return true;
}

bool Matcher::matchSum(const Expr *sum, const Expr *exponential) {
  sum = scalars.look(sum);
  std::optional<Reduction> reduction = matchReduction(scalars, sum, key);
  if (!reduction || reduction->kind != Reduction::Kind::Sum)
    return refuse("softmax-sum",
                  "the denominator is not a sum over the key axis");
  if (scalars.asReal(reduction->init) != 0.0)
    return refuse("softmax-sum-init",
                  "the denominator's sum does not start from zero");
  if (!scalars.equal(scalars.look(reduction->body), scalars.look(exponential)))
    return refuse("softmax-sum-source",
                  "the denominator sums another tensor than the numerator");
  return true;
}

/// exp(score - max); returns the expression that is exponentiated as seen.
const Expr *Matcher::matchExponential(const Expr *expr, Softmax &softmax) {
  expr = scalars.look(expr);
  if (!expr->isApply<math::ExpOp, math::Exp2Op>())
    return nullptr;
  anchor = expr->op;
  softmax.factor = expr->isApply<math::Exp2Op>() ? std::log(2.0) : 1.0;
  const Expr *shifted = scalars.look(expr->operands[0]);
  if (!shifted->isApply<arith::SubFOp>()) {
    refuse("softmax-no-max", "the exponential's argument is not a score less "
                             "its maximum");
    return nullptr;
  }
  softmax.score = shifted->operands[0];
  return matchMax(shifted->operands[1], softmax.score) ? expr : nullptr;
}

/// log(sum exp(s - m)) + m
bool Matcher::matchLogSumExp(const Expr *lse, const Expr *score) {
  lse = scalars.look(lse);
  if (!lse->isApply<arith::AddFOp>())
    return false;
  for (unsigned side : {0u, 1u}) {
    const Expr *log = scalars.look(lse->operands[side]);
    if (!log->isApply<math::LogOp>())
      continue;
    const Expr *sum = scalars.look(log->operands[0]);
    std::optional<Reduction> reduction = matchReduction(scalars, sum, key);
    if (!reduction || reduction->kind != Reduction::Kind::Sum ||
        scalars.asReal(reduction->init) != 0.0)
      return false;
    Softmax inner;
    const Expr *exponential = matchExponential(reduction->body, inner);
    if (!exponential || !exponential->isApply<math::ExpOp>() ||
        !scalars.equal(scalars.look(inner.score), scalars.look(score)))
      return false;
    const Expr *shifted = scalars.look(exponential->operands[0]);
    return scalars.equal(scalars.look(shifted->operands[1]),
                         scalars.look(lse->operands[1 - side]));
  }
  return false;
}

/// True when `condition` holds exactly for rows whose scores are all -inf.
bool Matcher::seesNothing(const Expr *condition, const Expr *score,
                          bool negated) {
  condition = scalars.look(condition);
  if (condition->isApply<arith::XOrIOp>())
    for (unsigned side : {0u, 1u}) {
      const Expr *c = condition->operands[side];
      if (c->is(Expr::Kind::Constant) && toNumber(c->constant) &&
          toNumber(c->constant)->integer == 1)
        return seesNothing(condition->operands[1 - side], score, !negated);
    }
  std::optional<Reduction> reduction = matchReduction(scalars, condition, key);
  if (!reduction)
    return false;
  // any(visible) negated, or all(hidden)
  bool any = reduction->kind == Reduction::Kind::Or && negated;
  bool all = reduction->kind == Reduction::Kind::And && !negated;
  if (!any && !all)
    return false;
  if (!reduction->init->is(Expr::Kind::Constant))
    return false;
  std::optional<Number> init = toNumber(reduction->init->constant);
  if (!init || init->integer != (all ? 1 : 0))
    return false;
  const Expr *test = scalars.look(reduction->body);
  bool testsHidden = all;
  while (test->isApply<arith::XOrIOp>()) {
    const Expr *c = test->operands[1], *rest = test->operands[0];
    if (!c->is(Expr::Kind::Constant))
      std::swap(c, rest);
    if (!c->is(Expr::Kind::Constant) || !toNumber(c->constant) ||
        toNumber(c->constant)->integer != 1)
      return false;
    testsHidden = !testsHidden;
    test = scalars.look(rest);
  }
  if (!test->isApply<arith::CmpFOp>())
    return false;
  auto predicate = cast<arith::CmpFOp>(test->op).getPredicate();
  using P = arith::CmpFPredicate;
  bool fits = testsHidden ? predicate == P::OEQ
                          : predicate == P::ONE || predicate == P::UNE ||
                                predicate == P::OGT;
  return fits &&
         scalars.asReal(test->operands[1]) ==
             -std::numeric_limits<double>::infinity() &&
         scalars.equal(scalars.look(test->operands[0]), scalars.look(score));
}

bool Matcher::match(const Expr *probability, Softmax &softmax) {
  probability = scalars.look(probability);
  const Expr *guard = nullptr;
  bool guardedWhen = true;
  if (probability->isApply<arith::SelectOp>()) {
    const Expr *yes = probability->operands[1], *no = probability->operands[2];
    bool zeroFirst = scalars.asReal(yes) == 0.0;
    if (!zeroFirst && scalars.asReal(no) != 0.0)
      return false;
    guard = probability->operands[0];
    guardedWhen = zeroFirst;
    probability = scalars.look(zeroFirst ? no : yes);
  }
  if (probability->is(Expr::Kind::Element)) {
    auto named = probability->tensor.getDefiningOp<linalg::SoftmaxOp>();
    if (!named || !named.hasPureTensorSemantics())
      return false;
    anchor = named;
    unsigned dim = named.getDimension();
    if (dim >= probability->index.size() || probability->index[dim] != key)
      return refuse("softmax-axis", "softmax runs over another axis than the "
                                    "one the values are summed over");
    for (auto [d, at] : llvm::enumerate(probability->index))
      if (d != dim && mentions(at, key))
        return refuse("softmax-axis", "the key is read along two dimensions");
    softmax.score = scalars.element(named.getInput(), probability->index);
    softmax.form = "linalg.softmax";
  } else if (probability->isApply<arith::DivFOp>()) {
    const Expr *e = matchExponential(probability->operands[0], softmax);
    if (!e || !matchSum(probability->operands[1], e))
      return false;
    softmax.form = "max-sub-exp-sum-div";
  } else if (probability->isApply<arith::MulFOp>()) {
    for (unsigned side : {0u, 1u}) {
      const Expr *reciprocal = scalars.look(probability->operands[1 - side]);
      if (!reciprocal->isApply<arith::DivFOp>() ||
          scalars.asReal(reciprocal->operands[0]) != 1.0)
        continue;
      const Expr *e = matchExponential(probability->operands[side], softmax);
      if (!e || !matchSum(reciprocal->operands[1], e))
        return false;
      softmax.form = "max-sub-exp-sum-reciprocal";
      break;
    }
    if (softmax.form.empty())
      return false;
  } else if (probability->isApply<math::ExpOp>()) {
    const Expr *shifted = scalars.look(probability->operands[0]);
    if (!shifted->isApply<arith::SubFOp>() ||
        !matchLogSumExp(shifted->operands[1], shifted->operands[0]))
      return false;
    softmax.score = shifted->operands[0];
    softmax.form = "log-sum-exp";
  } else {
    return false;
  }
  if (!guard)
    return true;
  bool testsNaN = false;
  const Expr *test = scalars.look(guard);
  if (test->isApply<arith::CmpFOp>() && guardedWhen) {
    auto predicate = cast<arith::CmpFOp>(test->op).getPredicate();
    testsNaN = (predicate == arith::CmpFPredicate::UNO ||
                predicate == arith::CmpFPredicate::UNE) &&
               scalars.look(test->operands[0]) == probability &&
               scalars.look(test->operands[1]) == probability;
  }
  if (!testsNaN && !seesNothing(guard, softmax.score, !guardedWhen))
    return refuse("softmax-guard",
                  "the probabilities are selected by a condition other than "
                  "'this row sees nothing'");
  softmax.zeroWhenMasked = true;
  return true;
}

std::optional<Softmax> matchSoftmax(Scalars &scalars, const Expr *probability,
                                    AffineExpr key, Operation *&anchor,
                                    Refusal &refusal) {
  Matcher matcher{scalars, key, anchor, refusal};
  Softmax softmax;
  if (!matcher.match(probability, softmax))
    return std::nullopt;
  return softmax;
}

} // namespace kvc::raise
