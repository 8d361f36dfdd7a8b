//===- Record.h - the constant that describes a kernel ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_SIM_RECORD_H
#define KVC_LIB_TARGET_SIM_RECORD_H

#include "Rewriter.h"
#include "mlir/IR/BuiltinOps.h"

namespace kvc::sim {

/// What becomes a kvcrt_sim_kernel.
struct KernelRecord {
  std::string name, function;
  uint32_t paramsSize = 0, sharedBytes = 0;
  uint32_t threads[3] = {0, 0, 0};
  llvm::ArrayRef<SharedVariable> shared;
  llvm::ArrayRef<std::string> locations;
};

/// Adds `@<name>_sim` and the constants it points to.
void emitRecord(mlir::ModuleOp module, mlir::SymbolTable &symbols,
                const KernelRecord &record);

} // namespace kvc::sim

#endif // KVC_LIB_TARGET_SIM_RECORD_H
