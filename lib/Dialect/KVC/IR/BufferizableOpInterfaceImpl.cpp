//===- BufferizableOpInterfaceImpl.cpp - bufferization of kvc ops ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Append and attend become the same ops on memrefs. Inputs are read, inits are
// overwritten without being read, so that no init is ever copied. A captured
// tensor is the same buffer inside the score region as outside.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/BufferizableOpInterfaceImpl.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace kvc;

static bool isTensor(Value value) { return isa<TensorType>(value.getType()); }

static bool isInit(OpOperand &operand) {
  auto op = dyn_cast<DestinationStyleOpInterface>(operand.getOwner());
  return op && op.isDpsInit(&operand);
}

/// The capture operand that `argument` of a score region stands for, or null.
static OpOperand *captureOf(AttendOp op, BlockArgument argument) {
  constexpr unsigned first = 5; // score, batch, head, query, key
  if (argument.getArgNumber() < first)
    return nullptr;
  return &op.getCapturesMutable()[argument.getArgNumber() - first];
}

/// Puts a memref in the place of each tensor argument of the score region;
/// what is inside has been bufferized and folds with the to_tensor.
static void bufferizeScore(AttendOp op, RewriterBase &rewriter) {
  if (op.getScore().empty())
    return;
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(&op.getScore().front());
  for (BlockArgument argument : op.getScore().getArguments()) {
    if (!isTensor(argument))
      continue;
    Type tensor = argument.getType();
    Value buffer = captureOf(op, argument)->get();
    rewriter.modifyOpInPlace(op, [&] { argument.setType(buffer.getType()); });
    auto view =
        ToTensorOp::create(rewriter, argument.getLoc(), tensor, argument);
    rewriter.replaceAllUsesExcept(argument, view, view);
  }
}

/// The same op on the buffers of its tensors; its results are its inits.
static LogicalResult bufferizeOnBuffers(Operation *op, RewriterBase &rewriter,
                                        const BufferizationOptions &options,
                                        BufferizationState &state) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  SmallVector<Value> operands, results;
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (isTensor(value)) {
      FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
      if (failed(buffer))
        return failure();
      if (isInit(operand))
        results.push_back(*buffer);
      value = *buffer;
    }
    operands.push_back(value);
  }
  OperationState created(op->getLoc(), op->getName(), operands,
                         /*types=*/TypeRange(), op->getAttrs());
  for (unsigned i = 0; i < op->getNumRegions(); ++i)
    created.addRegion()->takeBody(op->getRegion(i));
  Operation *onBuffers = rewriter.create(created);
  if (auto attend = dyn_cast<AttendOp>(onBuffers))
    bufferizeScore(attend, rewriter);
  replaceOpWithBufferizedValues(rewriter, op, results);
  return success();
}

namespace {

/// append, attend and merge.
template <typename Model, typename ConcreteOp>
struct OnBuffersModel
    : public BufferizableOpInterface::ExternalModel<Model, ConcreteOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &operand,
                              const AnalysisState &) const {
    return !isInit(operand);
  }

  bool bufferizesToMemoryWrite(Operation *, OpOperand &operand,
                               const AnalysisState &) const {
    return isInit(operand);
  }

  AliasingValueList getAliasingValues(Operation *op, OpOperand &operand,
                                      const AnalysisState &) const {
    if (!isInit(operand))
      return {};
    auto destination = cast<DestinationStyleOpInterface>(op);
    return {
        {destination.getTiedOpResult(&operand), BufferRelation::Equivalent}};
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    return bufferizeOnBuffers(op, rewriter, options, state);
  }
};

struct AppendModel : public OnBuffersModel<AppendModel, AppendOp> {};

struct MergeModel : public OnBuffersModel<MergeModel, MergeOp> {};

struct AttendModel : public OnBuffersModel<AttendModel, AttendOp> {
  AliasingValueList getAliasingValues(Operation *op, OpOperand &operand,
                                      const AnalysisState &state) const {
    auto attend = cast<AttendOp>(op);
    if (!attend.getScore().empty())
      for (BlockArgument argument : attend.getScore().getArguments())
        if (captureOf(attend, argument) == &operand)
          return {{argument, BufferRelation::Equivalent}};
    return OnBuffersModel::getAliasingValues(op, operand, state);
  }

  AliasingOpOperandList getAliasingOpOperands(Operation *op, Value value,
                                              const AnalysisState &) const {
    auto attend = cast<AttendOp>(op);
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (OpOperand *capture = captureOf(attend, argument))
        return {{capture, BufferRelation::Equivalent}};
      return {};
    }
    OpOperand *init = attend.getTiedOpOperand(cast<OpResult>(value));
    return {{init, BufferRelation::Equivalent}};
  }

  FailureOr<BufferLikeType>
  getBufferType(Operation *op, Value value, const BufferizationOptions &options,
                const BufferizationState &state,
                SmallVector<Value> &invocationStack) const {
    auto attend = cast<AttendOp>(op);
    OpOperand *source = nullptr;
    if (auto argument = dyn_cast<BlockArgument>(value))
      source = captureOf(attend, argument);
    else
      source = attend.getTiedOpOperand(cast<OpResult>(value));
    if (auto buffer = dyn_cast<BufferLikeType>(source->get().getType()))
      return buffer;
    return bufferization::getBufferType(source->get(), options, state,
                                        invocationStack);
  }
};

/// step.positions and step.logit_rows: the runtime's arrays, never written.
template <typename ConcreteOp>
struct StepArrayModel
    : public BufferizableOpInterface::ExternalModel<StepArrayModel<ConcreteOp>,
                                                    ConcreteOp> {
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }

  AliasingOpOperandList getAliasingOpOperands(Operation *, Value,
                                              const AnalysisState &) const {
    return {};
  }

  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(value.getType());
    return cast<BufferLikeType>(
        Type(MemRefType::get(type.getShape(), type.getElementType())));
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    auto array = cast<ConcreteOp>(op);
    auto type = cast<RankedTensorType>(array.getResult().getType());
    replaceOpWithNewBufferizedOp<ConcreteOp>(
        rewriter, op, MemRefType::get(type.getShape(), type.getElementType()),
        array.getStep());
    return success();
  }
};

} // namespace

void kvc::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, KVCDialect *) {
    AppendOp::attachInterface<AppendModel>(*context);
    AttendOp::attachInterface<AttendModel>(*context);
    MergeOp::attachInterface<MergeModel>(*context);
    StepPositionsOp::attachInterface<StepArrayModel<StepPositionsOp>>(*context);
    StepLogitRowsOp::attachInterface<StepArrayModel<StepLogitRowsOp>>(*context);
  });
}
