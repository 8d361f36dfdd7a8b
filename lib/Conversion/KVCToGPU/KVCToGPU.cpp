//===- KVCToGPU.cpp - the pass convert-kvc-to-gpu -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: after the pass the module holds no kvc.variant, and every op that
// it added is legal for buildLowerGpuKernelsPipeline.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"

#include "HostFunctions.h"
#include "Kernels.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace kvc {
#define GEN_PASS_DEF_CONVERTKVCTOGPUPASS
#include "kvc/Conversion/KVCToGPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {
struct ConvertKVCToGPUPass
    : kvc::impl::ConvertKVCToGPUPassBase<ConvertKVCToGPUPass> {
  using ConvertKVCToGPUPassBase::ConvertKVCToGPUPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = kvc::gpu::Chip::get(chip, [&] { return module.emitError(); });
    if (failed(target))
      return signalPassFailure();
    SmallVector<kvc::VariantOp> variants(module.getOps<kvc::VariantOp>());
    for (kvc::VariantOp op : variants) {
      FailureOr<kvc::kernel::Variant> variant = kvc::gpu::getVariant(op);
      if (failed(variant))
        return signalPassFailure();
      OpBuilder builder(op);
      auto kernels = mlir::gpu::GPUModuleOp::create(builder, op.getLoc(),
                                                    variant->name + "_gpu");
      builder.setInsertionPointToStart(kernels.getBody());
      kvc::gpu::KernelEmitter emitter(*variant, *target, builder);
      emitter.emitShared();
      emitter.emitAppend();
      if (failed(emitter.emitSplitDecode()) ||
          failed(emitter.emitTiledPrefill()))
        return signalPassFailure();
      emitter.emitMerge();
      kvc::gpu::emitHostFunctions(*variant, kernels);
      op.erase();
    }
    if (!variants.empty())
      module->setAttr(mlir::gpu::GPUDialect::getContainerModuleAttrName(),
                      UnitAttr::get(&getContext()));
  }
};
} // namespace
