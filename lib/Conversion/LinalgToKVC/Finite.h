//===- Finite.h - Scores that may be infinite -------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_FINITE_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_FINITE_H

#include "Scale.h"

namespace kvc::raise {

/// Whether `expr` holds an op that is not finite for every finite input, and
/// may meet one that it is not finite for.
bool isPartial(Axes &axes, const Expr *expr);

/// Whether a score before its masks may be infinite: its edit is partial, or
/// does more than add what a tensor holds per key, which may be a mask's
/// numbers.
bool mayBeInfinite(Axes &axes, const Score &score, mlir::AffineExpr key);

/// The highest number that literals of the mask `term` add to a score; what is
/// not known counts as zero.
double highestAdded(Scalars &scalars, const MaskTerm &term);

/// Whether the mask `term` is below infinity and no NaN wherever its tensors
/// hold finite numbers or -inf.
bool isTame(Scalars &scalars, const MaskTerm &term, mlir::AffineExpr key);

/// Whether an edit or mask of `score` may divide by positions that are a
/// negative zero in the graph. Positions are read as integers, which have none:
/// the infinity's sign would be lost.
bool dividesByNegativeZero(Axes &axes, const Score &score);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_FINITE_H
