//===- Usage.cpp - what kernels take of a chip ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of ptxas -v beside what the chip has.
//
//===----------------------------------------------------------------------===//

#include "kvc/Support/Table.h"
#include "kvc/Target/NVPTX/NVPTX.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

void kvc::nvptx::printUsage(ModuleOp module, const GpuChip &chip,
                            ArrayRef<Image> images, llvm::raw_ostream &os) {
  std::vector<TableRow> rows{{"kernel", "threads", "registers", "spilled",
                              "stack", "shared bytes", "of", "blocks an SM",
                              "cubin"}};
  SmallVector<gpu::GPUModuleOp> modules(module.getOps<gpu::GPUModuleOp>());
  for (auto [gpuModule, image] : llvm::zip_equal(modules, images)) {
    std::vector<KernelUsage> usage;
    if (image.cubin)
      usage = image.cubin->usage();
    for (auto kernel : gpuModule.getOps<LLVM::LLVMFuncOp>()) {
      auto threads = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid");
      auto shared = kernel->getAttrOfType<IntegerAttr>("kvc.shared_bytes");
      if (!threads || threads.empty() || !shared)
        continue;
      auto found = llvm::find_if(usage, [&](const KernelUsage &u) {
        return u.name == kernel.getName();
      });
      bool known = found != usage.end();
      auto number = [&](unsigned value) {
        return known ? std::to_string(value) : std::string("?");
      };
      const KernelUsage &u = known ? *found : KernelUsage();
      rows.push_back(
          {kernel.getName().str(), std::to_string(threads[0]),
           number(u.registers), number(u.spillStores + u.spillLoads),
           number(u.stackBytes), std::to_string(shared.getInt()),
           std::to_string(chip.sharedPerBlock),
           number(chip.residentBlocks(unsigned(threads[0]), u.registers,
                                      unsigned(shared.getInt()))),
           !image.cubin          ? "none: no ptxas"
           : image.cubin->cached ? "from the cache"
                                 : "assembled"});
    }
  }
  printTable(os, ("GPU kernels for " + chip.name).str(), rows);
}
