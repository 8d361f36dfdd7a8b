//===- ScalarOps.cpp - arith and math
//--------------------------------------===//
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

using Function = double (*)(llvm::ArrayRef<double>);

/// Maximum and minimum that hand on a NaN, as arith.maximumf does.
static double maximum(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
}

static Function findFunction(llvm::StringRef name) {
  static const llvm::StringMap<Function> table = {
#define KVC_UNARY(NAME, EXPR)                                                  \
  {NAME, [](llvm::ArrayRef<double> x) -> double {                              \
     double a = x[0];                                                          \
     return EXPR;                                                              \
   }},
#define KVC_BINARY(NAME, EXPR)                                                 \
  {NAME, [](llvm::ArrayRef<double> x) -> double {                              \
     double a = x[0], b = x[1];                                                \
     return EXPR;                                                              \
   }},
      KVC_BINARY("arith.addf", a + b) KVC_BINARY(
          "arith.subf",
          a - b) KVC_BINARY("arith.mulf",
                            a * b) KVC_BINARY("arith.divf",
                                              a / b) KVC_UNARY("arith.negf", -a)
          KVC_BINARY("arith.maximumf", maximum(a, b)) KVC_BINARY(
              "arith.minimumf", -maximum(-a, -b)) KVC_BINARY("arith.maxnumf",
                                                             std::fmax(a, b))
              KVC_BINARY("arith.minnumf", std::fmin(a, b)) KVC_BINARY(
                  "arith.addi", a + b) KVC_BINARY("arith.subi", a - b)
                  KVC_BINARY("arith.muli", a * b) KVC_BINARY(
                      "arith.maxsi", std::max(a, b)) KVC_BINARY("arith.minsi",
                                                                std::min(a, b))
                      KVC_BINARY("arith.andi", double(int64_t(a) & int64_t(b))) KVC_BINARY(
                          "arith.ori", double(int64_t(a) | int64_t(b)))
                          KVC_BINARY("arith.xori",
                                     double(int64_t(a) ^
                                            int64_t(
                                                b))) KVC_UNARY("arith.index_"
                                                               "cast",
                                                               a)
                              KVC_UNARY("arith.sitofp", a) KVC_UNARY(
                                  "arith.fptosi",
                                  std::trunc(a)) KVC_UNARY("arith.extf", a)
                                  KVC_UNARY("math.absf", std::abs(a)) KVC_UNARY(
                                      "math.cos",
                                      std::cos(
                                          a)) KVC_UNARY("math.exp", std::exp(a))
                                      KVC_UNARY("math.exp2", std::exp2(a)) KVC_UNARY(
                                          "math.log",
                                          std::log(a))
                                          KVC_BINARY(
                                              "math.powf", std::pow(a, b))
                                              KVC_UNARY("math.rsqrt",
                                                        1 / std::sqrt(a))
                                                  KVC_UNARY("math.sin",
                                                            std::sin(a))
                                                      KVC_UNARY("math.sqrt",
                                                                std::sqrt(a))
                                                          KVC_UNARY(
                                                              "math.tanh",
                                                              std::tanh(a)){
                                                              "math.fma",
                                                              [](llvm::ArrayRef<
                                                                  double>
                                                                     x) {
                                                                return x[0] *
                                                                           x[1] +
                                                                       x[2];
                                                              }},
      {"arith.select",
       [](llvm::ArrayRef<double> x) { return x[0] != 0 ? x[1] : x[2]; }},
#undef KVC_UNARY
#undef KVC_BINARY
  };
  return table.lookup(name);
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
    // Unsigned order equals signed order where both are not negative.
    if (a < 0 || b < 0)
      return op.emitError(
          "expected operands of an unsigned comparison that are "
          "not negative; the interpreter knows no others");
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
  // The predicate is a set of outcomes: bit 0 equal, 1 greater, 2 less,
  // 3 unordered.
  auto outcomes = static_cast<uint64_t>(op.getPredicate());
  if (std::isnan(a) || std::isnan(b))
    return outcomes & 8;
  return outcomes & (a == b ? 1 : a > b ? 2 : 4);
}

static FailureOr<double> apply(Operation *op, llvm::ArrayRef<double> operands) {
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
  Function function = findFunction(op->getName().getStringRef());
  if (!function)
    return op->emitError("expected an op that the interpreter knows, got `")
           << op->getName() << "`";
  return function(operands);
}

FailureOr<Datum> evaluateScalarOp(Operation *op,
                                  llvm::ArrayRef<Datum> operands) {
  if (op->getNumResults() != 1)
    return op->emitError("expected an op that the interpreter knows, got `")
           << op->getName() << "`";
  llvm::SmallVector<double> numbers(operands.size());
  const Tensor *shape = nullptr;
  for (auto [number, operand] : llvm::zip_equal(numbers, operands)) {
    if (const Tensor *tensor = std::get_if<Tensor>(&operand))
      shape = tensor;
    else if (const double *scalar = std::get_if<double>(&operand))
      number = *scalar;
    else
      return op->emitError("expected numbers as operands");
  }
  if (!shape) {
    FailureOr<double> result = apply(op, numbers);
    if (failed(result))
      return failure();
    return Datum(*result);
  }

  Tensor result(getElementTypeOrSelf(op->getResult(0)), shape->shape);
  for (size_t i = 0; i < result.numbers.size(); ++i) {
    for (auto [number, operand] : llvm::zip_equal(numbers, operands))
      if (const Tensor *tensor = std::get_if<Tensor>(&operand))
        number = tensor->numbers[i];
    FailureOr<double> element = apply(op, numbers);
    if (failed(element))
      return failure();
    result.numbers[i] = *element;
  }
  result.round();
  return Datum(std::move(result));
}

} // namespace kvc::interpreter
