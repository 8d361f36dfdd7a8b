//===- Optimize.cpp - LLVM's pipeline for generated code ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: no pass turns a loop into a call of a library.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Common/Optimize.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

static void run(Module &module, TargetMachine &machine,
                function_ref<ModulePassManager(PassBuilder &)> pipelineOf) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  PassBuilder builder(&machine);
  TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  pipelineOf(builder).run(module, modules);
}

void kvc::target::optimize(Module &module, TargetMachine &machine) {
  run(module, machine, [](PassBuilder &builder) {
    return builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3);
  });
}

void kvc::target::optimize(Module &module, TargetMachine &machine,
                           StringRef pipeline) {
  run(module, machine, [&](PassBuilder &builder) {
    ModulePassManager passes;
    // Our own words: an LLVM that does not know them is not ours.
    if (Error unknown = builder.parsePassPipeline(passes, pipeline))
      report_fatal_error(std::move(unknown));
    return passes;
  });
}
