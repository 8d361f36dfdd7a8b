//===- AddDestinations.cpp - results into buffers of the caller -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// func @f(...) -> tensor<AxB> becomes func @f(..., %out: memref<AxB>
// {kvc.output}); bufferization then computes into %out where it can.
//
// Invariant: afterwards the function returns no tensor.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace kvc {
#define GEN_PASS_DEF_ADDDESTINATIONSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

struct AddDestinations : kvc::impl::AddDestinationsPassBase<AddDestinations> {
  using AddDestinationsPassBase::AddDestinationsPassBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration() || function.getNumResults() == 0)
      return;
    auto returnOp =
        dyn_cast<func::ReturnOp>(function.getBody().front().getTerminator());
    if (!returnOp || !function.getBody().hasOneBlock()) {
      function.emitError("expected one block that ends in func.return");
      return signalPassFailure();
    }
    OpBuilder builder(returnOp);
    for (Value result : returnOp.getOperands()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type) {
        function.emitError("expected only ranked tensors as results, got ")
            << result.getType();
        return signalPassFailure();
      }
      unsigned position = function.getNumArguments();
      LogicalResult inserted = function.insertArgument(
          position, MemRefType::get(type.getShape(), type.getElementType()),
          builder.getDictionaryAttr(
              builder.getNamedAttr("kvc.output", builder.getUnitAttr())),
          result.getLoc());
      (void)inserted;
      bufferization::MaterializeInDestinationOp::create(
          builder, returnOp.getLoc(), /*result=*/Type(), result,
          function.getArgument(position), /*restrict=*/true, /*writable=*/true);
    }
    func::ReturnOp::create(builder, returnOp.getLoc());
    returnOp.erase();
    function.setType(
        builder.getFunctionType(function.getArgumentTypes(), TypeRange()));
    function.removeResAttrsAttr();
  }
};

} // namespace
