//===- Passes.h - what an artefact says about itself ------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_CPU_PASSES_H
#define KVC_TARGET_CPU_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kvc::cpu {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "kvc/Target/CPU/Passes.h.inc"
} // namespace kvc::cpu

#endif // KVC_TARGET_CPU_PASSES_H
