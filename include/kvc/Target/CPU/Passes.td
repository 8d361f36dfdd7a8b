//===- Passes.td - what an artefact says about itself -------*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_CPU_PASSES
#define KVC_TARGET_CPU_PASSES

include "mlir/Pass/PassBase.td"

def DescribeArtifactPass : Pass<"kvc-describe-artifact", "::mlir::ModuleOp"> {
  let summary = "write the manifest into the module";
  let description = [{
    Collects what kvcrt/artifact.h's manifest holds (groups with their
    policies, layers, variants, parameters, constants, inputs, outputs) as JSON
    text in the module's attribute `kvc.manifest`. Runs after
    `kvc-hoist-constants` and before bufferization, while types still say
    everything. A module without `@step` and `@recompute` describes an attention
    library: its `kvc.variant` symbols.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"",
           "What the artefact is for: cpu, a chip, or sim: and a chip">,
  ];
}

#endif // KVC_TARGET_CPU_PASSES
