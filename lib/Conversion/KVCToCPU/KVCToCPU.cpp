//===- KVCToCPU.cpp - the pass convert-kvc-to-cpu -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: after the pass the module holds no kvc.variant, and every op that
// it added is legal for buildLowerKernelsToLLVMPipeline.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/KVCToCPU/KVCToCPU.h"

#include "Kernels.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace kvc {
#define GEN_PASS_DEF_CONVERTKVCTOCPUPASS
#include "kvc/Conversion/KVCToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

kvc::ConvertKVCToCPUPassOptions kvc::getKVCToCPUOptions(StringRef features) {
  SmallVector<StringRef> names;
  features.split(names, ',');
  auto has = [&](StringRef name) { return llvm::is_contained(names, name); };
  ConvertKVCToCPUPassOptions options;
  options.vectorBits = has("+avx512f") ? 512 : has("+avx2") ? 256 : 128;
  // Every 64-bit Arm has the instructions that x86-64 got over time.
  options.fma = has("+fma") || has("+neon");
  options.f16c = has("+f16c") || has("+neon");
  // A list may leave out what its newer names imply.
  options.round =
      has("+sse4.1") || has("+avx2") || has("+avx512f") || has("+neon");
  return options;
}

namespace {
struct ConvertKVCToCPUPass
    : kvc::impl::ConvertKVCToCPUPassBase<ConvertKVCToCPUPass> {
  using ConvertKVCToCPUPassBase::ConvertKVCToCPUPassBase;

  void runOnOperation() override {
    if (vectorBits != 128 && vectorBits != 256 && vectorBits != 512) {
      getOperation().emitError("expected vector-bits of 128, 256 or 512, got ")
          << vectorBits.getValue();
      return signalPassFailure();
    }
    kvc::kernel::VectorTarget target{vectorBits, fma, f16c, round};
    SmallVector<kvc::VariantOp> variants(
        getOperation().getOps<kvc::VariantOp>());
    for (kvc::VariantOp op : variants) {
      FailureOr<kvc::kernel::Variant> variant = kvc::cpu::getVariant(op);
      if (failed(variant))
        return signalPassFailure();
      OpBuilder builder(op);
      kvc::cpu::KernelEmitter emitter(*variant, target, builder);
      emitter.emitWorkspace();
      emitter.emitAppend();
      emitter.emitAttend();
      emitter.emitMerge();
      op.erase();
    }
  }
};
} // namespace
