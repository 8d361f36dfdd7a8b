//===- Softmax.cpp - Recognise a row's softmax ----------------------------===//
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

#include "MaskRead.h"
#include "SoftmaxMatcher.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// -inf, or the lowest number of the type: nothing is below it.
bool SoftmaxMatcher::isStartOfMax(const Expr *init, Type type) {
  std::optional<double> value = scalars.asReal(init);
  auto floatType = dyn_cast<FloatType>(type);
  if (!value || !floatType)
    return false;
  double lowest = llvm::APFloat::getLargest(floatType.getFloatSemantics(), true)
                      .convertToDouble();
  finiteInit = std::isfinite(*value);
  finiteMax |= finiteInit;
  return *value <= lowest;
}

bool SoftmaxMatcher::matchMax(const Expr *subtracted, Softmax &softmax) {
  max = subtracted;
  const Expr *row = stripMaxGuard(subtracted, softmax);
  rowMax = row;
  // the sink may take part in the maximum
  const Expr *reduced = row;
  if (row->isApply<arith::MaximumFOp, arith::MaxNumFOp>())
    for (unsigned side : {0u, 1u}) {
      const Expr *other = scalars.look(row->operands[1 - side]);
      if (!readRow(row->operands[side], Reduction::Kind::Max))
        continue;
      if (!takeSink(other, softmax))
        return false;
      reduced = scalars.look(row->operands[side]);
      break;
    }
  std::optional<Row> read = readRow(reduced, Reduction::Kind::Max);
  if (!read)
    return refuse("softmax-max",
                  "what is subtracted from the score is not its maximum over "
                  "the key axis");
  if (!isStartOfMax(read->init, read->init->type))
    return refuse("softmax-max-init",
                  "the maximum does not start from -inf or the lowest number");
  if (!scalars.equal(scalars.look(read->body), scalars.look(softmax.score)))
    return refuse("softmax-max-source",
                  "the maximum is taken over another tensor than the score");
  if (read->last && !takeSink(read->last, softmax))
    return false;
  sinkInMax = softmax.sink != nullptr;
  return true;
}

/// x in exp(x - max), or in powers of two as `scores` are: what one more column
/// of the denominator holds.
const Expr *SoftmaxMatcher::sinkTerm(const Expr *exponential,
                                     const Expr *scores) {
  exponential = scalars.look(exponential);
  const bool isNatural = scalars.look(scores)->isApply<math::ExpOp>();
  if (!(isNatural ? exponential->isApply<math::ExpOp>()
                  : exponential->isApply<math::Exp2Op>()))
    return nullptr;
  const Expr *shifted = scalars.look(exponential->operands[0]);
  const Expr *subtracted = nullptr, *sink = nullptr;
  if (shifted->isApply<arith::SubFOp>()) {
    sink = shifted->operands[0];
    subtracted = shifted->operands[1];
  } else if (shifted->isApply<arith::NegFOp>()) {
    // one more than the sum of exponentials: a sink of zero
    sink = scalars.constant(FloatAttr::get(shifted->type, 0.0));
    subtracted = shifted->operands[0];
  }
  return subtracted &&
                 scalars.equal(scalars.look(subtracted), scalars.look(max))
             ? sink
             : nullptr;
}

bool SoftmaxMatcher::matchSum(const Expr *total, const Expr *exponential,
                              Softmax &softmax) {
  const Expr *sum = stripSumGuard(total);
  rowSum = sum;
  bool sinkInSum = false;
  if (sum->isApply<arith::AddFOp>())
    for (unsigned side : {0u, 1u}) {
      const Expr *sink = sinkTerm(sum->operands[1 - side], exponential);
      if (!sink || mentions(scalars.look(sink), key))
        continue;
      if (!takeSink(sink, softmax))
        return false;
      sinkInSum = true;
      sum = scalars.look(sum->operands[side]);
      break;
    }
  std::optional<Row> row = readRow(sum, Reduction::Kind::Sum);
  if (!row)
    return refuse("softmax-sum",
                  "the denominator is not a sum over the key axis");
  if (scalars.asReal(row->init) != 0.0)
    return refuse("softmax-sum-init",
                  "the denominator's sum does not start from zero");
  if (!scalars.equal(scalars.look(row->body), scalars.look(exponential)))
    return refuse("softmax-sum-source",
                  "the denominator sums another tensor than the numerator");
  if (row->last) {
    const Expr *sink = sinkTerm(row->last, exponential);
    if (!sink || sinkInSum)
      return refuse("sink", "the denominator's further column is not the "
                            "exponential of a sink");
    sinkInSum = true;
    if (!takeSink(sink, softmax))
      return false;
  }
  if (sinkInSum && !sinkInMax && !finiteMax)
    softmax.sinkNeedsKeys = true;
  if (softmax.sink && !sinkInSum)
    return refuse("sink", "a sink takes part in the maximum, but not in the "
                          "denominator");
  return true;
}

