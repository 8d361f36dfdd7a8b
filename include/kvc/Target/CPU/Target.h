//===- Target.h - which CPU an artefact is for ------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_CPU_TARGET_H
#define KVC_TARGET_CPU_TARGET_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace kvc::cpu {

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// A CPU, reduced to the features that generated code may use. Exactly these
/// are switched on in code generation and listed in the manifest, where the
/// runtime checks them before it loads anything.
class Target {
public:
  /// `cpu` is `native`, a level (`x86-64-v3`, `x86-64-v4`) or a name that LLVM
  /// knows (`znver4`). Fails when the CPU is unknown or has no AVX2 and FMA.
  static mlir::FailureOr<Target> create(llvm::StringRef cpu,
                                        EmitError emitError);

  llvm::StringRef getTriple() const { return triple; }
  /// LLVM's names, e.g. `avx2`, sorted.
  const std::vector<std::string> &getFeatures() const { return features; }
  /// Width of the vectors that kernels should use: 256 or 512.
  unsigned getVectorBits() const;

  std::unique_ptr<llvm::TargetMachine> createMachine() const;
  /// Marks every function of `module` with this CPU.
  void annotate(llvm::Module &module) const;

private:
  bool has(llvm::StringRef feature) const;

  std::string triple;
  std::string tune; // the CPU whose latencies scheduling assumes
  std::vector<std::string> features;
};

} // namespace kvc::cpu

#endif // KVC_TARGET_CPU_TARGET_H
