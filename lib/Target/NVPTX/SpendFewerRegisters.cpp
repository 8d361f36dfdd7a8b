//===- SpendFewerRegisters.cpp - kernels that spill, emitted again --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many registers a kernel takes, ptxas alone knows, and it differs from
// chip to chip. A schedule picks its fastest shape; where that spills, the
// kernel is emitted again from its variant with the next level of frugality.
//
// Invariant: the image that is left spills no more than the one that came, and
// kernels that did not spill stay as they were.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace kvc::nvptx {

namespace {
/// kFrugalityAttr, to be raised.
struct Levels {
  int32_t decode = 0, prefill = 0;
  /// Raises the level of each kernel of `cubin` that spills; false where one of
  /// them has no higher one.
  bool raise(const Cubin &cubin) {
    bool raised = false;
    for (const KernelUsage &kernel : cubin.usage()) {
      if (!kernel.spilledBytes())
        continue;
      StringRef name = kernel.name;
      int32_t *level = name.ends_with("_attend_decode")    ? &decode
                       : name.ends_with("_attend_prefill") ? &prefill
                                                           : nullptr;
      if (!level || *level == kMostFrugal)
        return false;
      ++*level;
      raised = true;
    }
    return raised;
  }
};
} // namespace

/// Kernels of `variant` at `levels`, lowered; null where there are none.
static OwningOpRef<ModuleOp> emitKernels(VariantOp variant, Levels levels,
                                         StringRef chip) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(variant.getLoc());
  Operation *clone = variant->clone();
  clone->setAttr(kFrugalityAttr,
                 DenseI32ArrayAttr::get(variant.getContext(),
                                        {levels.decode, levels.prefill}));
  module->push_back(clone);
  PassManager manager(variant.getContext());
  manager.enableVerifier(false);
  ConvertKVCToGPUPassOptions kernels;
  kernels.chip = chip.str();
  manager.addPass(createConvertKVCToGPUPass(kernels));
  buildLowerGpuKernelsPipeline(manager);
  return succeeded(manager.run(*module)) ? std::move(module) : nullptr;
}

std::string Compiler::spendFewerRegisters(gpu::GPUModuleOp module,
                                          Image &image) {
  if (!image.cubin || !image.cubin->spilledBytes() || !sources)
    return "";
  VariantOp variant;
  for (auto source : sources->getOps<VariantOp>())
    if (gpuModuleName(source.getSymName()) == module.getName())
      variant = source;
  // Somebody else's kernels, or they say themselves how frugal they are.
  if (!variant || variant->hasAttr(kFrugalityAttr))
    return "";
  const unsigned before = image.cubin->spilledBytes();
  Levels levels, best;
  Image last = image;
  while (last.cubin->spilledBytes() && levels.raise(*last.cubin)) {
    OwningOpRef<ModuleOp> again =
        emitKernels(variant, levels, options.chip->name);
    Image made;
    if (!again ||
        failed(makeOnce(*again->getOps<gpu::GPUModuleOp>().begin(), made)))
      break;
    last = std::move(made);
    if (last.cubin->spilledBytes() < image.cubin->spilledBytes()) {
      image = last;
      best = levels;
    }
  }
  const unsigned after = image.cubin->spilledBytes();
  if (after == before)
    return "";
  return llvm::formatv("kernels of `{0}` are made with fewer registers ({1} = "
                       "array<i32: {2}, {3}>), since the fastest ones spill: "
                       "{4} bytes of local memory became {5}",
                       variant.getSymName(), kFrugalityAttr, best.decode,
                       best.prefill, before, after);
}

} // namespace kvc::nvptx
