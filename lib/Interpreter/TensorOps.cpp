//===- TensorOps.cpp - the tensor dialect, as far as tests need it
//---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: an index out of bounds is an error at the op, never a read.
//===----------------------------------------------------------------------===//
#include "kvc/Interpreter/Interpreter.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace kvc::interpreter {

static llvm::SmallVector<int64_t> toIndices(llvm::ArrayRef<Datum> data) {
  llvm::SmallVector<int64_t> indices;
  for (const Datum &datum : data)
    indices.push_back(int64_t(std::get<double>(datum)));
  return indices;
}

/// The element at `indices`, or an error.
static FailureOr<int64_t> locate(Operation *op, const Tensor &tensor,
                                 llvm::ArrayRef<int64_t> indices) {
  int64_t offset = tensor.offset(indices);
  if (offset < 0) {
    InFlightDiagnostic error = op->emitError("expected indices within [");
    llvm::interleaveComma(tensor.shape, error);
    error << "], got [";
    llvm::interleaveComma(indices, error);
    return error << "]";
  }
  return offset;
}

FailureOr<Datum> evaluateTensorOp(Operation *op,
                                  llvm::ArrayRef<Datum> operands) {
  using Result = FailureOr<Datum>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](tensor::EmptyOp empty) -> Result {
        RankedTensorType type = empty.getType();
        llvm::SmallVector<int64_t> dynamic = toIndices(operands), shape;
        const int64_t *next = dynamic.begin();
        for (int64_t extent : type.getShape())
          shape.push_back(ShapedType::isDynamic(extent) ? *next++ : extent);
        return Datum(Tensor(type.getElementType(), shape));
      })
      .Case([&](tensor::ExtractOp extract) -> Result {
        const Tensor &tensor = std::get<Tensor>(operands[0]);
        FailureOr<int64_t> offset =
            locate(op, tensor, toIndices(operands.drop_front()));
        if (failed(offset))
          return failure();
        return Datum(tensor.numbers[*offset]);
      })
      .Case([&](tensor::InsertOp insert) -> Result {
        Tensor tensor = std::get<Tensor>(operands[1]);
        FailureOr<int64_t> offset =
            locate(op, tensor, toIndices(operands.drop_front(2)));
        if (failed(offset))
          return failure();
        tensor.numbers[*offset] =
            roundToType(tensor.elementType, std::get<double>(operands[0]));
        return Datum(std::move(tensor));
      })
      .Case([&](tensor::FromElementsOp from) -> Result {
        Tensor tensor(from.getType().getElementType(),
                      from.getType().getShape());
        for (auto [number, operand] : llvm::zip_equal(tensor.numbers, operands))
          number = std::get<double>(operand);
        tensor.round();
        return Datum(std::move(tensor));
      })
      .Case([&](tensor::DimOp dim) -> Result {
        const Tensor &tensor = std::get<Tensor>(operands[0]);
        int64_t index = int64_t(std::get<double>(operands[1]));
        if (index < 0 || index >= tensor.rank())
          return op->emitError("expected a dimension below ")
                 << tensor.rank() << ", got " << index;
        return Datum(double(tensor.shape[index]));
      })
      .Case([&](tensor::CastOp cast) -> Result {
        const Tensor &tensor = std::get<Tensor>(operands[0]);
        auto type = dyn_cast<RankedTensorType>(cast.getType());
        if (!type || failed(verifyCompatibleShape(
                         type.getShape(), llvm::ArrayRef(tensor.shape))))
          return op->emitError("expected a tensor that fits ")
                 << cast.getType();
        return Datum(tensor);
      })
      .Default([](Operation *other) -> Result {
        return other->emitError(
                   "expected an op that the interpreter knows, got `")
               << other->getName() << "`";
      });
}

} // namespace kvc::interpreter
