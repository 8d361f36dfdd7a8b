//===- Compile.cpp - from a graph to an artefact --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of stages, and what a graph must look like to enter the first.
//
//===----------------------------------------------------------------------===//

#include "kvc/Pipelines/Compile.h"

#include "kvc/Conversion/KVCToCPU/KVCToCPU.h"
#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"
#include "kvc/Conversion/LinalgToKVC/LinalgToKVC.h"
#include "kvc/Conversion/ModelToCPU/Passes.h"
#include "kvc/Dialect/KVC/IR/BufferizableOpInterfaceImpl.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "kvc/Pipelines/ModelToCPU.h"
#include "kvc/Support/GpuChip.h"
#include "kvc/Target/CPU/Passes.h"
#include "kvc/Target/Sim/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace kvc {

static ConvertKVCToCPUPassOptions kernelOptions(const cpu::Target &target) {
  std::string features;
  for (const std::string &feature : target.getFeatures())
    features += (features.empty() ? "+" : ",+") + feature;
  return getKVCToCPUOptions(features);
}

static Stage kernelStage(const cpu::Target &target) {
  return {"kernels", "kvc.variant to append, attend and merge over the C ABI",
          [=](OpPassManager &pm) {
            pm.addPass(createConvertKVCToCPUPass(kernelOptions(target)));
          }};
}

/// From the stateless graph to a planned step.
static void addGraphStages(std::vector<Stage> &stages,
                           const CompileOptions &options) {
  auto add = [&](std::string name, std::string summary,
                 std::function<void(OpPassManager &)> build) {
    stages.push_back({std::move(name), std::move(summary), std::move(build)});
  };
  add("raise", "attention subgraphs to kvc.attention", [=](OpPassManager &pm) {
    // Before anything is changed: what a cached run is compared with.
    if (options.withRecompute)
      pm.addPass(createKeepRecomputePass());
    RaiseAttentionPassOptions raise;
    raise.explain =
        options.explain ? ExplainFormat::table : ExplainFormat::none;
    pm.addNestedPass<func::FuncOp>(createRaiseAttentionPass(raise));
  });
  add("introduce-cache", "the stateless graph to one ragged step",
      [](OpPassManager &pm) {
        addCleanup(pm);
        pm.addPass(createIntroduceCachePass());
        // A graph that could not be given a cache ends here, with the remarks
        // that say why.
        pm.addPass(createVerifyStepPass());
        addCleanup(pm);
      });
  add("fuse", "rotations into the cache's position axis",
      [](OpPassManager &pm) {
        pm.addNestedPass<func::FuncOp>(createFusePass());
        addCleanup(pm);
      });
  add("policy", "each layer's policy, judged by the legality table",
      [=](OpPassManager &pm) {
        pm.addPass(createApplyPolicyPass({options.policyFile}));
      });
  add("plan", "cache groups and kernel variants", [](OpPassManager &pm) {
    pm.addPass(createPlanPass());
    pm.addPass(createVerifyPlanPass());
  });
}

LogicalResult parseTarget(StringRef target, CompileOptions &options,
                          cpu::EmitError emitError) {
  if (target == "cpu")
    return success();
  StringRef chip = target;
  options.engine = chip.consume_front("sim:") ? Engine::sim : Engine::cuda;
  options.chip = chip.str();
  if (findGpuChip(chip))
    return success();
  return emitError() << "expected --target=cpu, a chip (" << gpuChipNames()
                     << ") or sim: and a chip, got `" << target << "`";
}

/// From kvc.variant ops to kernels of a GPU and the host functions that launch
/// them.
static void addGpuStages(std::vector<Stage> &stages,
                         const CompileOptions &options) {
  auto add = [&](std::string name, std::string summary,
                 std::function<void(OpPassManager &)> build) {
    stages.push_back({std::move(name), std::move(summary), std::move(build)});
  };
  add("describe", "write the manifest", [=](OpPassManager &pm) {
    cpu::DescribeArtifactPassOptions describe;
    describe.target =
        (options.engine == Engine::sim ? "sim:" : "") + options.chip;
    pm.addPass(cpu::createDescribeArtifactPass(describe));
  });
  add("kernels", "kvc.variant to GPU kernels and host functions",
      [=](OpPassManager &pm) {
        ConvertKVCToGPUPassOptions kernels;
        kernels.chip = options.chip;
        pm.addPass(createConvertKVCToGPUPass(kernels));
      });
  add("gpu", "kernels to the llvm and nvvm dialects",
      buildLowerGpuKernelsPipeline);
  if (options.engine == Engine::sim)
    add("sim", "kernels to host functions over the simulator",
        [](OpPassManager &pm) { pm.addPass(sim::createSimRewritePass()); });
  add("llvm", "to the LLVM dialect", buildLLVMPipeline);
}

