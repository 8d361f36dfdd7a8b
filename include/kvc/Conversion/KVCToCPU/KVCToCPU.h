//===- KVCToCPU.h - kvc.variant to CPU kernels ------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each kvc.variant @NAME becomes functions over the plain C ABI of kvcrt/abi.h:
//
//   func.func @NAME_append, @NAME_attend, @NAME_merge
//       (%env: !llvm.ptr, %params: !llvm.ptr) -> i32
//   func.func @NAME_workspace(%capacity: !llvm.ptr) -> i64
//
// and private functions that env->parallel_for runs.
//
// Invariant: the kernels call nothing but env->parallel_for. After
// buildLowerKernelsToLLVMPipeline the linked object has no undefined symbol.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_CONVERSION_KVCTOCPU_KVCTOCPU_H
#define KVC_CONVERSION_KVCTOCPU_KVCTOCPU_H

#include "mlir/Pass/Pass.h"
#include <memory>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace kvc {

#define GEN_PASS_DECL
#include "kvc/Conversion/KVCToCPU/Passes.h.inc"

/// The widest vectors that a CPU with these features handles well: 512 with
/// avx512f, 256 with avx2, else 128 bits. `features` is LLVM's list
/// ("+avx2,+fma,..."); what it does not name is absent.
ConvertKVCToCPUPassOptions getKVCToCPUOptions(llvm::StringRef features);

/// Appends the passes that take kernels (scf, arith, math, vector, func, llvm)
/// to the LLVM dialect. Model code in the same module may use them as well, as
/// far as it needs no library function.
void buildLowerKernelsToLLVMPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "kvc/Conversion/KVCToCPU/Passes.h.inc"

/// Registers convert-kvc-to-cpu and the pipeline kvc-lower-kernels-to-llvm.
void registerKVCToCPU();

} // namespace kvc

#endif // KVC_CONVERSION_KVCTOCPU_KVCTOCPU_H
