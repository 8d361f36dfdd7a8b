//===- Predicate.h - Conditions over positions -------------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a mask says, as conditions joined by "and" and "or". A condition is an
// index expression that must not be negative, or an i1 of the graph that is not
// understood. Joining them keeps the meaning exactly and leaves out only what
// another condition implies.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_PREDICATE_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_PREDICATE_H

#include "Scalars.h"
#include <vector>

namespace kvc::raise {

struct Predicate {
  enum class Kind { Always, Never, NonNegative, Unknown, All, Any };
  Kind kind = Kind::Always;
  mlir::AffineExpr affine;       // NonNegative: holds where >= 0
  const Expr *unknown = nullptr; // Unknown: an i1, and
  bool negated = false;          // whether it must be false
  std::vector<Predicate> parts;  // All, Any: two or more

  bool is(Kind k) const { return kind == k; }
  bool operator==(const Predicate &other) const;

  static Predicate constant(bool holds);
  static Predicate nonNegative(Axes &axes, mlir::AffineExpr affine);
  static Predicate of(const Expr *unknown, bool negated = false);
};

Predicate allOf(Axes &axes, Predicate a, Predicate b);
Predicate anyOf(Axes &axes, Predicate a, Predicate b);
Predicate negate(Axes &axes, const Predicate &p);
/// `yes` where `condition` holds, else `no`.
Predicate choose(Axes &axes, const Predicate &condition, const Predicate &yes,
                 const Predicate &no);

/// True where `a` is proven to imply `b`.
bool implies(Axes &axes, const Predicate &a, const Predicate &b);

bool mentions(const Predicate &p, mlir::AffineExpr axis);
/// Conditions that do not consist of others, counted up to a limit.
unsigned countConditions(const Predicate &p);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_PREDICATE_H
