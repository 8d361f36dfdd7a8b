//===- KVCStatelessOps.cpp - attention and rope ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers, labelled as in docs/dialect.md, and the checks that cache ops
// share with them. yield_c1 is a trait of the op (ParentOneOf).
//
//===----------------------------------------------------------------------===//

#include "KVCOpVerifiers.h"
#include "kvcrt/abi.h"

using namespace mlir;
using namespace kvc;

bool kvc::dimsAgree(int64_t lhs, int64_t rhs) {
  return lhs == rhs || ShapedType::isDynamic(lhs) || ShapedType::isDynamic(rhs);
}

LogicalResult kvc::verifyRank(Operation *op, llvm::StringRef name,
                              ShapedType type, int64_t rank) {
  if (type.getRank() != rank)
    return op->emitOpError()
           << "expected `" << name << "` of rank " << rank << ", got " << type;
  return success();
}

LogicalResult kvc::verifyElement(Operation *op, llvm::StringRef name,
                                 ShapedType type, Type element) {
  if (type.getElementType() != element)
    return op->emitOpError()
           << "expected `" << name << "` of " << element << ", got " << type;
  return success();
}

LogicalResult kvc::verifyShape(Operation *op, llvm::StringRef name,
                               ShapedType type, llvm::ArrayRef<int64_t> shape) {
  bool agrees = type.getRank() == int64_t(shape.size());
  for (size_t i = 0; agrees && i < shape.size(); ++i)
    agrees = dimsAgree(type.getDimSize(i), shape[i]);
  if (agrees)
    return success();
  InFlightDiagnostic error = op->emitOpError()
                             << "expected `" << name << "` of shape [";
  llvm::interleaveComma(shape, error, [&](int64_t dim) {
    if (ShapedType::isDynamic(dim))
      error << "?";
    else
      error << dim;
  });
  return error << "], got " << type;
}

/// Whether `op`, nested ops included, at most reads.
static bool onlyReads(Operation *op) {
  auto effects = getEffectsRecursively(op);
  return effects && llvm::all_of(*effects, [](const auto &effect) {
           return isa<MemoryEffects::Read>(effect.getEffect());
         });
}

LogicalResult kvc::verifyScoreRegion(Operation *op, Region &region,
                                     TypeRange captures) {
  if (captures.size() > KVCRT_MAX_CAPTURES)
    return op->emitOpError() << "expected at most " << KVCRT_MAX_CAPTURES
                             << " captures, got " << captures.size();
  for (Type type : captures) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped || !shaped.hasRank() ||
        shaped.getRank() > KVCRT_MAX_CAPTURE_RANK)
      return op->emitOpError() << "expected captures of rank at most "
                               << KVCRT_MAX_CAPTURE_RANK << ", got " << type;
  }
  if (region.empty() && captures.empty())
    return success();
  if (region.empty())
    return op->emitOpError() << "expected a score region that reads the "
                             << captures.size() << " captures, got none";
  Builder builder(op->getContext());
  SmallVector<Type> expected = {builder.getF32Type()};
  expected.append(4, builder.getIndexType());
  llvm::append_range(expected, captures);
  if (region.getArgumentTypes() != TypeRange(expected))
    return op->emitOpError()
           << "expected score region arguments " << TypeRange(expected)
           << ", got " << region.getArgumentTypes();
  Block &block = region.front();
  if (block.empty() || !isa<YieldOp>(block.back()))
    return op->emitOpError() << "expected the score region to end in kvc.yield";
  // A schedule evaluates scores in any order and as often as it likes.
  for (Operation &inner : block)
    if (!onlyReads(&inner))
      return inner.emitOpError()
             << "expected an op without side effects in a score region";
  return success();
}

