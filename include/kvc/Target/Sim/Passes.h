//===- Passes.h - GPU kernels as host functions -----------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_SIM_PASSES_H
#define KVC_TARGET_SIM_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kvc::sim {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "kvc/Target/Sim/Passes.h.inc"
} // namespace kvc::sim

#endif // KVC_TARGET_SIM_PASSES_H
