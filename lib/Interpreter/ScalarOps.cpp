//===- ScalarOps.cpp - arith and math -------------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table from op name to a function of doubles. On tensors the function is
// applied element by element and the results are rounded; scalars stay double.
//===----------------------------------------------------------------------===//
#include "kvc/Interpreter/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>

using namespace mlir;

namespace kvc::interpreter {

/// Maximum and minimum that hand on a NaN, as arith.maximumf does.
static double maximum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
}

/// Rounded down; NaN for a zero divisor.
static double floorDivide(double a, double b) {
  if (b == 0)
    return std::numeric_limits<double>::quiet_NaN();
  int64_t x = int64_t(a), y = int64_t(b);
  return double(x / y - (x % y != 0 && (x < 0) != (y < 0)));
}
static double remainder(double a, double b) {
  return b == 0 ? std::numeric_limits<double>::quiet_NaN()
                : double(int64_t(a) % int64_t(b));
}

#define KVC_UNARY(NAME, EXPR)                                                  \
  {NAME, [](llvm::ArrayRef<double> x) -> double {                              \
     double a = x[0];                                                          \
     return EXPR;                                                              \
   }}
#define KVC_BINARY(NAME, EXPR)                                                 \
  {NAME, [](llvm::ArrayRef<double> x) -> double {                              \
     double a = x[0], b = x[1];                                                \
     return EXPR;                                                              \
   }}

ScalarFunction findScalarFunction(Operation *op) {
  llvm::StringRef name = op->getName().getStringRef();
  // the number of a true i1 depends on the cast: see applyBySign
  if ((name == "arith.sitofp" || name == "arith.index_cast") &&
      getElementTypeOrSelf(op->getOperand(0)).isInteger(1))
    return nullptr;
  static const llvm::StringMap<ScalarFunction> table = {
      KVC_BINARY("arith.addf", a + b),
      KVC_BINARY("arith.subf", a - b),
      KVC_BINARY("arith.mulf", a * b),
      KVC_BINARY("arith.divf", a / b),
      KVC_BINARY("arith.remf", std::fmod(a, b)),
      KVC_UNARY("arith.negf", -a),
      KVC_BINARY("arith.maximumf", maximum(a, b)),
      KVC_BINARY("arith.minimumf", -maximum(-a, -b)),
      KVC_BINARY("arith.maxnumf", std::fmax(a, b)),
      KVC_BINARY("arith.minnumf", std::fmin(a, b)),
      KVC_BINARY("arith.addi", a + b),
      KVC_BINARY("arith.subi", a - b),
      KVC_BINARY("arith.muli", a * b),
      KVC_BINARY("arith.divsi", std::trunc(a / b)),
      KVC_BINARY("arith.floordivsi", floorDivide(a, b)),
      KVC_BINARY("arith.ceildivsi", -floorDivide(-a, b)),
      KVC_BINARY("arith.remsi", remainder(a, b)),
      KVC_BINARY("arith.maxsi", std::max(a, b)),
      KVC_BINARY("arith.minsi", std::min(a, b)),
      KVC_BINARY("arith.andi", double(int64_t(a) & int64_t(b))),
      KVC_BINARY("arith.ori", double(int64_t(a) | int64_t(b))),
      KVC_BINARY("arith.xori", double(int64_t(a) ^ int64_t(b))),
      KVC_BINARY("arith.shli", a * std::exp2(b)),
      KVC_BINARY("arith.shrsi", std::floor(a / std::exp2(b))),
      KVC_UNARY("arith.index_cast", a),
      KVC_UNARY("arith.trunci", a),
      KVC_UNARY("arith.sitofp", a),
      KVC_UNARY("arith.fptosi", std::trunc(a)),
      KVC_UNARY("arith.fptoui", std::trunc(a)),
      KVC_UNARY("arith.extf", a),
      KVC_UNARY("math.absf", std::abs(a)),
      KVC_UNARY("math.absi", std::abs(a)),
      KVC_UNARY("math.ceil", std::ceil(a)),
      KVC_BINARY("math.copysign", std::copysign(a, b)),
      KVC_UNARY("math.cos", std::cos(a)),
      KVC_UNARY("math.erf", std::erf(a)),
      KVC_UNARY("math.exp", std::exp(a)),
      KVC_UNARY("math.exp2", std::exp2(a)),
      KVC_UNARY("math.expm1", std::expm1(a)),
      KVC_UNARY("math.floor", std::floor(a)),
      KVC_BINARY("math.fpowi", std::pow(a, b)),
      KVC_UNARY("math.isnan", double(std::isnan(a))),
      KVC_UNARY("math.log", std::log(a)),
      KVC_UNARY("math.log1p", std::log1p(a)),
      KVC_UNARY("math.log2", std::log2(a)),
      KVC_BINARY("math.powf", std::pow(a, b)),
      KVC_UNARY("math.round", std::round(a)),
      KVC_UNARY("math.roundeven", std::nearbyint(a)),
      KVC_UNARY("math.rsqrt", 1 / std::sqrt(a)),
      KVC_UNARY("math.sin", std::sin(a)),
      KVC_UNARY("math.sqrt", std::sqrt(a)),
      KVC_UNARY("math.tan", std::tan(a)),
      KVC_UNARY("math.tanh", std::tanh(a)),
      KVC_UNARY("math.trunc", std::trunc(a)),
      {"math.fma", [](llvm::ArrayRef<double> x) { return x[0] * x[1] + x[2]; }},
      {"arith.select",
       [](llvm::ArrayRef<double> x) { return x[0] != 0 ? x[1] : x[2]; }},
  };
  return table.lookup(name);
}
#undef KVC_UNARY
#undef KVC_BINARY

