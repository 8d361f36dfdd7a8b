//===- Explain.cpp - evidence of the kernels that were compiled -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: every kernel of the modules has its evidence, or there is none.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/Explain.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace kvc::nvptx {

static sass::KernelFacts factsOf(LLVM::LLVMFuncOp kernel, const GpuChip &chip,
                                 const KernelUsage &usage) {
  sass::KernelFacts facts;
  facts.registers = usage.registers;
  facts.spilled = usage.spillStores + usage.spillLoads;
  if (auto threads = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid");
      threads && !threads.empty())
    facts.threads = threads[0];
  auto number = [&](StringRef name) {
    auto attr = kernel->getAttrOfType<IntegerAttr>(name);
    return attr ? unsigned(attr.getInt()) : 0;
  };
  facts.sharedBytes = number("kvc.shared_bytes");
  facts.loopTokens = number("kvc.loop_tokens");
  facts.loopWarps = number("kvc.loop_warps");
  facts.blocksPerSM =
      chip.residentBlocks(facts.threads, facts.registers, facts.sharedBytes);
  return facts;
}

FailureOr<std::vector<sass::ExplainedKernel>>
gatherEvidence(ModuleOp module, const GpuChip &chip, ArrayRef<Image> images,
               const sass::Nvdisasm &nvdisasm) {
  std::vector<sass::ExplainedKernel> all;
  SmallVector<gpu::GPUModuleOp> modules(module.getOps<gpu::GPUModuleOp>());
  for (auto [gpuModule, image] : llvm::zip_equal(modules, images)) {
    if (!image.cubin)
      return gpuModule.emitOpError("expected machine code to count in, got "
                                   "none: there was no ptxas");
    llvm::Expected<std::string> text = nvdisasm.disassemble(image.cubin->image);
    if (!text)
      return gpuModule.emitOpError() << llvm::toString(text.takeError());
    auto kernels = sass::gatherAll(*text);
    if (!kernels)
      return gpuModule.emitOpError() << llvm::toString(kernels.takeError());
    std::vector<KernelUsage> usage = image.cubin->usage();
    for (auto kernel : gpuModule.getOps<LLVM::LLVMFuncOp>()) {
      if (!kernel->hasAttr("gpu.kernel"))
        continue;
      auto named = [&](const auto &entry) {
        return entry.name == kernel.getName();
      };
      auto evidence = llvm::find_if(*kernels, named);
      auto used = llvm::find_if(usage, named);
      if (evidence == kernels->end() || used == usage.end())
        return kernel.emitOpError("expected its code and its registers in the "
                                  "cubin, got neither or one of them");
      sass::KernelFacts facts = factsOf(kernel, chip, *used);
      if (facts.loopTokens && !evidence->hot)
        return kernel.emitOpError(
            "expected a loop that multiplies matrices, got none");
      all.push_back({*evidence, facts});
    }
  }
  return all;
}

} // namespace kvc::nvptx
