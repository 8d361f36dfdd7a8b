//===- MaskPlanner.h - Terms of a mask, read and planned --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_MASKPLANNER_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_MASKPLANNER_H

#include "Mask.h"

namespace kvc::raise {

/// A term with what could be read of it.
struct Read {
  const MaskTerm *term = nullptr;
  bool understood = false;
  bool infinite = false;          // every hidden value is -inf
  double hidden = 0;              // the one finite hidden value, after factors
  double lowest = 0, highest = 0; // of the hidden values, after factors
  bool oneValue = false;
  bool constant = false; // a hidden score becomes the value, not a sum
  bool summed = false;
  double shift = 0;   // what is added to every visible score
  bool isCut = false; // a floor lies above what hides
  Predicate visible;

  bool never() const { return visible.is(Predicate::Kind::Never); }
};

/// `value`, or an infinity where the type of `op`'s result overflows to one.
double overflowLike(mlir::Operation *op, double value);

struct Planner {
  Scalars &scalars;
  mlir::AffineExpr query, key;
  std::optional<int64_t> shift;
  /// Some visible score may be infinite, and below what a mask hides with.
  bool mayBeInfinite = false;

  Read read(const MaskTerm &term);
  /// The plan for what `terms` hide, with `biases` added in the region; with
  /// them null where that would not be exact.
  std::optional<MaskPlan> plan(llvm::ArrayRef<MaskTerm> terms,
                               llvm::ArrayRef<MaskTerm> biases,
                               const Softmax &softmax, Refusal &refusal);
  std::optional<Predicate> tryPoints(const MaskTerm &term,
                                     llvm::SmallVectorImpl<double> &hidden);
  bool seesSome(const Predicate &visible);
  void absorb(const Predicate &visible, MaskPlan &plan);
};

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_MASKPLANNER_H
