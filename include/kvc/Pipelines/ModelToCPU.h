//===- ModelToCPU.h - the stages that lower a model for the CPU -*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_PIPELINES_MODELTOCPU_H
#define KVC_PIPELINES_MODELTOCPU_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace kvc {

struct ModelToCPUOptions : mlir::PassPipelineOptions<ModelToCPUOptions> {
  Option<unsigned> vectorBits{
      *this, "vector-bits",
      llvm::cl::desc("width of a vector register of the target"),
      llvm::cl::init(256)};
};

/// Canonicalize and CSE, between stages.
void addCleanup(mlir::OpPassManager &pm);

/// Tensors in, tensors out: weights packed, what depends on parameters alone in
/// `@init`, elementwise ops fused.
void buildConstantsPipeline(mlir::OpPassManager &pm,
                            const ModelToCPUOptions &options);
/// Tensors to buffers, all of them inside one workspace.
void buildBuffersPipeline(mlir::OpPassManager &pm);
/// Linalg on buffers to vector loops, parallel over env->parallel_for.
void buildLoopsPipeline(mlir::OpPassManager &pm,
                        const ModelToCPUOptions &options);
/// The C functions of the artefact around the lowered ones.
void buildEntriesPipeline(mlir::OpPassManager &pm);
/// Everything that is left to the LLVM dialect.
void buildLLVMPipeline(mlir::OpPassManager &pm);

/// Makes each of them known as kvc-<stage>-pipeline.
void registerModelToCPUPipelines();

} // namespace kvc

#endif // KVC_PIPELINES_MODELTOCPU_H
