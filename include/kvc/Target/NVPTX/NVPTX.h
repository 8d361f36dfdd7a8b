//===- NVPTX.h - lowered GPU kernels to PTX and cubin -----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gpu.module of llvm and nvvm ops -> LLVM IR -> O3 -> PTX (always, in this
// process) -> cubin (ptxas, where there is one; kept in a cache on disk).
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_NVPTX_NVPTX_H
#define KVC_TARGET_NVPTX_NVPTX_H

#include "kvc/Support/GpuChip.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
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

/// Registers what emitPTX needs; once, before calls from several threads.
void prepareEmitPTX(mlir::MLIRContext &context);

/// Translates one module of lowered kernels, optimises it and emits PTX text.
/// The module itself is not changed; calls for different modules may run in
/// parallel.
mlir::FailureOr<std::string> emitPTX(mlir::gpu::GPUModuleOp module,
                                     const GpuChip &chip);

/// What ptxas says of one kernel.
struct KernelUsage {
  std::string name;
  unsigned registers = 0, barriers = 0;
  unsigned stackBytes = 0, spillStores = 0, spillLoads = 0; // bytes
  unsigned localBytes = 0;                                  // of a thread
  unsigned sharedBytes = 0;                                 // static
  bool hasFrame = false; // whether stack and spills were said at all
};

struct Cubin {
  std::string image;
  std::string log; // of ptxas -v
  bool cached = false;

  /// Reads the log; in the order of the kernels.
  std::vector<KernelUsage> usage() const;
  /// Lines of the log that say that ptxas added waits to matrix products
  /// (C75xx).
  std::vector<std::string> injectedWaits() const;
};

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

  /// An error where `chip` needs a newer PTX than this release reads.
  mlir::LogicalResult checkReads(const GpuChip &chip,
                                 EmitError emitError) const;
  /// Fails with the assembler's own words.
  mlir::FailureOr<Cubin> assemble(llvm::StringRef ptx, const GpuChip &chip,
                                  EmitError emitError) const;

private:
  std::string path, release, build;
};

/// Checks that `cubin` holds machine code of every kernel of `module`, that
/// its log has the numbers of each, and that none of them spills, has local
/// memory or injected waits (C75xx); `allowSlowKernels` makes warnings of the
/// latter. Errors name the kernel, the numbers and the way out.
mlir::LogicalResult checkCubin(mlir::gpu::GPUModuleOp module,
                               const Cubin &cubin, const GpuChip &chip,
                               const Ptxas &ptxas, bool allowSlowKernels);

/// Cubins on disk by the content that they were made from. Safe against
/// concurrent writers (entries appear whole) and damage (entries carry a
/// checksum); never a reason to fail: what cannot be read is made anew, what
/// cannot be written is not kept.
class CubinCache {
public:
  /// `directory`: "" is $KVC_CACHE_DIR or the user's cache directory, "none"
  /// is no cache.
  explicit CubinCache(llvm::StringRef directory = "");

  bool enabled() const { return !directory.empty(); }
  llvm::StringRef getDirectory() const { return directory; }

  static std::string key(llvm::StringRef ptx, const GpuChip &chip,
                         const Ptxas &ptxas);
  /// Nothing when absent; `damage` says what was wrong with an entry that was
  /// there.
  std::optional<Cubin> load(llvm::StringRef key, std::string &damage) const;
  /// Says why when the entry could not be kept.
  std::string store(llvm::StringRef key, const Cubin &cubin) const;

private:
  std::string pathOf(llvm::StringRef key) const;

  std::string directory;
};

/// One gpu.module, compiled.
struct Image {
  std::string name; // of the gpu.module
  std::string ptx;
  std::optional<Cubin> cubin; // without ptxas: none
};

/// Compiles all gpu.modules of `module`, in parallel, in their order. `ptxas`
/// null: PTX alone. Fails where checkCubin does, for cubins from the cache too.
mlir::FailureOr<std::vector<Image>>
compile(mlir::ModuleOp module, const GpuChip &chip, const Ptxas *ptxas,
        const CubinCache &cache, bool allowSlowKernels);

/// Replaces the gpu.modules of `module` by their images as constants, and
/// defines the kvcrt_kernel record of each kernel (@<kernel>_record), which is
/// what host functions launch by.
mlir::LogicalResult embedImages(mlir::ModuleOp module, const GpuChip &chip,
                                llvm::ArrayRef<Image> images);

/// Registers, spills and shared memory of the kernels, as a table.
void printUsage(mlir::ModuleOp module, const GpuChip &chip,
                llvm::ArrayRef<Image> images, llvm::raw_ostream &os);

} // namespace kvc::nvptx

#endif // KVC_TARGET_NVPTX_NVPTX_H
