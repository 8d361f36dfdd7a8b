//===- TosaFrontDoor.cpp - From TOSA to linalg on tensors -----------------===//
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
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/Dialect/Tosa/Transforms/Passes.h"
#include "mlir/Transforms/DialectConversion.h"
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

namespace {
/// Upstream's patterns, without its passes' demand that they match everything:
/// an op that has no lowering (tosa.scatter, of a cache that is written) must
/// not keep attention elsewhere in the function from being found.
struct LowerTosaOps
    : public PassWrapper<LowerTosaOps, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerTosaOps)

  /// Products and pools; views and scalars; what is left.
  enum class Stage { Named, Views, Rest };
  explicit LowerTosaOps(Stage stage = Stage::Rest) : stage(stage) {}
  StringRef getName() const override { return "LowerTosaOps"; }

  void getDependentDialects(DialectRegistry &registry) const override {
    registry
        .insert<arith::ArithDialect, index::IndexDialect, linalg::LinalgDialect,
                math::MathDialect, scf::SCFDialect, tensor::TensorDialect>();
  }

  void runOnOperation() override {
    TypeConverter converter;
    tosa::populateTosaTypeConversion(converter);
    RewritePatternSet patterns(&getContext());
    switch (stage) {
    case Stage::Named:
      tosa::populateTosaToLinalgNamedConversionPatterns(converter, &patterns,
                                                        {});
      break;
    case Stage::Views:
      tosa::populateTosaToArithConversionPatterns(&patterns);
      tosa::populateTosaToTensorConversionPatterns(converter, &patterns);
      break;
    case Stage::Rest:
      tosa::populateTosaToLinalgConversionPatterns(converter, &patterns);
      break;
    }
    ConversionTarget target(getContext());
    target.addLegalDialect<arith::ArithDialect, index::IndexDialect,
                           linalg::LinalgDialect, math::MathDialect,
                           scf::SCFDialect, tensor::TensorDialect>();
    // what is left may become views, which the next stage lowers
    if (stage != Stage::Views)
      target.addLegalOp<tosa::ConstShapeOp, tosa::ReshapeOp>();
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }

  Stage stage;
};
} // namespace

void buildTosaToLinalg(OpPassManager &pm) {
  pm.addPass(tosa::createTosaInferShapesPass());
  pm.addPass(tosa::createTosaMakeBroadcastablePass());
  using Stage = LowerTosaOps::Stage;
  pm.addPass(std::make_unique<LowerTosaOps>(Stage::Named));
  pm.addPass(createCanonicalizerPass());
  for (Stage stage : {Stage::Views, Stage::Rest, Stage::Views})
    pm.addPass(std::make_unique<LowerTosaOps>(stage));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

} // namespace kvc::raise
