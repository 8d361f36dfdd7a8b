//===- LowerToLLVM.cpp - from kernels to the LLVM dialect -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream passes only. Invariant: none of them introduces a call: bf16 is
// rounded by integer arithmetic, and math ops that remain are intrinsics which
// every supported target has as instructions.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/KVCToCPU/KVCToCPU.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void kvc::buildLowerKernelsToLLVMPipeline(OpPassManager &pm) {
  // Constants were emitted where they were used; one of each is enough.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Vectors of more than one dimension become loops.
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(createSCFToControlFlowPass());
  // Division with rounding, and bf16 without a library's help.
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  // One dialect after the other.
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  // What the conversions disagreed about cancels out.
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void kvc::registerKVCToCPU() {
  registerConvertKVCToCPUPass();
  PassPipelineRegistration<>(
      "kvc-lower-kernels-to-llvm",
      "Lower CPU kernels to the LLVM dialect by upstream passes",
      buildLowerKernelsToLLVMPipeline);
}
