//===- StepBuilder.h - Write the step function -------------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rebuilds a proven stateless function as one ragged step. Two forms of a value
// that counts tokens exist side by side: over all T new tokens, and over the R
// rows whose logits are wanted. Everything that only the returned rows need is
// written in the second form alone, from the lowest values that both need
// upward.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_DIALECT_KVC_TRANSFORMS_STEPBUILDER_H
#define KVC_LIB_DIALECT_KVC_TRANSFORMS_STEPBUILDER_H

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/TokenAnalysis.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

namespace kvc {

/// A cache of the step and the attentions that write or read it.
struct PlannedCache {
  CacheType type;
  AttentionOp writer; // appends; others with the same key and value only read
};

struct StepPlan {
  mlir::func::FuncOp func;
  llvm::ArrayRef<TokenAnalysis::Input> inputs;
  llvm::SetVector<mlir::Operation *> live; // in no particular order
  llvm::SmallVector<PlannedCache> caches;
  llvm::DenseMap<mlir::Operation *, unsigned> cacheOf; // of each attention
};

class StepBuilder {
public:
  StepBuilder(StepPlan &plan, const TokenAnalysis &analysis)
      : plan(plan), analysis(analysis), builder(plan.func.getContext()) {}

  /// Inserts `@step` before the stateless function, which is left alone.
  mlir::func::FuncOp build();

private:
  /// The two forms of a value.
  enum Form { Tokens, Rows };

  mlir::func::FuncOp createFunction();
  void findRowOps();
  void cloneOp(mlir::Operation *op, Form form);
  void cloneGeneric(mlir::linalg::GenericOp op, Form form,
                    mlir::IRMapping &operands);
  void cloneTableSlice(mlir::tensor::ExtractSliceOp op, Form form,
                       mlir::IRMapping &operands);
  void buildAttention(AttentionOp op);

  /// `value` of the stateless function in the wanted form.
  mlir::Value get(mlir::Value value, Form form);
  mlir::Value getRows(mlir::Value value);
  /// What `value`, an extent, is for that many tokens.
  mlir::Value emitExtent(mlir::Value value, Form form);
  /// [1, heads, S, dim] of the stateless function as [T, heads, dim].
  mlir::Value getTokenMajor(mlir::Value value);
  /// Positions of a rope over `rank` dimensions, [T].
  mlir::Value getRopePositions(mlir::Value positions);
  /// [T] or [R], i32.
  mlir::Value getPositions(Form form);
  mlir::Value getCount(Form form);
  mlir::Value getRowNumbers();

  /// source[..., numbers[i], ...] along `dim`.
  mlir::Value gather(mlir::Location loc, mlir::Value source, unsigned dim,
                     mlir::Value numbers);
  mlir::Value transpose(mlir::Location loc, mlir::Value value,
                        llvm::ArrayRef<int64_t> permutation);
  /// The step's positions in the type of an argument of the stateless function.
  mlir::Value emitPositionArgument(mlir::Location loc,
                                   mlir::RankedTensorType type, unsigned dim);
  llvm::SmallVector<mlir::OpFoldResult> getSizes(mlir::Location loc,
                                                 mlir::Value value);

  StepPlan &plan;
  const TokenAnalysis &analysis;
  mlir::OpBuilder builder;
  mlir::func::FuncOp step;
  mlir::Value stepArgument;
  llvm::SmallVector<mlir::Value> cacheArguments;
  llvm::DenseMap<mlir::Value, mlir::Value> values[2]; // by Form
  mlir::Value positions[2], counts[2], rowNumbers;
  llvm::DenseSet<mlir::Operation *> rowOps; // wanted in the form Rows alone
  /// Attention results as [1, T, heads, dim].
  llvm::DenseMap<mlir::Value, mlir::Value> sequenceMajor;
};

/// Whether `op` swaps heads and tokens of a rank-4 value.
bool swapsHeadsAndTokens(mlir::Operation *op);

} // namespace kvc

#endif // KVC_LIB_DIALECT_KVC_TRANSFORMS_STEPBUILDER_H
