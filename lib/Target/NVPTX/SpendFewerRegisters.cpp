//===- SpendFewerRegisters.cpp - kernels that spill, emitted again --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many registers a kernel takes, ptxas alone knows, and it differs from
// chip to chip. A schedule picks its fastest shape; where that spills, that
// kernel alone is emitted again from its variant, with the next level of
// frugality that makes another kernel of it, and takes its place in the PTX. An
// assembly is what costs, and the first level helps nine of ten: it is that of
// all kernels at once. What ptxas itself can spare comes last; it comes first
// where all that spills is one value, of which it spares every other, and where
// the level makes tiles smaller, since the fastest shape stays.
//
// Invariant: the image that is left spills no more than the one that came, and
// the text of kernels that did not spill stays as it was.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "KernelText.h"

#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace kvc::nvptx {

/// What one value costs: eight bytes of stack, a store and a load.
static constexpr unsigned kOneValue = 16;

namespace {
/// kFrugalityAttr, to be raised.
struct Levels {
  int32_t decode = 0, prefill = 0;
  /// That of a kernel; null where it has none.
  int32_t *of(StringRef kernel) {
    return kernel.ends_with("_attend_decode")    ? &decode
           : kernel.ends_with("_attend_prefill") ? &prefill
                                                 : nullptr;
  }
};

/// The kernels of an image on their way to fewer registers.
class FewerRegisters {
public:
  using Emit = std::function<LogicalResult(gpu::GPUModuleOp, Image &)>;
  FewerRegisters(VariantOp variant, StringRef chip, Emit emit)
      : variant(variant), chip(chip), emit(emit) {}

  /// Makes the kernels of `image` that spill those of their next level that are
  /// others; false where none has one.
  bool raise(Image &image);
  Levels levels; // of the kernels

private:
  OwningOpRef<ModuleOp> lowered(Levels levels, ArrayRef<std::string> names);

  VariantOp variant;
  StringRef chip;
  Emit emit;
};
} // namespace

/// Kernels `names` at `levels`; null where there are none.
OwningOpRef<ModuleOp> FewerRegisters::lowered(Levels levels,
                                              ArrayRef<std::string> names) {
  MLIRContext *context = variant.getContext();
  OwningOpRef<ModuleOp> module = ModuleOp::create(variant.getLoc());
  Operation *clone = variant->clone();
  clone->setAttr(kFrugalityAttr, DenseI32ArrayAttr::get(
                                     context, {levels.decode, levels.prefill}));
  module->push_back(clone);
  PassManager convert(context), lower(context);
  convert.enableVerifier(false);
  lower.enableVerifier(false);
  ConvertKVCToGPUPassOptions options;
  options.chip = chip.str();
  convert.addPass(createConvertKVCToGPUPass(options));
  buildLowerGpuKernelsPipeline(lower);
  if (failed(convert.run(*module)))
    return nullptr;
  for (auto kernels : module->getOps<gpu::GPUModuleOp>())
    for (auto kernel :
         llvm::make_early_inc_range(kernels.getOps<LLVM::LLVMFuncOp>()))
      if (kernel->hasAttr("gpu.kernel") &&
          !llvm::is_contained(names, kernel.getName()))
        kernel.erase();
  return succeeded(lower.run(*module)) ? std::move(module) : nullptr;
}

bool FewerRegisters::raise(Image &image) {
  std::vector<std::string> waiting;
  for (const KernelUsage &kernel : image.cubin->usage())
    if (kernel.spilledBytes())
      waiting.push_back(kernel.name);
  bool changed = false;
  for (Levels next = levels;;) {
    llvm::erase_if(waiting, [&](StringRef name) {
      int32_t *level = next.of(name);
      return !level || ++*level > kMostFrugal;
    });
    OwningOpRef<ModuleOp> module =
        waiting.empty() ? nullptr : lowered(next, waiting);
    Image emitted;
    if (!module ||
        failed(emit(*module->getOps<gpu::GPUModuleOp>().begin(), emitted)))
      return changed;
    llvm::erase_if(waiting, [&](StringRef name) {
      Replaced replaced = replaceKernel(image.ptx, emitted.ptx, name);
      if (replaced != Replaced::Yes)
        return replaced == Replaced::No;
      auto isIt = [&](const KernelRecord &k) { return k.name == name; };
      *llvm::find_if(image.kernels, isIt) =
          *llvm::find_if(emitted.kernels, isIt);
      *levels.of(name) = *next.of(name);
      return changed = true;
    });
  }
}

/// Assembles `image` by what spares registers, and keeps that if it spills
/// less.
static void spareRegisters(Image &image, const Ptxas &ptxas,
                           const GpuChip &chip) {
  Image again = image;
  again.cubin = ptxas.assembleFrugally(image.ptx, chip);
  if (again.cubin && isWholeCubin(again) &&
      again.cubin->injectedWaits.size() <= image.cubin->injectedWaits.size() &&
      again.cubin->spilledBytes() < image.cubin->spilledBytes())
    image = std::move(again);
}

/// Whether a kernel of `image` takes more keys at once than that of `other`.
static bool hasLargerTiles(const Image &image, const Image &other) {
  auto tokens = [](const KernelRecord &kernel) {
    for (const auto &[name, number] : kernel.numbers)
      if (name == "kvc.loop_tokens")
        return number;
    return int64_t(0);
  };
  return llvm::any_of(
      llvm::zip_equal(image.kernels, other.kernels), [&](const auto &both) {
        return tokens(std::get<0>(both)) > tokens(std::get<1>(both));
      });
}

std::string Compiler::spendFewerRegisters(gpu::GPUModuleOp module,
                                          Image &image) {
  if (!image.cubin || !image.cubin->spilledBytes())
    return "";
  const unsigned before = image.cubin->spilledBytes();
  auto emitError = [&] { return module.emitError(); };
  VariantOp variant;
  for (auto source : sources->getOps<VariantOp>())
    if (gpuModuleName(source.getSymName()) == module.getName())
      variant = source;
  Levels best;
  Image last = image;
  bool spared = false; // the fastest ones
  auto spare = [&] {
    spareRegisters(image, *ptxas, *options.chip);
    spared = true;
  };
  if (before <= kOneValue)
    spare();
  // Unless they are somebody else's kernels, or say themselves how frugal they
  // are.
  if (variant && !variant->hasAttr(kFrugalityAttr)) {
    FewerRegisters fewer(
        variant, options.chip->name,
        [&](gpu::GPUModuleOp from, Image &to) { return emit(from, to); });
    while (image.cubin->spilledBytes() && fewer.raise(last)) {
      if (!spared && hasLargerTiles(image, last))
        spare();
      if (!image.cubin->spilledBytes() || failed(assemble(last, emitError)))
        break;
      if (last.cubin->spilledBytes() < image.cubin->spilledBytes()) {
        image = last;
        best = fewer.levels;
      }
    }
  }
  const bool raised = best.decode || best.prefill;
  if (image.cubin->spilledBytes() && (raised || !spared))
    spare();
  if (!raised)
    return "";
  return llvm::formatv("kernels of `{0}` are made with fewer registers ({1} = "
                       "array<i32: {2}, {3}>), since the fastest ones spill: "
                       "{4} bytes of local memory became {5}",
                       variant.getSymName(), kFrugalityAttr, best.decode,
                       best.prefill, before, image.cubin->spilledBytes());
}

} // namespace kvc::nvptx