/// 2^bits of an integer type; 0 for index and i64, which doubles do not hold.
static double modulus(Type type) {
  auto integer = dyn_cast<IntegerType>(getElementTypeOrSelf(type));
  return integer && integer.getWidth() < 53 ? std::ldexp(1, integer.getWidth())
                                            : 0;
}

/// The number that an integer of the type holds: i1 is 0 or 1, others are
/// signed.
static double wrap(Type type, double number) {
  double all = modulus(type);
  if (all == 0 || std::isnan(number))
    return number;
  number -= std::floor(number / all) * all;
  return all > 2 && number >= all / 2 ? number - all : number;
}

/// Casts whose meaning is in the operand's width, and unsigned arithmetic.
static std::optional<double> applyBySign(Operation *op,
                                         llvm::ArrayRef<double> operands) {
  llvm::StringRef name = op->getName().getStringRef();
  Type type = op->getOperand(0).getType();
  auto asUnsigned = [&](double number) {
    return number < 0 ? number + modulus(type) : number;
  };
  bool isBoolean = getElementTypeOrSelf(type).isInteger(1);
  if (name == "arith.extui" || name == "arith.uitofp" ||
      name == "arith.index_castui")
    return asUnsigned(operands[0]);
  if (name == "arith.extsi" ||
      (isBoolean && (name == "arith.sitofp" || name == "arith.index_cast")))
    return isBoolean ? -operands[0] : operands[0];
  if (operands.size() != 2)
    return std::nullopt;
  double a = asUnsigned(operands[0]), b = asUnsigned(operands[1]);
  if (name == "arith.maxui")
    return std::max(a, b);
  if (name == "arith.minui")
    return std::min(a, b);
  if (name == "arith.divui")
    return floorDivide(a, b);
  if (name == "arith.remui")
    return remainder(a, b);
  if (name == "arith.shrui")
    return std::floor(a / std::exp2(b));
  return std::nullopt;
}

/// arith.cmpi and cmpf: -1, 0, 1 of the operands, or unordered.
static FailureOr<bool> compare(arith::CmpIOp op, double a, double b) {
  switch (op.getPredicate()) {
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
  default:
    // Unsigned order: what is negative comes last.
    if ((a < 0) != (b < 0))
      std::swap(a, b);
    switch (op.getPredicate()) {
    case arith::CmpIPredicate::ult:
      return a < b;
    case arith::CmpIPredicate::ule:
      return a <= b;
    case arith::CmpIPredicate::ugt:
      return a > b;
    default:
      return a >= b;
    }
  }
}

