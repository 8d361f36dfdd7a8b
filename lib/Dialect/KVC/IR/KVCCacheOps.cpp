//===- KVCCacheOps.cpp - append, attend, merge, gather, variant -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers, labelled as in docs/dialect.md, and memory effects: caches are a
// resource of their own; memref operands have effects of the default one.
//
//===----------------------------------------------------------------------===//

#include "KVCOpVerifiers.h"

using namespace mlir;
using namespace kvc;

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// Reads of the memrefs among `operands`, writes of those among `inits`.
static void addMemrefEffects(MutableArrayRef<OpOperand> operands,
                             MutableOperandRange inits, Effects &effects) {
  for (OpOperand &operand : operands)
    if (isa<MemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  for (OpOperand &init : inits)
    if (isa<MemRefType>(init.get().getType()))
      effects.emplace_back(MemoryEffects::Write::get(), &init);
}

/// The results of a destination-style op are its tensor inits, in order.
static LogicalResult verifyResults(Operation *op, MutableOperandRange inits) {
  SmallVector<Type> expected;
  for (OpOperand &init : inits)
    if (isa<RankedTensorType>(init.get().getType()))
      expected.push_back(init.get().getType());
  if (op->getNumResults() != expected.size())
    return op->emitOpError()
           << "expected one result per tensor in `outs`, " << expected.size()
           << ", got " << op->getNumResults();
  if (op->getResultTypes() != TypeRange(expected))
    return op->emitOpError() << "expected result types " << TypeRange(expected)
                             << " as in `outs`, got " << op->getResultTypes();
  return success();
}

/// Explicit ALiBi slopes are one per query head.
static LogicalResult verifySlopes(Operation *op, CacheType cache,
                                  int64_t heads) {
  auto alibi = dyn_cast<AlibiAttr>(cache.getPosition());
  if (alibi && alibi.getSlopes() && alibi.getSlopes().size() != heads)
    return op->emitOpError() << "expected one ALiBi slope per query head, "
                             << heads << ", got " << alibi.getSlopes().size();
  return success();
}

//===----------------------------------------------------------------------===//
// append
//===----------------------------------------------------------------------===//

void AppendOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getCacheMutable(),
                       CacheResource::get());
  for (OpOperand *operand : {&getKeyMutable(), &getValueMutable()})
    if (isa<MemRefType>(operand->get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), operand);
}

LogicalResult AppendOp::verify() {
  CacheType cache = getCache().getType();
  auto key = cast<ShapedType>(getKey().getType());
  auto value = cast<ShapedType>(getValue().getType());
  // append_c1
  if (failed(verifyRank(*this, "key", key, 3)) ||
      failed(verifyRank(*this, "value", value, 3)) ||
      failed(verifyElement(*this, "key", key, cache.getElementType())) ||
      failed(verifyElement(*this, "value", value, cache.getElementType())))
    return failure();
  // append_c2, append_c3
  int64_t rows = key.getDimSize(0);
  if (failed(verifyShape(*this, "key", key,
                         {rows, cache.getKvHeads(), cache.getKeyDim()})))
    return failure();
  return verifyShape(*this, "value", value,
                     {rows, cache.getKvHeads(), cache.getValueDim()});
}

//===----------------------------------------------------------------------===//
// attend
//===----------------------------------------------------------------------===//

MutableOperandRange AttendOp::getDpsInitsMutable() {
  unsigned first = getOutMutable().getOperandNumber();
  return MutableOperandRange(*this, first, getLse() ? 2 : 1);
}

void AttendOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getCacheMutable(),
                       CacheResource::get());
  unsigned inits = getOutMutable().getOperandNumber();
  addMemrefEffects(getOperation()->getOpOperands().take_front(inits),
                   getDpsInitsMutable(), effects);
}

LogicalResult AttendOp::verify() {
  CacheType cache = getCache().getType();
  auto query = cast<ShapedType>(getQuery().getType());
  auto out = cast<ShapedType>(getOut().getType());
  // attend_c1
  if (failed(verifyRank(*this, "query", query, 3)) ||
      failed(verifyRank(*this, "out", out, 3)) ||
      failed(verifyElement(*this, "query", query, cache.getElementType())) ||
      failed(verifyElement(*this, "out", out, cache.getElementType())))
    return failure();
  // attend_c2
  int64_t rows = query.getDimSize(0), heads = query.getDimSize(1);
  if (failed(
          verifyShape(*this, "query", query, {rows, heads, cache.getKeyDim()})))
    return failure();
  if (ShapedType::isDynamic(heads) || heads < 1 ||
      heads % cache.getKvHeads() != 0)
    return emitOpError() << "expected a static multiple of "
                         << cache.getKvHeads() << " query heads, got " << query;
  // attend_c3
  if (failed(
          verifyShape(*this, "out", out, {rows, heads, cache.getValueDim()})))
    return failure();
  // attend_c4
  Type f32 = Float32Type::get(getContext());
  if (getLse()) {
    auto lse = cast<ShapedType>(getLse().getType());
    if (failed(verifyShape(*this, "lse", lse, {rows, heads})) ||
        failed(verifyElement(*this, "lse", lse, f32)))
      return failure();
  }
  // attend_c5, attend_c6
  if (failed(verifyScoreValues(*this, getScale(), getSoftcap(), getWindow(),
                               getCausal())))
    return failure();
  if (getWindow() && cache.getRetention().getNumSinkTokens() > 0)
    return emitOpError() << "expected no `window` on a streaming cache, got "
                         << *getWindow() << "; the retention has its own";
  // attend_c7
  if (getMask()) {
    auto mask = cast<ShapedType>(getMask().getType());
    if (!mask.getElementType().isInteger(1) && !mask.getElementType().isF32())
      return emitOpError() << "expected `mask` of i1 or f32, got " << mask;
    if (failed(verifyShape(*this, "mask", mask, {rows, ShapedType::kDynamic})))
      return failure();
  }
  // attend_c8
  if (getSinkLogits()) {
    auto sinks = cast<ShapedType>(getSinkLogits().getType());
    if (failed(verifyShape(*this, "sink_logits", sinks, {heads})) ||
        failed(verifyElement(*this, "sink_logits", sinks, f32)))
      return failure();
  }
  // attend_c9
  if (failed(verifyScoreRegion(*this, getScore(), getCaptures().getTypes())))
    return failure();
  // attend_c10
  if (failed(verifyResults(*this, getDpsInitsMutable())))
    return failure();
  // attend_c11
  return verifySlopes(*this, cache, heads);
}

