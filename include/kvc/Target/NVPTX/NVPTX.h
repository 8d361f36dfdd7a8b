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
  unsigned sharedBytes = 0;                                 // static
};

struct Cubin {
  std::string image;
  std::string log; // of ptxas -v
  bool cached = false;

  /// Reads the log; in the order of the kernels.
  std::vector<KernelUsage> usage() const;
  /// Lines of the log that a fast kernel must not have: spills, stack frames,
  /// injected waits (C75xx).
  std::vector<std::string> complaints() const;
};

/// The assembler of a CUDA toolkit, a program of its own.
class Ptxas {
public:
  /// `path` when given, else $KVC_PTXAS, ptxas on the PATH, $CUDA_HOME/bin and
  /// /usr/local/cuda/bin, in this order. Null when none of them runs; an error
  /// only for a path that was asked for.
  static mlir::FailureOr<std::optional<Ptxas>> find(llvm::StringRef path,
                                                    EmitError emitError);

  llvm::StringRef getPath() const { return path; }
  llvm::StringRef getRelease() const { return release; } // "13.0"
  /// Newest PTX version that this release reads: 90 is 9.0.
  unsigned newestPTX() const;

  /// Fails with the assembler's own words, or when `chip` is too new for it.
  mlir::FailureOr<Cubin> assemble(llvm::StringRef ptx, const GpuChip &chip,
                                  EmitError emitError) const;

private:
  std::string path, release;
};

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
/// null: PTX alone.
mlir::FailureOr<std::vector<Image>> compile(mlir::ModuleOp module,
                                            const GpuChip &chip,
                                            const Ptxas *ptxas,
                                            const CubinCache &cache);

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
