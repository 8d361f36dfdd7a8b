//===- Passes.h - kvc to kvc ------------------------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constructors and registration of the passes in Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_DIALECT_KVC_TRANSFORMS_PASSES_H
#define KVC_DIALECT_KVC_TRANSFORMS_PASSES_H

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kvc {

#define GEN_PASS_DECL
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"

} // namespace kvc

#endif // KVC_DIALECT_KVC_TRANSFORMS_PASSES_H
