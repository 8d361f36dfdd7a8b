//===- ScoreEdit.h - What is done to a score beside scale and mask -*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise arithmetic on the score that is no scale, mask or soft-cap in
// the op's order becomes the score region. Functions that bend the score (exp,
// tanh that is no soft-cap, log, ...) are no edit that a model means.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_SCOREEDIT_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_SCOREEDIT_H

#include "Scale.h"

namespace kvc::raise {

/// Reads `core` times `factor` as an edit of one product of queries and keys:
/// fills `score`'s product, scale, soft-cap, runtime factors and edit. False
/// when it is something else.
bool readEdit(Scalars &scalars, const Expr *core, double factor,
              mlir::AffineExpr key, Score &score);

/// The product of queries and keys that `element` is, when it is one.
std::optional<Reduction>
matchScoreProduct(Scalars &scalars, const Expr *element, mlir::AffineExpr key);

/// True where `expr` depends on `part`, as expanded so far.
bool contains(const Expr *expr, const Expr *part);

/// `expr` with `from` replaced.
const Expr *replaced(Scalars &scalars, const Expr *expr, const Expr *from,
                     const Expr *to);

/// A bias of positions: fully expanded, and reading no tensor of queries or
/// keys, so that a region computes it from positions. Null when it is none.
const Expr *asPositional(Scalars &scalars, const Expr *expr,
                         mlir::AffineExpr query, mlir::AffineExpr key);

/// slope * (key - query) for a bias that is linear in the key, less what is
/// one number for a row: ALiBi in all of its spellings. `causal` is the
/// condition that visible keys fulfil, or null. Null when it is none.
const Expr *asAlibi(Scalars &scalars, const Expr *bias, mlir::AffineExpr query,
                    mlir::AffineExpr key, mlir::AffineExpr causal);

/// Whether no number that `bias` holds comes near to an overflow: a graph that
/// adds slope * key never meets the slope * query that a distance takes off,
/// and a slope times a position may be infinite.
bool isModest(Scalars &scalars, const Expr *bias);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_SCOREEDIT_H
