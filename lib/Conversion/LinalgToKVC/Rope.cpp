//===- Rope.cpp - Recognise rotary embeddings
//------------------------------===//
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

#include "Rope.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// Frequencies are rounded to f32 by exporters; a few units in the last place.
static constexpr double frequencyTolerance = 6.0e-7;
static constexpr int64_t maxPairs = 4096;

namespace {
struct Half {
  const Expr *withCos = nullptr, *withSin = nullptr;
  double cosSign = 1, sinSign = 1;
  const Expr *cosAngle = nullptr, *sinAngle = nullptr;
};

struct Matcher {
  Scalars &scalars;
  AffineExpr sequence, channel;
  Refusal &refusal;
  unsigned width = 32; // bits of x: tables may not be rounded to fewer

  const Expr *lookExact(const Expr *expr);
  bool readTerm(const Expr *expr, double sign, Half &half);
  std::optional<Half> readHalf(const Expr *element, AffineExpr at);
  const Expr *findSource(const Expr *element, const Half &first,
                         const Half &second, AffineExpr pair,
                         AffineExpr firstAt, AffineExpr secondAt);
  bool readAngle(const Expr *angle, AffineExpr pair, int64_t pairs, Rope &rope);
  std::optional<Rope> tryForm(const Expr *element, int64_t dim,
                              bool interleaved);
  void refuse(StringRef id, const Twine &why, const Expr *at) {
    if (!refusal)
      refusal = {id, why.str(), at && at->op ? at->op : nullptr};
  }
};
} // namespace

/// Expands and strips casts that do not round below x's own type.
const Expr *Matcher::lookExact(const Expr *expr) {
  for (unsigned i = 0; i < 64; ++i) {
    const Expr *next = scalars.expand(expr);
    if (next->isApply<arith::ExtFOp, arith::TruncFOp>() &&
        next->type.getIntOrFloatBitWidth() >= width)
      next = next->operands[0];
    if (next == expr)
      break;
    expr = next;
  }
  return expr;
}

/// sign * x * cos(angle) or sign * x * sin(angle), in any order.
bool Matcher::readTerm(const Expr *expr, double sign, Half &half) {
  expr = lookExact(expr);
  if (expr->isApply<arith::NegFOp>())
    return readTerm(expr->operands[0], -sign, half);
  if (!expr->isApply<arith::MulFOp>())
    return false;
  for (unsigned side : {0u, 1u}) {
    const Expr *turn = lookExact(expr->operands[side]);
    const Expr *x = expr->operands[1 - side];
    double turnSign = sign;
    if (turn->isApply<arith::NegFOp>()) {
      turnSign = -turnSign;
      turn = lookExact(turn->operands[0]);
    }
    bool isCos = turn->isApply<math::CosOp>();
    if (!isCos && !turn->isApply<math::SinOp>())
      continue;
    // -x * sin(a): the sign may stand on either factor
    for (unsigned i = 0; i < 16; ++i) {
      const Expr *defined = scalars.expand(x);
      if (defined->isApply<arith::NegFOp>()) {
        turnSign = -turnSign;
        x = defined->operands[0];
      } else if (defined != x && defined->is(Expr::Kind::Element)) {
        x = defined;
      } else {
        break;
      }
    }
    (isCos ? half.withCos : half.withSin) = x;
    (isCos ? half.cosAngle : half.sinAngle) = turn->operands[0];
    (isCos ? half.cosSign : half.sinSign) = turnSign;
    return true;
  }
  return false;
}

std::optional<Half> Matcher::readHalf(const Expr *element, AffineExpr at) {
  const Expr *value = lookExact(scalars.substitute(element, {{channel, at}}));
  if (!value->isApply<arith::AddFOp, arith::SubFOp>())
    return std::nullopt;
  Half half;
  double second = value->isApply<arith::SubFOp>() ? -1 : 1;
  if (!readTerm(value->operands[0], 1, half) ||
      !readTerm(value->operands[1], second, half) || !half.withCos ||
      !half.withSin)
    return std::nullopt;
  return half;
}

