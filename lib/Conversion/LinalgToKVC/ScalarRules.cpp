//===- ScalarRules.cpp - Simplify scalar expressions ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rules that keep the value for finite inputs: numbers fold, integers over the
// axes become index expressions, their comparisons become pieces, and ops on
// pieces of numbers become pieces. A mask computed in the graph ends as pieces
// with numbers at the leaves, however it was spelled.
//
//===----------------------------------------------------------------------===//

#include "Scalars.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

static constexpr unsigned maxLeaves = 24;
/// Integers beyond this never enter index arithmetic.
static constexpr int64_t maxInteger = int64_t(1) << 40;

static bool isNumber(const Expr *e, double value) {
  if (!e->is(Expr::Kind::Constant))
    return false;
  std::optional<Number> n = toNumber(e->constant);
  return n && n->isFloat && n->real == value;
}

static std::optional<int64_t> asInteger(const Expr *e) {
  if (!e->is(Expr::Kind::Constant))
    return std::nullopt;
  std::optional<Number> n = toNumber(e->constant);
  if (!n || n->isFloat || std::abs(n->integer) > maxInteger)
    return std::nullopt;
  return n->integer;
}

/// The integer an expression counts, as an index expression.
static AffineExpr asAffine(const Expr *e, MLIRContext *context) {
  if (e->is(Expr::Kind::Affine))
    return e->affine;
  if (e->type.isInteger(1))
    return {};
  if (std::optional<int64_t> value = asInteger(e))
    return getAffineConstantExpr(*value, context);
  return {};
}

/// The integer that a float expression holds exactly: a converted index, or a
/// whole number. f32 counts exactly to 2^24, which no sequence reaches.
static AffineExpr asWholeFloat(const Expr *e, Axes &axes) {
  MLIRContext *context = axes.getContext();
  if (!isa<Float32Type, Float64Type>(e->type))
    return {};
  if (e->isApply<arith::SIToFPOp, arith::UIToFPOp>() &&
      e->operands[0]->is(Expr::Kind::Affine)) {
    AffineExpr at = e->operands[0]->affine;
    bool holds =
        e->isApply<arith::SIToFPOp>() || axes.isNonNegative(at) == true;
    return holds ? at : AffineExpr();
  }
  if (!e->is(Expr::Kind::Constant))
    return {};
  std::optional<Number> n = toNumber(e->constant);
  if (!n || !n->isFloat || !(std::fabs(n->real) < 16777216.0) ||
      n->real != std::floor(n->real))
    return {};
  return getAffineConstantExpr(static_cast<int64_t>(n->real), context);
}

static bool isSmall(Axes &axes, AffineExpr expr) {
  LinearForm form = axes.linearize(expr);
  return std::abs(form.constant) <= maxInteger &&
         llvm::all_of(form.terms, [](auto &term) {
           return std::abs(term.second) <= maxInteger;
         });
}

/// a < b and friends as pieces of true and false.
enum class Order { lt, le, gt, ge, eq, ne };

static const Expr *compare(Scalars &scalars, Order order, AffineExpr a,
                           AffineExpr b) {
  Builder builder(scalars.getAxes().getContext());
  const Expr *yes = scalars.constant(builder.getBoolAttr(true)),
             *no = scalars.constant(builder.getBoolAttr(false));
  switch (order) {
  case Order::lt:
    return scalars.piece(b - a - 1, yes, no);
  case Order::le:
    return scalars.piece(b - a, yes, no);
  case Order::gt:
    return scalars.piece(a - b - 1, yes, no);
  case Order::ge:
    return scalars.piece(a - b, yes, no);
  case Order::eq:
    return scalars.piece(a - b, scalars.piece(b - a, yes, no), no);
  case Order::ne:
    return scalars.piece(a - b, scalars.piece(b - a, no, yes), yes);
  }
  return nullptr;
}

static std::optional<Order> orderOf(arith::CmpIPredicate predicate,
                                    bool nonNegative) {
  using P = arith::CmpIPredicate;
  if (predicate >= P::ult && !nonNegative)
    return std::nullopt;
  switch (predicate) {
  case P::eq:
    return Order::eq;
  case P::ne:
    return Order::ne;
  case P::slt:
  case P::ult:
    return Order::lt;
  case P::sle:
  case P::ule:
    return Order::le;
  case P::sgt:
  case P::ugt:
    return Order::gt;
  case P::sge:
  case P::uge:
    return Order::ge;
  }
  return std::nullopt;
}

