//===- Artifact.h - module to object, library, artefact ---------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's LLVM dialect -> LLVM IR -> O3 -> object -> ELF shared library (lld in
// this process) -> sealed artefact (kvcrt/artifact.h).
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_CPU_ARTIFACT_H
#define KVC_TARGET_CPU_ARTIFACT_H

#include "kvc/Target/CPU/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace kvc::cpu {

/// Translates a module of the LLVM dialect and optimises it. Private functions
/// become internal; memcpy, memmove and memset are defined in the module.
mlir::FailureOr<std::unique_ptr<llvm::Module>>
translate(mlir::ModuleOp module, const Target &target,
          llvm::LLVMContext &context);

/// Machine code of an optimised module as a relocatable ELF object.
mlir::FailureOr<llvm::SmallVector<char, 0>>
emitObject(llvm::Module &module, const Target &target, EmitError emitError);

/// Links one object into a shared library that needs no other library and has
/// no undefined symbol; a libm call that is left is an error that names it.
mlir::FailureOr<std::string> linkLibrary(llvm::ArrayRef<char> object,
                                         EmitError emitError);

/// The manifest of `module` (its attribute `kvc.manifest`, made by
/// kvc-describe-model) completed by what the target knows.
std::string completeManifest(mlir::ModuleOp module, const Target &target);

/// The C header of the module's kvc.variant ops.
void printHeader(mlir::ModuleOp module, llvm::raw_ostream &os);

/// Writes the sealed artefact to `path`.
mlir::LogicalResult seal(llvm::StringRef library, llvm::StringRef manifest,
                         llvm::StringRef path, EmitError emitError);

} // namespace kvc::cpu

#endif // KVC_TARGET_CPU_ARTIFACT_H
