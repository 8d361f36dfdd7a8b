//===- Axes.h - Index arithmetic with known extents --------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The axes of one match (batch, head, query position, ...) are affine
// dimensions with known extents. Every index into a tensor is an affine
// expression over them, kept in one canonical form, so that two spellings of
// the same element compare equal by pointer.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_AXES_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_AXES_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallVector.h"

namespace kvc::raise {

using Index = llvm::SmallVector<mlir::AffineExpr, 6>;

/// constant + sum of coefficient * atom, atoms in a fixed order. An atom is an
/// axis, or a division or remainder that could not be resolved.
struct LinearForm {
  llvm::SmallVector<std::pair<mlir::AffineExpr, int64_t>, 4> terms;
  int64_t constant = 0;

  bool isConstant() const { return terms.empty(); }
};

/// Inclusive bounds; an unknown extent gives an open upper end.
struct IndexRange {
  std::optional<int64_t> low, high;
};

class Axes {
public:
  explicit Axes(mlir::MLIRContext *context) : context(context) {}

  mlir::MLIRContext *getContext() const { return context; }

  /// Adds an axis; `extent` may be ShapedType::kDynamic.
  mlir::AffineExpr add(int64_t extent);
  unsigned size() const { return extents.size(); }
  int64_t extent(unsigned axis) const { return extents[axis]; }
  int64_t extent(mlir::AffineExpr axis) const;

  /// The canonical form of `expr`; extents resolve divisions and remainders.
  mlir::AffineExpr simplify(mlir::AffineExpr expr);
  Index simplify(llvm::ArrayRef<mlir::AffineExpr> exprs);

  /// Replaces axis by value and simplifies.
  mlir::AffineExpr
  substitute(mlir::AffineExpr expr,
             const llvm::DenseMap<mlir::AffineExpr, mlir::AffineExpr> &values);

  LinearForm linearize(mlir::AffineExpr expr);
  mlir::AffineExpr toExpr(const LinearForm &form) const;
  IndexRange range(const LinearForm &form) const;

  /// True or false where `expr >= 0` is decided for every index in range.
  std::optional<bool> isNonNegative(mlir::AffineExpr expr);

  /// Divisors by which an axis was divided without a known result. Splitting
  /// the axis there makes such divisions disappear.
  const llvm::DenseMap<unsigned, llvm::SetVector<int64_t>> &getCuts() const {
    return cuts;
  }

  /// While one lives, divisions are not noted as cuts: arithmetic of masks and
  /// positions divides axes that no reshape divides.
  class Quiet {
  public:
    explicit Quiet(Axes &axes) : axes(axes), before(axes.notesCuts) {
      axes.notesCuts = false;
    }
    ~Quiet() { axes.notesCuts = before; }

  private:
    Axes &axes;
    bool before;
  };

private:
  LinearForm divide(const LinearForm &form, int64_t divisor, bool remainder);
  IndexRange rangeOfAtom(mlir::AffineExpr atom) const;

  mlir::MLIRContext *context;
  llvm::SmallVector<int64_t> extents;
  bool notesCuts = true;
  llvm::DenseMap<unsigned, llvm::SetVector<int64_t>> cuts;
};

/// True where `expr` mentions the axis `axis`.
bool mentions(mlir::AffineExpr expr, mlir::AffineExpr axis);
bool mentions(llvm::ArrayRef<mlir::AffineExpr> exprs, mlir::AffineExpr axis);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_AXES_H
