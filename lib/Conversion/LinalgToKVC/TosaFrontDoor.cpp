//===- TosaFrontDoor.cpp - From TOSA to linalg on tensors
//------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order matters: shapes are inferred before ranks are made equal, named
// structured ops come before elementwise ones, and reshapes fold in between.
//
//===----------------------------------------------------------------------===//

#include "FrontDoors.h"
#include "mlir/Conversion/TosaToArith/TosaToArith.h"
#include "mlir/Conversion/TosaToLinalg/TosaToLinalg.h"
#include "mlir/Conversion/TosaToTensor/TosaToTensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/Tosa/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace kvc::raise {

bool mayHoldTosaAttention(func::FuncOp func) {
  bool product = false, exponential = false;
  func.walk([&](Operation *op) {
    product |= isa<tosa::MatMulOp>(op);
    exponential |= isa<tosa::ExpOp>(op);
  });
  return product && exponential;
}

void buildTosaToLinalg(OpPassManager &pm) {
  pm.addPass(tosa::createTosaInferShapesPass());
  pm.addPass(tosa::createTosaMakeBroadcastablePass());
  pm.addPass(tosa::createTosaToLinalgNamed());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createTosaToArithPass());
  pm.addPass(createTosaToTensorPass());
  pm.addPass(tosa::createTosaToLinalg());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

} // namespace kvc::raise