static bool compare(arith::CmpFOp op, double a, double b) {
  // Ordered predicates are sets of outcomes (bit 0 equal, 1 greater, 2 less);
  // unordered ones follow from 8 on in an order of their own.
  using P = arith::CmpFPredicate;
  const int outcome = a == b ? 1 : a > b ? 2 : 4;
  const bool unordered = std::isnan(a) || std::isnan(b);
  switch (op.getPredicate()) {
  case P::UEQ:
    return unordered || outcome == 1;
  case P::UGT:
    return unordered || outcome == 2;
  case P::UGE:
    return unordered || (outcome & 3);
  case P::ULT:
    return unordered || outcome == 4;
  case P::ULE:
    return unordered || (outcome & 5);
  case P::UNE:
    return unordered || (outcome & 6);
  case P::UNO:
    return unordered;
  case P::AlwaysTrue:
    return true;
  default:
    return !unordered && (static_cast<int>(op.getPredicate()) & outcome);
  }
}

/// `number` as a value of the op's result. What arith leaves undefined (a zero
/// divisor, a float that no integer holds) is an error: nothing can be
/// compared.
static FailureOr<double> finish(Operation *op, double number) {
  Type type = op->getResult(0).getType();
  if (isa<FloatType>(getElementTypeOrSelf(type)) || std::isfinite(number))
    return wrap(type, number);
  return op->emitError("expected operands with a result that is defined");
}

FailureOr<double> applyScalarOp(Operation *op, ScalarFunction function,
                                llvm::ArrayRef<double> operands) {
  if (function)
    return finish(op, function(operands));
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return double(compare(cmp, operands[0], operands[1]));
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    FailureOr<bool> holds = compare(cmp, operands[0], operands[1]);
    if (failed(holds))
      return failure();
    return double(*holds);
  }
  if (isa<arith::TruncFOp>(op))
    return roundToType(getElementTypeOrSelf(op->getResult(0)), operands[0]);
  if (op->getNumResults() != 1 || op->getNumOperands() == 0)
    return op->emitError("expected an op that the interpreter knows, got `")
           << op->getName() << "`";
  if (std::optional<double> number = applyBySign(op, operands))
    return finish(op, *number);
  return op->emitError("expected an op that the interpreter knows, got `")
         << op->getName() << "`";
}

FailureOr<Datum> evaluateScalarOp(Operation *op,
                                  llvm::ArrayRef<Datum> operands) {
  if (op->getNumResults() != 1)
    return op->emitError("expected an op that the interpreter knows, got `")
           << op->getName() << "`";
  llvm::SmallVector<double> numbers(operands.size());
  const Tensor *shape = nullptr;
  ScalarFunction function = findScalarFunction(op);
  for (auto [number, operand] : llvm::zip_equal(numbers, operands)) {
    if (const Tensor *tensor = std::get_if<Tensor>(&operand))
      shape = tensor;
    else if (const double *scalar = std::get_if<double>(&operand))
      number = *scalar;
    else
      return op->emitError("expected numbers as operands");
  }
  if (!shape) {
    FailureOr<double> result = applyScalarOp(op, function, numbers);
    if (failed(result))
      return failure();
    return Datum(*result);
  }

  Tensor result(getElementTypeOrSelf(op->getResult(0)), shape->shape);
  for (size_t i = 0; i < result.numbers.size(); ++i) {
    for (auto [number, operand] : llvm::zip_equal(numbers, operands))
      if (const Tensor *tensor = std::get_if<Tensor>(&operand))
        number = tensor->numbers[i];
    FailureOr<double> element = applyScalarOp(op, function, numbers);
    if (failed(element))
      return failure();
    result.numbers[i] = *element;
  }
  result.round();
  return Datum(std::move(result));
}

} // namespace kvc::interpreter
