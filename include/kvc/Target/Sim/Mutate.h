//===- Mutate.h - kernels with one mistake ----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mutations of lowered kernels, each a mistake that a kernel's author could
// make and a GPU would not report: a barrier left out, a wait too short, a lane
// map shifted. A test run that does not notice one of them shows a gap in the
// simulator, in the test, or a statement that the kernel does not need.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_SIM_MUTATE_H
#define KVC_TARGET_SIM_MUTATE_H

#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace kvc::sim {

/// One line per mutation of the gpu.modules in `module`, in the order of their
/// numbers: "<kind> <kernel> <location>".
std::vector<std::string> listMutations(mlir::ModuleOp module);

/// Makes mutation `number`; fails when there are fewer.
mlir::LogicalResult mutate(mlir::ModuleOp module, unsigned number);

} // namespace kvc::sim

#endif // KVC_TARGET_SIM_MUTATE_H