//===----------------------------------------------------------------------===//
// merge
//===----------------------------------------------------------------------===//

MutableOperandRange MergeOp::getDpsInitsMutable() {
  return MutableOperandRange(*this, getOutMutable().getOperandNumber(), 2);
}

void MergeOp::getEffects(Effects &effects) {
  unsigned inits = getOutMutable().getOperandNumber();
  addMemrefEffects(getOperation()->getOpOperands().take_front(inits),
                   getDpsInitsMutable(), effects);
}

LogicalResult MergeOp::verify() {
  auto partialOut = cast<ShapedType>(getPartialOut().getType());
  auto partialLse = cast<ShapedType>(getPartialLse().getType());
  auto out = cast<ShapedType>(getOut().getType());
  auto lse = cast<ShapedType>(getLse().getType());
  Type f32 = Float32Type::get(getContext());
  // merge_c1
  if (failed(verifyRank(*this, "partial_out", partialOut, 4)) ||
      failed(verifyElement(*this, "partial_out", partialOut, f32)) ||
      failed(verifyShape(*this, "partial_lse", partialLse,
                         partialOut.getShape().drop_back())) ||
      failed(verifyElement(*this, "partial_lse", partialLse, f32)))
    return failure();
  // merge_c2
  if (failed(
          verifyShape(*this, "out", out, partialOut.getShape().drop_front())))
    return failure();
  if (!isa<FloatType>(out.getElementType()))
    return emitOpError() << "expected `out` of a float type, got " << out;
  if (failed(
          verifyShape(*this, "lse", lse, partialLse.getShape().drop_front())) ||
      failed(verifyElement(*this, "lse", lse, f32)))
    return failure();
  // merge_c3
  if (getSinkLogits()) {
    auto sinks = cast<ShapedType>(getSinkLogits().getType());
    if (failed(verifyShape(*this, "sink_logits", sinks,
                           {partialOut.getDimSize(2)})) ||
        failed(verifyElement(*this, "sink_logits", sinks, f32)))
      return failure();
  }
  // merge_c4
  return verifyResults(*this, getDpsInitsMutable());
}

//===----------------------------------------------------------------------===//
// gather
//===----------------------------------------------------------------------===//

void GatherOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getCacheMutable(),
                       CacheResource::get());
}

LogicalResult GatherOp::verify() {
  CacheType cache = getCache().getType();
  auto key = cast<ShapedType>(getKey().getType());
  auto value = cast<ShapedType>(getValue().getType());
  // gather_c1
  if (failed(verifyElement(*this, "key", key, cache.getElementType())) ||
      failed(verifyElement(*this, "value", value, cache.getElementType())))
    return failure();
  // gather_c2
  constexpr int64_t any = ShapedType::kDynamic;
  if (failed(verifyShape(*this, "key", key,
                         {any, cache.getKvHeads(), cache.getKeyDim()})))
    return failure();
  return verifyShape(*this, "value", value,
                     {any, cache.getKvHeads(), cache.getValueDim()});
}

//===----------------------------------------------------------------------===//
// variant
//===----------------------------------------------------------------------===//

LogicalResult VariantOp::verify() {
  CacheType cache = getCacheType();
  int64_t heads = getQueryHeads();
  // variant_c1
  if (heads < 1 || heads > 65536 || heads % cache.getKvHeads() != 0)
    return emitOpError() << "expected `query_heads` to be a positive multiple "
                            "of "
                         << cache.getKvHeads() << " up to 65536, got " << heads;
  // variant_c2, variant_c3
  auto captures = llvm::to_vector(getCaptures().getAsValueRange<TypeAttr>());
  for (Type type : captures)
    if (!isa<RankedTensorType>(type))
      return emitOpError() << "expected captures that are ranked tensors, got "
                           << type;
  if (failed(verifyScoreRegion(*this, getScore(), captures)))
    return failure();
  // variant_c4
  if (getWindow() && cache.getRetention().getNumSinkTokens() > 0)
    return emitOpError() << "expected no `window` with a streaming cache; the "
                            "retention has its own";
  // variant_c5
  return verifySlopes(*this, cache, heads);
}
