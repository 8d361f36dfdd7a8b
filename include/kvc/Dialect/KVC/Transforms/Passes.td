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

#endif // KVC_DIALECT_KVC_TRANSFORMS_PASSES_TD