/// exp(score - max); returns the expression that is exponentiated as seen.
const Expr *SoftmaxMatcher::matchExponential(const Expr *expr,
                                             Softmax &softmax) {
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
  const Expr *score = scalars.look(shifted->operands[0]);
  if (auto parts = splitConcat(score, key))
    score = scalars.look(parts->first);
  softmax.score = score;
  if (!matchMax(shifted->operands[1], softmax))
    return nullptr;
  if (score == scalars.look(shifted->operands[0]))
    return expr;
  // the key's own column of what is exponentiated
  const Expr *difference =
      scalars.apply(shifted->op, shifted->type, {score, shifted->operands[1]});
  return scalars.apply(expr->op, expr->type, {difference});
}

/// log(sum exp(s - m)) + m
bool SoftmaxMatcher::matchLogSumExp(const Expr *lse, Softmax &softmax) {
  lse = scalars.look(lse);
  if (!lse->isApply<arith::AddFOp>())
    return false;
  for (unsigned side : {0u, 1u}) {
    const Expr *log = scalars.look(lse->operands[side]);
    if (!log->isApply<math::LogOp>())
      continue;
    std::optional<Row> row = readRow(log->operands[0], Reduction::Kind::Sum);
    if (!row || row->last || scalars.asReal(row->init) != 0.0)
      return false;
    Softmax inner;
    const Expr *exponential = matchExponential(row->body, inner);
    if (!exponential || inner.sink || !exponential->isApply<math::ExpOp>() ||
        !scalars.equal(scalars.look(inner.score), scalars.look(softmax.score)))
      return false;
    const Expr *shifted = scalars.look(exponential->operands[0]);
    return scalars.equal(scalars.look(shifted->operands[1]),
                         scalars.look(lse->operands[1 - side]));
  }
  return false;
}

