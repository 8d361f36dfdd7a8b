//===- Mask.cpp - What a mask says about (query, key) ---------------------===//
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
#include "BiasTable.h"
#include "Finite.h"
#include "MaskPlanner.h"
#include "ScoreEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// At and below this value adding any score of sensible size changes nothing.
static constexpr double absorbing = -1.0e30;
/// What 16 bits keep of a score beside it is what they keep of the largest
/// scores that are not scaled.
static constexpr double largestRoundedShift = 8;
/// exp of minus this is zero.
static constexpr double farBelow = 200.0;

/// Takes the inequalities that are causal, or a window beside causal, into the
/// attributes; the others stay.
void Planner::absorb(const Predicate &visible, MaskPlan &plan) {
  Axes &axes = scalars.getAxes();
  SmallVector<std::pair<Predicate, int64_t>> windows;
  ArrayRef<Predicate> all(visible);
  if (visible.is(Predicate::Kind::All))
    all = visible.parts;
  if (visible.is(Predicate::Kind::Always))
    return;
  for (const Predicate &part : all) {
    int64_t ofQuery = 0, ofKey = 0;
    LinearForm form;
    if (part.is(Predicate::Kind::NonNegative) && query && shift) {
      form = axes.linearize(part.affine);
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
             window >= 1 && window <= INT32_MAX)
      windows.push_back({part, window});
    else
      plan.kept.push_back(part);
  }
  for (auto &[part, window] : windows) {
    if (plan.causal)
      plan.window = std::min(plan.window.value_or(window), window);
    else
      plan.kept.push_back(part);
  }
}

static void noteDense(MaskPlan &plan, const MaskTerm &term) {
  plan.why = "the mask is not a function of positions that is known here";
  plan.notes.push_back({"mask-dense", plan.why, term.op});
}

/// `p` with the key replaced, where that decides it.
static bool holdsAt(Axes &axes, const Predicate &p, AffineExpr key,
                    AffineExpr value) {
  auto part = [&](const Predicate &q) { return holdsAt(axes, q, key, value); };
  switch (p.kind) {
  case Predicate::Kind::Always:
    return true;
  case Predicate::Kind::NonNegative: {
    Axes::Quiet quiet(axes);
    return axes.isNonNegative(axes.substitute(p.affine, {{key, value}})) ==
           true;
  }
  case Predicate::Kind::All:
    return llvm::all_of(p.parts, part);
  case Predicate::Kind::Any:
    return llvm::any_of(p.parts, part);
  case Predicate::Kind::Never:
  case Predicate::Kind::Unknown:
    return false;
  }
  return false;
}

/// Every query sees a key for sure: its own, or the first.
bool Planner::seesSome(const Predicate &visible) {
  Axes &axes = scalars.getAxes();
  if (query && shift && *shift >= 0 &&
      holdsAt(axes, visible, key, query + *shift))
    return true;
  return holdsAt(axes, visible, key,
                 getAffineConstantExpr(0, axes.getContext()));
}

/// The select of `term` as what is added: zero, or what hides.
static MaskTerm asAddend(Scalars &scalars, const MaskTerm &term) {
  Type f32 = Float32Type::get(scalars.getAxes().getContext());
  const Expr *visible = scalars.constant(FloatAttr::get(f32, 0.0));
  const Expr *hidden = scalars.constant(FloatAttr::get(f32, term.hidden));
  if (term.negated)
    std::swap(visible, hidden);
  MaskTerm addend = term;
  addend.isSelect = addend.negated = false;
  addend.value = addend.expanded =
      scalars.build("arith.select", f32, {term.expanded, visible, hidden});
  return addend;
}

