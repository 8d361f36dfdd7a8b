//===- SoftmaxMatcher.h - The parts of a softmax, read backwards --*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Private to Softmax.cpp (numerator, denominator, form) and SoftmaxRow.cpp (the
// rows that are reduced, the column of a sink, guards of empty rows).
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_SOFTMAXMATCHER_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_SOFTMAXMATCHER_H

#include "Softmax.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace kvc::raise {

/// One value of a row for each key, and one more where a sink's column is.
struct Row {
  const Expr *body = nullptr; // over the key
  const Expr *last = nullptr; // the further column's, or null
  const Expr *init = nullptr;
};

struct SoftmaxMatcher {
  SoftmaxMatcher(Scalars &scalars, mlir::AffineExpr key,
                 mlir::Operation *&anchor, Refusal &refusal)
      : scalars(scalars), key(key), anchor(anchor), refusal(refusal) {}

  Scalars &scalars;
  mlir::AffineExpr key;
  mlir::Operation *&anchor;
  Refusal &refusal;
  /// Columns of a number known at run time that are dropped after the softmax,
  /// and the dimension they are in: all but a sink's must be read.
  mlir::tensor::ExtractSliceOp slice;
  unsigned slicedDim = 0;
  const Expr *max = nullptr;    // what is subtracted, guards included
  const Expr *rowMax = nullptr; // the same without them
  const Expr *rowSum = nullptr; // the denominator, without guards
  bool finiteInit = false;      // the maximum starts from a finite number
  bool finiteMax = false;       // an empty row's maximum is finite
  bool sinkInMax = false;       // the sink takes part in the maximum
  bool guardedSum = false;      // an empty row's sum is not zero

  bool refuse(llvm::StringRef id, const llvm::Twine &why) {
    if (!refusal)
      refusal = {id, why.str(), anchor};
    return false;
  }

  std::optional<Row> readRow(const Expr *reduced, Reduction::Kind kind);
  std::optional<std::pair<const Expr *, const Expr *>>
  splitConcat(const Expr *expr, mlir::AffineExpr axis);
  const Expr *beforeSlice(const Expr *expr);
  bool takeSink(const Expr *sink, Softmax &softmax);
  const Expr *stripMaxGuard(const Expr *max, Softmax &softmax);
  const Expr *stripSumGuard(const Expr *sum);
  bool isEmptyTest(const Expr *condition, const Expr *value, double emptyValue,
                   bool &whenTrue);
  bool isStartOfMax(const Expr *init, mlir::Type type);
  bool matchMax(const Expr *max, Softmax &softmax);
  const Expr *sinkTerm(const Expr *exponential, const Expr *scores);
  bool matchSum(const Expr *sum, const Expr *exponential, Softmax &softmax);
  const Expr *matchExponential(const Expr *expr, Softmax &softmax);
  bool matchLogSumExp(const Expr *lse, Softmax &softmax);
  bool seesNothing(const Expr *condition, const Expr *score, bool negated);
  bool matchNamed(const Expr *probability, Softmax &softmax);
  bool matchGuard(const Expr *guard, bool guardedWhen, const Expr *probability,
                  Softmax &softmax);
  bool matchFlagged(const Expr *product, Softmax &softmax);
  bool match(const Expr *probability, Softmax &softmax);
};

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_SOFTMAXMATCHER_H
