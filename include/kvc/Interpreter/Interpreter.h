//===- Interpreter.h - runs kvc IR on the reference -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks functions op by op: kvc ops go to kvcref, the ops around them (arith,
// math, tensor, linalg on tensors, scf, func) are evaluated here. No pass runs
// and nothing is converted, so what a file means does not depend on the
// compiler.
//
// Invariant: an op that is not known is an error at its location; nothing is
// skipped.
//===----------------------------------------------------------------------===//
#ifndef KVC_INTERPRETER_INTERPRETER_H
#define KVC_INTERPRETER_INTERPRETER_H

#include "kvc/Interpreter/Values.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace kvc::interpreter {

class Interpreter {
public:
  /// Runs `function`, which has a body. Errors are reported at ops.
  mlir::FailureOr<llvm::SmallVector<Datum>>
  call(mlir::func::FuncOp function, llvm::ArrayRef<Datum> arguments);

  /// Makes the arguments of an entry function from their attributes:
  ///   !kvc.step   {kvc.test_step = {sequences = [7, 8], tokens = [3, 1]}},
  ///   with
  ///               `keep` (roll back to so many tokens first) and `offsets` (of
  ///               the positions) per row
  ///   !kvc.cache  {kvc.cache = N}: one cache for every argument with this N,
  ///   in
  ///               all functions that this interpreter runs
  /// A step's positions continue the caches among the arguments, whose rows
  /// must hold equally many tokens.
  mlir::FailureOr<llvm::SmallVector<Datum>>
  makeArguments(mlir::func::FuncOp function);

private:
  using Values = llvm::DenseMap<mlir::Value, Datum>;

  mlir::FailureOr<CacheRef> findCache(mlir::func::FuncOp function,
                                      unsigned index);
  mlir::FailureOr<Datum> makeStep(mlir::func::FuncOp function, unsigned index,
                                  llvm::ArrayRef<CacheRef> caches);

  /// Evaluates the ops of `block` up to its terminator and answers what that
  /// hands on.
  mlir::FailureOr<llvm::SmallVector<Datum>> evaluate(mlir::Block &block,
                                                     Values &values);
  mlir::LogicalResult evaluate(mlir::Operation *op, Values &values);

  /// A score region as a function; `hasFailed` is set when its evaluation
  /// failed.
  kvcref::ScoreEdit makeScoreEdit(mlir::Region &region,
                                  mlir::ValueRange captures,
                                  const Values &values, bool &hasFailed);

  mlir::LogicalResult evaluateKVC(mlir::Operation *op, Values &values);
  mlir::LogicalResult evaluateControl(mlir::Operation *op, Values &values);
  mlir::LogicalResult evaluateStructured(mlir::Operation *op, Values &values);
  /// tensor.generate and tensor.pad.
  mlir::LogicalResult evaluateTensorRegion(mlir::Operation *op, Values &values);

  llvm::DenseMap<int64_t, std::pair<mlir::Type, CacheRef>> caches;
};

/// What an op of arith or math computes from its operands' numbers; null where
/// that depends on more than them (comparisons, casts of i1, rounding).
using ScalarFunction = double (*)(llvm::ArrayRef<double>);
ScalarFunction findScalarFunction(mlir::Operation *op);

/// `op` on numbers, where `function` is what findScalarFunction answered.
mlir::FailureOr<double> applyScalarOp(mlir::Operation *op,
                                      ScalarFunction function,
                                      llvm::ArrayRef<double> operands);

/// arith and math on scalars, and element by element on tensors.
mlir::FailureOr<Datum> evaluateScalarOp(mlir::Operation *op,
                                        llvm::ArrayRef<Datum> operands);

/// The tensor dialect's ops without a region.
mlir::FailureOr<Datum> evaluateTensorOp(mlir::Operation *op,
                                        llvm::ArrayRef<Datum> operands);

/// An error at `op` when a tensor cannot have these extents.
mlir::LogicalResult checkShape(mlir::Operation *op,
                               llvm::ArrayRef<int64_t> shape);

} // namespace kvc::interpreter

#endif // KVC_INTERPRETER_INTERPRETER_H
