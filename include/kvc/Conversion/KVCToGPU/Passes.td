//===- Passes.td - kvc.variant to GPU kernels -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one pass of this folder.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_CONVERSION_KVCTOGPU_PASSES_TD
#define KVC_CONVERSION_KVCTOGPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertKVCToGPUPass
    : Pass<"convert-kvc-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Turn each kvc.variant into GPU kernels over the plain C ABI";
  let description = [{
    Replaces every `kvc.variant @NAME` of the module by a `gpu.module
    @NAME_gpu` that holds its kernels (docs/decisions/0004-gpu-launch.md). Each
    is an `llvm.func` whose one parameter is `kvcrt_params` by value, written in
    scf, arith, math, vector, llvm and nvvm; `kvc-lower-gpu-kernels` leaves llvm
    and nvvm. Other ops are left alone. A variant that the engine cannot run is
    an error that says why.
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"",
           "The GPU: sm_80, sm_86, sm_89, sm_90a, sm_100a or sm_120">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
}

def ConvertGpuKernelsToLLVMPass
    : Pass<"convert-gpu-kernels-to-llvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Convert the ops of GPU kernels to the llvm dialect in one walk";
  let description = [{
    Applies upstream's conversions of scf, cf, arith, math and vector together;
    llvm and nvvm ops stay. Where one of those ops has no conversion, the pass
    fails.
  }];
  let dependentDialects = [
    "::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect"];
}

#endif // KVC_CONVERSION_KVCTOGPU_PASSES_TD
