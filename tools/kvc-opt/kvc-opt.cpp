//===- kvc-opt.cpp - mlir-opt with the kvc dialect and passes -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything upstream's mlir-opt has, plus what kvc registers.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/KVCToCPU/KVCToCPU.h"
#include "kvc/Conversion/LinalgToKVC/LinalgToKVC.h"
#include "kvc/Conversion/ModelToCPU/Passes.h"
#include "kvc/Dialect/KVC/IR/BufferizableOpInterfaceImpl.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "kvc/Pipelines/ModelToCPU.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  kvc::registerKVCTransformsPasses();
  kvc::registerLinalgToKVCPasses();
  kvc::registerKVCModelToCPUPasses();
  kvc::registerModelToCPUPipelines();
  kvc::registerKVCToCPU();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<kvc::KVCDialect>();
  kvc::registerBufferizableOpInterfaceExternalModels(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "kvc optimizer driver\n", registry));
}
