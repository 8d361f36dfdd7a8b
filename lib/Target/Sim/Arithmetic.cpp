//===- Arithmetic.cpp - arithmetic that a GPU does otherwise --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Approximate functions go through the table; conversions of floats to integers
// saturate; bf16 is rounded here, where host code would call a library.
//
//===----------------------------------------------------------------------===//

#include "Rewriter.h"

#include "llvm/ADT/StringSwitch.h"

namespace kvc::sim {

using namespace mlir;

namespace {

Type elementOf(Type type) { return getElementTypeOrSelf(type); }

/// The type with another element type.
Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return VectorType::get(vector.getShape(), element);
  return element;
}

Value splat(OpBuilder &builder, Location loc, Type type, int64_t value) {
  auto element = cast<IntegerType>(elementOf(type));
  Attribute attr = IntegerAttr::get(element, value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, attr);
  return LLVM::ConstantOp::create(builder, loc, type, cast<TypedAttr>(attr));
}

} // namespace

/// Round half to even; a NaN becomes 0x7fff, as cvt.rn.bf16.f32 does.
Value Rewriter::truncateToBf16(Location loc, Value value) {
  Type words = withElement(value.getType(), builder.getI32Type());
  Type halves = withElement(value.getType(), builder.getI16Type());
  Value bits = LLVM::BitcastOp::create(builder, loc, words, value);
  auto number = [&](int64_t n) { return splat(builder, loc, words, n); };
  Value odd = LLVM::AndOp::create(
      builder, loc, LLVM::LShrOp::create(builder, loc, bits, number(16)),
      number(1));
  Value rounded = LLVM::AddOp::create(
      builder, loc, bits,
      LLVM::AddOp::create(builder, loc, odd, number(0x7fff)));
  Value isNaN = LLVM::FCmpOp::create(builder, loc, LLVM::FCmpPredicate::uno,
                                     value, value);
  Value result = LLVM::SelectOp::create(
      builder, loc, isNaN, number(0x7fff),
      LLVM::LShrOp::create(builder, loc, rounded, number(16)));
  result = LLVM::TruncOp::create(builder, loc, halves, result);
  return LLVM::BitcastOp::create(
      builder, loc, withElement(value.getType(), builder.getBF16Type()),
      result);
}

/// By its bits: LLVM folds fpext into comparisons in bf16, which hosts without
/// such instructions call a library for.
Value Rewriter::extendFromBf16(Location loc, Value value) {
  Type words = withElement(value.getType(), builder.getI32Type());
  Type halves = withElement(value.getType(), builder.getI16Type());
  Value bits = LLVM::ZExtOp::create(
      builder, loc, words,
      LLVM::BitcastOp::create(builder, loc, halves, value));
  bits =
      LLVM::ShlOp::create(builder, loc, bits, splat(builder, loc, words, 16));
  return LLVM::BitcastOp::create(
      builder, loc, withElement(value.getType(), builder.getF32Type()), bits);
}

void Rewriter::approximate(Operation *op, uint32_t which) {
  Location loc = op->getLoc();
  Value operand = op->getOperand(0);
  auto one = [&](Value value) {
    return call(op, Intrinsic::approximate, {i32(loc, which), value});
  };
  Value result;
  if (auto vector = dyn_cast<VectorType>(operand.getType())) {
    result = LLVM::PoisonOp::create(builder, loc, vector);
    for (int64_t i = 0; i < vector.getNumElements(); ++i) {
      Value index = i32(loc, uint32_t(i));
      Value value =
          LLVM::ExtractElementOp::create(builder, loc, operand, index);
      result = LLVM::InsertElementOp::create(builder, loc, result, one(value),
                                             index);
    }
  } else {
    result = one(operand);
  }
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
}

/// fma of 16-bit floats, rounded once: host code would go through a library.
void Rewriter::fusedMultiplyAdd(Operation *op) {
  Location loc = op->getLoc();
  Type type = op->getResult(0).getType();
  uint32_t which =
      KVCRT_SIM_HALF2_FMA |
      (elementOf(type).isBF16() ? KVCRT_SIM_TYPE_BF16 : KVCRT_SIM_TYPE_F16)
          << 8;
  auto one = [&](ValueRange operands) {
    SmallVector<Value> words = {i32(loc, which)};
    for (Value operand : operands)
      words.push_back(toInteger(loc, operand, 32));
    return fromInteger(loc, call(op, Intrinsic::half2, words), elementOf(type));
  };
  Value result;
  if (auto vector = dyn_cast<VectorType>(type)) {
    result = LLVM::PoisonOp::create(builder, loc, vector);
    for (int64_t i = 0; i < vector.getNumElements(); ++i) {
      Value index = i32(loc, uint32_t(i));
      SmallVector<Value> elements;
      for (Value operand : op->getOperands())
        elements.push_back(
            LLVM::ExtractElementOp::create(builder, loc, operand, index));
      result = LLVM::InsertElementOp::create(builder, loc, result,
                                             one(elements), index);
    }
  } else {
    result = one(op->getOperands());
  }
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
}

