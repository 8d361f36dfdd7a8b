//===- Rope.cpp - Recognise rotary embeddings -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two channels of a pair are read apart, at index p and p + dim/2 (neox) or
// 2p and 2p + 1 (interleaved). Whatever slices, negations, concatenations or
// tables the graph used, each half is then a sum of two products:
//   x1 * cos(a) - x2 * sin(a)   and   x2 * cos(a) + x1 * sin(a).
// The angle must be position * frequency, and the frequencies must be known
// numbers that one theta gives.
//
//===----------------------------------------------------------------------===//

#include "RopeTurn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// Frequencies are rounded to f32 by exporters; a few units in the last place.
static constexpr double frequencyTolerance = 6.0e-7;
/// Those of tables went through a cosine and a sine of f32.
static constexpr double tableTolerance = 3.0e-6;
static constexpr int64_t maxPairs = 4096;

namespace {
/// factor * first * second
struct Term {
  double factor = 1;
  const Expr *first = nullptr, *second = nullptr;
};
/// One channel of a pair: a sum of two products, and how they are read.
struct Half {
  Term terms[2];
};
/// x1 * cos + x2 * sin, where x1 is the channel's own.
struct Turned {
  const Expr *own = nullptr, *other = nullptr;
  Turn cosine, sine;
};

struct Matcher {
  Scalars &scalars;
  AffineExpr sequence, channel;
  Refusal &refusal;
  TurnReader turns;
  bool crossed = false; // a rotation was seen, whatever its tables

  std::optional<Half> readHalf(const Expr *element, AffineExpr at,
                               AffineExpr pair);
  bool assign(const Half &first, const Half &second, bool known, Turned &a,
              Turned &b);
  const Expr *findSource(const Expr *element, const Turned &first,
                         const Turned &second, AffineExpr pair,
                         AffineExpr firstAt, AffineExpr secondAt);
  std::optional<Rope> tryForm(const Expr *element, int64_t dim,
                              bool interleaved);
  void refuse(StringRef id, const Twine &why, const Expr *at) {
    if (!refusal)
      refusal = {id, why.str(), at && at->op ? at->op : nullptr};
  }
};
} // namespace

std::optional<Half> Matcher::readHalf(const Expr *element, AffineExpr at,
                                      AffineExpr pair) {
  const Expr *value = turns.look(scalars.substitute(element, {{channel, at}}));
  if (!value->isApply<arith::AddFOp, arith::SubFOp>())
    return std::nullopt;
  Half half;
  for (unsigned side : {0u, 1u}) {
    Term &term = half.terms[side];
    term.factor = side == 1 && value->isApply<arith::SubFOp>() ? -1 : 1;
    const Expr *product = turns.look(value->operands[side]);
    while (product->isApply<arith::NegFOp>()) {
      term.factor = -term.factor;
      product = turns.look(product->operands[0]);
    }
    if (!product->isApply<arith::MulFOp>())
      return std::nullopt;
    term.first = turns.strip(product->operands[0], term.factor, pair);
    term.second = turns.strip(product->operands[1], term.factor, pair);
  }
  return half;
}

/// Finds the channels that both halves share, crosswise: x1 c - x2 s and
/// x2 c + x1 s.
/// x1 c - x2 s is as well c turned by x: only `known` turns tell them apart.
bool Matcher::assign(const Half &first, const Half &second, bool known,
                     Turned &a, Turned &b) {
  for (unsigned own : {0u, 1u})
    for (unsigned partner : {0u, 1u})
      for (unsigned choice = 0; choice < 16; ++choice) {
        const Term &ownCos = first.terms[own], &ownSin = first.terms[1 - own],
                   &partnerCos = second.terms[partner],
                   &partnerSin = second.terms[1 - partner];
        auto pick = [&](const Term &term, unsigned bit) {
          bool swap = choice >> bit & 1;
          return swap ? std::make_pair(term.second, term.first)
                      : std::make_pair(term.first, term.second);
        };
        auto [x1, c1] = pick(ownCos, 0);
        auto [x2, s1] = pick(ownSin, 1);
        auto [y2, c2] = pick(partnerCos, 2);
        auto [y1, s2] = pick(partnerSin, 3);
        if (x1 == x2 || !x1->is(Expr::Kind::Element) ||
            !x2->is(Expr::Kind::Element) || !scalars.equal(x1, y1) ||
            !scalars.equal(x2, y2))
          continue;
        a = {x1, x2, turns.read(c1), turns.read(s1)};
        b = {y2, y1, turns.read(c2), turns.read(s2)};
        a.cosine.factor *= ownCos.factor;
        a.sine.factor *= ownSin.factor;
        b.cosine.factor *= partnerCos.factor;
        b.sine.factor *= partnerSin.factor;
        // the cosine is what both own channels are multiplied with
        auto isSine = [&](const Turn &turn) {
          return turn.form == Turn::Form::Sin;
        };
        if (known && (a.cosine.form == Turn::Form::Unknown ||
                      b.sine.form == Turn::Form::Unknown))
          continue;
        if (isSine(a.cosine) || isSine(b.cosine) ||
            a.sine.form == Turn::Form::Cos || b.sine.form == Turn::Form::Cos)
          continue;
        return true;
      }
  return false;
}

