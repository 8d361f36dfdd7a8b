//===- Execute.h - run linalg through upstream's lowering -------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_EXECUTE_H
#define KVC_TOOLS_KVC_RAISE_CHECK_EXECUTE_H

#include "Graph.h"

namespace kvc::raisecheck {

/// Once per process, before execute: targets and upstream's passes.
void initializeExecution();

/// What the passes of execute need to be registered in a context.
void registerExecutionDialects(mlir::DialectRegistry &registry);

/// Compiles the functions `names` of `module` (linalg, tensor, arith, math,
/// scf; no kvc) in this process and calls each with `inputs`. Buffers that the
/// code allocates hold NaNs until it writes to them. `module` is consumed. The
/// functions must not index out of bounds: interpret them first.
llvm::Expected<std::vector<std::vector<interpreter::Tensor>>>
execute(mlir::OwningOpRef<mlir::ModuleOp> module,
        llvm::ArrayRef<llvm::StringRef> names,
        llvm::ArrayRef<interpreter::Datum> inputs);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_EXECUTE_H
