//===- InitAll.cpp - everything kvc registers -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one list of passes and pipelines that kvc-opt, the plugin, kvc-reduce and
// kvc-lsp-server share: what one of them knows, all know.
//
//===----------------------------------------------------------------------===//

#include "kvc/InitAll.h"
#include "kvc/Conversion/KVCToCPU/KVCToCPU.h"
#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"
#include "kvc/Conversion/LinalgToKVC/LinalgToKVC.h"
#include "kvc/Conversion/ModelToCPU/Passes.h"
#include "kvc/Dialect/KVC/IR/BufferizableOpInterfaceImpl.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "kvc/Pipelines/ModelToCPU.h"
#include "kvc/Target/CPU/Passes.h"
#include "kvc/Target/Sim/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

void kvc::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<KVCDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

void kvc::registerAllPasses() {
  registerKVCTransformsPasses();
  registerKVCModelToCPUPasses();
  registerModelToCPUPipelines();
  cpu::registerKVCTargetCPUPasses();
  sim::registerKVCTargetSimPasses();
  registerKVCToCPU();
  registerKVCToGPU();
  registerLinalgToKVCPasses();
}

void kvc::registerVersion() {
  llvm::cl::AddExtraVersionPrinter(
      [](llvm::raw_ostream &os) { os << "kvc version " KVC_VERSION "\n"; });
}