/// The tensor both halves read: one expression over the channel axis.
const Expr *Matcher::findSource(const Expr *element, const Turned &first,
                                const Turned &second, AffineExpr pair,
                                AffineExpr firstAt, AffineExpr secondAt) {
  auto fits = [&](const Expr *x) {
    if (!x->is(Expr::Kind::Element) || !mentions(x->index, channel))
      return false;
    double factor = 1;
    return turns.strip(scalars.substitute(x, {{channel, firstAt}}), factor,
                       pair) == first.own &&
           turns.strip(scalars.substitute(x, {{channel, secondAt}}), factor,
                       pair) == second.own &&
           factor == 1;
  };
  const Expr *found = nullptr;
  walkExpr(turns.look(element), [&](const Expr *e) {
    for (const Expr *candidate : {e, scalars.expand(e)})
      if (!found && candidate->is(Expr::Kind::Element) && fits(candidate))
        found = candidate;
    // x * cos(...): one producer deeper than the sum
    if (!found)
      for (const Expr *operand : scalars.expand(e)->operands)
        if (!found && fits(operand))
          found = operand;
  });
  if (found)
    return found;
  // not in the graph as one tensor over the channels: put it together from the
  // first half, where channel p (or 2p) stands for every channel
  if (!first.own->is(Expr::Kind::Element))
    return nullptr;
  Axes &axes = scalars.getAxes();
  int64_t perPair = isa<AffineDimExpr>(firstAt) ? 1 : 2;
  Index index;
  for (AffineExpr at : first.own->index) {
    LinearForm form = axes.linearize(at);
    AffineExpr renamed =
        getAffineConstantExpr(form.constant, axes.getContext());
    for (auto [atom, coefficient] : form.terms) {
      if (atom == pair && coefficient % perPair != 0)
        return nullptr;
      renamed = renamed + (atom == pair ? channel * (coefficient / perPair)
                                        : atom * coefficient);
    }
    index.push_back(renamed);
  }
  const Expr *whole = scalars.element(first.own->tensor, index);
  return fits(whole) ? whole : nullptr;
}

