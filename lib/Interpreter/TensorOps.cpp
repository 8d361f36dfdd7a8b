//===- TensorOps.cpp - the tensor dialect ---------------------------------===//
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

LogicalResult checkShape(Operation *op, llvm::ArrayRef<int64_t> shape) {
  constexpr int64_t most = int64_t(1) << 31;
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (extent < 0)
      return op->emitError("expected sizes of at least 0, got ") << extent;
    count = extent > most ? most + 1 : count * extent;
    if (count > most)
      return op->emitError("expected at most 2^31 elements, got more");
  }
  return success();
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

namespace {
/// Offsets, sizes and strides of a slice; a size of -1 in `shape` is dynamic.
struct Slice {
  llvm::SmallVector<int64_t> offsets, sizes, strides;

  /// `dynamic` are the op's dynamic offsets, sizes and strides, in this order.
  Slice(OffsetSizeAndStrideOpInterface op, llvm::ArrayRef<Datum> dynamic) {
    auto take = [&](llvm::ArrayRef<int64_t> known) {
      llvm::SmallVector<int64_t> numbers;
      for (int64_t number : known) {
        if (ShapedType::isDynamic(number)) {
          number = int64_t(std::get<double>(dynamic.front()));
          dynamic = dynamic.drop_front();
        }
        numbers.push_back(number);
      }
      return numbers;
    };
    offsets = take(op.getStaticOffsets());
    sizes = take(op.getStaticSizes());
    strides = take(op.getStaticStrides());
  }

  int64_t count() const {
    int64_t product = 1;
    for (int64_t size : sizes)
      product *= size;
    return product;
  }
  /// Where the slice's element number `i` stands in `whole`, or -1.
  int64_t locate(const Tensor &whole, int64_t i) const {
    llvm::SmallVector<int64_t> indices(sizes.size());
    for (int64_t d = int64_t(sizes.size()) - 1; d >= 0; --d) {
      indices[d] = offsets[d] + i % sizes[d] * strides[d];
      i /= sizes[d];
    }
    return whole.offset(indices);
  }
};
} // namespace

/// The tensor's numbers, in their order, as a tensor of another shape. One
/// extent may be dynamic in `shape`.
static FailureOr<Datum> reshape(Operation *op, const Tensor &tensor,
                                llvm::SmallVector<int64_t> shape) {
  int64_t known = 1;
  for (int64_t extent : shape)
    known *= ShapedType::isDynamic(extent) ? 1 : extent;
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = known ? int64_t(tensor.numbers.size()) / known : 0;
  if (failed(checkShape(op, shape)))
    return failure();
  Tensor result(tensor.elementType, shape);
  if (result.numbers.size() != tensor.numbers.size())
    return op->emitError("expected a shape of ")
           << tensor.numbers.size() << " elements, got "
           << result.numbers.size();
  result.numbers = tensor.numbers;
  return Datum(std::move(result));
}

static FailureOr<Datum> concat(tensor::ConcatOp op,
                               llvm::ArrayRef<Datum> operands) {
  const int64_t axis = op.getDim();
  llvm::SmallVector<int64_t> shape = std::get<Tensor>(operands[0]).shape;
  shape[axis] = 0;
  int64_t outer = 1;
  for (int64_t extent : llvm::ArrayRef(shape).take_front(axis))
    outer *= extent;
  for (const Datum &operand : operands)
    shape[axis] += std::get<Tensor>(operand).shape[axis];
  Tensor result(op.getType().getElementType(), shape);
  auto out = result.numbers.begin();
  for (int64_t row = 0; row < outer; ++row)
    for (const Datum &operand : operands) {
      const Tensor &part = std::get<Tensor>(operand);
      const int64_t width = part.numbers.size() / outer;
      if (out + width > result.numbers.end())
        return op.emitError("expected operands of one shape beside dimension ")
               << axis;
      out = std::copy_n(part.numbers.begin() + row * width, width, out);
    }
  return Datum(std::move(result));
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
        if (failed(checkShape(op, shape)))
          return failure();
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
      .Case([&](tensor::CollapseShapeOp collapse) -> Result {
        const Tensor &tensor = std::get<Tensor>(operands[0]);
        llvm::SmallVector<int64_t> shape;
        for (const auto &group : collapse.getReassociationIndices()) {
          shape.push_back(1);
          for (int64_t d : group)
            shape.back() *= tensor.shape[d];
        }
        return reshape(op, tensor, shape);
      })
      .Case([&](tensor::ExpandShapeOp expand) -> Result {
        llvm::SmallVector<int64_t> dynamic = toIndices(operands.drop_front()),
                                   shape(expand.getStaticOutputShape());
        const int64_t *next = dynamic.begin();
        for (int64_t &extent : shape)
          if (ShapedType::isDynamic(extent))
            extent = *next++;
        return reshape(op, std::get<Tensor>(operands[0]), shape);
      })
      .Case([&](tensor::ReshapeOp reshaped) -> Result {
        const Tensor &sizes = std::get<Tensor>(operands[1]);
        llvm::SmallVector<int64_t> shape(sizes.numbers.begin(),
                                         sizes.numbers.end());
        return reshape(op, std::get<Tensor>(operands[0]), shape);
      })
      .Case([&](tensor::SplatOp splat) -> Result {
        llvm::SmallVector<int64_t> dynamic = toIndices(operands.drop_front()),
                                   shape(splat.getType().getShape());
        const int64_t *next = dynamic.begin();
        for (int64_t &extent : shape)
          if (ShapedType::isDynamic(extent))
            extent = *next++;
        if (failed(checkShape(op, shape)))
          return failure();
        Tensor tensor(splat.getType().getElementType(), shape);
        llvm::fill(tensor.numbers, roundToType(tensor.elementType,
                                               std::get<double>(operands[0])));
        return Datum(std::move(tensor));
      })
      .Case([&](tensor::ConcatOp parts) -> Result {
        return concat(parts, operands);
      })
      .Case([&](tensor::ExtractSliceOp extract) -> Result {
        const Tensor &tensor = std::get<Tensor>(operands[0]);
        Slice slice(extract, operands.drop_front());
        if (failed(checkShape(op, slice.sizes)))
          return failure();
        llvm::SmallVector<int64_t> shape;
        llvm::SmallBitVector dropped = extract.getDroppedDims();
        for (auto [d, size] : llvm::enumerate(slice.sizes))
          if (!dropped[d])
            shape.push_back(size);
        Tensor result(tensor.elementType, shape);
        for (auto [i, number] : llvm::enumerate(result.numbers)) {
          int64_t offset = slice.locate(tensor, i);
          if (offset < 0)
            return op->emitError("expected a slice within the tensor");
          number = tensor.numbers[offset];
        }
        return Datum(std::move(result));
      })
      .Case([&](tensor::InsertSliceOp insert) -> Result {
        const Tensor &source = std::get<Tensor>(operands[0]);
        Tensor result = std::get<Tensor>(operands[1]);
        Slice slice(insert, operands.drop_front(2));
        if (failed(checkShape(op, slice.sizes)))
          return failure();
        if (slice.count() != int64_t(source.numbers.size()))
          return op->emitError("expected a source as large as the slice");
        for (auto [i, number] : llvm::enumerate(source.numbers)) {
          int64_t offset = slice.locate(result, i);
          if (offset < 0)
            return op->emitError("expected a slice within the tensor");
          result.numbers[offset] = number;
        }
        return Datum(std::move(result));
      })
      .Default([](Operation *other) -> Result {
        return other->emitError(
                   "expected an op that the interpreter knows, got `")
               << other->getName() << "`";
      });
}

} // namespace kvc::interpreter
