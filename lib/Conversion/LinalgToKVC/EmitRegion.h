//===- EmitRegion.h - Write the score region ---------------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_EMITREGION_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_EMITREGION_H

#include "Match.h"
#include "llvm/ADT/MapVector.h"

namespace kvc::raise {

/// `plan` writes the tensors that the region captures, before the attention;
/// `write` then fills the attention's region.
class RegionWriter {
public:
  RegionWriter(mlir::OpBuilder &builder, mlir::Location loc, Scalars &scalars,
               Emitter &emit, const Roles &roles)
      : builder(builder), loc(loc), scalars(scalars), emit(emit), roles(roles) {
  }

  /// False when it needs more captures than there are, or something that is
  /// not known here.
  bool plan(const Expr *edit, const Expr *product);
  bool write(mlir::Region &region);
  llvm::ArrayRef<mlir::Value> getCaptures() const { return captures; }

private:
  /// A tensor over some of batch, head, query, key (0 to 3).
  struct Capture {
    unsigned capture = 0;
    llvm::SmallVector<unsigned, 4> dims;
  };
  bool asks(const Expr *expr, const AxisList &list);
  std::optional<unsigned> capture(mlir::Value tensor);
  mlir::Value literalOfHeads(const Expr *expr);
  bool captureWhole(const Expr *expr);
  bool planSide(const Expr *expr);
  bool planAll(const Expr *expr, const Expr *product);
  const Expr *prepare(const Expr *expr, const Expr *product,
                      mlir::AffineExpr query, mlir::AffineExpr key);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  Scalars &scalars;
  Emitter &emit;
  const Roles &roles;
  const Expr *expression = nullptr, *product = nullptr;
  llvm::SmallVector<mlir::Value, 4> captures;
  llvm::MapVector<const Expr *, Capture> whole;
  llvm::MapVector<mlir::Value, unsigned> gathered;
};

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_EMITREGION_H
