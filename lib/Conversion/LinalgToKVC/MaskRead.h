//===- MaskRead.h - A mask's expression as a predicate ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_MASKREAD_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_MASKREAD_H

#include "Predicate.h"
#include "Scale.h"

namespace kvc::raise {

/// The weakest value that models add to hide a score.
inline constexpr double weakestHidden = -9999.0;

struct MaskReader {
  explicit MaskReader(Scalars &scalars)
      : scalars(scalars), axes(scalars.getAxes()) {}

  Scalars &scalars;
  Axes &axes;
  double sign = 1;                     // of an additive term
  llvm::SmallVector<double, 2> hidden; // the values met that hide
  std::optional<double> visible;       // what is added to a visible score
  bool summed = false;                 // hidden values may add up

  /// Where the additive mask `expr` leaves a score visible.
  std::optional<Predicate> readAdditive(const Expr *expr, unsigned depth = 24);
  /// Where the i1 `expr` holds; a part that is not understood is a condition.
  std::optional<Predicate> readBool(const Expr *expr, unsigned depth = 24);
  /// Where `expr`, a number that is only ever 0 or 1, is 1.
  std::optional<Predicate> readFlag(const Expr *expr, unsigned depth = 24);

private:
  std::optional<Predicate> readChoice(
      const Expr *expr, unsigned depth,
      llvm::function_ref<std::optional<Predicate>(const Expr *, unsigned)>
          read);
  std::optional<Predicate> readCompare(const Expr *expr, unsigned depth);
  std::optional<Predicate> readLevels(const Expr *compare, const Expr *levels,
                                      unsigned depth);
  std::optional<Predicate> readProduct(const Expr *expr, unsigned depth);
  std::optional<Predicate> join(std::optional<Predicate> a,
                                std::optional<Predicate> b, bool all);
};

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_MASKREAD_H