static std::optional<Order> orderOf(arith::CmpFPredicate predicate) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::OEQ:
  case P::UEQ:
    return Order::eq;
  case P::ONE:
  case P::UNE:
    return Order::ne;
  case P::OLT:
  case P::ULT:
    return Order::lt;
  case P::OLE:
  case P::ULE:
    return Order::le;
  case P::OGT:
  case P::UGT:
    return Order::gt;
  case P::OGE:
  case P::UGE:
    return Order::ge;
  default:
    return std::nullopt;
  }
}

/// Integer arithmetic and comparisons over the axes.
const Expr *Scalars::foldAffine(Operation *op, Type type,
                                ArrayRef<const Expr *> operands) {
  MLIRContext *context = axes.getContext();
  Axes::Quiet quiet(axes);
  if (operands.size() == 1) {
    if (isa<math::AbsIOp>(op))
      if (AffineExpr a = asAffine(operands[0], context))
        return piece(a, affine(a, type), affine(-a, type));
    // positions fit every integer type that a graph keeps them in
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
            arith::ExtUIOp, arith::TruncIOp>(op) &&
        operands[0]->is(Expr::Kind::Affine) &&
        (type.isIndex() || type.getIntOrFloatBitWidth() >= 32))
      return affine(operands[0]->affine, type);
    if (isa<math::AbsFOp, arith::NegFOp>(op) &&
        operands[0]->isApply<arith::SIToFPOp>())
      if (AffineExpr a = asWholeFloat(operands[0], axes)) {
        const Expr *counter = operands[0]->operands[0];
        const Expr *negative =
            apply(operands[0]->op, type, {affine(-a, counter->type)});
        return isa<arith::NegFOp>(op) ? negative
                                      : piece(a, operands[0], negative);
      }
    if (isa<arith::FPToSIOp>(op) && (type.isInteger(32) || type.isInteger(64)))
      if (AffineExpr whole = asWholeFloat(operands[0], axes))
        return affine(whole, type);
    return nullptr;
  }
  if (operands.size() != 2)
    return nullptr;
  if (auto cmp = dyn_cast<arith::CmpFOp>(op)) {
    AffineExpr a = asWholeFloat(operands[0], axes),
               b = asWholeFloat(operands[1], axes);
    std::optional<Order> order = orderOf(cmp.getPredicate());
    return a && b && order ? compare(*this, *order, a, b) : nullptr;
  }
  if (isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MinimumFOp,
          arith::MinNumFOp>(op)) {
    AffineExpr a = asWholeFloat(operands[0], axes),
               b = asWholeFloat(operands[1], axes);
    if (!a || !b)
      return nullptr;
    bool most = isa<arith::MaximumFOp, arith::MaxNumFOp>(op);
    return piece(most ? a - b : b - a, operands[0], operands[1]);
  }
  if (isa<arith::AddFOp, arith::SubFOp>(op)) {
    AffineExpr a = asWholeFloat(operands[0], axes),
               b = asWholeFloat(operands[1], axes);
    const Expr *counted =
        operands[0]->is(Expr::Kind::Apply) ? operands[0] : operands[1];
    if (!a || !b || !counted->is(Expr::Kind::Apply))
      return nullptr;
    AffineExpr sum = isa<arith::AddFOp>(op) ? a + b : a - b;
    if (counted->isApply<arith::UIToFPOp>() && axes.isNonNegative(sum) != true)
      return nullptr;
    const Expr *whole = affine(sum, counted->operands[0]->type);
    return apply(counted->op, type, {whole});
  }
  AffineExpr a = asAffine(operands[0], context),
             b = asAffine(operands[1], context);
  if (!a || !b)
    return nullptr;
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    bool nonNegative =
        axes.isNonNegative(a) == true && axes.isNonNegative(b) == true;
    std::optional<Order> order = orderOf(cmp.getPredicate(), nonNegative);
    return order ? compare(*this, *order, a, b) : nullptr;
  }
  AffineExpr result;
  if (isa<arith::AddIOp>(op))
    result = a + b;
  else if (isa<arith::SubIOp>(op))
    result = a - b;
  else if (isa<arith::MulIOp>(op) &&
           (isa<AffineConstantExpr>(a) || isa<AffineConstantExpr>(b)))
    result = a * b;
  else if (isa<arith::RemSIOp, arith::RemUIOp, arith::DivSIOp, arith::DivUIOp,
               arith::FloorDivSIOp>(op)) {
    auto divisor = dyn_cast<AffineConstantExpr>(b);
    if (!divisor || divisor.getValue() <= 0 ||
        (!isa<arith::FloorDivSIOp>(op) && axes.isNonNegative(a) != true))
      return nullptr;
    result = isa<arith::RemSIOp, arith::RemUIOp>(op) ? a % b : a.floorDiv(b);
  } else if (isa<arith::MaxSIOp, arith::MinSIOp>(op)) {
    if (!isSmall(axes, a) || !isSmall(axes, b))
      return nullptr;
    const Expr *first = affine(a, type), *second = affine(b, type);
    return isa<arith::MaxSIOp>(op) ? piece(a - b, first, second)
                                   : piece(b - a, first, second);
  } else if (isa<arith::ShRSIOp, arith::AndIOp>(op)) {
    // a shift divides, the lowest bits are a remainder
    if (isa<AffineConstantExpr>(a) && isa<arith::AndIOp>(op))
      std::swap(a, b);
    auto bits = dyn_cast<AffineConstantExpr>(b);
    if (!bits || bits.getValue() < 0)
      return nullptr;
    if (isa<arith::ShRSIOp>(op) && bits.getValue() < 31)
      result = a.floorDiv(int64_t(1) << bits.getValue());
    else if (isa<arith::AndIOp>(op) && bits.getValue() < maxInteger &&
             llvm::isPowerOf2_64(bits.getValue() + 1))
      result = a % (bits.getValue() + 1);
  }
  if (!result || !isSmall(axes, result) ||
      (!type.isIndex() && type.getIntOrFloatBitWidth() < 32))
    return nullptr;
  return affine(result, type);
}

