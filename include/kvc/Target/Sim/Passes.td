//===- Passes.td - GPU kernels as host functions ------------*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_SIM_PASSES
#define KVC_TARGET_SIM_PASSES

include "mlir/Pass/PassBase.td"

def SimRewritePass : Pass<"kvc-sim-rewrite", "::mlir::ModuleOp"> {
  let summary = "turn lowered GPU kernels into functions of the simulator";
  let description = [{
    Takes each `gpu.module` that holds the llvm and nvvm dialects alone (the
    text that NVPTX translates) and puts host code in its place:

    * `@NAME_kernel(ptr thread, ptr params)`: the kernel NAME, in which every
      nvvm op, every access to memory that is not the thread's own, every
      atomic, fence and known inline PTX has become a call through the
      thread's table (kvcrt/sim_intrinsics.def), with the op's location;
    * `@NAME_sim`: the constant kvcrt_sim_kernel that describes it.

    The result has no undefined symbol. An op, an intrinsic or a PTX template
    that the table does not know is an error that names it.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def SimMutatePass : Pass<"kvc-sim-mutate", "::mlir::ModuleOp"> {
  let summary = "plant one mistake in lowered GPU kernels";
  let description = [{
    For testing the simulator and the tests that use it: makes one of the
    mistakes that are possible in the module's kernels (a barrier, wait or fence
    left out, a wait too short, an atomic relaxed, a lane map, a shuffle, a
    matrix address or a fragment shifted, a swizzle flipped, offsets computed in
    32 bits), or lists them.
    Runs before `kvc-sim-rewrite`.
  }];
  let options = [
    Option<"list", "list", "bool", "false",
           "print the mutations, one a line, and change nothing">,
    Option<"number", "number", "unsigned", "0", "the mutation to make">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // KVC_TARGET_SIM_PASSES
