//===- Scalars.h - What one element of a tensor is computed from -*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An element of a tensor is a scalar expression over the elements of others.
// Expressions are unique (equal ones are one pointer), built on demand one
// producer at a time, and simplified only by rules that keep the value. All of
// raise matches on them, so it sees meaning and not how it was spelled.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_SCALARS_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_SCALARS_H

#include "Views.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/FoldingSet.h"
#include "llvm/ADT/StringMap.h"
#include <deque>
#include <map>

namespace kvc::raise {

struct Expr : llvm::FoldingSetNode {
  enum class Kind {
    Constant, // `constant`
    Affine,   // the integer `affine`
    Element,  // `tensor` at `index`; a scalar value when index is empty
    Apply,    // scalar op like `op` on `operands`
    Piece     // operands[0] where `affine` >= 0, else operands[1]
  };
  Kind kind;
  mlir::Type type;
  mlir::TypedAttr constant;
  mlir::AffineExpr affine;
  mlir::Value tensor;
  Index index;
  mlir::Operation *op = nullptr;
  llvm::SmallVector<const Expr *, 3> operands;

  void Profile(llvm::FoldingSetNodeID &id) const;

  bool is(Kind k) const { return kind == k; }
  template <typename... Ops> bool isApply() const {
    return kind == Kind::Apply && mlir::isa<Ops...>(op);
  }
};

/// The number a constant expression holds.
struct Number {
  bool isFloat = false;
  double real = 0;     // when isFloat
  int64_t integer = 0; // sign extended; i1 true is 1
};

std::optional<Number> toNumber(mlir::TypedAttr attribute);
mlir::TypedAttr toAttribute(const Number &number, mlir::Type type);

/// What `op` (an arith or math op, scalar or elementwise) computes.
std::optional<Number> foldNumbers(mlir::Operation *op, mlir::Type resultType,
                                  llvm::ArrayRef<Number> operands,
                                  llvm::ArrayRef<mlir::Type> operandTypes);

/// A literal matrix of two values: `inside` where low(i) <= j < high(i), and
/// `outside` elsewhere.
struct Band {
  enum class Bound {
    None,
    Constant, // value
    Diagonal, // i + value
    Chunk,    // value * (i floordiv value); high: the next multiple
    Prefix    // high: max(i + value, prefix)
  };
  bool holds = false;
  mlir::Attribute inside, outside;
  Bound low = Bound::None, high = Bound::None;
  int64_t lowValue = 0, highValue = 0, prefix = 0;
};
/// Frequencies that literal cosines and sines were proven to turn by.
struct TurnNumbers {
  std::string refused; // why not, or empty
  llvm::SmallVector<double> frequencies;
  double sinSign = 1, factor = 1;
};
/// What was read of literal tables, kept over all layers of a function.
struct LiteralTables {
  /// Resources that were small enough to be read, as literals.
  llvm::DenseMap<mlir::Attribute, mlir::DenseElementsAttr> resources;
  llvm::DenseMap<mlir::Attribute, Band> bands;
  /// By the two tables, and where in a row their pairs stand.
  std::map<std::tuple<const void *, const void *, std::vector<int64_t>>,
           TurnNumbers>
      turns;
};

class Scalars {
public:
  Scalars(Axes &axes, LiteralTables &tables) : axes(axes), tables(tables) {}
  ~Scalars();
  Scalars(const Scalars &) = delete;
  Scalars &operator=(const Scalars &) = delete;

  Axes &getAxes() { return axes; }

  const Expr *constant(mlir::TypedAttr value);
  const Expr *affine(mlir::AffineExpr value, mlir::Type type);
  /// The element after looking through views; resolved as far as it can be.
  const Expr *element(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> at);
  const Expr *apply(mlir::Operation *op, mlir::Type type,
                    llvm::ArrayRef<const Expr *> operands,
                    mlir::Value extracted = {});
  /// A scalar op that the graph does not hold, by name, without attributes.
  const Expr *build(llvm::StringRef op, mlir::Type type,
                    llvm::ArrayRef<const Expr *> operands);
  const Expr *piece(mlir::AffineExpr condition, const Expr *yes,
                    const Expr *no);

