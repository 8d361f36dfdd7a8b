//===- Passes.td - kvc to kvc -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One pass per file. Their order in a pipeline, and why, is in
// docs/decisions/0002-fuse-before-policy.md.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_DIALECT_KVC_TRANSFORMS_PASSES_TD
#define KVC_DIALECT_KVC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def KeepRecomputePass : Pass<"kvc-keep-recompute", "::mlir::ModuleOp"> {
  let summary = "keep the stateless function as @recompute";
  let description = [{
    Clones the only function that takes a `kvc.input` to `@recompute`, marked
    `kvc.recompute`, which later passes leave alone: the graph as it was
    exported, compiled beside the step to check it. Runs first. Attention and
    rope that are in it already are written out (`kvc-decompose-attention`).
    Does nothing when there is a `@recompute` already.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def IntroduceCachePass : Pass<"kvc-introduce-cache", "::mlir::ModuleOp"> {
  let summary = "turn a stateless decoder into one step over KV caches";
  let description = [{
    Replaces the function that holds `kvc.attention` by `@step`: its sequence
    dimension becomes the T new tokens of a ragged batch, each attention a
    `kvc.append` and a `kvc.attend` on a new `!kvc.cache` argument (paged, plain
    storage, retention `window` where the attention has a window), numbers of
    tokens become `kvc.step.positions`, and only the rows of
    `kvc.step.logit_rows` are returned. What those rows alone need (the lm_head,
    the final norm, the last layer's MLP) is computed for them alone.

    All of it is proven first (docs/step.md): every attention is causal, and every other op
    that a result depends on works token by token. Where a proof fails the
    function stays as it is, with a missed remark:

    * `no-attention`: no `kvc.attention` reaches a result
    * `no-tokens`: no argument `tensor<1x?x...>` or `tensor<?x...>` of tokens
    * `not-causal`: a query sees keys after it
    * `mask-operand`: a mask that is not understood, or is an argument
    * `not-token-wise`: an op mixes tokens or computes with their number
    * `geometry`: heads or head_dim that a cache cannot have
    * `side-effect`: an op with effects that a step would repeat
    * `several-functions`, `in-use`: not one function, or one that is called

    `assume-causal-mask` takes a mask that comes from an argument of the
    function to be the causal one. An assertion about the number of tokens is
    dropped with an analysis remark `dropped-assertion`: the runtime checks
    lengths against `max_positions`. A query whose score region hides every key
    yields 0 in a step; where it yielded something else before, an analysis
    remark `fully-masked` says so. That number is the least of the function's
    or the module's `kvc.max_positions`, the option, and the sizes of tables
    that are read by position.
  }];
  let options = [
    Option<"assumeCausalMask", "assume-causal-mask", "bool", "false",
           "Take a mask that is a function argument to be causal">,
    Option<"maxPositions", "max-positions", "int64_t", "0",
           "Positions that the model is good for; 0 = unbounded">];
  let dependentDialects = [
    "::kvc::KVCDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"];
}

def VerifyStepPass : Pass<"kvc-verify-step", "::mlir::ModuleOp"> {
  let summary = "check that there is a step and that it is a step";
  let description = [{
    The border after `kvc-introduce-cache`: `@step` exists, holds no stateless
    attention, takes exactly one `!kvc.step`, and its caches are arguments that
    are numbered in order by `kvc.cache`, each written.
  }];
}

def LabelTokensPass : Pass<"kvc-label-tokens", "::mlir::func::FuncOp"> {
  let summary = "print how each value depends on the tokens";
  let description = [{
    For tests and for the question why `kvc-introduce-cache` refused: a remark
    on each op with the label of each result (see TokenAnalysis.h), for
    example `per-token [_, S, _]`.
  }];
}

def FusePass : Pass<"kvc-fuse", "::mlir::func::FuncOp"> {
  let summary = "move rotary embeddings into the cache's position axis";
  let description = [{
    Where every key appended to a cache and every query that attends to it is
    the result of `kvc.rope` with one and the same rotation, at this step's
    positions, the cache's type takes the rotation (`position = #kvc.rope<...>`)
    and append and attend get the unrotated operands. Views between rope and
    its user are rebuilt as long as they keep rows whole. The rotated keys that
    are stored do not change; the rotation becomes part of the kernels.

    Remarks: `kvc-fuse-rope` (done), `kvc-fuse-rope-missed` (with the reason).
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ApplyPolicyPass : Pass<"kvc-apply-policy", "::mlir::ModuleOp"> {
  let summary = "give each layer's cache the policy that the user chose";
  let description = [{
    Reads `kvc.policies` from the module in `policy-file`, or without the
    option from the module itself: an array of dictionaries
    `{layers = [0, 2], policy = #kvc.policy<...>}`, later ones over earlier
    ones, one without `layers` for all layers. Layer i is the i-th cache
    argument of a function. Axes that a policy leaves out stay as they are.

    The position axis says how a model was trained: a policy may only change
    when keys are rotated (`at`), not whether or by how much.

    Errors: no such file, an entry of another form, a layer that does not
    exist, a combination that kvcrt/legality.def forbids.
  }];
  let options = [
    Option<"policyFile", "policy-file", "std::string", "\"\"",
           "an .mlir module with the attribute kvc.policies">
  ];
  let dependentDialects = ["::kvc::KVCDialect"];
}

def PlanPass : Pass<"kvc-plan", "::mlir::ModuleOp"> {
  let summary = "form cache groups and kernel variants";
  let description = [{
    Target-free. Caches of equal type form a group, and so share a block table:
    append and attend get `kvc.group`, `kvc.layer` (index within the group) and
    `kvc.variant`, the `kvc.variant` op that says what their kernels must be;
    equal needs share one. The module gets `kvc.plan`: groups with their cache
    type, layers and bytes per token, and what each layer's kernels are called
    with.

    Errors: an append or attend whose cache is not a function argument.
  }];
  let dependentDialects = ["::kvc::KVCDialect"];
}

def DecomposeAttentionPass
    : Pass<"kvc-decompose-attention", "::mlir::func::FuncOp"> {
  let summary = "write kvc.attention and kvc.rope as linalg, arith and math";
  let description = [{
    Replaces the two stateless ops by what they mean, in f32, with every option
    that they have, so that a stateless graph runs through upstream's lowering.
    Written to be compared with, not to be quick: models run on caches.

    Errors: a number of heads that is not constant.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"
  ];
}

def VerifyPlanPass : Pass<"kvc-verify-plan", "::mlir::ModuleOp"> {
  let summary = "check that a step is ready for a target";
  let description = [{
    The border after `kvc-plan`: the module has `kvc.plan`; each append and
    attend says its group, its layer in the group and its variant; the variant
    is a `kvc.variant` of the same cache type; the group has that type and that
    many layers.
  }];
}

def KeepVariantsPass : Pass<"kvc-keep-variants", "::mlir::ModuleOp"> {
  let summary = "leave the kernels of a planned module alone";
  let description = [{
    Erases everything but the `kvc.variant` ops: what is left is an attention
    spec, as `kvc-compile --attention` takes it. This is how a graph is compiled
    for an engine that runs attention alone (GPUs). Each op that goes is told by
    a remark with id `left-out`. A module without variants is an error.
  }];
}

#endif // KVC_DIALECT_KVC_TRANSFORMS_PASSES_TD
