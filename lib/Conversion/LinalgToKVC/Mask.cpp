//===- Mask.cpp - What a mask says about (query, key)
//----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splitting a mask into attributes and a rest must not change a single row,
// rows that see nothing included. With -inf every split is exact. With finite
// values a row that sees nothing averages over all keys, which survives a
// split only when one value hides them all.
//
//===----------------------------------------------------------------------===//

#include "Mask.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// The weakest value that models add to hide a score.
static constexpr double weakestHidden = -9999.0;
/// A number added to every visible score; larger ones would cost precision.
static constexpr double largestShift = 1.0e3;
/// At and below this value adding any score of sensible size changes nothing.
static constexpr double absorbing = -1.0e30;
/// Points of a literal mask that are tried one by one.
static constexpr int64_t maxTriedPoints = 1 << 15;

namespace {
/// A term read as "visible when all atoms hold, else a value".
struct Conjunction {
  bool never = false; // nothing is visible
  SmallVector<MaskAtom> atoms;
};

struct Reader {
  explicit Reader(Scalars &scalars) : scalars(scalars) {}

  Scalars &scalars;
  double sign = 1;               // of an additive term
  SmallVector<double, 2> hidden; // the values met
  std::optional<double> visible; // what is added to a visible score
  bool summed = false;           // hidden values may add up

  std::optional<Conjunction> readAdditive(const Expr *expr, unsigned depth);
  std::optional<Conjunction> readBool(const Expr *expr, bool negated,
                                      unsigned depth);
  std::optional<Conjunction> choose(const Expr *expr, unsigned depth,
                                    std::optional<Conjunction> yes,
                                    std::optional<Conjunction> no);
};
} // namespace

/// The piece or select `expr` as one conjunction: one side must be "never".
std::optional<Conjunction> Reader::choose(const Expr *expr, unsigned depth,
                                          std::optional<Conjunction> yes,
                                          std::optional<Conjunction> no) {
  if (!yes || !no || (!yes->never && !no->never))
    return std::nullopt;
  if (yes->never && no->never)
    return no;
  bool negated = yes->never;
  Conjunction &rest = negated ? *no : *yes;
  if (expr->is(Expr::Kind::Piece)) {
    rest.atoms.push_back({negated ? -expr->affine - 1 : expr->affine});
    return rest;
  }
  auto condition = readBool(expr->operands[0], negated, depth);
  if (!condition)
    return std::nullopt;
  rest.never |= condition->never;
  rest.atoms.append(condition->atoms);
  return rest;
}

/// A float that is 1 where a condition holds and 0 elsewhere.
static const Expr *indicated(Scalars &scalars, const Expr *expr) {
  expr = scalars.look(expr);
  if (!expr->isApply<arith::UIToFPOp>())
    return nullptr;
  const Expr *bit = scalars.expand(expr->operands[0]);
  if (bit->isApply<arith::ExtUIOp>())
    bit = bit->operands[0];
  return bit->type.isInteger(1) ? bit : nullptr;
}

std::optional<Conjunction> Reader::readAdditive(const Expr *expr,
                                                unsigned depth) {
  if (depth == 0)
    return std::nullopt;
  expr = scalars.look(expr);
  if (std::optional<double> value = scalars.asReal(expr)) {
    *value *= sign;
    if (std::fabs(*value) <= largestShift) {
      // softmax does not see one number added to all scores of a row
      if (visible.value_or(*value) != *value)
        return std::nullopt;
      visible = *value;
      return Conjunction{};
    }
    if (!(*value <= weakestHidden))
      return std::nullopt;
    hidden.push_back(*value);
    return Conjunction{true, {}};
  }
  if (expr->is(Expr::Kind::Piece) || expr->isApply<arith::SelectOp>()) {
    unsigned first = expr->is(Expr::Kind::Piece) ? 0 : 1;
    return choose(expr, depth - 1,
                  readAdditive(expr->operands[first], depth - 1),
                  readAdditive(expr->operands[first + 1], depth - 1));
  }
  if (expr->isApply<arith::AddFOp>()) {
    auto a = readAdditive(expr->operands[0], depth - 1);
    auto b = readAdditive(expr->operands[1], depth - 1);
    if (!a || !b || a->never || b->never)
      return std::nullopt;
    summed = true;
    a->atoms.append(b->atoms);
    return a;
  }
  if (expr->isApply<arith::MulFOp>()) {
    // bit * value, or (1 - bit) * value
    for (unsigned side : {0u, 1u}) {
      std::optional<double> value = scalars.asReal(expr->operands[side]);
      if (!value || !(*value * sign <= weakestHidden))
        continue;
      const Expr *factor = scalars.look(expr->operands[1 - side]);
      bool keeps = factor->isApply<arith::SubFOp>() &&
                   scalars.asReal(factor->operands[0]) == 1.0;
      const Expr *bit =
          indicated(scalars, keeps ? factor->operands[1] : factor);
      if (!bit)
        return std::nullopt;
      hidden.push_back(*value * sign);
      return readBool(bit, !keeps, depth - 1);
    }
  }
  return std::nullopt;
}

