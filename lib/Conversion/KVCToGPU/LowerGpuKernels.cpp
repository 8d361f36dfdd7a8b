//===- LowerGpuKernels.cpp - from kernels to llvm and nvvm ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream passes only. Invariant: none of them introduces a call, and f16 and
// bf16 conversions stay instructions (NVPTX has them; the simulator rewrites
// those of bf16).
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void kvc::buildLowerGpuKernelsPipeline(OpPassManager &module) {
  OpPassManager &pm = module.nest<mlir::gpu::GPUModuleOp>();
  // Constants were emitted where they were used; one of each is enough, and
  // what does not change in a loop stands before it. Merging them first, and
  // users before what they use: a quarter of the time that the default takes.
  GreedyRewriteConfig bottomUp;
  bottomUp.setUseTopDownTraversal(false);
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass(bottomUp));
  pm.addPass(createCSEPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(createSCFToControlFlowPass());
  // Division with rounding.
  pm.addPass(arith::createArithExpandOpsPass());
  // One dialect after the other.
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  // A pass of the whole module: nested, it would find nothing to do.
  module.addPass(createConvertControlFlowToLLVMPass());
  // What the conversions disagreed about cancels out.
  OpPassManager &last = module.nest<mlir::gpu::GPUModuleOp>();
  last.addPass(createReconcileUnrealizedCastsPass());
  last.addPass(createCanonicalizerPass(bottomUp));
  last.addPass(createCSEPass());
}

void kvc::registerKVCToGPU() {
  registerConvertKVCToGPUPass();
  PassPipelineRegistration<>(
      "kvc-lower-gpu-kernels",
      "Lower GPU kernels to the llvm and nvvm dialects by upstream passes",
      buildLowerGpuKernelsPipeline);
}
