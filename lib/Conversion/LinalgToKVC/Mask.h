//===- Mask.h - What a mask says about (query, key) -------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mask is a predicate over positions where it can be read as one: a
// conjunction of index inequalities and of conditions that are not understood.
// Causal and window become attributes when that is exact, the rest stays a
// mask operand, computed as the graph computes it.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_MASK_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_MASK_H

#include "MaskRead.h"
#include "kvc/Dialect/KVC/IR/KVC.h"

namespace kvc::raise {

struct MaskPlan {
  bool causal = false;
  std::optional<int64_t> window;
  FullyMasked fullyMasked = FullyMasked::nan;
  llvm::SmallVector<Predicate> kept; // the boolean part that stays; all hold
  llvm::SmallVector<MaskTerm> dense; // additive terms that stay as they are
  /// A score that `kept` hides never sees what `dense` adds to it: infinity
  /// and NaN there are hidden, too.
  bool keptHides = false;
  /// Added to the score in its region: functions of positions.
  llvm::SmallVector<const Expr *> biases;
  bool alibi = false; // all of them are
  std::string why;    // why something stays, for the report
  /// One remark for each predicate that stays an operand.
  llvm::SmallVector<Refusal> notes;
};

/// `query` is null for one query. `shift` is the number of keys less the
/// number of queries, when that is known.
std::optional<MaskPlan> planMask(Scalars &scalars, const Score &score,
                                 const Softmax &softmax, mlir::AffineExpr query,
                                 mlir::AffineExpr key,
                                 std::optional<int64_t> shift,
                                 Refusal &refusal);

/// Says which predicates of positions `kept` are.
void nameKept(Scalars &scalars, llvm::ArrayRef<Predicate> kept,
              mlir::AffineExpr query, mlir::AffineExpr key, mlir::Operation *at,
              llvm::SmallVectorImpl<Refusal> &notes);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_MASK_H
