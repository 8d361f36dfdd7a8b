//===- Mask.h - What a mask says about (query, key) --------------*- C++
//-*-===//
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

#include "Scale.h"
#include "kvc/Dialect/KVC/IR/KVC.h"

namespace kvc::raise {

/// One condition of a conjunction; a key is visible when all hold.
struct MaskAtom {
  mlir::AffineExpr condition;    // holds where >= 0; or
  const Expr *unknown = nullptr; // an i1, and
  bool negated = false;          // whether it must be false
};

struct MaskPlan {
  bool causal = false;
  std::optional<int64_t> window;
  FullyMasked fullyMasked = FullyMasked::nan;
  llvm::SmallVector<MaskAtom> atoms; // the boolean part that stays
  llvm::SmallVector<MaskTerm> dense; // additive terms that stay as they are
  std::string kept;                  // why something stays, for the report
};

/// `query` is null for one query. `shift` is the number of keys less the
/// number of queries, when that is known.
std::optional<MaskPlan> planMask(Scalars &scalars, const Score &score,
                                 bool zeroWhenMasked, mlir::AffineExpr query,
                                 mlir::AffineExpr key,
                                 std::optional<int64_t> shift,
                                 Refusal &refusal);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_MASK_H
