//===- Axes.cpp - Index arithmetic with known extents ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's simplifier does not know how far an axis runs, so it cannot see
// that (32 * h + d) floordiv 32 is h. This one does, and falls back to leaving
// an atom that nothing else interprets.
//
//===----------------------------------------------------------------------===//

#include "Axes.h"
#include "mlir/IR/BuiltinTypeInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kvc::raise {

AffineExpr Axes::add(int64_t extent) {
  extents.push_back(extent);
  return getAffineDimExpr(extents.size() - 1, context);
}

int64_t Axes::extent(AffineExpr axis) const {
  return extents[cast<AffineDimExpr>(axis).getPosition()];
}

/// Axes first, by position; then the rest by their printed structure's hash.
static bool atomBefore(AffineExpr a, AffineExpr b) {
  auto dimA = dyn_cast<AffineDimExpr>(a), dimB = dyn_cast<AffineDimExpr>(b);
  if (dimA && dimB)
    return dimA.getPosition() < dimB.getPosition();
  if (dimA || dimB)
    return static_cast<bool>(dimA);
  return a.getAsOpaquePointer() < b.getAsOpaquePointer();
}

/// Huge literals of a hostile graph wrap instead of being undefined; Scalars
/// keeps integers of that size out of index arithmetic in the first place.
static int64_t wrappingMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) *
                              static_cast<uint64_t>(b));
}
static int64_t wrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) +
                              static_cast<uint64_t>(b));
}

static void addTerm(LinearForm &form, AffineExpr atom, int64_t coefficient) {
  if (coefficient == 0)
    return;
  auto it =
      llvm::find_if(form.terms, [&](auto &term) { return term.first == atom; });
  if (it == form.terms.end()) {
    auto place = llvm::find_if(
        form.terms, [&](auto &term) { return atomBefore(atom, term.first); });
    form.terms.insert(place, {atom, coefficient});
    return;
  }
  it->second = wrappingAdd(it->second, coefficient);
  if (it->second == 0)
    form.terms.erase(it);
}

static void addForm(LinearForm &form, const LinearForm &other, int64_t factor) {
  for (auto [atom, coefficient] : other.terms)
    addTerm(form, atom, wrappingMul(coefficient, factor));
  form.constant =
      wrappingAdd(form.constant, wrappingMul(other.constant, factor));
}

AffineExpr Axes::toExpr(const LinearForm &form) const {
  AffineExpr expr = getAffineConstantExpr(form.constant, context);
  for (auto [atom, coefficient] : form.terms)
    expr = expr + atom * coefficient;
  return expr;
}

IndexRange Axes::rangeOfAtom(AffineExpr atom) const {
  if (auto dim = dyn_cast<AffineDimExpr>(atom)) {
    if (dim.getPosition() >= extents.size())
      return {};
    int64_t extent = extents[dim.getPosition()];
    if (ShapedType::isDynamic(extent))
      return {0, std::nullopt};
    return {0, std::max<int64_t>(extent - 1, 0)};
  }
  if (atom.getKind() == AffineExprKind::Mod)
    if (auto divisor = dyn_cast<AffineConstantExpr>(
            cast<AffineBinaryOpExpr>(atom).getRHS()))
      return {0, divisor.getValue() - 1};
  return {};
}

IndexRange Axes::range(const LinearForm &form) const {
  IndexRange sum{form.constant, form.constant};
  for (auto [atom, coefficient] : form.terms) {
    IndexRange r = rangeOfAtom(atom);
    if (coefficient < 0)
      std::swap(r.low, r.high);
    auto accumulate = [c = coefficient](std::optional<int64_t> &total,
                                        std::optional<int64_t> bound) {
      int64_t product, result;
      if (!total || !bound || llvm::MulOverflow(*bound, c, product) ||
          llvm::AddOverflow(*total, product, result))
        total = std::nullopt;
      else
        total = result;
    };
    accumulate(sum.low, r.low);
    accumulate(sum.high, r.high);
  }
  return sum;
}

