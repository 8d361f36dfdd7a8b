//===- Passes.td - lowering of whole models for the CPU -----*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One small pass per decision, in the order in which the pipeline runs them
// (lib/Pipelines/ModelPipeline.cpp says why that order). The functions they
// look for are `step`, `recompute` and `init`; a function that is not there is
// left out.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_CONVERSION_MODELTOCPU_PASSES
#define KVC_CONVERSION_MODELTOCPU_PASSES

include "mlir/Pass/PassBase.td"

def PackWeightsPass : Pass<"kvc-pack-weights", "::mlir::func::FuncOp"> {
  let summary = "store weights of matrix products as panels";
  let description = [{
    `A[M,K] x B[K,N]` with a static right-hand side becomes a product with
    `B` packed as `[N / nr][K][nr]`, so that a kernel reads one contiguous
    stream whatever N is. The packing is made of tensor ops of the weight
    alone: `kvc-hoist-constants` moves it out of the step.
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "256",
                        "width of a vector register of the target">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def HoistConstantsPass : Pass<"kvc-hoist-constants", "::mlir::ModuleOp"> {
  let summary = "compute what depends on parameters alone once, after loading";
  let description = [{
    Moves every op of `@step` whose operands are parameters or constants into a
    new function `@init`, whose results (the *constants* of the manifest) take
    the place of the parameters among `@step`'s arguments. A parameter that the
    step reads as it stands is a constant too and is copied: after init the
    weights file may be unmapped.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def FuseElementwisePass : Pass<"kvc-fuse-elementwise", "::mlir::func::FuncOp"> {
  let summary = "fuse elementwise producers into their only reader";
  let description = [{
    Upstream's elementwise fusion with another rule: a producer is fused when
    nobody else reads it or when it reads no tensor (a mask made of indices),
    and never into a contraction, which would compute it once per panel.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::affine::AffineDialect"];
}

def StepToArgumentsPass : Pass<"kvc-step-to-arguments", "::mlir::func::FuncOp"> {
  let summary = "what a step says about its tokens as arguments";
  let description = [{
    `kvc.step.positions` and `kvc.step.logit_rows` become arguments marked
    `kvc.positions` and `kvc.logit_rows`, for which the entry passes the step's
    arrays; `kvc.step.num_tokens` becomes the size of the first input.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def AddDestinationsPass : Pass<"kvc-add-destinations", "::mlir::func::FuncOp"> {
  let summary = "turn tensor results into buffers that the caller passes";
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::memref::MemRefDialect"];
}

def SeparateInitsPass : Pass<"kvc-separate-inits", "::mlir::func::FuncOp"> {
  let summary = "give each op that writes into a filled tensor a fill of its own";
  let description = [{
    CSE makes one zero tensor the initial value of many contractions, for which
    bufferization must copy it each time. Filling again costs half as much.
    Run after the last CSE on tensors.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def LowerContractionsPass : Pass<"kvc-lower-contractions", "::mlir::func::FuncOp"> {
  let summary = "contractions on buffers to register-blocked FMA loops";
  let description = [{
    Every contraction whose output and right-hand side share their contiguous
    dimension becomes a parallel loop over blocks of rows and columns around a
    kernel that keeps `rows x 4` vectors of sums in registers. The rows left
    over by a dynamic row count get a kernel of exactly their number, so one
    decoded token costs one row. Columns of a dynamic number are masked.
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "256",
                        "width of a vector register of the target">];
  let dependentDialects = ["::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect",
                           "::mlir::arith::ArithDialect"];
}

def VectorizeLoopsPass : Pass<"kvc-vectorize-loops", "::mlir::func::FuncOp"> {
  let summary = "all other linalg ops on buffers to parallel vector loops";
  let description = [{
    Elementwise ops, copies, gathers and reductions: parallel over all but the
    innermost dimension, vectors along that one, a masked tail, sums of a
    reduction in a register until its end. What has no vector form is left to
    `convert-linalg-to-loops`.
  }];
  let options = [Option<"vectorBits", "vector-bits", "unsigned", "256",
                        "width of a vector register of the target">];
  let dependentDialects = ["::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::affine::AffineDialect"];
}

def ExpandMathPass : Pass<"kvc-expand-math", "::mlir::func::FuncOp"> {
  let summary = "math ops to arithmetic, so that no libm is called";
  let description = [{
    Upstream's expansions and polynomials, except sine and cosine: RoPE asks for
    arguments as large as a position, which need a range reduction in double
    (error below 2 ulp of 1.0 for |x| < 2^20 instead of growing with |x|).
  }];
  let dependentDialects = ["::mlir::math::MathDialect", "::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
}

def PlanWorkspacePass : Pass<"kvc-plan-workspace", "::mlir::ModuleOp"> {
  let summary = "place every buffer of a function in one caller-given workspace";
  let description = [{
    Each `memref.alloc` becomes a view of a new last argument
    `memref<?xi8>`. Sizes must be polynomials of the function's dynamic sizes;
    buffers whose sizes are multiples of the same monomial share an arena and,
    where their lifetimes do not meet, memory. `@NAME_workspace` computes the
    bytes from the same dynamic sizes.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect"];
}

def OutlineParallelPass : Pass<"kvc-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "scf.parallel to env->parallel_for";
  let description = [{
    The body becomes a function of the C type kvcrt_task_fn; captured values
    travel in a closure on the caller's stack. A task covers `kvc.grain`
    iterations; a loop of one task is called directly.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::arith::ArithDialect"];
}

def LowerModelCallsPass : Pass<"kvc-lower-model-calls", "::mlir::ModuleOp"> {
  let summary = "kvc.append and kvc.attend on buffers to calls of their variants";
  let description = [{
    Fills one kvcrt_params on the stack (the step, the layer's cache, addresses
    and byte strides, scale, window, ...; everything else is zero), then calls
    the hook of the environment when there is one, else the variant's kernel.
    A status other than 0 is returned at once.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::cf::ControlFlowDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect"];
}

def EmitModelEntriesPass : Pass<"kvc-emit-model-entries", "::mlir::ModuleOp"> {
  let summary = "the C functions of a model artefact around its lowered functions";
  let description = [{
    `kvc_model_step`, `_recompute`, `_init` and their `_workspace` functions of
    kvcrt/abi.h: they check versions, sizes and the workspace, build buffer
    descriptors from the argument structures and call `@step`, `@recompute`,
    `@init`, which become private. Arguments are recognised by their
    attributes (`kvc.input`, `kvc.param`, `kvc.constant`, `kvc.output`, ...).
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::func::FuncDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::arith::ArithDialect"];
}

#endif // KVC_CONVERSION_MODELTOCPU_PASSES
