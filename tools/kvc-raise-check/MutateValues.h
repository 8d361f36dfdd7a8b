//===- MutateValues.h - other values, numbers and ops -----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_MUTATEVALUES_H
#define KVC_TOOLS_KVC_RAISE_CHECK_MUTATEVALUES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <random>

namespace kvc::raisecheck {

/// `a` stands before `b`, or before an op that holds `b`.
bool isBefore(mlir::Operation *a, mlir::Operation *b);

/// Values of `type` that an operand of `op` may name, in their order.
mlir::SmallVector<mlir::Value> visibleValues(mlir::Operation *op,
                                             mlir::Type type);

/// A neighbour of the number, or of one number of a literal tensor; null when
/// there is none.
mlir::TypedAttr changeNumber(mlir::TypedAttr value, std::mt19937_64 &random);

/// An op, or a rounding to 16 bits and back, on `value`, a float or a tensor of
/// floats; `first` is the first op made.
mlir::Value insertAfter(mlir::OpBuilder &builder, mlir::Value value,
                        std::mt19937_64 &random, mlir::Operation *&first);

/// Dimensions of one extent, of which there are at least two, or none.
mlir::SmallVector<int64_t> equalDimensions(mlir::Type type);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_MUTATEVALUES_H
