//===- Match.h - One attention, recognised -----------------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_MATCH_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_MATCH_H

#include "Layout.h"
#include "Rope.h"

namespace kvc::raise {

/// Which axes play which part. An axis of extent one plays none.
struct Roles {
  AxisList batch, kvHeads, groups, query, key, headDim, valueDim;

  AxisList heads() const {
    AxisList all = kvHeads;
    all.append(groups);
    return all;
  }
  Layout q() const { return {batch, heads(), query, headDim}; }
  Layout k() const { return {batch, kvHeads, key, headDim}; }
  Layout v() const { return {batch, kvHeads, key, valueDim}; }
  Layout out() const { return {batch, heads(), query, valueDim}; }
};

/// The tensor an operand starts from, after its factors, casts and rotation;
/// null where `element` is computed from others.
struct Source {
  const Expr *element = nullptr;
  mlir::Value tensor;
  Layout layout;
  std::optional<Rope> rope;
};

struct Match {
  mlir::linalg::LinalgOp values; // the product of probabilities and values
  mlir::Operation *anchor = nullptr;
  Softmax softmax;
  Score score;
  MaskPlan mask;
  Roles roles;
  Source q, k, v;
  Layout resultLayout;
  double scale = 1;
  mlir::SmallVector<const Expr *> runtimeScales;
  /// The graph rounds scores or probabilities to 16 bits on their way.
  bool isRounded = false;
  mlir::Type elementType; // of q, k, v and the result
};

/// An attempt keeps its axes and expressions alive for the emission.
struct Attempt {
  std::unique_ptr<Axes> axes;
  std::unique_ptr<Scalars> scalars;
  std::optional<Match> match;
  Refusal refusal;
  mlir::Operation *anchor = nullptr;
  llvm::SmallVector<Refusal> ropeRefusals;
};

/// Reads `op` as the product of probabilities and values of an attention.
Attempt matchAttention(mlir::linalg::LinalgOp op, LiteralTables &tables);

/// Groups of query heads over which keys or values were broadcast before they
/// were computed (rotated, normalised): one of the two names the axis, neither
/// depends on it. They are groups where the other can be read from before, else
/// keys and values are written out for each query head.
struct HiddenGroups {
  bool writtenOut = false;
  AxisList found;
};

/// Splits the loops of the product of probabilities and values into roles; see
/// GroupBroadcast.cpp.
std::optional<Roles>
assignRoles(Scalars &scalars, llvm::ArrayRef<AxisList> batchAxes,
            llvm::ArrayRef<AxisList> queryAxes, const AxisList &valueAxes,
            const Expr *q, const Expr *k, const Expr *v,
            llvm::ArrayRef<MaskTerm> masks, mlir::AffineExpr key,
            mlir::AffineExpr headDim, HiddenGroups &hidden, Refusal &refusal,
            mlir::Operation *op);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_MATCH_H