std::optional<Rope> Matcher::tryForm(const Expr *element, int64_t dim,
                                     bool interleaved) {
  Axes &axes = scalars.getAxes();
  int64_t pairs = dim / 2;
  AffineExpr pair = axes.add(pairs);
  AffineExpr firstAt = interleaved ? pair * 2 : pair;
  AffineExpr secondAt = interleaved ? pair * 2 + 1 : pair + pairs;
  std::optional<Half> first = readHalf(element, firstAt, pair);
  std::optional<Half> second =
      first ? readHalf(element, secondAt, pair) : std::nullopt;
  Turned a, b;
  if (!second || (!assign(*first, *second, /*known=*/true, a, b) &&
                  !assign(*first, *second, /*known=*/false, a, b)))
    return std::nullopt;
  Rope rope;
  rope.dim = dim;
  rope.interleaved = interleaved;
  rope.x = findSource(element, a, b, pair, firstAt, secondAt);
  if (!rope.x)
    return std::nullopt;
  crossed = true;
  auto rotation = turns.resolve(a.cosine, a.sine, pair, pairs, refusal);
  auto other = rotation ? turns.resolve(b.cosine, b.sine, pair, pairs, refusal)
                        : std::nullopt;
  if (!other)
    return std::nullopt;
  // x1 cos - x2 sin and x2 cos + x1 sin, of one angle
  bool signs = a.cosine.factor > 0 && b.cosine.factor > 0 &&
               a.sine.factor * rotation->sinSign < 0 &&
               b.sine.factor * other->sinSign > 0;
  auto close = [](double x, double y) {
    return std::fabs(std::fabs(x) - std::fabs(y)) <= 1e-6 * std::fabs(y);
  };
  bool magnitudes = close(a.cosine.factor, a.sine.factor) &&
                    close(a.cosine.factor, b.cosine.factor) &&
                    close(a.cosine.factor, b.sine.factor) &&
                    close(rotation->factor, other->factor);
  bool same =
      scalars.equal(rotation->position, other->position) &&
      llvm::all_of(llvm::zip_equal(rotation->frequencies, other->frequencies),
                   [&](auto both) {
                     return close(std::get<0>(both), std::get<1>(both));
                   });
  if (!signs || !magnitudes || !same) {
    refuse("rope-form", "the pairs are not turned by one angle", nullptr);
    return std::nullopt;
  }
  double tolerance = rotation->exact ? frequencyTolerance : tableTolerance;
  if (!fitFrequencies(rotation->frequencies, tolerance, rope)) {
    refuse("rope-frequencies",
           "the frequencies are not theta^(-2 i / dim) for one theta, nor a "
           "scaling of them that is known",
           nullptr);
    return std::nullopt;
  }
  rope.position = rotation->position;
  rope.magnitude = rotation->factor;
  int64_t rest = axes.extent(channel) - dim;
  if (rest > 0) {
    // channels after dim pass through
    AffineExpr after = axes.add(rest) + dim;
    double factor = 1;
    const Expr *passes = turns.strip(
        scalars.substitute(element, {{channel, after}}), factor, pair);
    double factorOfX = 1;
    const Expr *x = turns.strip(scalars.substitute(rope.x, {{channel, after}}),
                                factorOfX, pair);
    if (factor != factorOfX || !scalars.equal(passes, x))
      return std::nullopt;
    if (rope.magnitude != 1.0) {
      refuse("rope-frequencies",
             "cosines and sines have a factor that the channels that pass "
             "have not",
             nullptr);
      return std::nullopt;
    }
  }
  return rope;
}

/// Whether cosines or sines take part in `expr`.
static bool hasTurns(TurnReader &turns, const Expr *expr, unsigned &budget) {
  if (budget == 0)
    return false;
  --budget;
  expr = turns.look(expr);
  return expr->isApply<math::CosOp, math::SinOp>() ||
         llvm::any_of(expr->operands, [&](const Expr *operand) {
           return isa<FloatType>(operand->type) &&
                  hasTurns(turns, operand, budget);
         });
}

std::optional<Rope> matchRope(Scalars &scalars, LiteralTables &tables,
                              const Expr *element, AffineExpr sequence,
                              AffineExpr channel, Refusal &refusal) {
  Axes &axes = scalars.getAxes();
  int64_t channels = axes.extent(channel);
  if (ShapedType::isDynamic(channels) || channels < 2 ||
      channels > 2 * maxPairs || !element->is(Expr::Kind::Element))
    return std::nullopt;
  Matcher matcher{
      scalars, sequence, channel, refusal,
      TurnReader(scalars, tables, sequence,
                 std::min(32u, element->type.getIntOrFloatBitWidth()))};
  const Expr *whole = matcher.turns.look(element);
  if (whole == element)
    return std::nullopt; // not computed here
  // where the channels are cut is where dim may end
  llvm::SmallSetVector<int64_t, 4> dims;
  dims.insert(channels);
  walkExpr(whole, [&](const Expr *e) {
    if (!e->is(Expr::Kind::Piece))
      return;
    LinearForm form = axes.linearize(e->affine);
    if (form.terms.size() == 1 && form.terms.front().first == channel &&
        dims.size() < 8) {
      // channel - dim >= 0, or dim - 1 - channel >= 0
      dims.insert(form.terms.front().second > 0 ? -form.constant
                                                : form.constant + 1);
    }
  });
  for (int64_t dim : dims)
    for (bool interleaved : {false, true}) {
      if (dim < 2 || dim > channels || dim % 2 != 0)
        continue;
      if (std::optional<Rope> rope = matcher.tryForm(element, dim, interleaved))
        return rope;
      if (refusal)
        return std::nullopt;
    }
  // cosines and sines that were not understood deserve a word
  unsigned budget = 64;
  bool turns = hasTurns(matcher.turns, whole, budget);
  if (turns)
    matcher.refuse("rope-form",
                   "cosines and sines do not turn channel pairs "
                   "in a form that is known",
                   whole);
  return std::nullopt;
}

} // namespace kvc::raise