LogicalResult kvc::verifyScoreValues(Operation *op, const APFloat &scale,
                                     std::optional<APFloat> softcap,
                                     std::optional<int64_t> window,
                                     bool causal) {
  if (!scale.isFinite())
    return op->emitOpError()
           << "expected a finite `scale`, got " << scale.convertToDouble();
  if (softcap &&
      (!softcap->isFinite() || softcap->isNegative() || softcap->isZero()))
    return op->emitOpError() << "expected a finite, positive `softcap`, got "
                             << softcap->convertToDouble();
  if (window && (*window < 1 || *window > INT32_MAX))
    return op->emitOpError()
           << "expected `window` in [1, 2147483647] tokens, got " << *window;
  if (window && !causal)
    return op->emitOpError() << "expected `causal` with `window`; a window "
                                "counts back from the query";
  return success();
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

LogicalResult AttentionOp::verify() {
  auto q = cast<ShapedType>(getQuery().getType());
  auto k = cast<ShapedType>(getKey().getType());
  auto v = cast<ShapedType>(getValue().getType());
  auto o = cast<ShapedType>(getResult().getType());
  Type element = q.getElementType();
  // attention_c1
  if (!element.isF32() && !element.isF16() && !element.isBF16() &&
      !element.isF64())
    return emitOpError() << "expected `query` of f32, f16, bf16 or f64, got "
                         << q;
  struct Operand {
    llvm::StringRef name;
    ShapedType type;
  };
  for (Operand operand : {Operand{"query", q}, Operand{"key", k},
                          Operand{"value", v}, Operand{"result", o}})
    if (failed(verifyRank(*this, operand.name, operand.type, 4)) ||
        failed(verifyElement(*this, operand.name, operand.type, element)))
      return failure();
  // attention_c2
  int64_t batch = q.getDimSize(0), heads = q.getDimSize(1);
  int64_t rows = q.getDimSize(2), kvHeads = k.getDimSize(1);
  int64_t columns = k.getDimSize(2);
  if (failed(verifyShape(*this, "key", k,
                         {batch, kvHeads, columns, q.getDimSize(3)})) ||
      failed(verifyShape(*this, "value", v,
                         {batch, kvHeads, columns, ShapedType::kDynamic})))
    return failure();
  if (ShapedType::isStatic(heads) && ShapedType::isStatic(kvHeads) &&
      (kvHeads == 0 || heads % kvHeads != 0))
    return emitOpError() << "expected a multiple of " << kvHeads
                         << " query heads, got " << heads;
  // attention_c3
  if (failed(verifyShape(*this, "result", o,
                         {batch, heads, rows, v.getDimSize(3)})))
    return failure();
  // attention_c4, attention_c5, attention_c6
  if (failed(verifyScoreValues(*this, getScale(), getSoftcap(), getWindow(),
                               getCausal())))
    return failure();
  // attention_c7
  if (getMask()) {
    auto mask = cast<ShapedType>(getMask().getType());
    if (!mask.getElementType().isInteger(1) &&
        !isa<FloatType>(mask.getElementType()))
      return emitOpError() << "expected `mask` of i1 or a float type, got "
                           << mask;
    if (failed(verifyRank(*this, "mask", mask, 4)))
      return failure();
    int64_t maskBatch = mask.getDimSize(0) == 1 ? 1 : batch;
    int64_t maskHeads = mask.getDimSize(1) == 1 ? 1 : heads;
    if (failed(verifyShape(*this, "mask", mask,
                           {maskBatch, maskHeads, rows, columns})))
      return failure();
  }
  Type f32 = Float32Type::get(getContext());
  // attention_c8
  if (getSinkLogits()) {
    auto sinks = cast<ShapedType>(getSinkLogits().getType());
    if (failed(verifyShape(*this, "sink_logits", sinks, {heads})) ||
        failed(verifyElement(*this, "sink_logits", sinks, f32)))
      return failure();
  }
  // attention_c9
  if (getLse()) {
    auto lse = cast<ShapedType>(getLse().getType());
    if (failed(verifyShape(*this, "lse", lse, {batch, heads, rows})) ||
        failed(verifyElement(*this, "lse", lse, f32)))
      return failure();
  }
  // attention_c10
  return verifyScoreRegion(*this, getScore(), getCaptures().getTypes());
}

//===----------------------------------------------------------------------===//
// rope
//===----------------------------------------------------------------------===//

LogicalResult RopeOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  auto positions = cast<ShapedType>(getPositions().getType());
  // rope_c1
  if (input.getRank() != 3 && input.getRank() != 4)
    return emitOpError() << "expected `input` [T, H, D] or [B, H, S, D], got "
                         << input;
  if (!isa<FloatType>(input.getElementType()))
    return emitOpError() << "expected `input` of a float type, got " << input;
  // rope_c2
  if (!positions.getElementType().isInteger(32) &&
      !positions.getElementType().isInteger(64))
    return emitOpError() << "expected `positions` of i32 or i64, got "
                         << positions;
  if (input.getRank() == 4 && positions.getRank() == 2) {
    if (failed(verifyShape(*this, "positions", positions,
                           {input.getDimSize(0), input.getDimSize(2)})))
      return failure();
  } else {
    int64_t rows = input.getDimSize(input.getRank() == 3 ? 0 : 2);
    if (failed(verifyShape(*this, "positions", positions, {rows})))
      return failure();
  }
  // rope_c3
  int64_t dim = input.getShape().back();
  if (ShapedType::isStatic(dim) && getRope().getDim() > dim)
    return emitOpError() << "expected `dim` of at most head_dim " << dim
                         << ", got " << getRope().getDim();
  // rope_c4
  if (getRope().getScaling() == RopeScaling::dynamic)
    return emitOpError() << "expected a scaling that does not depend on the "
                            "length, got `dynamic`";
  return success();
}