/// Ops that return one of their operands. Adding a zero or multiplying by one
/// is how some exporters spell a broadcast; the sign of a zero is not kept.
const Expr *Scalars::foldIdentity(Operation *op, Type type,
                                  ArrayRef<const Expr *> operands) {
  if (isa<arith::SelectOp>(op)) {
    if (operands[1] == operands[2])
      return operands[1];
    if (std::optional<int64_t> c = asInteger(operands[0]))
      return *c ? operands[1] : operands[2];
    return nullptr;
  }
  if (operands.size() == 1 && isa<arith::NegFOp>(op) &&
      operands[0]->isApply<arith::NegFOp>())
    return operands[0]->operands[0];
  if (operands.size() != 2)
    return nullptr;
  const Expr *a = operands[0], *b = operands[1];
  if (isa<arith::AddFOp>(op))
    return isNumber(b, 0.0) ? a : isNumber(a, 0.0) ? b : nullptr;
  if (isa<arith::SubFOp>(op))
    return isNumber(b, 0.0) ? a : nullptr;
  if (isa<arith::MulFOp>(op))
    return isNumber(b, 1.0) ? a : isNumber(a, 1.0) ? b : nullptr;
  if (isa<arith::DivFOp>(op))
    return isNumber(b, 1.0) ? a : nullptr;
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op)) {
    double lowest = -std::numeric_limits<double>::infinity();
    return isNumber(b, lowest) ? a : isNumber(a, lowest) ? b : nullptr;
  }
  if (type.isInteger(1) && isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp,
                               arith::AddIOp, arith::MulIOp>(op)) {
    if (asInteger(a))
      std::swap(a, b);
    std::optional<int64_t> c = asInteger(b);
    if (!c)
      return a == b && isa<arith::AndIOp, arith::OrIOp>(op) ? a : nullptr;
    if (isa<arith::AndIOp, arith::MulIOp>(op))
      return *c ? a : b;
    if (isa<arith::OrIOp>(op))
      return *c ? b : a;
    if (isa<arith::XOrIOp>(op) && *c && a->isApply<arith::XOrIOp>() &&
        asInteger(a->operands[1]))
      return *asInteger(a->operands[1]) ? a->operands[0] : nullptr;
    return *c ? nullptr : a;
  }
  return nullptr;
}

