//===- Passes.td - kvc.variant to CPU kernels -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one pass of this folder.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_CONVERSION_KVCTOCPU_PASSES_TD
#define KVC_CONVERSION_KVCTOCPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertKVCToCPUPass
    : Pass<"convert-kvc-to-cpu", "::mlir::ModuleOp"> {
  let summary = "Turn each kvc.variant into CPU kernels over the plain C ABI";
  let description = [{
    Replaces every `kvc.variant @NAME` of the module by the functions
    `NAME_append`, `NAME_attend`, `NAME_merge` and `NAME_workspace` of
    kvcrt/abi.h, written in scf, arith, math, vector, func and llvm. Other ops
    are left alone. A variant that the engine cannot run is an error that says
    why.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "256",
           "Width of the vectors of the kernels: 128, 256 or 512">,
    Option<"fma", "fma", "bool", "true",
           "Whether the target fuses multiply and add in one instruction">,
    Option<"f16c", "f16c", "bool", "true",
           "Whether the target converts between f16 and f32">,
    Option<"round", "round", "bool", "true",
           "Whether the target rounds to integral floats (SSE4.1)">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

#endif // KVC_CONVERSION_KVCTOCPU_PASSES_TD
