//===- TokenAnalysis.h - Which dimension counts tokens -----------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Labels every dimension of every value of a stateless, batch-1 function with
// S tokens: does it count tokens, and does the value depend on anything but the
// token that it stands at? A function whose live values are all labelled works
// token by token (kvc.attention aside), so that its tokens may be any rows of a
// ragged batch instead of positions 0..S-1 of one sequence.
//
// The analysis is optimistic about nothing: an op that it does not know, and
// that meets a token or the length S, is refused with the reason.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_DIALECT_KVC_TRANSFORMS_TOKENANALYSIS_H
#define KVC_DIALECT_KVC_TRANSFORMS_TOKENANALYSIS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace kvc {

/// What a value has to do with the tokens.
struct TokenLabel {
  enum class Kind {
    Uniform,  // the same whatever the tokens; may be spread along them
    PerToken, // element t*inner + j of `tokenDim` depends on token t alone
    Extent,   // an integer: S * factor, or some function of S (factor 0)
    Refused   // depends on tokens in another way; `refusal` says how
  };
  Kind kind = Kind::Uniform;
  /// Per dimension: 0 for one that does not count tokens, k for one of size
  /// S * k whose index is t * k + j. Empty for scalars.
  llvm::SmallVector<int64_t, 5> inner;
  int64_t factor = 0; // Extent
  /// PerToken: every element is its token's position plus this.
  std::optional<int64_t> position;
  unsigned refusal = 0; // Refused: index into TokenAnalysis::getRefusals()

  bool isUniform() const { return kind == Kind::Uniform; }
  bool isPerToken() const { return kind == Kind::PerToken; }
  bool isExtent() const { return kind == Kind::Extent; }
  bool isRefused() const { return kind == Kind::Refused; }
  /// The one dimension that counts tokens, if there is exactly one.
  std::optional<unsigned> getTokenDim() const;
  bool hasTokenDim() const;
};

/// Why a value could not be labelled.
struct TokenRefusal {
  mlir::Operation *op;
  std::string why; // lower case, no full stop, names the op
};

class TokenAnalysis {
public:
  /// One argument of the function whose dimension `dim` counts tokens.
  struct Input {
    unsigned argument;
    unsigned dim;
    bool isPosition; // its elements are the positions
  };

  /// Labels all values of `func`, which has one block. Arguments that are not
  /// in `inputs` are uniform.
  TokenAnalysis(mlir::func::FuncOp func, llvm::ArrayRef<Input> inputs);

  const TokenLabel &getLabel(mlir::Value value) const;
  llvm::ArrayRef<TokenRefusal> getRefusals() const { return refusals; }

  /// The loop of `op` that runs over tokens, with its `inner` factor.
  struct TokenLoop {
    unsigned loop;
    int64_t inner;
  };
  std::optional<TokenLoop> getTokenLoop(mlir::linalg::LinalgOp op) const;

  /// Ops that read a token's number: linalg ops with a linalg.index over the
  /// token loop, and slices [0, S) of a uniform table.
  bool readsPosition(mlir::Operation *op) const {
    return positionReaders.contains(op);
  }

  /// Smallest size of a table that one of `ops` indexes by position; 0 when
  /// there is none. No position may reach it.
  int64_t
  getPositionLimit(llvm::function_ref<bool(mlir::Operation *)> contains) const;

private:
  void visit(mlir::Operation *op);
  void visitLinalg(mlir::linalg::LinalgOp op);
  void visitReshape(mlir::Operation *op, mlir::Value narrow, mlir::Value wide,
                    llvm::ArrayRef<mlir::ReassociationIndices> groups);
  void visitSlice(mlir::Operation *op);
  void visitInsert(mlir::Operation *op);
  void visitEmpty(mlir::Operation *op);
  void visitDim(mlir::Operation *op);
  void visitConcat(mlir::Operation *op);
  void visitPad(mlir::Operation *op);
  void visitSoftmax(mlir::Operation *op);
  void visitElementwise(mlir::Operation *op);
  void visitScalar(mlir::Operation *op);
  void visitAttention(mlir::Operation *op);
  void visitRope(mlir::Operation *op);
  void visitUnknown(mlir::Operation *op);

  /// Loop factors of `op` (0: not a token loop), or the reason why not.
  bool labelLoops(mlir::linalg::LinalgOp op,
                  llvm::SmallVectorImpl<int64_t> &loops,
                  std::string &why) const;
  void noteTables(mlir::linalg::LinalgOp op, unsigned tokenLoop);
  void noteTable(mlir::Operation *op, int64_t rows);
  /// c where `value`, in the body of `op`, is the token's position plus c.
  std::optional<int64_t> getPositionOffset(mlir::Value value,
                                           mlir::linalg::LinalgOp op,
                                           unsigned tokenLoop) const;

  /// S * k for the size of a dimension: k, 0 when it does not depend on S,
  /// nothing when it does in another way.
  std::optional<int64_t> getSizeFactor(mlir::OpFoldResult size) const;
  void set(mlir::Value value, TokenLabel label);
  void setUniform(mlir::Operation *op);
  void refuse(mlir::Operation *op, const llvm::Twine &why);
  /// Hands an operand's refusal on to the results; false when there is none.
  bool refuseByOperand(mlir::Operation *op);

  llvm::DenseMap<mlir::Value, TokenLabel> labels;
  llvm::SmallVector<TokenRefusal> refusals;
  llvm::DenseSet<mlir::Operation *> positionReaders;
  llvm::DenseMap<mlir::Operation *, int64_t> tableRows; // the fewest
};

/// The arguments of `func` that carry tokens: those marked `kvc.input`, or,
/// when none is, the integer tensors with a dynamic dimension. Empty, with
/// `why` set, when the form is not `tensor<1x?x...>` or `tensor<?x...>`.
llvm::SmallVector<TokenAnalysis::Input> findTokenInputs(mlir::func::FuncOp func,
                                                        std::string &why);

} // namespace kvc

#endif // KVC_DIALECT_KVC_TRANSFORMS_TOKENANALYSIS_H