/// Numbers; with `counts` integers over the axes too, whole floats among them.
static bool hasNumbersAtLeaves(const Expr *e, bool counts) {
  if (e->is(Expr::Kind::Piece))
    return hasNumbersAtLeaves(e->operands[0], counts) &&
           hasNumbersAtLeaves(e->operands[1], counts);
  if (e->is(Expr::Kind::Constant) || !counts)
    return e->is(Expr::Kind::Constant);
  return e->is(Expr::Kind::Affine) ||
         (e->isApply<arith::SIToFPOp, arith::UIToFPOp>() &&
          e->operands[0]->is(Expr::Kind::Affine));
}

/// op(piece(c, x, y), z) as piece(c, op(x, z), op(y, z)), where that makes
/// progress: the rest are numbers, or the piece decides a choice.
const Expr *Scalars::pushIntoPieces(Operation *op, Type type,
                                    ArrayRef<const Expr *> operands) {
  const Expr *chosen = nullptr;
  unsigned leaves = 1;
  bool numbers = true;
  // a product of a whole float is no whole float that is known as one
  bool counts = !isa<arith::MulFOp, arith::DivFOp>(op);
  for (const Expr *operand : operands) {
    bool small = countLeaves(operand, maxLeaves) < maxLeaves;
    numbers &= small && hasNumbersAtLeaves(operand, counts);
    if (!operand->is(Expr::Kind::Piece) || !small)
      continue;
    leaves *= countLeaves(operand, maxLeaves);
    if (!chosen && hasNumbersAtLeaves(operand, counts))
      chosen = operand;
  }
  bool isChoice =
      (isa<arith::SelectOp>(op) && operands[0]->is(Expr::Kind::Piece)) ||
      (type.isInteger(1) &&
       isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op));
  if (isChoice && isa<arith::SelectOp>(op))
    chosen = operands[0];
  if (isChoice && !chosen)
    for (const Expr *operand : operands)
      if (operand->is(Expr::Kind::Piece))
        chosen = operand;
  if (!chosen || (!numbers && !isChoice) || leaves > maxLeaves ||
      countLeaves(chosen, maxLeaves) >= maxLeaves)
    return nullptr;
  auto withPart = [&](unsigned part) {
    SmallVector<const Expr *> parts;
    for (const Expr *operand : operands)
      // the same condition decides every operand that asks it
      parts.push_back(operand->is(Expr::Kind::Piece) &&
                              operand->affine == chosen->affine
                          ? operand->operands[part]
                          : operand);
    return apply(op, type, parts);
  };
  return piece(chosen->affine, withPart(0), withPart(1));
}

const Expr *Scalars::apply(Operation *op, Type type,
                           ArrayRef<const Expr *> operands, Value extracted) {
  if (extracted) {
    // an element gathered at an index that the axes decide
    Index index;
    for (const Expr *operand : operands)
      if (AffineExpr at = asAffine(operand, axes.getContext()))
        index.push_back(at);
    if (index.size() == operands.size())
      return element(extracted, index);
  } else {
    if (llvm::all_of(operands, [](const Expr *e) {
          return e->is(Expr::Kind::Constant);
        })) {
      SmallVector<Number> numbers;
      SmallVector<Type> types;
      for (const Expr *operand : operands) {
        if (std::optional<Number> n = toNumber(operand->constant))
          numbers.push_back(*n);
        types.push_back(operand->type);
      }
      if (numbers.size() == operands.size())
        if (auto result = foldNumbers(op, type, numbers, types))
          if (TypedAttr attribute = toAttribute(*result, type))
            return constant(attribute);
    }
    if (const Expr *folded = foldComplex(op, type, operands))
      return folded;
    if (const Expr *folded = foldIdentity(op, type, operands))
      return folded;
    if (const Expr *folded = foldAffine(op, type, operands))
      return folded;
    if (const Expr *folded = pushIntoPieces(op, type, operands))
      return folded;
  }
  Expr expr;
  expr.kind = Expr::Kind::Apply;
  expr.type = type;
  expr.op = op;
  expr.tensor = extracted;
  expr.operands.assign(operands.begin(), operands.end());
  return unique(std::move(expr));
}

} // namespace kvc::raise
