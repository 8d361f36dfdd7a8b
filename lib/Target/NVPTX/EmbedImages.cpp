//===- EmbedImages.cpp - compiled kernels as data of the host module ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Defines the kvcrt_kernel records that host functions launch by: each names
// its function, its block and the images that hold it. Invariant: the cubin
// stands before the PTX, since a driver takes the first that it can run.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "kvc/Target/Common/KernelConstants.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;

namespace kvc::nvptx {

/// What a driver wants its images aligned to, and what it may copy at once.
static constexpr unsigned kPtxAlignment = 16, kCubinAlignment = 64;

/// The array of images of one gpu.module; answers how many.
static uint32_t writeImages(target::ConstantWriter &w, const Image &image,
                            const GpuChip &chip, Embed embed) {
  std::string name = image.name, chipName = name + "_chip";
  w.bytes(chipName, chip.name);
  SmallVector<target::ImageConstant> all;
  if (image.cubin && embed != Embed::Ptx) {
    w.bytes(name + "_cubin", image.cubin->image, kCubinAlignment);
    all.push_back({KVCRT_IMAGE_CUBIN, chip.sm, name + "_cubin",
                   image.cubin->image.size(), chipName});
  }
  if (all.empty() || embed != Embed::Cubin) {
    // PTX is text: its zero belongs to it.
    w.bytes(name + "_ptx", image.ptx, kPtxAlignment);
    all.push_back({KVCRT_IMAGE_PTX, chip.sm, name + "_ptx",
                   image.ptx.size() + 1, chipName});
  }
  target::writeImages(w, name + "_images", all);
  return uint32_t(all.size());
}

void embedImages(ModuleOp module, const GpuChip &chip, ArrayRef<Image> images,
                 Embed embed) {
  SymbolTable symbols(module);
  SmallVector<gpu::GPUModuleOp> kernels(module.getOps<gpu::GPUModuleOp>());
  for (auto [gpuModule, image] : llvm::zip_equal(kernels, images)) {
    target::ConstantWriter w(symbols, gpuModule.getLoc());
    uint32_t count = writeImages(w, image, chip, embed);
    for (const KernelRecord &kernel : image.kernels) {
      w.bytes(kernel.name + "_name", kernel.name);
      target::defineKernelRecord(w, kernel.name,
                                 {kernel.name + "_name", image.name + "_images",
                                  count, kernel.threads, kernel.sharedBytes});
    }
    symbols.erase(gpuModule);
  }
  module->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
}

} // namespace kvc::nvptx
