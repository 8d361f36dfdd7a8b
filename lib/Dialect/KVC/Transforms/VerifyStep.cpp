//===- VerifyStep.cpp - The border after introduce-cache ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"

namespace kvc {
#define GEN_PASS_DEF_VERIFYSTEPPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

using namespace mlir;
using namespace kvc;

static LogicalResult verifyCache(func::FuncOp step, BlockArgument cache,
                                 int64_t number) {
  auto attribute =
      step.getArgAttrOfType<IntegerAttr>(cache.getArgNumber(), "kvc.cache");
  if (!attribute || attribute.getInt() != number)
    return step.emitError() << "expected argument " << cache.getArgNumber()
                            << " to carry kvc.cache = " << number;
  bool written = llvm::any_of(
      cache.getUsers(), [](Operation *user) { return isa<AppendOp>(user); });
  if (!written)
    return step.emitError() << "cache " << number << " is never appended to";
  return success();
}

static LogicalResult verifyStep(func::FuncOp step) {
  int64_t steps = 0, caches = 0;
  if (step.isExternal())
    return step.emitError() << "expected a body of @step";
  for (BlockArgument argument : step.getArguments()) {
    steps += isa<StepType>(argument.getType());
    if (isa<CacheType>(argument.getType()) &&
        failed(verifyCache(step, argument, caches++)))
      return failure();
  }
  if (steps != 1)
    return step.emitError()
           << "expected one argument of type !kvc.step, got " << steps;
  if (caches == 0)
    return step.emitError() << "expected an argument of type !kvc.cache";
  WalkResult result = step.walk([](Operation *op) -> WalkResult {
    if (isa<AttentionOp>(op))
      return op->emitError()
             << "stateless attention is left in @step: its keys would be those "
                "of the new tokens alone";
    for (Value operand : op->getOperands())
      if (isa<CacheType>(operand.getType()) && !isa<BlockArgument>(operand))
        return op->emitError() << "expected a cache that is an argument";
    return success();
  });
  return failure(result.wasInterrupted());
}

namespace {
struct VerifyStep : kvc::impl::VerifyStepPassBase<VerifyStep> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto step = module.lookupSymbol<func::FuncOp>("step");
    if (!step) {
      module.emitError()
          << "expected a function @step, got none: kvc-introduce-cache did not "
             "apply; its missed remarks say why "
             "(kvc-opt --remarks-filter-missed=kvc-.*)";
      return signalPassFailure();
    }
    if (failed(verifyStep(step)))
      signalPassFailure();
  }
};
} // namespace
