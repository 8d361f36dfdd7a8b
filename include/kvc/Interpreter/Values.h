//===- Values.h - what a value of the IR is while it is interpreted -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: numbers are doubles. Those of a tensor are numbers of its element
// type (rounded when they enter it); scalars are not rounded. Integers are
// exact up to 2^53.
//===----------------------------------------------------------------------===//
#ifndef KVC_INTERPRETER_VALUES_H
#define KVC_INTERPRETER_VALUES_H

#include "kvcref/cache.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include <memory>
#include <variant>

namespace kvc::interpreter {

/// Row-major; rank 0 has one number.
struct Tensor {
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape;
  std::vector<double> numbers;

  Tensor() = default;
  /// Of NaNs (integers: zeros): what was never written shows.
  Tensor(mlir::Type elementType, llvm::ArrayRef<int64_t> shape);

  int64_t rank() const { return shape.size(); }
  /// Position in `numbers`, or -1 when an index is out of bounds.
  int64_t offset(llvm::ArrayRef<int64_t> indices) const;
  /// Rounds all numbers to the element type.
  void round();

  /// Views for the reference; `Rank` must be the tensor's.
  template <int Rank> kvcref::View<const double, Rank> view() const {
    return {numbers.data(), shapeArray<Rank>()};
  }
  template <int Rank> kvcref::View<double, Rank> view() {
    return {numbers.data(), shapeArray<Rank>()};
  }

private:
  template <int Rank> std::array<int64_t, Rank> shapeArray() const {
    assert(rank() == Rank && "a view has the rank of its tensor");
    std::array<int64_t, Rank> extents;
    std::copy(shape.begin(), shape.end(), extents.begin());
    return extents;
  }
};

/// One ragged batch.
struct Step {
  std::vector<kvcref::StepRow> rows;
  std::vector<int64_t> positions; // [T]
  int64_t numTokens() const { return positions.size(); }
  kvcref::View<const int64_t, 1> positionsView() const {
    return {positions.data(), {numTokens()}};
  }
};

/// A reference: copies are the same cache.
using CacheRef = std::shared_ptr<kvcref::Cache>;

/// A double is a scalar of any float, integer or index type.
using Datum = std::variant<double, Tensor, std::shared_ptr<Step>, CacheRef>;

/// `number` as a value of `type` (f64, f32, f16, bf16, index, iN) would hold
/// it.
double roundToType(mlir::Type type, double number);

/// The numbers of a dense constant.
mlir::FailureOr<Tensor> makeTensor(mlir::Location loc,
                                   mlir::ElementsAttr attribute);

/// `3x2xf32`, then each innermost row on a line of its own.
void print(llvm::raw_ostream &os, const Datum &datum, mlir::Type type);

} // namespace kvc::interpreter

#endif // KVC_INTERPRETER_VALUES_H
