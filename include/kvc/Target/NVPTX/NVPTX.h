//===- NVPTX.h - lowered GPU kernels to PTX and cubin -----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gpu.module of llvm and nvvm ops -> LLVM IR -> O3 -> PTX (always, in this
// process) -> cubin (ptxas, where there is one). Both are kept in a cache on
// disk (Image.h), by the variant that the kernels are for.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_NVPTX_NVPTX_H
#define KVC_TARGET_NVPTX_NVPTX_H

#include "kvc/Support/GpuChip.h"
#include "kvc/Target/NVPTX/Image.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::gpu {
class GPUModuleOp;
} // namespace mlir::gpu

namespace kvc::nvptx {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// The chip called `name`; an error that lists the known ones otherwise.
mlir::FailureOr<const GpuChip *> getChip(llvm::StringRef name,
                                         EmitError emitError);

/// PTX version that is emitted for `chip`: 84 is 8.4.
unsigned ptxVersion(const GpuChip &chip);

/// Checks that every kernel's shared memory fits the chip.
mlir::LogicalResult verifyKernels(mlir::gpu::GPUModuleOp module,
                                  const GpuChip &chip);

/// Registers what emitPTX needs in the context of its modules; once, before
/// calls from several threads.
void registerEmitPTX(mlir::DialectRegistry &registry);

/// Translates one module of lowered kernels, optimises it and emits PTX text.
/// The module itself is not changed; calls for different modules may run in
/// parallel.
mlir::FailureOr<std::string> emitPTX(mlir::gpu::GPUModuleOp module,
                                     const GpuChip &chip);

/// The assembler of a CUDA toolkit, a program of its own.
class Ptxas {
public:
  Ptxas(llvm::StringRef path, llvm::StringRef release, llvm::StringRef build)
      : path(path), release(release), build(build) {}

  /// `path` when given, else $KVC_PTXAS, else the first that there is of ptxas
  /// on the PATH, $CUDA_HOME/bin, /usr/local/cuda/bin and where
  /// tools/fetch-cuda-tools.sh puts one. Null for "none" and where there is
  /// none. An error when the one that was named is no program, or when the one
  /// that was found does not say its release: another is never taken in its
  /// place.
  static mlir::FailureOr<std::optional<Ptxas>> find(llvm::StringRef path,
                                                    EmitError emitError);
  /// Where `find` looks when nothing is named, for messages.
  static std::string searched();

  llvm::StringRef getPath() const { return path; }
  llvm::StringRef getRelease() const { return release; } // "13.0"
  llvm::StringRef getBuild() const { return build; }     // "V13.0.88"
  /// "ptxas 13.0, build V13.0.88, at `/usr/bin/ptxas`".
  std::string describe() const;
  /// Newest PTX version that this release reads: 90 is 9.0.
  unsigned newestPTX() const;

  /// What it is called with, beside the chip and the files.
  static llvm::StringRef flags() { return "--verbose -O3"; }
  /// An error where `chip` needs a newer PTX than this release reads.
  mlir::LogicalResult checkReads(const GpuChip &chip,
                                 EmitError emitError) const;
  /// Fails with the assembler's own words.
  mlir::FailureOr<Cubin> assemble(llvm::StringRef ptx, const GpuChip &chip,
                                  EmitError emitError) const;
  /// The same by what keeps fewer values in registers for later, which is what
  /// it may have spilled; nothing from a ptxas that does not know how.
  std::optional<Cubin> assembleFrugally(llvm::StringRef ptx,
                                        const GpuChip &chip) const;

private:
  /// A cubin, or what is wrong.
  Cubin run(llvm::StringRef ptx, const GpuChip &chip,
            llvm::ArrayRef<llvm::StringRef> more, std::string &wrong) const;