std::optional<Conjunction> Reader::readBool(const Expr *expr, bool negated,
                                            unsigned depth) {
  if (depth == 0)
    return std::nullopt;
  expr = scalars.expand(expr);
  if (expr->is(Expr::Kind::Constant)) {
    std::optional<Number> value = toNumber(expr->constant);
    if (!value || value->isFloat)
      return std::nullopt;
    return Conjunction{(value->integer != 0) == negated, {}};
  }
  if (expr->is(Expr::Kind::Piece))
    return choose(expr, depth - 1,
                  readBool(expr->operands[0], negated, depth - 1),
                  readBool(expr->operands[1], negated, depth - 1));
  bool both = expr->isApply<arith::AndIOp, arith::MulIOp>() && !negated,
       either = expr->isApply<arith::OrIOp>() && negated;
  if (both || either) {
    auto a = readBool(expr->operands[0], negated, depth - 1);
    auto b = readBool(expr->operands[1], negated, depth - 1);
    if (!a || !b)
      return std::nullopt;
    a->never |= b->never;
    a->atoms.append(b->atoms);
    return a;
  }
  if (expr->isApply<arith::XOrIOp>())
    for (unsigned side : {0u, 1u})
      if (expr->operands[side]->is(Expr::Kind::Constant))
        return readBool(expr->operands[1 - side], !negated, depth - 1);
  return Conjunction{false, {{AffineExpr(), expr, negated}}};
}

namespace {
/// A term with what could be read of it.
struct Read {
  const MaskTerm *term = nullptr;
  bool understood = false;
  bool infinite = false; // every hidden value is -inf
  double hidden = 0;     // the one finite hidden value, after factors
  bool oneValue = false;
  bool summed = false;
  Conjunction conjunction;
};

struct Planner {
  Scalars &scalars;
  AffineExpr query, key;
  std::optional<int64_t> shift;

  Read read(const MaskTerm &term);
  std::optional<Conjunction> tryPoints(const MaskTerm &term,
                                       SmallVectorImpl<double> &hidden);
  void absorb(ArrayRef<MaskAtom> atoms, MaskPlan &plan);
};
} // namespace

Read Planner::read(const MaskTerm &term) {
  Read result;
  result.term = &term;
  Reader reader(scalars);
  std::optional<Conjunction> conjunction;
  const Expr *value = term.expanded;
  if (term.isSelect) {
    if (term.hidden * term.factor <= weakestHidden) {
      conjunction = reader.readBool(value, term.negated, 24);
      reader.hidden.assign(1, term.hidden);
    }
  } else {
    reader.sign = term.negated ? -1 : 1;
    conjunction = reader.readAdditive(value, 24);
  }
  if (!conjunction && (!term.isSelect || term.hidden <= weakestHidden)) {
    reader.hidden.clear();
    conjunction = tryPoints(term, reader.hidden);
  }
  if (!conjunction || !(term.factor > 0))
    return result;
  result.understood = true;
  result.conjunction = *conjunction;
  result.summed = reader.summed;
  result.infinite =
      llvm::all_of(reader.hidden, [](double v) { return std::isinf(v); });
  result.oneValue = !reader.hidden.empty() && llvm::all_equal(reader.hidden);
  if (result.oneValue)
    result.hidden = reader.hidden.front() * term.factor;
  return result;
}

/// Literal masks (folded constants, index arithmetic outside of the rules): try
/// every position. `hidden` gets the lowest and the highest value that hides.
std::optional<Conjunction> Planner::tryPoints(const MaskTerm &term,
                                              SmallVectorImpl<double> &hidden) {
  Axes &axes = scalars.getAxes();
  if (!query || !shift || *shift < 0)
    return std::nullopt;
  int64_t queries = axes.extent(query), keys = axes.extent(key);
  if (ShapedType::isDynamic(queries) || ShapedType::isDynamic(keys) ||
      queries <= 0 || keys <= 0 || queries > maxTriedPoints / keys)
    return std::nullopt;
  llvm::DenseMap<AffineExpr, AffineExpr> at;
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j) {
      at[query] = getAffineConstantExpr(i, axes.getContext());
      at[key] = getAffineConstantExpr(j, axes.getContext());
      unsigned budget = 64;
      const Expr *value =
          scalars.expandAll(scalars.substitute(term.expanded, at), budget);
      if (!value || !value->is(Expr::Kind::Constant))
        return std::nullopt;
      std::optional<Number> number = toNumber(value->constant);
      bool visible = j <= i + *shift;
      if (!number)
        return std::nullopt;
      if (term.isSelect) {
        if ((number->integer != 0) != (visible != term.negated))
          return std::nullopt;
        continue;
      }
      double added = number->real * (term.negated ? -1 : 1);
      if (visible ? added != 0.0 : !(added <= weakestHidden))
        return std::nullopt;
      if (visible)
        continue;
      if (hidden.empty())
        hidden.assign(2, added);
      hidden[0] = std::min(hidden[0], added);
      hidden[1] = std::max(hidden[1], added);
    }
  if (term.isSelect)
    hidden.assign(1, term.hidden);
  AffineExpr causal = query - key + *shift;
  return Conjunction{false, {{axes.simplify(causal)}}};
}

