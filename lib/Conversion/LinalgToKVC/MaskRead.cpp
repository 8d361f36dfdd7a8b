//===- MaskRead.cpp - A mask's scalar expression as a predicate -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mask is added (0 where a score is visible, a value that hides it elsewhere)
// or selects. Exporters carry conditions through integers and floats of 0 and
// 1, whose products and minima are "and" and whose maxima are "or". An additive
// mask is read as a whole or not at all; of an i1, what is not understood stays
// a condition of its own.
//
//===----------------------------------------------------------------------===//

#include "MaskRead.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// A number added to every visible score; larger ones would cost precision.
static constexpr double largestShift = 1.0e3;
/// A predicate of more conditions than this is not worth its text.
static constexpr unsigned maxConditions = 48;

static std::optional<Number> numberOf(const Expr *expr) {
  if (!expr->is(Expr::Kind::Constant))
    return std::nullopt;
  return toNumber(expr->constant);
}

std::optional<Predicate> MaskReader::join(std::optional<Predicate> a,
                                          std::optional<Predicate> b,
                                          bool all) {
  if (!a || !b || countConditions(*a) + countConditions(*b) > maxConditions)
    return std::nullopt;
  return all ? allOf(axes, std::move(*a), std::move(*b))
             : anyOf(axes, std::move(*a), std::move(*b));
}

/// A piece or a select of masks.
std::optional<Predicate> MaskReader::readChoice(
    const Expr *expr, unsigned depth,
    llvm::function_ref<std::optional<Predicate>(const Expr *, unsigned)> read) {
  bool isPiece = expr->is(Expr::Kind::Piece);
  auto yes = read(expr->operands[isPiece ? 0 : 1], depth - 1);
  auto no = yes ? read(expr->operands[isPiece ? 1 : 2], depth - 1)
                : std::optional<Predicate>();
  if (!yes || !no ||
      countConditions(*yes) + countConditions(*no) > maxConditions)
    return std::nullopt;
  if (isPiece)
    return choose(axes, Predicate::nonNegative(axes, expr->affine), *yes, *no);
  auto condition = readBool(expr->operands[0], depth - 1);
  if (!condition)
    return std::nullopt;
  return choose(axes, *condition, *yes, *no);
}

/// flag * value and (1 - flag) * value.
std::optional<Predicate> MaskReader::readProduct(const Expr *expr,
                                                 unsigned depth) {
  for (unsigned side : {0u, 1u}) {
    std::optional<double> value = scalars.asReal(expr->operands[side]);
    if (!value || !(*value * sign <= weakestHidden))
      continue;
    auto hides = readFlag(expr->operands[1 - side], depth - 1);
    if (!hides)
      return std::nullopt;
    hidden.push_back(*value * sign);
    // 0 * -inf is no zero
    if (std::isinf(*value))
      return std::nullopt;
    if (visible.value_or(0.0) != 0.0)
      return std::nullopt;
    visible = 0.0;
    return negate(axes, *hides);
  }
  return std::nullopt;
}

std::optional<Predicate> MaskReader::readAdditive(const Expr *expr,
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
      return Predicate::constant(true);
    }
    if (!(*value <= weakestHidden))
      return std::nullopt;
    hidden.push_back(*value);
    return Predicate::constant(false);
  }
  auto again = [&](const Expr *e, unsigned d) { return readAdditive(e, d); };
  if (expr->is(Expr::Kind::Piece) || expr->isApply<arith::SelectOp>())
    return readChoice(expr, depth, again);
  if (expr->isApply<arith::NegFOp>()) {
    sign = -sign;
    auto result = readAdditive(expr->operands[0], depth - 1);
    sign = -sign;
    return result;
  }
  bool sum = expr->isApply<arith::AddFOp>();
  // the lower of two masks, the sign aside
  bool lower = sign > 0 ? expr->isApply<arith::MinimumFOp, arith::MinNumFOp>()
                        : expr->isApply<arith::MaximumFOp, arith::MaxNumFOp>();
  if (sum || lower) {
    // two numbers of visible scores would have to be added up
    bool before = summed;
    std::optional<double> outer = std::exchange(visible, 0.0);
    auto a = readAdditive(expr->operands[0], depth - 1);
    auto b = a ? readAdditive(expr->operands[1], depth - 1) : std::nullopt;
    if (!a || !b || outer.value_or(0.0) != 0.0 || a->is(Predicate::Kind::Never))
      return std::nullopt;
    summed = before || summed || sum;
    return join(a, b, /*all=*/true);
  }
  if (expr->isApply<arith::MulFOp>())
    return readProduct(expr, depth);
  return std::nullopt;
}

/// A comparison of numbers that conditions choose with a number.
std::optional<Predicate> MaskReader::readLevels(const Expr *compare,
                                                const Expr *levels,
                                                unsigned depth) {
  if (depth == 0)
    return std::nullopt;
  levels = scalars.look(levels);
  if (levels->is(Expr::Kind::Piece) || levels->isApply<arith::SelectOp>())
    return readChoice(levels, depth, [&](const Expr *e, unsigned d) {
      return readLevels(compare, e, d);
    });
  if (!levels->is(Expr::Kind::Constant))
    return std::nullopt;
  bool left = !numberOf(scalars.look(compare->operands[0]));
  const Expr *other = scalars.look(compare->operands[left ? 1 : 0]);
  std::optional<Number> level = numberOf(levels), number = numberOf(other);
  if (!level || !number)
    return std::nullopt;
  Number pair[] = {left ? *level : *number, left ? *number : *level};
  Type types[] = {levels->type, other->type};
  auto holds = foldNumbers(compare->op, compare->type, pair, types);
  if (!holds)
    return std::nullopt;
  return Predicate::constant(holds->integer != 0);
}

