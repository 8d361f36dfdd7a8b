//===- FuseElementwise.cpp - fuse elementwise producers -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: no work is done twice, except index arithmetic that reads no
// tensor and costs less than a load.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace kvc {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// Computed from indices and scalars alone, by cheap operations.
bool isCheap(linalg::GenericOp producer) {
  if (producer.getNumDpsInputs() != 0 || producer.getNumLoops() == 0)
    return false;
  return !producer.getBody()
              ->walk([](Operation *op) {
                bool costly =
                    isa<tensor::ExtractOp>(op) ||
                    isa_and_nonnull<math::MathDialect>(op->getDialect());
                return costly ? WalkResult::interrupt() : WalkResult::advance();
              })
              .wasInterrupted();
}

bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer)
    return false;
  if (linalg::isaContractionOpInterface(consumer) ||
      consumer.getNumReductionLoops() > 1)
    return false;
  // Computed once per element of a wider consumer: a norm's factor per row
  // would be evaluated for every column. Loads and cheap arithmetic may be.
  bool broadcast = consumer.getNumLoops() > producer.getNumLoops();
  if (broadcast && !isCheap(producer))
    return false;
  return isCheap(producer) || operand->get().hasOneUse();
}

struct FuseElementwise : kvc::impl::FuseElementwisePassBase<FuseElementwise> {
  using FuseElementwisePassBase::FuseElementwisePassBase;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, context);
    affine::AffineApplyOp::getCanonicalizationPatterns(patterns, context);
    context->getLoadedDialect<linalg::LinalgDialect>()
        ->getCanonicalizationPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