  std::string path, release, build;
};

/// Checks that the cubin of `image` is machine code of each of its kernels, and
/// that ptxas said the numbers of each.
mlir::LogicalResult checkCubin(const Image &image, const Ptxas &ptxas,
                               EmitError emitError);
/// Whether it is.
bool isWholeCubin(const Image &image);
/// Fails, with the kernel, the numbers and the way out, where a kernel has slow
/// accesses, spills, local memory or injected waits (C75xx); of `ptxas` null
/// only the first is known.
mlir::LogicalResult checkSpeed(const Image &image, const GpuChip &chip,
                               const Ptxas *ptxas, EmitError emitError);

struct CompilerOptions {
  const GpuChip *chip = nullptr;
  /// False: PTX alone, whatever assembler there is.
  bool assembles = true;
  std::string ptxas;    // as Ptxas::find takes it
  std::string cacheDir; // as ImageCache takes it
  uint64_t cacheBytes = ImageCache::kDefaultBytes;
  bool allowSlowKernels = false; // warnings for what checkCubin refuses
};

/// Compiles the GPU kernels of a module: PTX always, machine code where there
/// is a ptxas; in parallel, and not at all those that are in the cache.
class Compiler {
public:
  /// Finds the assembler; fails where Ptxas::find does or where it is too old
  /// for the chip.
  static mlir::FailureOr<Compiler> create(CompilerOptions options,
                                          EmitError emitError);

  /// Null: PTX alone.
  const Ptxas *getPtxas() const { return ptxas ? &*ptxas : nullptr; }

  /// Before convert-kvc-to-gpu: looks up each kvc.variant, and marks it so that
  /// the pass declares the kernels of those that are in the cache.
  void lookUp(mlir::ModuleOp module);
  /// After kvc-lower-gpu-kernels: compiles the gpu.modules that were not found.
  /// Kernels that spill are emitted again from their variant, with fewer
  /// registers (kFrugalityAttr), and a remark says so.
  /// Fails where emitPTX, ptxas or checkCubin does; what was slow when it was
  /// found in the cache is refused like what is made.
  mlir::LogicalResult compile(mlir::ModuleOp module);

  /// In the order of the gpu.modules.
  llvm::ArrayRef<Image> getImages() const { return images; }
  /// The assembler, the cache, and the CPU time that was spent, as two lines.
  void printSummary(llvm::raw_ostream &os) const;

private:
  Compiler(CompilerOptions options, std::optional<Ptxas> ptxas)
      : options(std::move(options)), ptxas(std::move(ptxas)),
        cache(this->options.cacheDir, this->options.cacheBytes) {}
  mlir::LogicalResult makeImage(mlir::gpu::GPUModuleOp module, Image &image,
                                std::string &frugal);
  /// The PTX of `module`, and what launches must know of its kernels.
  mlir::LogicalResult emit(mlir::gpu::GPUModuleOp module, Image &image) const;
  /// What is known of the PTX of `image`, and its cubin.
  mlir::LogicalResult assemble(Image &image, EmitError emitError) const;
  /// Makes kernels of `image` that spill anew while they get by with less; what
  /// was done, for a remark.
  std::string spendFewerRegisters(mlir::gpu::GPUModuleOp module, Image &image);

  CompilerOptions options;
  std::optional<Ptxas> ptxas;
  ImageCache cache;
  std::vector<Image> found, images;
  mlir::OwningOpRef<mlir::ModuleOp> sources; // variants that are made
  double lookUpSeconds = 0;                  // CPU of lookUp
  double begin = 0, makeSeconds = 0; // of this process, from lookUp's end
  double beginChildren = 0, ptxasSeconds = 0;
};

/// Which images an artefact carries. `Cubin`: where an image has one.
enum class Embed { Both, Cubin, Ptx };

/// Replaces the gpu.modules of `module` by their images as constants, and
/// defines the kvcrt_kernel record of each kernel (@<kernel>_record), which is
/// what host functions launch by.
void embedImages(mlir::ModuleOp module, const GpuChip &chip,
                 llvm::ArrayRef<Image> images, Embed embed = Embed::Both);

/// Registers, spills and shared memory of the kernels, as a table.
void printUsage(const GpuChip &chip, llvm::ArrayRef<Image> images,
                llvm::raw_ostream &os);

} // namespace kvc::nvptx

#endif // KVC_TARGET_NVPTX_NVPTX_H
