//===- kvc-opt.cpp - mlir-opt with the kvc dialect and passes -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything upstream's mlir-opt has, plus what kvc and its tests register.
//
//===----------------------------------------------------------------------===//

#include "TestPasses.h"
#include "kvc/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  kvc::registerVersion();
  mlir::registerAllPasses();
  kvc::registerAllPasses();
  kvc::test::registerTestPasses();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  kvc::registerAllDialects(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "kvc optimizer driver\n", registry));
}
