//===- MutateValues.cpp - other values, numbers and ops -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers are drawn from those that decide something in a mask or a softmax:
// neighbours, zero, one, what hides a key and what almost does.
//
//===----------------------------------------------------------------------===//

#include "MutateValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace kvc::raisecheck {

bool isBefore(Operation *a, Operation *b) {
  for (; b; b = b->getParentOp())
    if (a->getBlock() == b->getBlock())
      return a->isBeforeInBlock(b);
  return false;
}

SmallVector<Value> visibleValues(Operation *op, Type type) {
  SmallVector<Value> values;
  for (Operation *at = op; at && at->getBlock(); at = at->getParentOp()) {
    for (Value argument : at->getBlock()->getArguments())
      if (argument.getType() == type)
        values.push_back(argument);
    for (Operation &other : *at->getBlock()) {
      if (&other == at)
        break;
      for (Value result : other.getResults())
        if (result.getType() == type)
          values.push_back(result);
    }
    if (at->hasTrait<OpTrait::IsIsolatedFromAbove>())
      break;
  }
  return values;
}

static double changeReal(double number, std::mt19937_64 &random) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double known[] = {
      0.0,      1.0,    -1.0,    0.5,       2.0,
      -1.0e4,   -1.0e9, -9999.0, -infinity, infinity,
      -65504.0, 1.5,    -100.0,  1.0e-3,    -3.4028234663852886e38};
  switch (random() % 4) {
  case 0:
    return number * 1.1;
  case 1:
    return -number;
  default:
    return known[random() % std::size(known)];
  }
}

static APInt changeInteger(APInt number, std::mt19937_64 &random) {
  if (number.getBitWidth() == 1)
    return ~number;
  switch (random() % 4) {
  case 0:
    return number + 1;
  case 1:
    return number - 1;
  case 2:
    return -number;
  default:
    return APInt(number.getBitWidth(), random() % 7);
  }
}

static APFloat toFloat(FloatType type, double number) {
  APFloat value(number);
  bool losesInfo;
  value.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value;
}

static double toDouble(APFloat value) {
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

TypedAttr changeNumber(TypedAttr value, std::mt19937_64 &random) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return FloatAttr::get(
        number.getType(),
        toFloat(cast<FloatType>(number.getType()),
                changeReal(number.getValueAsDouble(), random)));
  if (auto number = dyn_cast<IntegerAttr>(value))
    return IntegerAttr::get(number.getType(),
                            changeInteger(number.getValue(), random));
  auto elements = dyn_cast<DenseElementsAttr>(value);
  if (!elements || elements.getNumElements() == 0)
    return {};
  // a splat stays one
  const size_t at =
      elements.isSplat() ? 0 : random() % elements.getNumElements();
  if (auto real = dyn_cast<FloatType>(elements.getElementType())) {
    auto change = [&](const APFloat &number) {
      return toFloat(real, changeReal(toDouble(number), random));
    };
    if (elements.isSplat())
      return DenseElementsAttr::get(elements.getType(),
                                    change(elements.getSplatValue<APFloat>()));
    SmallVector<APFloat> numbers(elements.getValues<APFloat>());
    numbers[at] = change(numbers[at]);
    return DenseElementsAttr::get(elements.getType(), numbers);
  }
  if (!elements.getElementType().isIntOrIndex())
    return {};
  if (elements.isSplat())
    return DenseElementsAttr::get(
        elements.getType(),
        changeInteger(elements.getSplatValue<APInt>(), random));
  SmallVector<APInt> numbers(elements.getValues<APInt>());
  numbers[at] = changeInteger(numbers[at], random);
  return DenseElementsAttr::get(elements.getType(), numbers);
}

Value insertAfter(OpBuilder &builder, Value value, std::mt19937_64 &random,
                  Operation *&first) {
  Location loc = value.getLoc();
  Type type = value.getType();
  auto element = cast<FloatType>(getElementTypeOrSelf(type));
  auto made = [&](Value result) {
    if (!first)
      first = result.getDefiningOp();
    return result;
  };
  auto constant = [&](double number) {
    TypedAttr attribute = builder.getFloatAttr(element, number);
    if (auto shaped = dyn_cast<RankedTensorType>(type)) {
      if (!shaped.hasStaticShape())
        return Value();
      attribute = DenseElementsAttr::get(shaped, Attribute(attribute));
    }
    return made(arith::ConstantOp::create(builder, loc, attribute));
  };
  switch (random() % 9) {
  case 0:
    return made(math::TanhOp::create(builder, loc, value));
  case 1:
    return made(math::ExpOp::create(builder, loc, value));
  case 2:
    return made(arith::NegFOp::create(builder, loc, value));
  case 3:
    return made(math::AbsFOp::create(builder, loc, value));
  case 4:
  case 5:
  case 6: {
    const double numbers[] = {0.5, 2.0, 1.1, -1.0, 0.0, 1.0};
    Value number = constant(numbers[random() % std::size(numbers)]);
    if (!number)
      return {};
    if (random() % 2)
      return arith::MulFOp::create(builder, loc, value, number);
    return random() % 2
               ? Value(arith::AddFOp::create(builder, loc, value, number))
               : Value(arith::MaximumFOp::create(builder, loc, value, number));
  }
  default: {
    if (element.getWidth() < 32)
      return {};
    Type narrow =
        random() % 2 ? Type(builder.getF16Type()) : Type(builder.getBF16Type());
    if (auto shaped = dyn_cast<RankedTensorType>(type))
      narrow = shaped.clone(narrow);
    Value rounded = made(arith::TruncFOp::create(builder, loc, narrow, value));
    return arith::ExtFOp::create(builder, loc, type, rounded);
  }
  }
}

SmallVector<int64_t> equalDimensions(Type type) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped || !shaped.hasStaticShape())
    return {};
  for (int64_t a = shaped.getRank() - 1; a > 0; --a)
    for (int64_t b = a - 1; b >= 0; --b)
      if (shaped.getDimSize(a) == shaped.getDimSize(b) &&
          shaped.getDimSize(a) > 1)
        return {b, a};
  return {};
}

} // namespace kvc::raisecheck
