//===- Variant.cpp - what a kernel is made for ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a Variant exists only for what the CPU engine can run; everything
// else is refused here, with the reason.
//
//===----------------------------------------------------------------------===//

#include "Variant.h"

#include "../Kernel/ScoreRegion.h"

using namespace mlir;

namespace kvc::cpu {

/// Largest head_dim, and what every head_dim is a multiple of.
static constexpr int64_t kMaxDim = 256, kDimStep = 8;

static LogicalResult verifyDim(VariantOp op, StringRef what, int64_t dim) {
  if (dim % kDimStep == 0 && dim <= kMaxDim)
    return success();
  return op.emitOpError("expected a ")
         << what << " head_dim that is a multiple of " << kDimStep << " up to "
         << kMaxDim << " for the cpu engine, got " << dim;
}

static LogicalResult verifyStorage(VariantOp op, StringRef what,
                                   StorageAttrInterface storage) {
  std::string reason = storage.getUnsupportedReason();
  if (!reason.empty())
    return op.emitOpError("cannot run this storage of ")
           << what << ": " << reason;
  if (storage.hasZeroPoint())
    return op.emitOpError("cannot run this storage of ")
           << what << ": the cpu engine has no zero points yet; use a "
           << "symmetric format";
  return success();
}

FailureOr<Variant> getVariant(VariantOp op) {
  Variant v = Variant::read(op);
  if (failed(verifyDim(op, "key", v.keyDim())) ||
      failed(verifyDim(op, "value", v.valueDim())) ||
      failed(verifyStorage(op, "keys", v.keyStorage)) ||
      failed(verifyStorage(op, "values", v.valueStorage)))
    return failure();
  if (v.policy.retention != KVCRT_RETAIN_ALL &&
      v.policy.retention != KVCRT_RETAIN_WINDOW &&
      v.policy.retention != KVCRT_RETAIN_STREAMING) {
    op.emitOpError("expected retention all, window or streaming for the cpu "
                   "engine, got ")
        << v.retention;
    return failure();
  }
  if (v.score && failed(verifyScoreRegion(*v.score, "cpu")))
    return failure();
  return v;
}

} // namespace kvc::cpu