std::optional<MaskPlan> Planner::plan(ArrayRef<MaskTerm> terms,
                                      ArrayRef<MaskTerm> biases,
                                      const Softmax &softmax,
                                      Refusal &refusal) {
  MaskPlan plan;
  SmallVector<Read> reads;
  for (const MaskTerm &term : terms) {
    reads.push_back(read(term));
    const double shift = reads.back().shift;
    if (scalars.getNarrowest() < 32 && std::fabs(shift) > largestRoundedShift) {
      refusal = {"rounding",
                 "scores of 16 bits lose their digits to a number added to "
                 "all of them",
                 term.op};
      return std::nullopt;
    }
    // all of a row's scores are shifted, but not the sink beside them
    reads.back().understood &= !(softmax.sink && shift != 0.0);
  }
  for (Read &read : reads) {
    if (!read.term->floor)
      continue;
    // what is hidden lies below the floor, and so becomes it
    double floor = *read.term->floor;
    bool below = read.highest < floor - std::fabs(weakestHidden) ||
                 (read.highest <= floor && floor <= absorbing);
    if (!read.understood || read.never() || (!below && read.lowest <= floor)) {
      refusal = {"mask-combination",
                 "the score has a floor that what the mask hides may lie above",
                 read.term->op};
      return std::nullopt;
    }
    if (!below)
      continue;
    read.isCut = true;
    read.summed = false;
    read.oneValue = read.constant = true;
    read.hidden = overflowLike(read.term->op, floor);
    read.infinite = std::isinf(read.hidden);
  }
  if (softmax.floor)
    for (Read &read : reads) {
      // the floor tells hidden scores below it from those above it
      if (!read.understood || (!read.infinite && !read.oneValue)) {
        if (biases.empty())
          refusal = {"softmax-guard",
                     "the row's maximum has a floor that what the mask hides "
                     "may lie below",
                     read.term->op};
        return std::nullopt;
      }
      read.infinite |= read.hidden < *softmax.floor - farBelow;
    }

  auto refuse = [&](StringRef id, const Twine &why, Operation *op) {
    if (!refusal)
      refusal = {id, why.str(), op};
    return std::nullopt;
  };

  bool anyUnread = false, allInfinite = true, anyNever = false;
  for (const Read &read : reads) {
    anyUnread |= !read.understood;
    anyNever |= read.never();
    // beside a sink, whatever hides counts as nothing
    allInfinite &= read.infinite || softmax.sink || !read.understood;
  }
  MaskPlan split;
  Predicate visible;
  for (const Read &read : reads)
    if (read.understood)
      visible = allOf(scalars.getAxes(), std::move(visible), read.visible);
  anyNever |= visible.is(Predicate::Kind::Never);
  absorb(visible, split);
  nameKept(scalars, split.kept, query, key,
           terms.empty() ? nullptr : terms.front().op, split.notes);
  bool understood = !anyUnread && !anyNever;
  FullyMasked natural =
      softmax.zeroWhenMasked ? FullyMasked::zero : FullyMasked::nan;

  // What else sets probabilities to zero must say what the mask says.
  if (softmax.visible) {
    const Predicate &guard = *softmax.visible;
    if (!understood || !implies(scalars.getAxes(), guard, visible) ||
        !implies(scalars.getAxes(), visible, guard)) {
      if (!biases.empty())
        return std::nullopt;
      return refuse("softmax-guard",
                    "the probabilities are selected by a condition other than "
                    "the mask's",
                    terms.empty() ? nullptr : terms.front().op);
    }
    split.fullyMasked = FullyMasked::zero;
    if (!softmax.visibleByProduct)
      return split;
    const auto isInfinite = [](const Read &read) { return read.infinite; };
    if (llvm::all_of(reads, isInfinite)) {
      split.fullyMasked = FullyMasked::nan;
      return split;
    }
    if (llvm::none_of(reads, isInfinite))
      return split;
    return refuse("softmax-guard",
                  "masked rows are zero times NaN or times a number, by which "
                  "mask hides them",
                  terms.front().op);
  }
  if (!split.kept.empty())
    split.why = "part of the mask is not causal or a window";
  if (softmax.sinkNeedsKeys && !reads.empty() &&
      !(understood && seesSome(visible))) {
    refusal = {"sink",
               "the sink is not in the maximum, and a row that sees no key "
               "would be NaN",
               terms.front().op};
    return std::nullopt;
  }
  // Below a finite value that hides, an infinite score is as good as hidden.
  // A sum of both infinities is NaN, which a mask that selects never makes.
  const bool mayHideMore =
      mayBeInfinite && !llvm::all_of(reads, [](const Read &read) {
        return read.infinite && read.constant;
      });
  // No row is empty: what hides a score does not matter.
  if (understood && !mayHideMore && seesSome(visible)) {
    split.fullyMasked = natural;
    return split;
  }
  // What stays a sum beside what is hidden: of -inf and +inf, or NaN, the graph
  // makes NaN, unless a select follows.
  bool sumsHide = true;
  for (auto [i, read] : llvm::enumerate(reads))
    if (!read.understood && !read.term->isSelect &&
        !isTame(scalars, *read.term, key))
      for (auto [j, other] : llvm::enumerate(reads))
        sumsHide &= !other.understood || (other.term->isSelect && j < i);
  if (!anyNever && allInfinite && !mayHideMore && sumsHide) {
    split.fullyMasked = natural;
    split.keptHides = true;
    for (const Read &read : reads) {
      if (read.understood) {
        // the outermost comes first
        split.keptHides &= read.term->isSelect && split.dense.empty();
        continue;
      }
      if (read.term->isSelect)
        return refuse("mask-select",
                      "a hidden score becomes a value that "
                      "does not hide it",
                      read.term->op);
      split.dense.push_back(*read.term);
      noteDense(split, *read.term);
    }
    return split;
  }
  // One finite value hides all: a row that sees nothing averages every key.
  bool oneValue = understood && !mayHideMore;
  for (const Read &read : reads)
    oneValue &=
        (biases.empty() || read.hidden <= absorbing) && read.oneValue &&
        !read.summed && read.hidden == reads.front().hidden &&
        (read.constant || (reads.size() == 1 && read.hidden <= absorbing));
  if (oneValue) {
    split.fullyMasked = FullyMasked::uniform;
    return split;
  }
  if (!biases.empty())
    return std::nullopt;
  // Exact as it stands: the sum of what is added.
  plan.fullyMasked = natural;
  for (const auto &[term, read] : llvm::zip_equal(terms, reads)) {
    if (!term.isSelect) {
      if (read.isCut)
        return refuse("mask-combination",
                      "what one mask hides has a floor, and another is added",
                      term.op);
      if (terms.size() > 1 && highestAdded(scalars, term) >= -weakestHidden)
        return refuse("mask-combination",
                      "what one mask adds may show again what another hides",
                      term.op);
      plan.dense.push_back(term);
      continue;
    }
    if (mayBeInfinite)
      return refuse("mask-combination",
                    "a score may be infinite, and lie below the finite value "
                    "that hides others",
                    term.op);
    // the innermost puts a value in the score's place that absorbs any score
    if (&term != &terms.back() || !(term.hidden <= absorbing) || term.floor)
      return refuse("mask-combination",
                    "a select and another mask hide scores with different "
                    "finite values",
                    term.op);
    plan.dense.push_back(asAddend(scalars, term));
  }
  noteDense(plan, terms.front());
  if (reads.size() > 1)
    plan.why = "masks of finite values add up, which attributes cannot say";
  return plan;
}

