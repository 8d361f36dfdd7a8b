//===- SizePoly.h - Sizes as polynomials over unknown sizes ------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One canonical form for what is computed from sizes, so that two ways to
// compute one size compare equal.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_CONVERSION_LINALGTOKVC_SIZEPOLY_H
#define KVC_LIB_CONVERSION_LINALGTOKVC_SIZEPOLY_H

#include "mlir/IR/Value.h"
#include <map>
#include <optional>
#include <vector>

namespace kvc::raise {

/// An unknown size: a value (dim -1), or a dimension of a tensor.
using Atom = std::pair<const void *, int64_t>;
using Monomial = std::vector<Atom>; // sorted
using Poly = std::map<Monomial, int64_t>;

constexpr unsigned maxTerms = 8, maxFactors = 12;

Poly constantPoly(int64_t value);
Poly atomPoly(Atom atom);
Poly valuePoly(mlir::Value value);
std::optional<int64_t> asConstant(const Poly &poly);

Poly plus(const Poly &a, const Poly &b, int64_t sign);
/// None for what grows too large; nothing that is asked for does.
std::optional<Poly> times(const Poly &a, const Poly &b);
/// a / b where b is one term that divides every term of a.
std::optional<Poly> dividedBy(const Poly &a, const Poly &b);
/// Sizes are not negative, so sums of products of them are not; of other
/// values nothing is known.
bool isNonNegative(const Poly &poly);

} // namespace kvc::raise

#endif // KVC_LIB_CONVERSION_LINALGTOKVC_SIZEPOLY_H
