//===- Layout.h - Bring a tensor into the axes' order ------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layout lists, for each dimension of a tensor, the axes it holds, outermost
// first. [4, ?, 64] over (head, query, channel) and [1, ?, 256] over
// (nothing), (query), (head, channel) hold the same elements; relayout writes
// the reshapes and transposes between two such layouts.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_LAYOUT_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_LAYOUT_H

#include "Mask.h"
#include "Scalars.h"

namespace kvc::raise {

using AxisList = llvm::SmallVector<mlir::AffineExpr, 3>;
using Layout = llvm::SmallVector<AxisList, 4>;

/// The layout of the tensor that `element` indexes, when its index runs over
/// whole axes and nothing else.
std::optional<Layout> layoutOf(Axes &axes, const Element &element);

/// Where to start from: the deepest tensor seen on the way to `expr` that has
/// the wanted layout already, else the deepest that can be brought into it.
std::optional<std::pair<mlir::Value, Layout>>
chooseSource(Scalars &scalars, const Expr *expr, const Layout &wanted);

/// Values inside of a score region: its axes, what is computed already, and
/// the arguments that stand for captured tensors. All floats are f32.
struct RegionScope {
  llvm::DenseMap<mlir::AffineExpr, mlir::Value> axes;
  llvm::DenseMap<const Expr *, mlir::Value> done;
  llvm::DenseMap<mlir::Value, mlir::Value> tensors;
};

class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location loc, Scalars &scalars)
      : builder(builder), loc(loc), scalars(scalars) {}

  /// Notes the sizes of the axes that `tensor` holds, for later allocations.
  void learnSizes(mlir::Value tensor, const Layout &layout);

  /// `source`'s elements in the wanted layout; axes it lacks are broadcast.
  /// Null when a size that is needed is not known.
  mlir::Value relayout(mlir::Value source, const Layout &from,
                       const Layout &to);

  /// A tensor of `expr` in the wanted layout, computed by a generic op.
  mlir::Value compute(const Expr *expr, const Layout &to);
  /// The same for a conjunction of conditions (i1).
  mlir::Value computeConjunction(llvm::ArrayRef<Predicate> parts,
                                 const Layout &to);
  /// A scalar outside of any body; null when it depends on an axis.
  mlir::Value scalar(const Expr *expr);

  /// The axes that the index `at` runs over, outermost first.
  bool splitIndex(mlir::OpBuilder &b, mlir::Value at, const AxisList &list,
                  llvm::DenseMap<mlir::AffineExpr, mlir::Value> &axisValues);
  /// `expr` inside of a score region, in arith and math alone.
  mlir::Value inRegion(mlir::OpBuilder &b, const Expr *expr,
                       RegionScope &scope);
  /// A float as f32; anything else as it is.
  mlir::Value promoted(mlir::OpBuilder &b, mlir::Value value);

  /// Elementwise float cast and product with a scalar.
  mlir::Value castTo(mlir::Value tensor, mlir::Type elementType);
  mlir::Value scaledBy(mlir::Value tensor, mlir::Value factor);
  /// 0 where `visible` holds, else -inf, as f32.
  mlir::Value additive(mlir::Value visible);
  /// The f32 `bias` where `visible`, else minus infinity.
  mlir::Value hiddenUnless(mlir::Value visible, mlir::Value bias);
  /// Elementwise sum of two tensors of one type.
  mlir::Value sum(mlir::Value a, mlir::Value b);

  /// A new tensor of the layout's shape.
  mlir::Value empty(const Layout &layout, mlir::Type elementType);
  mlir::OpFoldResult sizeOf(const AxisList &axesOfDim);
  llvm::SmallVector<int64_t> shapeOf(const Layout &layout);

private:
  mlir::Value
  generic(const Layout &to, mlir::Type elementType,
          llvm::function_ref<mlir::Value(
              mlir::OpBuilder &,
              const llvm::DenseMap<mlir::AffineExpr, mlir::Value> &)>
              body);
  mlir::Value
  emitScalar(mlir::OpBuilder &b, const Expr *expr,
             const llvm::DenseMap<mlir::AffineExpr, mlir::Value> &axisValues,
             llvm::DenseMap<const Expr *, mlir::Value> &done);
  mlir::Value
  emitPredicate(mlir::OpBuilder &b, const Predicate &p,
                const llvm::DenseMap<mlir::AffineExpr, mlir::Value> &axisValues,
                llvm::DenseMap<const Expr *, mlir::Value> &done);
  mlir::Value
  emitIndex(mlir::OpBuilder &b, mlir::AffineExpr expr,
            const llvm::DenseMap<mlir::AffineExpr, mlir::Value> &axisValues);
  mlir::Value reshape(mlir::Value source, const Layout &from, const Layout &to);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  Scalars &scalars;
  llvm::DenseMap<mlir::AffineExpr, mlir::OpFoldResult> sizes;
  RegionScope *region = nullptr; // set while a score region is written
};

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_LAYOUT_H