/// The addends of an additive mask, each with its sign.
static void addendsOf(const MaskTerm &term, unsigned depth,
                      SmallVectorImpl<MaskTerm> &addends) {
  const Expr *e = term.expanded;
  if (depth == 0 || !e->isApply<arith::AddFOp, arith::SubFOp>()) {
    addends.push_back(term);
    return;
  }
  for (unsigned side : {0u, 1u}) {
    MaskTerm part = term;
    part.value = part.expanded = e->operands[side];
    if (side == 1 && e->isApply<arith::SubFOp>())
      part.negated = !part.negated;
    addendsOf(part, depth - 1, addends);
  }
}

/// factor * bias, as f32.
static const Expr *scaled(Scalars &scalars, const MaskTerm &bias) {
  double factor = bias.factor * (bias.negated ? -1 : 1);
  if (factor == 1.0)
    return bias.expanded;
  Type type = bias.expanded->type;
  return scalars.build(
      "arith.mulf", type,
      {bias.expanded, scalars.constant(FloatAttr::get(type, factor))});
}

std::optional<MaskPlan> planMask(Scalars &scalars, const Score &score,
                                 const Softmax &softmax, AffineExpr query,
                                 AffineExpr key, std::optional<int64_t> shift,
                                 Refusal &refusal) {
  Axes::Quiet quiet(scalars.getAxes());
  if (dividesByNegativeZero(scalars.getAxes(), score)) {
    refusal = {"score-op", "a score is divided by positions that may be zero",
               nullptr};
    return std::nullopt;
  }
  Planner planner{scalars, query, key, shift,
                  mayBeInfinite(scalars.getAxes(), score, key)};
  // What is added and hides nothing is a bias: where positions say all of it,
  // and a literal table where the masks beside it cannot be said otherwise.
  auto planBiases = [&](bool takesTables) -> std::optional<MaskPlan> {
    SmallVector<MaskTerm> terms, biases;
    for (const MaskTerm &term : score.masks) {
      SmallVector<MaskTerm> addends, rest;
      if (!term.isSelect && !planner.read(term).understood)
        addendsOf(term, 4, addends);
      const size_t before = biases.size();
      for (MaskTerm &addend : addends) {
        const Expr *value = scalars.expand(addend.expanded);
        const bool isPlain = addend.factor == 1.0 && !addend.negated;
        auto folded = asSlopes(scalars, value, query, key,
                               isPlain ? shift : std::nullopt);
        const Expr *bias =
            asPositional(scalars, folded ? folded->slopes : value, query, key);
        if (bias && folded && folded->mask) {
          rest.push_back(addend);
          rest.back().value = rest.back().expanded = folded->mask;
        }
        if (!bias && takesTables &&
            isBoundedTable(scalars, value, query, key, -weakestHidden))
          bias = value;
        (bias ? biases : rest).push_back(addend);
        if (bias)
          biases.back().expanded = bias;
      }
      if (biases.size() == before)
        terms.push_back(term);
      else
        terms.append(rest);
    }
    if (biases.empty())
      return std::nullopt;
    for (const MaskTerm &bias : biases)
      planner.mayBeInfinite |= isPartial(scalars.getAxes(), bias.expanded) ||
                               !isModest(scalars, bias.expanded);
    Refusal unused;
    std::optional<MaskPlan> plan = planner.plan(terms, biases, softmax, unused);
    if (!plan)
      return std::nullopt;
    plan->alibi = true;
    AffineExpr causal = plan->causal ? query - key + *shift : AffineExpr();
    for (const MaskTerm &bias : biases) {
      const Expr *value = scaled(scalars, bias);
      // a sink tells a row's scores from their differences
      const Expr *linear =
          softmax.sink ? nullptr : asAlibi(scalars, value, query, key, causal);
      plan->alibi &= linear != nullptr;
      plan->biases.push_back(linear ? linear : value);
    }
    return plan;
  };
  if (std::optional<MaskPlan> plan = planBiases(/*takesTables=*/false))
    return plan;
  if (std::optional<MaskPlan> plan =
          planner.plan(score.masks, {}, softmax, refusal))
    return plan;
  std::optional<MaskPlan> plan = planBiases(/*takesTables=*/true);
  if (plan)
    refusal = Refusal();
  return plan;
}

} // namespace kvc::raise
