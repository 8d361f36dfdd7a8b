//===- Optimize.h - LLVM's pipeline for generated code ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_COMMON_OPTIMIZE_H
#define KVC_TARGET_COMMON_OPTIMIZE_H

#include "llvm/ADT/StringRef.h"

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace kvc::target {

/// Runs O3 for `machine`. The optimiser believes in no library function: what
/// we generate calls nothing that is not in its own module.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

/// The same with the passes that `pipeline` names, in opt's words.
void optimize(llvm::Module &module, llvm::TargetMachine &machine,
              llvm::StringRef pipeline);

} // namespace kvc::target

#endif // KVC_TARGET_COMMON_OPTIMIZE_H