LogicalResult Rewriter::rewriteArithmetic(Operation *op, bool &handled) {
  Location loc = op->getLoc();
  StringRef name = op->getName().stripDialect();
  handled = true;
  // NVPTX selects the approximate instructions for these.
  std::optional<uint32_t> which =
      llvm::StringSwitch<std::optional<uint32_t>>(name)
          .Case("intr.exp2", KVCRT_SIM_APPROXIMATE_EX2)
          .Case("intr.log2", KVCRT_SIM_APPROXIMATE_LG2)
          .Case("intr.sin", KVCRT_SIM_APPROXIMATE_SIN)
          .Case("intr.cos", KVCRT_SIM_APPROXIMATE_COS)
          .Case("intr.tanh", KVCRT_SIM_APPROXIMATE_TANH)
          .Default(std::nullopt);
  if (which) {
    if (!elementOf(op->getOperand(0).getType()).isF32())
      return op->emitError() << "expected `" << op->getName()
                             << "` on f32, got " << op->getOperand(0).getType();
    approximate(op, *which);
    return success();
  }
  Type result = op->getNumResults() == 1 ? op->getResult(0).getType() : Type();
  if (isa<LLVM::FMAOp, LLVM::FMulAddOp>(op) &&
      (elementOf(result).isBF16() || elementOf(result).isF16())) {
    fusedMultiplyAdd(op);
    return success();
  }
  // Out of range saturates on a GPU and is poison on the host.
  if (isa<LLVM::FPToSIOp, LLVM::FPToUIOp>(op)) {
    bool isSigned = isa<LLVM::FPToSIOp>(op);
    Value operand = op->getOperand(0);
    if (elementOf(operand.getType()).isBF16())
      operand = extendFromBf16(loc, operand);
    auto call = LLVM::CallIntrinsicOp::create(
        builder, loc, result,
        builder.getStringAttr(isSigned ? "llvm.fptosi.sat" : "llvm.fptoui.sat"),
        ValueRange{operand});
    op->getResult(0).replaceAllUsesWith(call.getResult(0));
    op->erase();
    return success();
  }
  if (isa<LLVM::FPExtOp>(op) &&
      elementOf(op->getOperand(0).getType()).isBF16()) {
    Value wide = extendFromBf16(loc, op->getOperand(0));
    if (!elementOf(result).isF32())
      wide = LLVM::FPExtOp::create(builder, loc, result, wide);
    op->getResult(0).replaceAllUsesWith(wide);
    op->erase();
    return success();
  }
  if (auto compare = dyn_cast<LLVM::FCmpOp>(op);
      compare && elementOf(compare.getLhs().getType()).isBF16()) {
    Value result = LLVM::FCmpOp::create(builder, loc, compare.getPredicate(),
                                        extendFromBf16(loc, compare.getLhs()),
                                        extendFromBf16(loc, compare.getRhs()));
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
    return success();
  }
  if (!result || !elementOf(result).isBF16() ||
      isa<LLVM::LoadOp, LLVM::SelectOp, LLVM::BitcastOp, LLVM::ConstantOp,
          LLVM::ExtractElementOp, LLVM::InsertElementOp, LLVM::ShuffleVectorOp,
          LLVM::ExtractValueOp, LLVM::FNegOp, LLVM::UndefOp, LLVM::PoisonOp,
          LLVM::ZeroOp, LLVM::FAbsOp, LLVM::FreezeOp>(op)) {
    handled = false;
    return success();
  }
  // Arithmetic in bf16: host code would round through a library.
  if (isa<LLVM::FPTruncOp>(op)) {
    Value operand = op->getOperand(0);
    if (!elementOf(operand.getType()).isF32())
      return op->emitError()
             << "expected fptrunc to bf16 from f32, got " << operand.getType();
    op->getResult(0).replaceAllUsesWith(truncateToBf16(loc, operand));
    op->erase();
    return success();
  }
  // One operation in f32 and one rounding: 24 bits are enough for 8.
  if (isa<LLVM::FAddOp, LLVM::FSubOp, LLVM::FMulOp, LLVM::FDivOp, LLVM::SqrtOp,
          LLVM::MaxNumOp, LLVM::MinNumOp, LLVM::MaximumOp, LLVM::MinimumOp,
          LLVM::SIToFPOp, LLVM::UIToFPOp>(op)) {
    Type wide = withElement(result, builder.getF32Type());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(elementOf(operand.getType()).isBF16()
                             ? extendFromBf16(loc, operand)
                             : operand);
    OperationState state(loc, op->getName(), operands, wide);
    Operation *inF32 = builder.create(state);
    op->getResult(0).replaceAllUsesWith(
        truncateToBf16(loc, inF32->getResult(0)));
    op->erase();
    return success();
  }
  return op->emitError() << "expected arithmetic in bf16 that the simulator "
                            "knows, got `"
                         << op->getName() << "`; compute in f32";
}

} // namespace kvc::sim