/// Takes the inequalities that are causal, or a window beside causal, into the
/// attributes; the others stay.
void Planner::absorb(ArrayRef<MaskAtom> atoms, MaskPlan &plan) {
  Axes &axes = scalars.getAxes();
  SmallVector<std::pair<MaskAtom, int64_t>> windows;
  for (const MaskAtom &atom : atoms) {
    if (atom.condition && axes.isNonNegative(atom.condition) == true)
      continue;
    int64_t ofQuery = 0, ofKey = 0;
    LinearForm form;
    if (atom.condition && query && shift) {
      form = axes.linearize(atom.condition);
      for (auto [axis, coefficient] : form.terms) {
        ofQuery = axis == query ? coefficient : ofQuery;
        ofKey = axis == key ? coefficient : ofKey;
      }
    }
    // j > i + shift - W, that is j - i - shift + W - 1 >= 0
    int64_t window = shift ? form.constant + *shift + 1 : 0;
    if (form.terms.size() == 2 && ofQuery == 1 && ofKey == -1 &&
        form.constant == *shift)
      plan.causal = true; // j <= i + shift
    else if (form.terms.size() == 2 && ofQuery == -1 && ofKey == 1 &&
             window >= 1)
      windows.push_back({atom, window});
    else
      plan.atoms.push_back(atom);
  }
  for (auto &[atom, window] : windows) {
    if (plan.causal)
      plan.window = std::min(plan.window.value_or(window), window);
    else
      plan.atoms.push_back(atom);
  }
}

std::optional<MaskPlan> planMask(Scalars &scalars, const Score &score,
                                 bool zeroWhenMasked, AffineExpr query,
                                 AffineExpr key, std::optional<int64_t> shift,
                                 Refusal &refusal) {
  Planner planner{scalars, query, key, shift};
  MaskPlan plan;
  SmallVector<Read> reads;
  for (const MaskTerm &term : score.masks)
    reads.push_back(planner.read(term));

  auto refuse = [&](StringRef id, const Twine &why, Operation *op) {
    if (!refusal)
      refusal = {id, why.str(), op};
    return std::nullopt;
  };

  bool anyUnread = false, allInfinite = true, anyNever = false;
  for (const Read &read : reads) {
    anyUnread |= !read.understood;
    anyNever |= read.conjunction.never;
    allInfinite &= read.infinite || !read.understood;
  }
  MaskPlan split;
  SmallVector<MaskAtom> atoms;
  for (const Read &read : reads)
    atoms.append(read.conjunction.atoms);
  planner.absorb(atoms, split);
  bool diagonalVisible = shift && *shift >= 0 && split.causal;
  bool fullySplit = !anyUnread && !anyNever && split.atoms.empty();
  FullyMasked natural = zeroWhenMasked ? FullyMasked::zero : FullyMasked::nan;

  if (fullySplit && (diagonalVisible || (!split.causal && !split.window))) {
    split.fullyMasked = natural;
    return split;
  }
  if (!anyNever && allInfinite) {
    split.fullyMasked = natural;
    for (const Read &read : reads) {
      if (read.understood)
        continue;
      if (read.term->isSelect)
        return refuse("mask-select",
                      "a hidden score becomes a value that "
                      "does not hide it",
                      read.term->op);
      split.dense.push_back(*read.term);
      split.kept = "the mask is not a function of positions that is known here";
    }
    if (!split.atoms.empty())
      split.kept = "part of the mask is not causal or a window";
    return split;
  }
  // One finite value hides all: a row that sees nothing averages every key.
  bool oneValue = !anyUnread && !anyNever;
  for (const Read &read : reads)
    oneValue &= read.oneValue && !read.summed &&
                read.hidden == reads.front().hidden &&
                (read.term->isSelect ||
                 (reads.size() == 1 && read.hidden <= absorbing));
  if (oneValue) {
    split.fullyMasked = FullyMasked::uniform;
    if (!split.atoms.empty())
      split.kept = "part of the mask is not causal or a window";
    return split;
  }
  // Exact as it stands: the sum of what is added.
  plan.fullyMasked = natural;
  for (const MaskTerm &term : score.masks) {
    if (term.isSelect)
      return refuse("mask-combination",
                    "a select and another mask hide scores with different "
                    "finite values",
                    term.op);
    plan.dense.push_back(term);
  }
  plan.kept = "masks of finite values add up, which attributes cannot say";
  if (reads.size() == 1)
    plan.kept = "the mask is not a function of positions that is known here";
  return plan;
}

} // namespace kvc::raise
