//===- SizePoly.cpp - Sizes as polynomials over unknown sizes -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Terms that cancel are erased: the empty polynomial is zero.
//
//===----------------------------------------------------------------------===//

#include "SizePoly.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kvc::raise {

Poly constantPoly(int64_t value) {
  return value == 0 ? Poly{} : Poly{{Monomial{}, value}};
}

std::optional<int64_t> asConstant(const Poly &poly) {
  if (poly.empty())
    return 0;
  if (poly.size() == 1 && poly.begin()->first.empty())
    return poly.begin()->second;
  return std::nullopt;
}

Poly plus(const Poly &a, const Poly &b, int64_t sign) {
  Poly sum = a;
  for (auto &[monomial, factor] : b)
    if ((sum[monomial] += sign * factor) == 0)
      sum.erase(monomial);
  return sum;
}

std::optional<Poly> times(const Poly &a, const Poly &b) {
  Poly product;
  for (auto &[left, x] : a)
    for (auto &[right, y] : b) {
      Monomial both = left;
      both.insert(both.end(), right.begin(), right.end());
      llvm::sort(both);
      int64_t factor;
      if (both.size() > maxFactors || llvm::MulOverflow(x, y, factor))
        return std::nullopt;
      if ((product[both] += factor) == 0)
        product.erase(both);
    }
  if (product.size() > maxTerms)
    return std::nullopt;
  return product;
}

std::optional<Poly> dividedBy(const Poly &a, const Poly &b) {
  if (b.size() != 1)
    return std::nullopt;
  auto &[by, factor] = *b.begin();
  Poly quotient;
  for (auto &[monomial, x] : a) {
    if (x % factor != 0 ||
        !std::includes(monomial.begin(), monomial.end(), by.begin(), by.end()))
      return std::nullopt;
    Monomial rest;
    std::set_difference(monomial.begin(), monomial.end(), by.begin(), by.end(),
                        std::back_inserter(rest));
    quotient[rest] = x / factor;
  }
  return quotient;
}

bool isNonNegative(const Poly &poly) {
  return llvm::all_of(poly, [](auto &term) {
    return term.second >= 0 && llvm::all_of(term.first, [](const Atom &atom) {
             return atom.second >= 0;
           });
  });
}

Poly atomPoly(Atom atom) { return Poly{{Monomial{atom}, 1}}; }

Poly valuePoly(Value value) {
  return atomPoly({value.getAsOpaquePointer(), -1});
}

} // namespace kvc::raise
