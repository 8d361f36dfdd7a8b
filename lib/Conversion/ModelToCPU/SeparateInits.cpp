//===- SeparateInits.cpp - one fill for each op that writes into it -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: afterwards no filled or empty tensor is the destination of two
// ops.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace kvc {
#define GEN_PASS_DEF_SEPARATEINITSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// Makes contents out of nothing: a fill, an empty tensor, a mask of indices.
bool makesContents(Operation *op) {
  if (isa_and_nonnull<tensor::EmptyOp>(op))
    return true;
  auto linalgOp = dyn_cast_or_null<linalg::LinalgOp>(op);
  return linalgOp && op->getNumResults() == 1 &&
         llvm::none_of(linalgOp.getDpsInputs(), [](Value input) {
           return isa<ShapedType>(input.getType());
         });
}

/// Gives `operand` a producer of its own, and that one an own destination.
void separate(OpOperand &operand, OpBuilder &builder) {
  Operation *producer = operand.get().getDefiningOp();
  if (!makesContents(producer))
    return;
  if (!operand.get().hasOneUse()) {
    builder.setInsertionPoint(operand.getOwner());
    producer = builder.clone(*producer);
    operand.set(producer->getResult(0));
  }
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(producer))
    separate(linalgOp.getDpsInitsMutable()[0], builder);
}

struct SeparateInits : kvc::impl::SeparateInitsPassBase<SeparateInits> {
  using SeparateInitsPassBase::SeparateInitsPassBase;

  void runOnOperation() override {
    OpBuilder builder(&getContext());
    SmallVector<DestinationStyleOpInterface> ops;
    getOperation().walk([&](DestinationStyleOpInterface op) {
      if (op->getNumResults())
        ops.push_back(op);
    });
    for (DestinationStyleOpInterface op : ops)
      for (OpOperand &init : op.getDpsInitsMutable())
        separate(init, builder);
  }
};

} // namespace