/// form / divisor or form % divisor, as far as the extents decide it.
LinearForm Axes::divide(const LinearForm &form, int64_t divisor,
                        bool remainder) {
  // whole: the part that divides evenly; rest: what is left of it.
  LinearForm whole, rest;
  for (auto [atom, coefficient] : form.terms)
    addTerm(coefficient % divisor == 0 ? whole : rest, atom, coefficient);
  rest.constant = form.constant % divisor;
  if (rest.constant < 0)
    rest.constant += divisor;
  whole.constant = form.constant - rest.constant;

  LinearForm quotient;
  for (auto [atom, coefficient] : whole.terms)
    addTerm(quotient, atom, coefficient / divisor);
  quotient.constant = whole.constant / divisor;

  auto within = [&](const LinearForm &f, int64_t limit) {
    IndexRange r = range(f);
    return r.low && r.high && *r.low >= 0 && *r.high < limit;
  };
  if (within(rest, divisor))
    return remainder ? rest : quotient;

  // Mixed radix: coarse * unit + fine with fine < unit and unit | divisor.
  for (auto [unitAtom, unit] : rest.terms) {
    if (unit <= 1 || divisor % unit != 0)
      continue;
    LinearForm coarse, fine;
    for (auto [atom, coefficient] : rest.terms) {
      if (coefficient % unit == 0)
        addTerm(coarse, atom, coefficient / unit);
      else
        addTerm(fine, atom, coefficient);
    }
    fine.constant = rest.constant % unit;
    coarse.constant = rest.constant / unit;
    if (!within(fine, unit))
      continue;
    LinearForm inner = divide(coarse, divisor / unit, remainder);
    if (!remainder) {
      addForm(quotient, inner, 1);
      return quotient;
    }
    addForm(fine, inner, unit);
    return fine;
  }

  // Undecided. A plain axis remembers where a split would decide it.
  if (notesCuts && rest.terms.size() == 1 && rest.constant == 0 &&
      rest.terms.front().second == 1)
    if (auto dim = dyn_cast<AffineDimExpr>(rest.terms.front().first))
      cuts[dim.getPosition()].insert(divisor);
  AffineExpr restExpr = toExpr(rest);
  LinearForm result;
  if (remainder) {
    addTerm(result, restExpr % divisor, 1);
    return result;
  }
  addTerm(quotient, restExpr.floorDiv(divisor), 1);
  return quotient;
}

LinearForm Axes::linearize(AffineExpr expr) {
  LinearForm form;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    form.constant = constant.getValue();
    return form;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    // an axis of extent one only ever holds 0
    if (dim.getPosition() >= extents.size() || extents[dim.getPosition()] != 1)
      addTerm(form, expr, 1);
    return form;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) {
    addTerm(form, expr, 1);
    return form;
  }
  LinearForm lhs = linearize(binary.getLHS()), rhs = linearize(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    addForm(lhs, rhs, 1);
    return lhs;
  case AffineExprKind::Mul:
    if (lhs.isConstant())
      std::swap(lhs, rhs);
    if (rhs.isConstant()) {
      addForm(form, lhs, rhs.constant);
      return form;
    }
    break;
  case AffineExprKind::FloorDiv:
  case AffineExprKind::Mod:
    if (rhs.isConstant() && rhs.constant > 0)
      return divide(lhs, rhs.constant, expr.getKind() == AffineExprKind::Mod);
    break;
  default:
    break;
  }
  addTerm(form, expr, 1);
  return form;
}

AffineExpr Axes::simplify(AffineExpr expr) { return toExpr(linearize(expr)); }

Index Axes::simplify(ArrayRef<AffineExpr> exprs) {
  Index result;
  for (AffineExpr expr : exprs)
    result.push_back(simplify(expr));
  return result;
}

AffineExpr
Axes::substitute(AffineExpr expr,
                 const llvm::DenseMap<AffineExpr, AffineExpr> &values) {
  return simplify(expr.replace(values));
}

std::optional<bool> Axes::isNonNegative(AffineExpr expr) {
  IndexRange r = range(linearize(expr));
  if (r.low && *r.low >= 0)
    return true;
  if (r.high && *r.high < 0)
    return false;
  return std::nullopt;
}

bool mentions(AffineExpr expr, AffineExpr axis) {
  bool found = false;
  expr.walk([&](AffineExpr e) { found |= e == axis; });
  return found;
}

bool mentions(ArrayRef<AffineExpr> exprs, AffineExpr axis) {
  return llvm::any_of(exprs, [&](AffineExpr e) { return mentions(e, axis); });
}

} // namespace kvc::raise
