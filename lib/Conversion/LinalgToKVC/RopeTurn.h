//===- RopeTurn.h - The cosines and sines of a rotation ----------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_ROPETURN_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_ROPETURN_H

#include "Rope.h"

namespace kvc::raise {

/// What a channel is multiplied with: cos or sin of an angle, or an entry of a
/// literal table, at a position that may be read from a tensor.
struct Turn {
  enum class Form { Unknown, Cos, Sin, Table };
  Form form = Form::Unknown;
  const Expr *node = nullptr;  // equal for equal turns, the factor aside
  double factor = 1;           // sign and magnitude
  const Expr *angle = nullptr; // Cos, Sin
  mlir::DenseElementsAttr table;
  Index at;                       // of the table
  const Expr *gathered = nullptr; // the position that `row` stands for
  mlir::AffineExpr row;           // null when rows are not gathered
};

/// Positions and the frequency of each pair, so that pair p turns by position
/// times frequency[p].
struct Rotation {
  const Expr *position = nullptr;
  llvm::SmallVector<double> frequencies;
  double sinSign = 1; // of the sines as they are multiplied
  double factor = 1;  // magnitude of cosines and sines
  bool exact = true;  // read from formulas, not from rounded tables
};

class TurnReader {
public:
  TurnReader(Scalars &scalars, LiteralTables &tables, mlir::AffineExpr sequence,
             unsigned width)
      : scalars(scalars), tables(tables), sequence(sequence), width(width) {}

  /// Expands and strips casts that do not round below `width` bits.
  const Expr *look(const Expr *expr);
  /// The deepest element that `expr` is, casts and signs taken off into
  /// `factor`; products with a selection matrix are read through.
  const Expr *strip(const Expr *expr, double &factor, mlir::AffineExpr pair);

  Turn read(const Expr *expr);
  /// The rotation that both describe; sets `refusal` when they do not.
  std::optional<Rotation> resolve(const Turn &cosine, const Turn &sine,
                                  mlir::AffineExpr pair, int64_t pairs,
                                  Refusal &refusal);

private:
  const Expr *throughSelection(const Expr *expr, double &factor,
                               mlir::AffineExpr pair);
  bool readAngle(const Turn &turn, mlir::AffineExpr pair, int64_t pairs,
                 Rotation &rotation, Refusal &refusal);
  bool readTables(const Turn &cosine, const Turn &sine, mlir::AffineExpr pair,
                  int64_t pairs, Rotation &rotation, Refusal &refusal);
  bool takePosition(const Turn &turn, const Expr *counted, Rotation &rotation,
                    Refusal &refusal);

  Scalars &scalars;
  LiteralTables &tables;
  mlir::AffineExpr sequence;
  unsigned width;
  llvm::DenseMap<const Expr *, mlir::AffineExpr> rows; // by gathered position
};

/// One theta, and how its frequencies are stretched, for given frequencies.
/// False when no theta gives them.
bool fitFrequencies(llvm::ArrayRef<double> frequencies, double tolerance,
                    Rope &rope);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_ROPETURN_H
