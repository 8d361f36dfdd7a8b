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
#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace kvc {

#define GEN_PASS_DECL
#include "kvc/Conversion/KVCToGPU/Passes.h.inc"

/// The gpu.module of the kvc.variant called `variant`.
inline std::string gpuModuleName(llvm::StringRef variant) {
  return (variant + "_gpu").str();
}

/// On a kvc.variant: its kernels were compiled before. An array of {name,
/// numbers = {kvc.shared_bytes = ..., ...}, threads}; the gpu.module then
/// declares them, which is what host functions need.
inline constexpr llvm::StringLiteral kCompiledKernelsAttr = "kvc.kernels";
/// On a kvc.variant, and then on its gpu.module: what the kernels are to be
/// kept under (a string).
inline constexpr llvm::StringLiteral kImageKeyAttr = "kvc.image_key";

/// On a kvc.variant: how hard its kernels try to get by with few registers,
/// array<i32: decode, prefill>, each from 0 (the fastest shape, the default) to
/// kMostFrugal. What spilled is made again so (Target/NVPTX): how many
/// registers a kernel takes, ptxas alone knows.
inline constexpr llvm::StringLiteral kFrugalityAttr = "kvc.frugality";
inline constexpr int32_t kMostFrugal = 3;

/// Appends, nested on gpu.module, the passes that take kernels (scf, arith,
/// math, vector, llvm, nvvm) to the llvm and nvvm dialects.
void buildLowerGpuKernelsPipeline(mlir::OpPassManager &pm);

#define GEN_PASS_REGISTRATION
#include "kvc/Conversion/KVCToGPU/Passes.h.inc"

/// Registers convert-kvc-to-gpu and the pipeline kvc-lower-gpu-kernels.
void registerKVCToGPU();

} // namespace kvc

#endif // KVC_CONVERSION_KVCTOGPU_KVCTOGPU_H
