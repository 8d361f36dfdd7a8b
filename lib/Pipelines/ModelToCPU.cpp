//===- ModelToCPU.cpp - the stages that lower a model for the CPU ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One sentence before each pass says why it stands where it stands.
//
//===----------------------------------------------------------------------===//

#include "kvc/Pipelines/ModelToCPU.h"

#include "kvc/Conversion/ModelToCPU/Passes.h"
#include "kvc/Target/CPU/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace kvc {

void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void buildConstantsPipeline(OpPassManager &pm,
                            const ModelToCPUOptions &options) {
  // While products are still named and their transposed weights in sight.
  pm.addNestedPass<func::FuncOp>(createPackWeightsPass({options.vectorBits}));
  // The packing reads parameters alone now, so it can leave the step.
  pm.addPass(createHoistConstantsPass());
  addCleanup(pm);
  // One form of op for everything that follows.
  pm.addNestedPass<func::FuncOp>(createLinalgGeneralizeNamedOpsPass());
  // Exporters carry a batch of one everywhere; loops and reshapes of it go.
  pm.addNestedPass<func::FuncOp>(createLinalgFoldUnitExtentDimsPass());
  addCleanup(pm);
  // After the reshapes between producers and consumers are gone.
  pm.addNestedPass<func::FuncOp>(createFuseElementwisePass());
  addCleanup(pm);
  // Types still say everything about caches, and constants have their names.
  pm.addPass(cpu::createDescribeArtifactPass());
}

void buildBuffersPipeline(OpPassManager &pm) {
  // Positions and rows of logits come as arrays; sizes are those of arguments.
  pm.addNestedPass<func::FuncOp>(createStepToArgumentsPass());
  // Sizes in terms of the arguments' sizes, which the workspace plan needs.
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  addCleanup(pm);
  // The caller's buffers instead of results.
  pm.addNestedPass<func::FuncOp>(createAddDestinationsPass());
  // After the last CSE, which would merge them again.
  pm.addNestedPass<func::FuncOp>(createSeparateInitsPass());
  // Computes into the caller's buffer instead of copying there.
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addPass(bufferization::createEmptyTensorToAllocTensorPass());
  // Buffers with the identity layout at function boundaries: our callers pass
  // plain pointers.
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  // Sizes of views again, of buffers this time.
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  addCleanup(pm);
  // Before loops appear: positions in the block are lifetimes.
  pm.addPass(createPlanWorkspacePass());
}

void buildLoopsPipeline(OpPassManager &pm, const ModelToCPUOptions &options) {
  // Contractions first: the general pass below would take them as well.
  pm.addNestedPass<func::FuncOp>(
      createLowerContractionsPass({options.vectorBits}));
  pm.addNestedPass<func::FuncOp>(
      createVectorizeLoopsPass({options.vectorBits}));
  // What has no vector form.
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  addCleanup(pm);
  // On vectors, where a polynomial costs the same for 16 elements as for one.
  pm.addNestedPass<func::FuncOp>(createExpandMathPass());
  addCleanup(pm);
  // After the cleanup, so that the same layer again prints the same body.
  pm.addPass(createOutlineParallelPass());
  // The calls of kernels split blocks, so they come after the loops.
  pm.addPass(createLowerModelCallsPass());
}

void buildEntriesPipeline(OpPassManager &pm) {
  // Last, when the lowered functions have their final arguments.
  pm.addPass(createEmitModelEntriesPass());
}

void buildLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createSCFToControlFlowPass());
  // A CPU without bf16 arithmetic would call a library to round: compute in
  // f32, and round with integer operations.
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16"};
  emulate.targetTypeStr = "f32";
  pm.addPass(arith::createArithEmulateUnsupportedFloats(emulate));
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  // Views to pointer arithmetic, then that arithmetic to arith.
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  // Vectors of rank two and more to rank one.
  pm.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass());
  ConvertVectorToLLVMPassOptions vectors;
  vectors.reassociateFPReductions = true;
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  // Everything with a conversion interface at once.
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  addCleanup(pm);
}

void registerModelToCPUPipelines() {
  PassPipelineRegistration<ModelToCPUOptions>(
      "kvc-constants-pipeline", "pack weights, hoist constants, fuse",
      buildConstantsPipeline);
  PassPipelineRegistration<>("kvc-buffers-pipeline",
                             "tensors to buffers in one workspace",
                             buildBuffersPipeline);
  PassPipelineRegistration<ModelToCPUOptions>(
      "kvc-loops-pipeline", "linalg on buffers to parallel vector loops",
      buildLoopsPipeline);
  PassPipelineRegistration<>("kvc-entries-pipeline",
                             "the C functions of a model artefact",
                             buildEntriesPipeline);
  PassPipelineRegistration<>("kvc-llvm-pipeline", "to the LLVM dialect",
                             buildLLVMPipeline);
}

} // namespace kvc
