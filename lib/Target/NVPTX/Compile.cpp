//===- Compile.cpp - kernels to images, in parallel, once -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: what is kept in the cache has passed checkCubin, and what comes
// out of it passes once more.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Threading.h"

using namespace mlir;

namespace kvc::nvptx {

/// The cubin of one image, from the cache where it has one.
static LogicalResult assemble(gpu::GPUModuleOp module, Image &image,
                              const GpuChip &chip, const Ptxas &ptxas,
                              const CubinCache &cache, bool allowSlowKernels) {
  std::string key = CubinCache::key(image.ptx, chip, ptxas), damage;
  image.cubin = cache.load(key, damage);
  if (!damage.empty())
    module.emitWarning() << "kernels are assembled anew: " << damage;
  if (image.cubin)
    return checkCubin(module, *image.cubin, chip, ptxas, allowSlowKernels);
  FailureOr<Cubin> cubin =
      ptxas.assemble(image.ptx, chip, [&] { return module.emitError(); });
  if (failed(cubin) ||
      failed(checkCubin(module, *cubin, chip, ptxas, allowSlowKernels)))
    return failure();
  image.cubin = std::move(*cubin);
  if (std::string why = cache.store(key, *image.cubin); !why.empty())
    module.emitWarning() << "kernels are not kept for the next time: " << why;
  return success();
}

FailureOr<std::vector<Image>> compile(ModuleOp module, const GpuChip &chip,
                                      const Ptxas *ptxas,
                                      const CubinCache &cache,
                                      bool allowSlowKernels) {
  if (ptxas &&
      failed(ptxas->checkReads(chip, [&] { return module.emitError(); })))
    return failure();
  prepareEmitPTX(*module.getContext());
  SmallVector<gpu::GPUModuleOp> kernels(module.getOps<gpu::GPUModuleOp>());
  std::vector<Image> images(kernels.size());
  auto compileOne = [&](size_t i) -> LogicalResult {
    images[i].name = kernels[i].getName().str();
    FailureOr<std::string> ptx = emitPTX(kernels[i], chip);
    if (failed(ptx))
      return failure();
    images[i].ptx = std::move(*ptx);
    return ptxas ? assemble(kernels[i], images[i], chip, *ptxas, cache,
                            allowSlowKernels)
                 : success();
  };
  // All of them, whatever becomes of one, and complaints in their order.
  std::vector<char> good(kernels.size());
  {
    ParallelDiagnosticHandler handler(module.getContext());
    parallelFor(module.getContext(), 0, kernels.size(), [&](size_t i) {
      handler.setOrderIDForThread(i);
      good[i] = succeeded(compileOne(i));
      handler.eraseOrderIDForThread();
    });
  }
  if (llvm::is_contained(good, char(false)))
    return failure();
  return images;
}

} // namespace kvc::nvptx
