//===- BiasTable.h - Biases that exporters folded into literals -*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Literal tables of heads and positions, for the mask and for ALiBi. Invariant:
// what is said of a table holds for each of its numbers.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_BIASTABLE_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_BIASTABLE_H

#include "Scalars.h"

namespace kvc::raise {

/// Where a literal of `shape` is read by `index`: every place of the dimensions
/// that are no number.
llvm::SmallVector<int64_t> offsetsOf(llvm::ArrayRef<int64_t> shape,
                                     llvm::ArrayRef<mlir::AffineExpr> index);

/// A literal table as what makes it.
struct FoldedSlopes {
  const Expr *slopes = nullptr; // slope * distance
  const Expr *mask = nullptr;   // what is added to it, or null
};
/// A literal table that slope * distance makes bit for bit, wherever it does
/// not hide keys after the query + `shift`.
std::optional<FoldedSlopes> asSlopes(Scalars &scalars, const Expr *bias,
                                     mlir::AffineExpr query,
                                     mlir::AffineExpr key,
                                     std::optional<int64_t> shift);

/// Whether `bias` is a literal table at the key whose numbers are all nearer
/// to zero than `bound`: it hides no score.
bool isBoundedTable(Scalars &scalars, const Expr *bias, mlir::AffineExpr query,
                    mlir::AffineExpr key, double bound);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_BIASTABLE_H
