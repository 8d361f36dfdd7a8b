//===- TargetExpansion.h - what an old CPU has no instruction for -*- C++ -*-=//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions of f16 and rounding to even would become calls of a library on a
// CPU without F16C or SSE4.1. Here they become integer arithmetic.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_TARGETEXPANSION_H
#define KVC_LIB_CONVERSION_KVCTOCPU_TARGETEXPANSION_H

#include "../Kernel/KernelBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kvc::cpu {

using namespace kernel;

/// Replaces in `function` what `target` cannot do; results are the same bits.
void expandForTarget(mlir::func::FuncOp function, const VectorTarget &target);

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_TARGETEXPANSION_H
