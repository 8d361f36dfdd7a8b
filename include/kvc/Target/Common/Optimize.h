//===- Optimize.h - LLVM's pipeline for generated code ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_COMMON_OPTIMIZE_H
#define KVC_TARGET_COMMON_OPTIMIZE_H

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace kvc::target {

/// Runs O3 for `machine`. The optimiser believes in no library function: what
/// we generate calls nothing that is not in its own module. `unrollLoops` is
/// false for code whose loops are unrolled as far as they are to be.
void optimize(llvm::Module &module, llvm::TargetMachine &machine,
              bool unrollLoops = true);

} // namespace kvc::target

#endif // KVC_TARGET_COMMON_OPTIMIZE_H