/// True when `condition` holds exactly for rows whose scores are all -inf.
bool SoftmaxMatcher::seesNothing(const Expr *condition, const Expr *score,
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

bool SoftmaxMatcher::matchNamed(const Expr *probability, Softmax &softmax) {
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
  softmax.form = "linalg.softmax";
  // columns that are softmaxed but not read: one of them is a sink
  auto type = cast<RankedTensorType>(named.getInput().getType());
  Axes &axes = scalars.getAxes();
  int64_t columns = type.getDimSize(dim), keys = axes.extent(key);
  Index index(probability->index);
  if (!ShapedType::isDynamic(columns) && !ShapedType::isDynamic(keys)) {
    softmax.score = scalars.element(named.getInput(), index);
    if (columns == keys)
      return true;
    index[dim] = getAffineConstantExpr(keys, axes.getContext());
    if (columns == keys + 1)
      return takeSink(scalars.element(named.getInput(), index), softmax);
    return refuse("softmax-axis", "the softmax has more columns than keys");
  }
  AffineExpr all = axes.add(columns);
  index[dim] = all;
  if (auto parts = splitConcat(scalars.element(named.getInput(), index), all)) {
    softmax.score = parts->first;
    return takeSink(parts->second, softmax);
  }
  softmax.score = scalars.element(named.getInput(), probability->index);
  if (slice)
    return refuse("softmax-axis",
                  "the softmax may have more columns than keys");
  return true;
}

/// What sets probabilities to zero; it must do so in empty rows only.
bool SoftmaxMatcher::matchGuard(const Expr *guard, bool guardedWhen,
                                const Expr *inner, Softmax &softmax) {
  const Expr *test = scalars.look(guard);
  softmax.zeroWhenMasked = true;
  const Expr *condition = guard;
  bool hides = guardedWhen;
  for (unsigned i = 0; i < 4 && test->isApply<arith::XOrIOp>(); ++i) {
    std::optional<Number> one;
    if (test->operands[1]->is(Expr::Kind::Constant))
      one = toNumber(test->operands[1]->constant);
    if (!one || one->integer != 1)
      break;
    hides = !hides;
    condition = test->operands[0];
    test = scalars.look(condition);
  }
  // the probability is no number
  if (test->isApply<arith::CmpFOp>() &&
      scalars.look(test->operands[0]) == inner &&
      scalars.look(test->operands[1]) == inner) {
    using P = arith::CmpFPredicate;
    P predicate = cast<arith::CmpFOp>(test->op).getPredicate();
    if (hides ? predicate == P::UNO || predicate == P::UNE
              : predicate == P::ORD || predicate == P::OEQ)
      return true;
  }
  if (seesNothing(guard, softmax.score, !guardedWhen))
    return true;
  // the row's maximum is -inf, or its sum is zero
  bool whenTrue = false;
  double lowest = -std::numeric_limits<double>::infinity();
  if (!softmax.sink && rowMax && !finiteInit &&
      isEmptyTest(guard, rowMax, lowest, whenTrue) && whenTrue == guardedWhen)
    return true;
  if (!softmax.sink && rowSum && finiteMax &&
      isEmptyTest(guard, rowSum, 0.0, whenTrue) && whenTrue == guardedWhen)
    return true;
  // by the mask itself, for each key or for a row
  MaskReader reader(scalars);
  if (auto row = matchReduction(scalars, test, key)) {
    bool any = row->kind == Reduction::Kind::Or,
         all = row->kind == Reduction::Kind::And;
    // any(visible), or all(hidden)
    if ((!any && !all) || any == hides ||
        !row->init->is(Expr::Kind::Constant) ||
        toNumber(row->init->constant)->integer != (all ? 1 : 0))
      return refuse("softmax-guard",
                    "probabilities are selected by a condition "
                    "other than 'this row sees nothing'");
    condition = row->body;
  }
  unsigned budget = 256;
  const Expr *whole = scalars.expandAll(condition, budget);
  auto holds = whole && mentions(whole, key) ? reader.readBool(whole)
                                             : std::optional<Predicate>();
  if (!holds)
    return refuse("softmax-guard",
                  "the probabilities are selected by a condition other than "
                  "'this row sees nothing'");
  softmax.visible =
      hides ? negate(scalars.getAxes(), *holds) : std::move(*holds);
  return true;
}

bool SoftmaxMatcher::match(const Expr *probability, Softmax &softmax) {
  probability = scalars.look(probability);
  if (const Expr *sliced = beforeSlice(probability))
    probability = sliced;
  if (probability->isApply<arith::SelectOp>() ||
      probability->is(Expr::Kind::Piece)) {
    bool isPiece = probability->is(Expr::Kind::Piece);
    const Expr *yes = probability->operands[isPiece ? 0 : 1],
               *no = probability->operands[isPiece ? 1 : 2];
    bool zeroFirst = scalars.asReal(yes) == 0.0;
    if ((!zeroFirst && scalars.asReal(no) != 0.0) || softmax.zeroWhenMasked)
      return false;
    const Expr *guard = probability->operands[0];
    if (isPiece) {
      Builder b(scalars.getAxes().getContext());
      guard = scalars.piece(probability->affine,
                            scalars.constant(b.getBoolAttr(true)),
                            scalars.constant(b.getBoolAttr(false)));
    }
    const Expr *inner = scalars.look(zeroFirst ? no : yes);
    return match(inner, softmax) &&
           matchGuard(guard, zeroFirst, inner, softmax);
  }
  if (probability->is(Expr::Kind::Element))
    return matchNamed(probability, softmax);
  if (probability->isApply<arith::DivFOp>()) {
    const Expr *e = matchExponential(probability->operands[0], softmax);
    if (!e || !matchSum(probability->operands[1], e, softmax))
      return false;
    softmax.form = "max-sub-exp-sum-div";
  } else if (probability->isApply<arith::MulFOp>()) {
    for (unsigned side : {0u, 1u}) {
      const Expr *reciprocal = scalars.look(probability->operands[1 - side]);
      if (!reciprocal->isApply<arith::DivFOp>() ||
          scalars.asReal(reciprocal->operands[0]) != 1.0)
        continue;
      const Expr *e = matchExponential(probability->operands[side], softmax);
      if (!e || !matchSum(reciprocal->operands[1], e, softmax))
        return false;
      softmax.form = "max-sub-exp-sum-reciprocal";
      break;
    }
    if (softmax.form.empty())
      return matchFlagged(probability, softmax);
  } else if (probability->isApply<math::ExpOp>()) {
    const Expr *shifted = scalars.look(probability->operands[0]);
    if (!shifted->isApply<arith::SubFOp>())
      return false;
    softmax.score = shifted->operands[0];
    if (!matchLogSumExp(shifted->operands[1], softmax))
      return false;
    softmax.form = "log-sum-exp";
  } else {
    return false;
  }
  // columns that are dropped after the sum must have been a sink's
  if (!softmax.sink && slice)
    return refuse("softmax-axis",
                  "the softmax may have more columns than keys");
  // 0 / guarded sum; a maximum of -inf would have made it NaN before
  softmax.zeroWhenMasked = guardedSum && finiteMax;
  return true;
}

/// probabilities * flag, where the flag says what the mask says
bool SoftmaxMatcher::matchFlagged(const Expr *product, Softmax &softmax) {
  for (unsigned side : {0u, 1u}) {
    unsigned budget = 256;
    const Expr *flag = scalars.expandAll(product->operands[1 - side], budget);
    MaskReader reader(scalars);
    if (!flag || !mentions(flag, key))
      continue;
    auto holds = reader.readFlag(flag);
    if (!holds)
      continue;
    if (!match(product->operands[side], softmax) || softmax.visible)
      return false;
    softmax.visibleByProduct = !softmax.zeroWhenMasked;
    softmax.zeroWhenMasked = true;
    softmax.visible = std::move(*holds);
    return true;
  }
  return false;
}

std::optional<Softmax> matchSoftmax(Scalars &scalars, const Expr *probability,
                                    AffineExpr key, Operation *&anchor,
                                    Refusal &refusal) {
  SoftmaxMatcher matcher(scalars, key, anchor, refusal);
  Softmax softmax;
  if (!matcher.match(probability, softmax))
    return std::nullopt;
  return softmax;
}

} // namespace kvc::raise