std::vector<Stage> getStages(const CompileOptions &options,
                             const cpu::Target &target) {
  std::vector<Stage> stages;
  auto add = [&](std::string name, std::string summary,
                 std::function<void(OpPassManager &)> build) {
    stages.push_back({std::move(name), std::move(summary), std::move(build)});
  };
  if (options.engine != Engine::cpu) {
    if (!options.attention) {
      addGraphStages(stages, options);
      add("attention", "the graph's kernels alone: an attention library",
          [](OpPassManager &pm) { pm.addPass(createKeepVariantsPass()); });
    }
    addGpuStages(stages, options);
    return stages;
  }
  if (options.attention) {
    // The policies and features stand in the variants already.
    add("describe", "write the manifest", [](OpPassManager &pm) {
      pm.addPass(cpu::createDescribeArtifactPass());
    });
    stages.push_back(kernelStage(target));
    add("llvm", "to the LLVM dialect", buildLLVMPipeline);
    return stages;
  }

  if (!options.stateless) {
    addGraphStages(stages, options);
    add("decompose",
        "what has no kernel (a rotation outside attention) to linalg",
        [](OpPassManager &pm) {
          pm.addNestedPass<func::FuncOp>(createDecomposeAttentionPass());
          addCleanup(pm);
        });
  }
  auto lowering = std::make_shared<ModelToCPUOptions>();
  lowering->vectorBits = target.getVectorBits();
  add("constants", "pack weights, hoist constants, fuse elementwise ops",
      [=](OpPassManager &pm) { buildConstantsPipeline(pm, *lowering); });
  add("buffers", "tensors to buffers in one workspace",
      [](OpPassManager &pm) { buildBuffersPipeline(pm); });
  stages.push_back(kernelStage(target));
  add("loops", "linalg on buffers to parallel vector loops",
      [=](OpPassManager &pm) { buildLoopsPipeline(pm, *lowering); });
  add("entries", "the C functions of the artefact",
      [](OpPassManager &pm) { buildEntriesPipeline(pm); });
  add("llvm", "to the LLVM dialect", buildLLVMPipeline);
  return stages;
}

void registerCompilerDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<KVCDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

LogicalResult checkInput(ModuleOp module, const CompileOptions &options) {
  bool variants = !module.getOps<VariantOp>().empty();
  if (options.attention) {
    if (!variants)
      return module.emitError("expected at least one kvc.variant in an "
                              "attention spec, got none");
    for (Operation &op : module.getBody()->getOperations())
      if (!isa<VariantOp>(op))
        return op.emitError("expected only kvc.variant in an attention spec, "
                            "got `")
               << op.getName() << "`; compile graphs without --attention";
    return success();
  }
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isDeclaration()) {
    InFlightDiagnostic error =
        module.emitError("expected a function `@main` with a body, got none");
    if (variants)
      error << "; compile kvc.variant ops with --attention";
    return error;
  }
  if (!main.getBody().hasOneBlock())
    return main.emitError("expected straight-line code in `@main`, got ")
           << main.getBody().getBlocks().size() << " blocks";
  bool input = false;
  for (BlockArgument argument : main.getArguments()) {
    unsigned i = argument.getArgNumber();
    for (StringRef name : {"kvc.input", "kvc.param"})
      if (Attribute attr = main.getArgAttr(i, name))
        if (!isa<StringAttr>(attr))
          return main.emitError("expected a string as `")
                 << name << "` of argument " << i << ", got " << attr;
    input |= !!main.getArgAttr(i, "kvc.input");
    if (!isa<RankedTensorType>(argument.getType()))
      return main.emitError("expected ranked tensors as arguments of `@main`, "
                            "got ")
             << argument.getType() << " as argument " << i;
    if (!main.getArgAttr(i, "kvc.input") && !main.getArgAttr(i, "kvc.param"))
      return main.emitError("expected `kvc.input` or `kvc.param` on argument ")
             << i
             << " of `@main`; name the tensor of the weights file, or the "
                "input, that it stands for";
  }
  if (!input)
    return main.emitError("expected an argument of `@main` with `kvc.input`, "
                          "got none");
  return success();
}

void makeStateless(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  main.setName("recompute");
  main->setAttr("kvc.recompute", UnitAttr::get(module.getContext()));
}

} // namespace kvc
