//===- Passes.h - lowering of whole models for the CPU ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of a decoder (matrix products, norms, gathers, the calls of its
// attention kernels) to code that runs behind kvcrt/abi.h: nothing is
// allocated, no libm, threads only through env->parallel_for.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_CONVERSION_MODELTOCPU_PASSES_H
#define KVC_CONVERSION_MODELTOCPU_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kvc {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

#endif // KVC_CONVERSION_MODELTOCPU_PASSES_H
