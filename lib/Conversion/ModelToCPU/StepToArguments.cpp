//===- StepToArguments.cpp - what a step says as arguments ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: afterwards only kvc.append and kvc.attend use a !kvc.step.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace kvc {
#define GEN_PASS_DEF_STEPTOARGUMENTSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

struct StepToArguments : kvc::impl::StepToArgumentsPassBase<StepToArguments> {
  using StepToArgumentsPassBase::StepToArgumentsPassBase;

  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    if (failed(replaceArrays<kvc::StepPositionsOp>("kvc.positions")) ||
        failed(replaceArrays<kvc::StepLogitRowsOp>("kvc.logit_rows")) ||
        failed(replaceNumTokens()))
      signalPassFailure();
  }

  template <typename OpTy> LogicalResult replaceArrays(StringRef name) {
    func::FuncOp function = getOperation();
    Value argument;
    SmallVector<OpTy> ops;
    function.walk([&](OpTy op) { ops.push_back(op); });
    for (OpTy op : ops) {
      if (!argument) {
        unsigned position = function.getNumArguments();
        Builder b(&getContext());
        auto type =
            RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
        DictionaryAttr attrs =
            b.getDictionaryAttr(b.getNamedAttr(name, b.getUnitAttr()));
        if (failed(function.insertArgument(position, type, attrs, op.getLoc())))
          return failure();
        argument = function.getArgument(position);
      }
      if (op.getType() != argument.getType())
        return op.emitError("expected ")
               << argument.getType() << ", got " << op.getType();
      op.replaceAllUsesWith(argument);
      op.erase();
    }
    return success();
  }

  /// T is the dynamic size of the inputs.
  LogicalResult replaceNumTokens() {
    func::FuncOp function = getOperation();
    SmallVector<kvc::StepNumTokensOp> ops;
    function.walk([&](kvc::StepNumTokensOp op) { ops.push_back(op); });
    if (ops.empty())
      return success();
    OpBuilder b(&getContext());
    b.setInsertionPointToStart(&function.getBody().front());
    Value count;
    for (BlockArgument argument : function.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (!type || !function.getArgAttr(argument.getArgNumber(), "kvc.input"))
        continue;
      for (auto [dim, size] : llvm::enumerate(type.getShape()))
        if (!count && ShapedType::isDynamic(size))
          count = tensor::DimOp::create(b, function.getLoc(), argument, dim);
    }
    if (!count)
      return function.emitError("expected an argument with `kvc.input` and a "
                                "dynamic size, got none");
    for (kvc::StepNumTokensOp op : ops) {
      op.replaceAllUsesWith(count);
      op.erase();
    }
    return success();
  }
};

} // namespace
