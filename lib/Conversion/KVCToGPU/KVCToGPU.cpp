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

static LogicalResult emitKernels(const kvc::kernel::Variant &variant,
                                 const kvc::gpu::Chip &chip,
                                 OpBuilder &builder) {
  auto frugality = kvc::gpu::Frugality::get(variant.op);
  if (failed(frugality))
    return failure();
  kvc::gpu::KernelEmitter emitter(variant, chip, *frugality, builder);
  emitter.emitShared();
  emitter.emitAppend();
  if (failed(emitter.emitSplitDecode()) || failed(emitter.emitTiledPrefill()))
    return failure();
  emitter.emitMerge();
  return success();
}

/// Kernels without bodies: somebody has them compiled.
static LogicalResult declareKernels(kvc::VariantOp op, ArrayAttr compiled,
                                    OpBuilder &builder) {
  MLIRContext *context = op.getContext();
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(context), {LLVM::LLVMPointerType::get(context)});
  for (Attribute attribute : compiled) {
    auto kernel = dyn_cast<DictionaryAttr>(attribute);
    auto name = kernel ? kernel.getAs<StringAttr>("name") : StringAttr();
    auto threads = kernel ? kernel.getAs<IntegerAttr>("threads") : nullptr;
    auto numbers = kernel ? kernel.getAs<DictionaryAttr>("numbers") : nullptr;
    if (!name || !threads || !numbers)
      return op.emitOpError("expected {name, numbers, threads} in `")
             << kvc::kCompiledKernelsAttr << "`, got " << attribute;
    auto function =
        LLVM::LLVMFuncOp::create(builder, op.getLoc(), name.getValue(), type);
    function->setAttr("gpu.kernel", builder.getUnitAttr());
    function->setAttr("nvvm.kernel", builder.getUnitAttr());
    function->setAttr("nvvm.reqntid", builder.getDenseI32ArrayAttr(
                                          {int32_t(threads.getInt()), 1, 1}));
    for (NamedAttribute number : numbers)
      function->setAttr(number.getName(), number.getValue());
  }
  return success();
}

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
      auto kernels = mlir::gpu::GPUModuleOp::create(
          builder, op.getLoc(), kvc::gpuModuleName(variant->name));
      builder.setInsertionPointToStart(kernels.getBody());
      if (auto compiled =
              op->getAttrOfType<ArrayAttr>(kvc::kCompiledKernelsAttr)) {
        if (failed(declareKernels(op, compiled, builder)))
          return signalPassFailure();
      } else if (failed(emitKernels(*variant, *target, builder))) {
        return signalPassFailure();
      }
      if (Attribute key = op->getAttr(kvc::kImageKeyAttr))
        kernels->setAttr(kvc::kImageKeyAttr, key);
      kvc::gpu::emitHostFunctions(*variant, kernels);
      op.erase();
    }
    if (!variants.empty())
      module->setAttr(mlir::gpu::GPUDialect::getContainerModuleAttrName(),
                      UnitAttr::get(&getContext()));
  }
};
} // namespace