  /// One producer deeper; the same expression where none is understood.
  const Expr *expand(const Expr *expr);
  /// Expands and strips float casts between 16 bits and more, repeatedly.
  const Expr *look(const Expr *expr);
  /// The fewest bits that `look` has seen a float rounded to since reset.
  unsigned getNarrowest() const { return narrowest; }
  void setNarrowest(unsigned bits) { narrowest = bits; }
  void resetNarrowest() { narrowest = 64; }
  /// Expands everywhere, at most `budget` producers; null when over it.
  const Expr *expandAll(const Expr *expr, unsigned &budget);

  const Expr *
  substitute(const Expr *expr,
             const llvm::DenseMap<mlir::AffineExpr, mlir::AffineExpr> &values);

  /// Equal values, expanding where the spelling differs.
  bool equal(const Expr *a, const Expr *b, unsigned depth = 12);

  /// The numbers of a constant tensor; null when it has more than `limit`
  /// elements in a resource, or is none.
  mlir::DenseElementsAttr literalOf(mlir::Value tensor, int64_t limit);

  /// The value when it is a number known now.
  std::optional<double> asReal(const Expr *expr);

  /// The tensors through which an element was seen on the way to its source,
  /// the source last.
  llvm::ArrayRef<Element> seenThrough(const Expr *element) const;

  /// Evaluates a structured op's scalar `value` for the given loop indices.
  const Expr *evaluateBody(mlir::linalg::LinalgOp op, mlir::Value value,
                           llvm::ArrayRef<mlir::AffineExpr> loops);

private:
  const Expr *unique(Expr &&expr);
  const Expr *foldAffine(mlir::Operation *op, mlir::Type type,
                         llvm::ArrayRef<const Expr *> operands);
  const Expr *foldComplex(mlir::Operation *op, mlir::Type type,
                          llvm::ArrayRef<const Expr *> operands);
  const Expr *foldIdentity(mlir::Operation *op, mlir::Type type,
                           llvm::ArrayRef<const Expr *> operands);
  const Expr *pushIntoPieces(mlir::Operation *op, mlir::Type type,
                             llvm::ArrayRef<const Expr *> operands);
  const Expr *define(const Expr *element);
  const Expr *defineRegion(mlir::Value tensor,
                           llvm::ArrayRef<mlir::AffineExpr> at);
  const Expr *constantElement(mlir::DenseElementsAttr attribute,
                              llvm::ArrayRef<mlir::AffineExpr> at);
  const Expr *bandElement(mlir::DenseElementsAttr attribute,
                          llvm::ArrayRef<mlir::AffineExpr> at);
  const Expr *scalarValue(mlir::Value value);

  static constexpr int64_t maxTableElements = int64_t(1) << 24;

  Axes &axes;
  LiteralTables &tables;
  unsigned narrowest = 64;
  std::deque<Expr> storage;
  llvm::StringMap<mlir::Operation *> templates; // of `build`
  llvm::FoldingSet<Expr> uniques;
  llvm::DenseMap<const Expr *, const Expr *> expanded;
  llvm::DenseMap<const Expr *, llvm::SmallVector<Element>> chains;
  llvm::DenseMap<std::pair<mlir::Attribute, const void *>, const Expr *>
      tableCache;
};

/// True where the value may depend on `axis`. Only looks at the expression as
/// expanded so far; an element mentions what its index mentions.
bool mentions(const Expr *expr, mlir::AffineExpr axis);

/// True for an expression that is one number for the whole attention.
bool isUniform(const Expr *expr);

/// Calls `visit` on every node once.
void walkExpr(const Expr *expr, llvm::function_ref<void(const Expr *)> visit);

/// Leaves of nested pieces; at most `limit` are counted.
unsigned countLeaves(const Expr *expr, unsigned limit = 64);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_SCALARS_H