/// A comparison of flags with a number, as a condition on the flag.
std::optional<Predicate> MaskReader::readCompare(const Expr *expr,
                                                 unsigned depth) {
  auto flag = [&](unsigned side) {
    return readFlag(expr->operands[side], depth - 1);
  };
  std::optional<Number> right = numberOf(scalars.look(expr->operands[1]));
  std::optional<Number> left = numberOf(scalars.look(expr->operands[0]));
  if (!right == !left)
    return std::nullopt;
  auto p = flag(right ? 0 : 1);
  if (!p)
    return readLevels(expr, expr->operands[right ? 0 : 1], depth);
  Type type = expr->operands[0]->type;
  auto at = [&](int64_t value) -> std::optional<bool> {
    Number other{isa<FloatType>(type), double(value), value};
    if (isa<FloatType>(type))
      other.integer = 0;
    Number pair[] = {right ? other : *left, right ? *right : other};
    Type types[] = {type, type};
    auto holds = foldNumbers(expr->op, expr->type, pair, types);
    if (!holds)
      return std::nullopt;
    return holds->integer != 0;
  };
  std::optional<bool> atZero = at(0), atOne = at(1);
  if (!atZero || !atOne)
    return std::nullopt;
  if (*atZero == *atOne)
    return Predicate::constant(*atOne);
  return *atOne ? *p : negate(axes, *p);
}

std::optional<Predicate> MaskReader::readFlag(const Expr *expr,
                                              unsigned depth) {
  if (depth == 0)
    return std::nullopt;
  expr = scalars.look(expr);
  if (expr->type.isInteger(1))
    return readBool(expr, depth);
  if (std::optional<Number> n = numberOf(expr)) {
    double value = n->isFloat ? n->real : double(n->integer);
    if (value != 0.0 && value != 1.0)
      return std::nullopt;
    return Predicate::constant(value == 1.0);
  }
  if (!expr->is(Expr::Kind::Apply) && !expr->is(Expr::Kind::Piece))
    return std::nullopt;
  if (expr->is(Expr::Kind::Piece) || expr->isApply<arith::SelectOp>())
    return readChoice(
        expr, depth, [&](const Expr *e, unsigned d) { return readFlag(e, d); });
  // true is -1 where a bit is read as signed
  if (expr->isApply<arith::SIToFPOp, arith::ExtSIOp, arith::IndexCastOp>())
    return expr->operands[0]->type.isInteger(1)
               ? std::nullopt
               : readFlag(expr->operands[0], depth - 1);
  if (expr->isApply<arith::UIToFPOp, arith::ExtUIOp, arith::TruncIOp,
                    arith::IndexCastUIOp, arith::FPToSIOp, arith::FPToUIOp>())
    return readFlag(expr->operands[0], depth - 1);
  if (expr->operands.size() != 2)
    return std::nullopt;
  auto flag = [&](unsigned side) {
    return readFlag(expr->operands[side], depth - 1);
  };
  if (expr->isApply<arith::MulFOp, arith::MulIOp, arith::AndIOp,
                    arith::MinimumFOp, arith::MinNumFOp, arith::MinSIOp,
                    arith::MinUIOp>())
    return join(flag(0), flag(1), /*all=*/true);
  if (expr->isApply<arith::OrIOp, arith::MaximumFOp, arith::MaxNumFOp,
                    arith::MaxSIOp, arith::MaxUIOp>())
    return join(flag(0), flag(1), /*all=*/false);
  if (expr->isApply<arith::SubFOp, arith::SubIOp, arith::XOrIOp>())
    for (unsigned side : {0u, 1u}) {
      std::optional<Number> n = numberOf(scalars.look(expr->operands[side]));
      bool isOne = n && (n->isFloat ? n->real == 1.0 : n->integer == 1);
      // x - 1 is no flag, but x xor 1 is one
      if (!isOne || (side == 1 && !expr->isApply<arith::XOrIOp>()))
        continue;
      auto other = flag(1 - side);
      return other ? std::optional<Predicate>(negate(axes, *other))
                   : std::nullopt;
    }
  return std::nullopt;
}

std::optional<Predicate> MaskReader::readBool(const Expr *expr,
                                              unsigned depth) {
  if (depth == 0)
    return std::nullopt;
  expr = scalars.expand(expr);
  if (std::optional<Number> value = numberOf(expr))
    return Predicate::constant(value->integer != 0);
  auto again = [&](const Expr *e, unsigned d) { return readBool(e, d); };
  if (expr->is(Expr::Kind::Piece) || expr->isApply<arith::SelectOp>())
    return readChoice(expr, depth, again);
  if (expr->isApply<arith::AndIOp, arith::MulIOp, arith::OrIOp>())
    return join(readBool(expr->operands[0], depth - 1),
                readBool(expr->operands[1], depth - 1),
                !expr->isApply<arith::OrIOp>());
  if (expr->isApply<arith::XOrIOp, arith::AddIOp, arith::SubIOp>())
    for (unsigned side : {0u, 1u})
      if (auto value = numberOf(expr->operands[side])) {
        auto other = readBool(expr->operands[1 - side], depth - 1);
        if (!other)
          return std::nullopt;
        return value->integer ? negate(axes, *other) : *other;
      }
  if (expr->isApply<arith::TruncIOp>())
    if (auto flag = readFlag(expr->operands[0], depth - 1))
      return flag;
  if (expr->isApply<arith::CmpIOp, arith::CmpFOp>())
    if (auto condition = readCompare(expr, depth))
      return condition;
  return Predicate::of(expr);
}

} // namespace kvc::raise
