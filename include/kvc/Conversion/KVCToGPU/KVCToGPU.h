//===- KVCToGPU.h - kvc.variant to GPU kernels ------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each kvc.variant @NAME becomes a gpu.module @NAME_gpu of kernels
//
//   llvm.func @NAME_append(%params: !llvm.ptr {llvm.byval = kvcrt_params})
//       attributes {gpu.kernel, nvvm.kernel, nvvm.reqntid, kvc.shared_bytes}
//
// Invariant: after buildLowerGpuKernelsPipeline a gpu.module holds the llvm and
// nvvm dialects alone and no kernel calls anything: NVPTX translates that text
// and the simulator rewrites it.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_CONVERSION_KVCTOGPU_KVCTOGPU_H
#define KVC_CONVERSION_KVCTOGPU_KVCTOGPU_H

#include "mlir/Pass/Pass.h"
#include <memory>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace kvc {

#define GEN_PASS_DECL
#include "kvc/Conversion/KVCToGPU/Passes.h.inc"

/// Appends, nested on gpu.module, the passes that take kernels (scf, arith,
/// math, vector, llvm, nvvm) to the llvm and nvvm dialects.
void buildLowerGpuKernelsPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "kvc/Conversion/KVCToGPU/Passes.h.inc"

/// Registers convert-kvc-to-gpu and the pipeline kvc-lower-gpu-kernels.
void registerKVCToGPU();

} // namespace kvc

#endif // KVC_CONVERSION_KVCTOGPU_KVCTOGPU_H
