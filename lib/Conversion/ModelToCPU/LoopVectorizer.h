//===- LoopVectorizer.h - one linalg op to one vector loop nest -*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_MODELTOCPU_LOOPVECTORIZER_H
#define KVC_LIB_CONVERSION_MODELTOCPU_LOOPVECTORIZER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace kvc {

/// Rewrites one linalg op on buffers along one vectorised dimension.
class LoopVectorizer {
public:
  /// Finds the dimension; none when some part of the op has no vector form.
  static std::optional<LoopVectorizer> match(mlir::linalg::LinalgOp op,
                                             unsigned vectorBits);
  /// Emits the loops in place of the op.
  void emit();

private:
  using Value = mlir::Value;

  /// One trip of the vector loop: `width` lanes from `first` on, of which the
  /// mask (null: all) selects.
  struct Trip {
    Value first;
    int64_t width;
    Value mask;
  };

  explicit LoopVectorizer(mlir::linalg::LinalgOp op)
      : op(op), b(op.getLoc(), op) {}

  bool chooseDim();
  bool checkOperand(mlir::OpOperand &operand);
  bool checkBody();
  bool checkReductions();

  Value constant(int64_t value);
  Value extent(unsigned dim);
  mlir::VectorType vectorOf(mlir::Type element, int64_t width) {
    return mlir::VectorType::get({width}, element);
  }
  Value broadcast(Value value, int64_t width);
  int64_t grain();

  mlir::SmallVector<Value> indices(mlir::AffineMap map, Value first);
  Value load(mlir::OpOperand &operand, const Trip &trip);
  Value loadLanes(Value memref, const Trip &trip,
                  llvm::function_ref<mlir::SmallVector<Value>(int64_t)> at);
  void store(Value value, mlir::OpOperand &operand, const Trip &trip);
  Value gather(mlir::Operation *load, const Trip &trip,
               mlir::IRMapping &values);

  mlir::SmallVector<Value> emitBody(const Trip &trip, mlir::ValueRange sums);
  void emitVectorLoop();
  mlir::SmallVector<Value> emitTrips(mlir::ValueRange sums);
  void emitReduction();

  mlir::linalg::LinalgOp op;
  mlir::ImplicitLocOpBuilder b;
  mlir::SmallVector<mlir::Range> ranges;
  mlir::SmallVector<Value> dims; // induction variables, null for `vectorDim`
  unsigned vectorDim = 0;
  bool reduces = false; // vectorDim is a reduction
  bool byLane = false;  // some access has no contiguous form
  int64_t lanes = 0;    // of one register, 32-bit elements
  mlir::SmallVector<mlir::Operation *> combiners; // one per output
};

} // namespace kvc

#endif // KVC_LIB_CONVERSION_MODELTOCPU_LOOPVECTORIZER_H
