//===- Compile.cpp - kernels to images, in parallel, once -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: what is kept in the cache has passed checkCubin. Whether it is
// fast enough is judged each time, since that is for the caller to allow.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"
#include <ctime>
#include <sys/resource.h>

using namespace mlir;

namespace kvc::nvptx {

static double cpuSeconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

/// CPU time of programs that were run and have ended.
static double childSeconds() {
  rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  auto seconds = [](const timeval &t) {
    return double(t.tv_sec) + 1e-6 * double(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

FailureOr<Compiler> Compiler::create(CompilerOptions options,
                                     EmitError emitError) {
  std::optional<Ptxas> ptxas;
  if (options.assembles) {
    auto found = Ptxas::find(options.ptxas, emitError);
    if (failed(found) ||
        (*found && failed((*found)->checkReads(*options.chip, emitError))))
      return failure();
    ptxas = std::move(*found);
  }
  return Compiler(std::move(options), std::move(ptxas));
}

void Compiler::lookUp(ModuleOp module) {
  double start = cpuSeconds(CLOCK_THREAD_CPUTIME_ID);
  Builder b(module.getContext());
  sources = ModuleOp::create(module.getLoc());
  auto keep = [&](VariantOp variant) { sources->push_back(variant->clone()); };
  for (auto variant : module.getOps<VariantOp>()) {
    // The marks are ours: nobody writes them.
    variant->removeAttr(kCompiledKernelsAttr);
    variant->removeAttr(kImageKeyAttr);
    if (!cache.enabled()) {
      keep(variant);
      continue;
    }
    std::string key = ImageCache::key(variant, *options.chip, getPtxas());
    std::string damage;
    std::optional<Image> image = cache.load(key, damage);
    if (!damage.empty())
      variant.emitWarning() << "kernels are made anew: " << damage;
    if (!image) {
      keep(variant);
      variant->setAttr(kImageKeyAttr, b.getStringAttr(key));
      continue;
    }
    SmallVector<Attribute> kernels;
    for (const KernelRecord &kernel : image->kernels) {
      SmallVector<NamedAttribute> numbers;
      for (const auto &[name, value] : kernel.numbers)
        numbers.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(value)));
      kernels.push_back(b.getDictionaryAttr(
          {b.getNamedAttr("name", b.getStringAttr(kernel.name)),
           b.getNamedAttr("numbers", b.getDictionaryAttr(numbers)),
           b.getNamedAttr("threads", b.getI64IntegerAttr(kernel.threads))}));
    }
    variant->setAttr(kCompiledKernelsAttr, b.getArrayAttr(kernels));
    found.push_back(std::move(*image));
  }
  lookUpSeconds = cpuSeconds(CLOCK_THREAD_CPUTIME_ID) - start;
  begin = cpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
  beginChildren = childSeconds();
}

static FailureOr<std::vector<KernelRecord>> recordsOf(gpu::GPUModuleOp module) {
  std::vector<KernelRecord> records;
  for (auto kernel : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!kernel->hasAttr("gpu.kernel"))
      continue;
    auto threads = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid");
    auto shared = kernel->getAttrOfType<IntegerAttr>("kvc.shared_bytes");
    if (!threads || threads.empty() || !shared)
      return kernel.emitOpError("expected nvvm.reqntid and kvc.shared_bytes on "
                                "a kernel, got none");
    records.push_back({kernel.getName().str(),
                       uint32_t(threads[0]),
                       uint32_t(shared.getInt()),
                       {}});
    for (NamedAttribute attribute : kernel->getDiscardableAttrs())
      if (auto number = dyn_cast<IntegerAttr>(attribute.getValue()))
        if (attribute.getName().strref().starts_with("kvc."))
          records.back().numbers.push_back(
              {attribute.getName().str(), number.getInt()});
  }
  return records;
}

LogicalResult Compiler::emit(gpu::GPUModuleOp module, Image &image) const {
  auto records = recordsOf(module);
  if (failed(records))
    return failure();
  image.name = module.getName().str();
  image.kernels = std::move(*records);
  FailureOr<std::string> ptx = emitPTX(module, *options.chip);
  if (failed(ptx))
    return failure();
  image.ptx = std::move(*ptx);
  return success();
}

LogicalResult Compiler::assemble(Image &image, EmitError emitError) const {
  image.slowAccesses = slowAccesses(image.ptx);
  if (!ptxas)
    return success();
  FailureOr<Cubin> cubin = ptxas->assemble(image.ptx, *options.chip, emitError);
  if (failed(cubin))
    return failure();
  image.cubin = std::move(*cubin);
  return checkCubin(image, *ptxas, emitError);
}

LogicalResult Compiler::makeImage(gpu::GPUModuleOp module, Image &image,
                                  std::string &frugal) {
  auto emitError = [&] { return module.emitError(); };
  if (failed(emit(module, image)) || failed(assemble(image, emitError)))
    return failure();
  frugal = spendFewerRegisters(module, image);
  auto key = module->getAttrOfType<StringAttr>(kImageKeyAttr);
  std::string why = key ? cache.store(key.getValue(), image) : "";
  if (!why.empty())
    module.emitWarning() << "kernels are not kept for the next time: " << why;
  return success();
}

LogicalResult Compiler::compile(ModuleOp module) {
  DialectRegistry registry;
  registerEmitPTX(registry);
  module.getContext()->appendDialectRegistry(registry);
  SmallVector<gpu::GPUModuleOp> kernels(module.getOps<gpu::GPUModuleOp>());
  images.resize(kernels.size());
  SmallVector<size_t> missing;
  for (size_t i = 0; i < kernels.size(); ++i) {
    auto at = llvm::find_if(found, [&](const Image &image) {
      return kernels[i].getName() == image.name;
    });
    if (at != found.end())
      images[i] = std::move(*at);
    else
      missing.push_back(i);
  }
  // All of them, whatever becomes of one, and complaints in their order.
  std::vector<char> good(kernels.size(), true);
  std::vector<std::string> frugal(kernels.size());
  {
    ParallelDiagnosticHandler handler(module.getContext());
    parallelForEach(module.getContext(), missing, [&](size_t i) {
      handler.setOrderIDForThread(i);
      good[i] = succeeded(makeImage(kernels[i], images[i], frugal[i]));
      handler.eraseOrderIDForThread();
    });
  }
  if (!missing.empty())
    cache.prune();
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (!frugal[i].empty())
      remark::missed(
          kernels[i].getLoc(),
          remark::RemarkOpts::name("frugal-kernel").category("nvptx"))
          << frugal[i];
    auto complain = [&] {
      return options.allowSlowKernels ? kernels[i].emitWarning()
                                      : kernels[i].emitError();
    };
    if (good[i] &&
        failed(checkSpeed(images[i], *options.chip, getPtxas(), complain)))
      good[i] = options.allowSlowKernels;
  }
  makeSeconds = cpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
  ptxasSeconds = childSeconds() - beginChildren;
  return success(!llvm::is_contained(good, char(false)));
}

void Compiler::printSummary(llvm::raw_ostream &os) const {
  os << "assembler: " << (ptxas ? ptxas->describe() : "none, PTX alone")
     << "\n";
  size_t hits = llvm::count_if(images, [](const Image &i) { return i.cached; });
  size_t made = images.size() - hits;
  os << "variants: " << hits << " from the cache";
  if (cache.enabled())
    os << llvm::formatv(
        " `{0}`, {1:F3} ms of CPU to look each up", cache.getDirectory(),
        1e3 * lookUpSeconds / std::max<size_t>(1, images.size()));
  os << "; " << made << " made";
  if (made)
    os << llvm::formatv(", {0:F3} s of CPU each, {1:F3} of it ptxas",
                        (makeSeconds + ptxasSeconds) / double(made),
                        ptxasSeconds / double(made));
  os << "\n";
}

} // namespace kvc::nvptx