/// The tensor both halves read: one expression over the channel axis.
const Expr *Matcher::findSource(const Expr *element, const Half &first,
                                const Half &second, AffineExpr pair,
                                AffineExpr firstAt, AffineExpr secondAt) {
  auto fits = [&](const Expr *x) {
    return x->is(Expr::Kind::Element) && mentions(x->index, channel) &&
           scalars.substitute(x, {{channel, firstAt}}) == first.withCos &&
           scalars.substitute(x, {{channel, secondAt}}) == second.withCos;
  };
  const Expr *found = nullptr;
  walkExpr(lookExact(element), [&](const Expr *e) {
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
  if (!first.withCos->is(Expr::Kind::Element))
    return nullptr;
  Axes &axes = scalars.getAxes();
  int64_t perPair = isa<AffineDimExpr>(firstAt) ? 1 : 2;
  Index index;
  for (AffineExpr at : first.withCos->index) {
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
  const Expr *whole = scalars.element(first.withCos->tensor, index);
  return fits(whole) ? whole : nullptr;
}

/// angle = position * frequency[pair]
bool Matcher::readAngle(const Expr *angle, AffineExpr pair, int64_t pairs,
                        Rope &rope) {
  const Expr *product = lookExact(angle);
  if (!product->isApply<arith::MulFOp>()) {
    refuse("rope-angle", "the angle is not a position times a frequency",
           product);
    return false;
  }
  const Expr *position = lookExact(product->operands[0]),
             *frequency = product->operands[1];
  if (mentions(position, pair)) {
    position = lookExact(product->operands[1]);
    frequency = product->operands[0];
  }
  if (mentions(position, pair) || mentions(frequency, sequence) ||
      !position->isApply<arith::SIToFPOp, arith::UIToFPOp>()) {
    refuse("rope-position",
           "the positions are not integers that turn into the angle", product);
    return false;
  }
  rope.position = scalars.expand(position->operands[0]);
  Type counter = rope.position->type;
  if (!rope.position->is(Expr::Kind::Affine) && !counter.isInteger(32) &&
      !counter.isInteger(64)) {
    refuse("rope-position", "the positions are neither i32 nor i64", product);
    return false;
  }

  SmallVector<double> frequencies;
  for (int64_t p = 0; p < pairs; ++p) {
    unsigned budget = 64;
    const Expr *at = scalars.expandAll(
        scalars.substitute(
            frequency,
            {{pair, getAffineConstantExpr(p, scalars.getAxes().getContext())}}),
        budget);
    std::optional<double> value = at ? scalars.asReal(at) : std::nullopt;
    if (!value || !(*value > 0)) {
      refuse("rope-frequencies",
             "the frequencies are not numbers known when compiling", product);
      return false;
    }
    frequencies.push_back(*value);
  }
  double last = frequencies.back();
  double theta = pairs > 1 ? std::pow(last, -double(pairs) / (pairs - 1)) : 1e4;
  if (std::fabs(theta - std::round(theta)) < 1e-4 * theta)
    theta = std::round(theta);
  for (auto [p, value] : llvm::enumerate(frequencies)) {
    double expected = std::pow(theta, -double(p) / pairs);
    if (!(std::fabs(value - expected) <= frequencyTolerance * expected)) {
      refuse("rope-frequencies",
             "frequency " + Twine(p) +
                 " is not theta^(-2 i / dim) for one "
                 "theta",
             product);
      return false;
    }
  }
  if (!(theta > 1)) {
    refuse("rope-frequencies", "theta is not greater than 1", product);
    return false;
  }
  rope.theta = theta;
  return true;
}

std::optional<Rope> Matcher::tryForm(const Expr *element, int64_t dim,
                                     bool interleaved) {
  Axes &axes = scalars.getAxes();
  int64_t pairs = dim / 2;
  AffineExpr pair = axes.add(pairs);
  AffineExpr firstAt = interleaved ? pair * 2 : pair;
  AffineExpr secondAt = interleaved ? pair * 2 + 1 : pair + pairs;
  std::optional<Half> first = readHalf(element, firstAt);
  if (!first)
    return std::nullopt;
  std::optional<Half> second = readHalf(element, secondAt);
  if (!second)
    return std::nullopt;
  bool signs = first->cosSign > 0 && second->cosSign > 0 &&
               first->sinSign < 0 && second->sinSign > 0;
  bool crossed = scalars.equal(first->withCos, second->withSin) &&
                 scalars.equal(second->withCos, first->withSin);
  const Expr *angle = first->cosAngle;
  bool oneAngle = scalars.equal(angle, first->sinAngle) &&
                  scalars.equal(angle, second->cosAngle) &&
                  scalars.equal(angle, second->sinAngle);
  if (!crossed)
    return std::nullopt;
  if (!signs || !oneAngle) {
    refuse("rope-form", "the pairs are not turned by one angle", nullptr);
    return std::nullopt;
  }
  Rope rope;
  rope.dim = dim;
  rope.interleaved = interleaved;
  rope.x = findSource(element, *first, *second, pair, firstAt, secondAt);
  if (!rope.x || !readAngle(angle, pair, pairs, rope))
    return std::nullopt;
  // channels after dim pass through
  int64_t rest = axes.extent(channel) - dim;
  if (rest > 0) {
    AffineExpr after = axes.add(rest) + dim;
    if (!scalars.equal(scalars.substitute(element, {{channel, after}}),
                       scalars.substitute(rope.x, {{channel, after}})))
      return std::nullopt;
  }
  return rope;
}

std::optional<Rope> matchRope(Scalars &scalars, const Expr *element,
                              AffineExpr sequence, AffineExpr channel,
                              Refusal &refusal) {
  Axes &axes = scalars.getAxes();
  int64_t channels = axes.extent(channel);
  if (ShapedType::isDynamic(channels) || channels < 2 ||
      channels > 2 * maxPairs || !element->is(Expr::Kind::Element))
    return std::nullopt;
  Matcher matcher{scalars, sequence, channel, refusal};
  matcher.width = std::min(32u, element->type.getIntOrFloatBitWidth());
  const Expr *whole = matcher.lookExact(element);
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
        dims.size() < 8)
      dims.insert(std::abs(form.constant));
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
  bool turns = false;
  walkExpr(whole, [&](const Expr *e) {
    for (const Expr *operand : scalars.expand(e)->operands)
      turns |= matcher.lookExact(operand)->isApply<math::CosOp, math::SinOp>();
  });
  if (turns)
    matcher.refuse("rope-form",
                   "cosines and sines do not turn channel pairs "
                   "in a form that is known",
                   whole);
  return std::nullopt;
}

} // namespace kvc::raise
