//===- Variant.cpp - what the GPU engine has kernels for ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a variant that comes through here has kernels on every chip, as
// far as shared memory reaches (TileShape.cpp looks at that).
//
//===----------------------------------------------------------------------===//

#include "../Kernel/ScoreRegion.h"
#include "Kernels.h"

using namespace mlir;

namespace kvc::gpu {

/// Rows are copied in pieces of 16 bytes and multiplied in steps of 16
/// elements.
static constexpr int64_t kMaxDim = 256, kDimStep = 16;
/// Of rows whose products are of f32: twice the shared memory and registers.
static constexpr int64_t kMaxWideDim = 128;

static LogicalResult verifyDim(VariantOp op, StringRef what, int64_t dim) {
  if (dim % kDimStep == 0 && dim <= kMaxDim)
    return success();
  return op.emitOpError("expected a ")
         << what << " head_dim that is a multiple of " << kDimStep << " up to "
         << kMaxDim << " for the gpu engine, got " << dim
         << "; pad the heads or use the cpu engine";
}

static LogicalResult verifyStorage(const Variant &v, StringRef what,
                                   StorageAttrInterface storage, int64_t dim) {
  VariantOp op = v.op;
  Type element = v.element;
  std::string reason = storage.getUnsupportedReason();
  if (!reason.empty())
    return op.emitOpError("cannot run this storage of ")
           << what << ": " << reason;
  if (operandType(v, storage).isF32() && dim > kMaxWideDim)
    return op.emitOpError("expected a head_dim of at most ")
           << kMaxWideDim << " for plain f32 rows of " << what
           << " in the gpu engine, got " << dim
           << "; store them as #kvc.plain<f16> or use the cpu engine";
  if (storage.hasScale() || storage.getPayloadType() == element ||
      element.isF32())
    return success();
  return op.emitOpError("cannot run this storage of ")
         << what << ": the gpu engine keeps plain rows in the element type "
         << element << ", got " << storage.getPayloadType()
         << "; use #kvc.plain<" << element << "> or an 8-bit format";
}

Type operandType(const Variant &variant, StorageAttrInterface storage) {
  MLIRContext *context = variant.element.getContext();
  auto quant = dyn_cast<QuantAttr>(storage);
  if (quant && isa<Float8E4M3FNType>(quant.getPayload()))
    return Float16Type::get(context);
  if (!variant.element.isF32())
    return variant.element;
  return storage.hasScale() ? BFloat16Type::get(context)
                            : storage.getPayloadType();
}

bool scalesQueries(const Variant &variant) {
  return operandType(variant, variant.keyStorage).isF16() &&
         !variant.element.isF16();
}

bool scalesWeights(const Variant &variant) {
  StorageAttrInterface storage = variant.valueStorage;
  return operandType(variant, storage).isF16() && storage.hasScale();
}

FailureOr<Variant> getVariant(VariantOp op) {
  Variant v = Variant::read(op);
  if (failed(verifyDim(op, "key", v.keyDim())) ||
      failed(verifyDim(op, "value", v.valueDim())))
    return failure();
  if (!v.element.isF16() && !v.element.isBF16() && !v.element.isF32()) {
    op.emitOpError("expected an element type of f16, bf16 or f32 for the gpu "
                   "engine, got ")
        << v.element << "; convert the operands or use the cpu engine";
    return failure();
  }
  if (failed(verifyStorage(v, "keys", v.keyStorage, v.keyDim())) ||
      failed(verifyStorage(v, "values", v.valueStorage, v.valueDim())))
    return failure();
  if (v.policy.retention != KVCRT_RETAIN_ALL &&
      v.policy.retention != KVCRT_RETAIN_WINDOW &&
      v.policy.retention != KVCRT_RETAIN_STREAMING) {
    op.emitOpError("expected retention all, window or streaming for the gpu "
                   "engine, got ")
        << v.retention;
    return failure();
  }
  if (v.score && failed(verifyScoreRegion(*v.score, "gpu")))
    return failure();
  return v;
}

} // namespace kvc::gpu
