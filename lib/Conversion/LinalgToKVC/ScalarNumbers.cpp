//===- ScalarNumbers.cpp - Scalar ops on known numbers --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's folders may rewrite the op they are asked about, so they cannot
// be used on a graph that is only being looked at. Results are rounded to the
// op's type; an op that is not listed has no known value.
//
//===----------------------------------------------------------------------===//

#include "Scalars.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

std::optional<Number> toNumber(TypedAttr attribute) {
  if (auto real = dyn_cast_or_null<FloatAttr>(attribute))
    return Number{true, real.getValueAsDouble(), 0};
  auto integer = dyn_cast_or_null<IntegerAttr>(attribute);
  if (!integer || integer.getValue().getSignificantBits() > 64)
    return std::nullopt;
  if (integer.getType().isInteger(1))
    return Number{false, 0, integer.getValue().isZero() ? 0 : 1};
  return Number{false, 0, integer.getValue().getSExtValue()};
}

static double roundTo(double value, FloatType type) {
  llvm::APFloat number(value);
  bool lost;
  number.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &lost);
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

TypedAttr toAttribute(const Number &number, Type type) {
  if (auto floatType = dyn_cast<FloatType>(type)) {
    if (!number.isFloat)
      return {};
    llvm::APFloat value(number.real);
    bool lost;
    value.convert(floatType.getFloatSemantics(),
                  llvm::APFloat::rmNearestTiesToEven, &lost);
    return FloatAttr::get(floatType, value);
  }
  if (number.isFloat || !type.isIntOrIndex())
    return {};
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  if (width > 64)
    return {};
  return IntegerAttr::get(type, APInt(width, number.integer, /*isSigned=*/true,
                                      /*implicitTrunc=*/true));
}

static std::optional<bool> compareIntegers(arith::CmpIPredicate predicate,
                                           int64_t a, int64_t b) {
  uint64_t ua = a, ub = b;
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return a < b;
  case arith::CmpIPredicate::sle:
    return a <= b;
  case arith::CmpIPredicate::sgt:
    return a > b;
  case arith::CmpIPredicate::sge:
    return a >= b;
  case arith::CmpIPredicate::ult:
    return ua < ub;
  case arith::CmpIPredicate::ule:
    return ua <= ub;
  case arith::CmpIPredicate::ugt:
    return ua > ub;
  case arith::CmpIPredicate::uge:
    return ua >= ub;
  }
  return std::nullopt;
}

static std::optional<bool> compareReals(arith::CmpFPredicate predicate,
                                        double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::AlwaysTrue:
    return true;
  case P::ORD:
    return !unordered;
  case P::UNO:
    return unordered;
  case P::OEQ:
    return !unordered && a == b;
  case P::OGT:
    return !unordered && a > b;
  case P::OGE:
    return !unordered && a >= b;
  case P::OLT:
    return !unordered && a < b;
  case P::OLE:
    return !unordered && a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return unordered || a != b;
  }
  return std::nullopt;
}

static double maximum(double a, double b, bool propagateNaN) {
  if (std::isnan(a) || std::isnan(b))
    return propagateNaN ? NAN : (std::isnan(a) ? b : a);
  return std::max(a, b);
}

/// Float ops; nothing for an op that is not one of them.
static std::optional<double> foldReal(Operation *op, ArrayRef<double> x) {
  if (x.size() == 1)
    return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
        .Case([&](arith::NegFOp) { return -x[0]; })
        .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) { return x[0]; })
        .Case([&](math::ExpOp) { return std::exp(x[0]); })
        .Case([&](math::Exp2Op) { return std::exp2(x[0]); })
        .Case([&](math::LogOp) { return std::log(x[0]); })
        .Case([&](math::SqrtOp) { return std::sqrt(x[0]); })
        .Case([&](math::RsqrtOp) { return 1.0 / std::sqrt(x[0]); })
        .Case([&](math::CosOp) { return std::cos(x[0]); })
        .Case([&](math::SinOp) { return std::sin(x[0]); })
        .Case([&](math::TanhOp) { return std::tanh(x[0]); })
        .Case([&](math::AbsFOp) { return std::fabs(x[0]); })
        .Default([](Operation *) { return std::nullopt; });
  if (x.size() == 2)
    return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
        .Case([&](arith::AddFOp) { return x[0] + x[1]; })
        .Case([&](arith::SubFOp) { return x[0] - x[1]; })
        .Case([&](arith::MulFOp) { return x[0] * x[1]; })
        .Case([&](arith::DivFOp) { return x[0] / x[1]; })
        .Case([&](arith::MaximumFOp) { return maximum(x[0], x[1], true); })
        .Case([&](arith::MaxNumFOp) { return maximum(x[0], x[1], false); })
        .Case([&](arith::MinimumFOp) { return -maximum(-x[0], -x[1], true); })
        .Case([&](arith::MinNumFOp) { return -maximum(-x[0], -x[1], false); })
        .Case([&](math::PowFOp) { return std::pow(x[0], x[1]); })
        .Default([](Operation *) { return std::nullopt; });
  return std::nullopt;
}

