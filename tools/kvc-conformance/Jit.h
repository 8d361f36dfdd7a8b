//===- Jit.h - compile a variant in this process ----------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text of a kvc.variant -> convert-kvc-to-cpu -> LLVM -> machine code of this
// host. Invariant: compiled code may not refer to any symbol but its own; one
// that does is an error, as it would be in an artefact.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_JIT_H
#define KVC_TOOLS_KVC_CONFORMANCE_JIT_H

#include "SimEngine.h"
#include "kvcrt/abi.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <optional>
#include <string>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace kvc::conformance {

/// How kernels are made for this host; bits 0 takes the widest vectors.
struct JitOptions {
  unsigned vectorBits = 0;
  /// As for a CPU without FMA, F16C and SSE4.1.
  bool baseline = false;
  bool printLLVM = false;
  /// Kernels for this GPU, run in the simulator; empty: for the CPU.
  std::string simulate;
  /// Mistake to plant in them (kvc/Target/Sim/Mutate.h); -1: none.
  int mutation = -1;
};

/// Begins the error of a variant that the GPU engine says it cannot run.
inline constexpr const char *kRefused = "refused: ";

struct CompiledVariant {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  kvcrt_kernel_fn append = nullptr, attend = nullptr, merge = nullptr;
  kvcrt_workspace_fn workspace = nullptr;
  double seconds = 0; // of compilation
  /// Set when the kernels run in the simulator.
  std::optional<GpuKernels> gpu;

  CompiledVariant();
  CompiledVariant(CompiledVariant &&);
  ~CompiledVariant();
};

/// Once per process, before compileVariant.
void initializeJit();

/// Compiles the kvc.variant @v in `text`, a module. Safe to call from several
/// threads.
llvm::Expected<CompiledVariant> compileVariant(const std::string &text,
                                               const JitOptions &options);

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_JIT_H