static std::optional<int64_t> foldInteger(Operation *op, ArrayRef<int64_t> x) {
  if (x.size() != 2)
    return std::nullopt;
  uint64_t a = x[0], b = x[1];
  auto wrap = [](uint64_t v) { return static_cast<int64_t>(v); };
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](arith::AddIOp) { return wrap(a + b); })
      .Case([&](arith::SubIOp) { return wrap(a - b); })
      .Case([&](arith::MulIOp) { return wrap(a * b); })
      .Case([&](arith::AndIOp) { return x[0] & x[1]; })
      .Case([&](arith::OrIOp) { return x[0] | x[1]; })
      .Case([&](arith::XOrIOp) { return x[0] ^ x[1]; })
      .Case([&](arith::MaxSIOp) { return std::max(x[0], x[1]); })
      .Case([&](arith::MinSIOp) { return std::min(x[0], x[1]); })
      .Default([](Operation *) { return std::nullopt; });
}

/// Brings an integer into its type's width; i1 holds 0 or 1.
static int64_t wrapTo(int64_t value, Type type) {
  if (type.isIndex())
    return value;
  unsigned width = type.getIntOrFloatBitWidth();
  if (width == 1)
    return value & 1;
  return width >= 64 ? value : llvm::SignExtend64(value, width);
}

static std::optional<Number> foldCast(Operation *op, Type resultType,
                                      const Number &x, Type from) {
  auto integer = [&](int64_t v) { return Number{false, 0, v}; };
  auto real = [&](double v) { return Number{true, v, 0}; };
  uint64_t bits = static_cast<uint64_t>(x.integer);
  if (!x.isFloat && !from.isIndex() && from.getIntOrFloatBitWidth() < 64)
    bits &= (uint64_t(1) << from.getIntOrFloatBitWidth()) - 1;
  // i1 true is -1 where it is read as signed
  int64_t asSigned = from.isInteger(1) ? -x.integer : x.integer;
  return llvm::TypeSwitch<Operation *, std::optional<Number>>(op)
      .Case([&](arith::ExtSIOp) { return integer(asSigned); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
          [&](auto) { return integer(static_cast<int64_t>(bits)); })
      .Case<arith::TruncIOp>([&](auto) { return integer(x.integer); })
      .Case([&](arith::IndexCastOp) { return integer(asSigned); })
      .Case([&](arith::SIToFPOp) { return real(asSigned); })
      .Case([&](arith::UIToFPOp) { return real(static_cast<double>(bits)); })
      .Case([&](arith::FPToSIOp) -> std::optional<Number> {
        if (!(std::fabs(x.real) < 9.0e18))
          return std::nullopt;
        return integer(static_cast<int64_t>(x.real));
      })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<Number> foldNumbers(Operation *op, Type resultType,
                                  ArrayRef<Number> operands,
                                  ArrayRef<Type> operandTypes) {
  std::optional<Number> result;
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    int64_t a = operands[0].integer, b = operands[1].integer;
    // sign extension keeps unsigned order; i1 is held as 0 or 1
    if (operandTypes[0].isInteger(1) &&
        compare.getPredicate() < arith::CmpIPredicate::ult)
      a = -a, b = -b;
    if (auto value = compareIntegers(compare.getPredicate(), a, b))
      result = Number{false, 0, *value};
  } else if (auto compare = dyn_cast<arith::CmpFOp>(op)) {
    if (auto value = compareReals(compare.getPredicate(), operands[0].real,
                                  operands[1].real))
      result = Number{false, 0, *value};
  } else if (isa<arith::SelectOp>(op)) {
    result = operands[0].integer ? operands[1] : operands[2];
  } else if (auto power = dyn_cast<math::FPowIOp>(op)) {
    result = Number{true, std::pow(operands[0].real, operands[1].integer), 0};
  } else if (operands.size() == 1) {
    result = foldCast(op, resultType, operands[0], operandTypes[0]);
  }
  if (!result && llvm::all_of(operands, [](auto &n) { return n.isFloat; })) {
    SmallVector<double> values;
    for (const Number &n : operands)
      values.push_back(n.real);
    if (auto value = foldReal(op, values))
      result = Number{true, *value, 0};
  }
  if (!result && llvm::none_of(operands, [](auto &n) { return n.isFloat; })) {
    SmallVector<int64_t> values;
    for (const Number &n : operands)
      values.push_back(n.integer);
    if (auto value = foldInteger(op, values))
      result = Number{false, 0, *value};
  }
  if (!result)
    return std::nullopt;
  if (auto floatType = dyn_cast<FloatType>(resultType)) {
    if (!result->isFloat)
      return std::nullopt;
    result->real = roundTo(result->real, floatType);
  } else {
    if (result->isFloat || !resultType.isIntOrIndex() ||
        (resultType.isInteger() && resultType.getIntOrFloatBitWidth() > 64))
      return std::nullopt;
    result->integer = wrapTo(result->integer, resultType);
  }
  return result;
}

} // namespace kvc::raise
