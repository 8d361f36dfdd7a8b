//===- Predicate.cpp - Conditions over positions --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lists stay flat and free of duplicates, and a factor that all alternatives
// share is taken out of them: (causal and window) or (causal and sink) is
// causal and (window or sink), so that causal can become an attribute.
//
//===----------------------------------------------------------------------===//

#include "Predicate.h"

using namespace mlir;

namespace kvc::raise {

using Kind = Predicate::Kind;

bool Predicate::operator==(const Predicate &other) const {
  return kind == other.kind && affine == other.affine &&
         unknown == other.unknown && negated == other.negated &&
         parts == other.parts;
}

Predicate Predicate::constant(bool holds) {
  Predicate p;
  p.kind = holds ? Kind::Always : Kind::Never;
  return p;
}

Predicate Predicate::nonNegative(Axes &axes, AffineExpr affine) {
  Axes::Quiet quiet(axes);
  affine = axes.simplify(affine);
  if (std::optional<bool> decided = axes.isNonNegative(affine))
    return constant(*decided);
  Predicate p;
  p.kind = Kind::NonNegative;
  p.affine = affine;
  return p;
}

Predicate Predicate::of(const Expr *unknown, bool negated) {
  Predicate p;
  p.kind = Kind::Unknown;
  p.unknown = unknown;
  p.negated = negated;
  return p;
}

Predicate negate(Axes &axes, const Predicate &p) {
  switch (p.kind) {
  case Kind::Always:
  case Kind::Never:
    return Predicate::constant(p.is(Kind::Never));
  case Kind::NonNegative:
    return Predicate::nonNegative(axes, -p.affine - 1);
  case Kind::Unknown:
    return Predicate::of(p.unknown, !p.negated);
  case Kind::All:
  case Kind::Any:
    break;
  }
  Predicate result = Predicate::constant(p.is(Kind::Any));
  for (const Predicate &part : p.parts) {
    Predicate other = negate(axes, part);
    result = p.is(Kind::Any) ? allOf(axes, result, other)
                             : anyOf(axes, result, other);
  }
  return result;
}

/// x in `x floordiv c`, and c.
static std::optional<std::pair<AffineExpr, int64_t>> asFloorDiv(AffineExpr e) {
  if (e.getKind() != AffineExprKind::FloorDiv)
    return std::nullopt;
  auto binary = cast<AffineBinaryOpExpr>(e);
  auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (!divisor || divisor.getValue() <= 0)
    return std::nullopt;
  return std::make_pair(binary.getLHS(), divisor.getValue());
}

static bool impliesAffine(Axes &axes, AffineExpr a, AffineExpr b) {
  Axes::Quiet quiet(axes);
  if (axes.isNonNegative(b - a) == true)
    return true;
  // x >= y implies x floordiv c >= y floordiv c
  LinearForm form = axes.linearize(b);
  if (form.terms.size() != 2 || form.constant < 0)
    return false;
  auto [first, second] = std::make_pair(form.terms[0], form.terms[1]);
  if (first.second == -1)
    std::swap(first, second);
  auto up = asFloorDiv(first.first), down = asFloorDiv(second.first);
  return first.second == 1 && second.second == -1 && up && down &&
         up->second == down->second &&
         axes.isNonNegative(up->first - down->first - a) == true;
}

bool implies(Axes &axes, const Predicate &a, const Predicate &b) {
  if (a == b || a.is(Kind::Never) || b.is(Kind::Always))
    return true;
  if (a.is(Kind::NonNegative) && b.is(Kind::NonNegative))
    return impliesAffine(axes, a.affine, b.affine);
  if (a.is(Kind::Any))
    return llvm::all_of(a.parts,
                        [&](auto &part) { return implies(axes, part, b); });
  if (b.is(Kind::All))
    return llvm::all_of(b.parts,
                        [&](auto &part) { return implies(axes, a, part); });
  if (a.is(Kind::All))
    return llvm::any_of(a.parts,
                        [&](auto &part) { return implies(axes, part, b); });
  if (b.is(Kind::Any))
    return llvm::any_of(b.parts,
                        [&](auto &part) { return implies(axes, a, part); });
  return false;
}

static bool excludes(Axes &axes, const Predicate &a, const Predicate &b) {
  if (a.is(Kind::Unknown) && b.is(Kind::Unknown))
    return a.unknown == b.unknown && a.negated != b.negated;
  Axes::Quiet quiet(axes);
  return a.is(Kind::NonNegative) && b.is(Kind::NonNegative) &&
         axes.isNonNegative(a.affine + b.affine) == false;
}

static std::vector<Predicate> listOf(Predicate p, Kind kind) {
  if (p.is(kind))
    return std::move(p.parts);
  return {std::move(p)};
}

static Predicate joined(std::vector<Predicate> parts, Kind kind) {
  if (parts.empty())
    return Predicate::constant(kind == Kind::All);
  if (parts.size() == 1)
    return parts.front();
  Predicate p;
  p.kind = kind;
  p.parts = std::move(parts);
  return p;
}

Predicate allOf(Axes &axes, Predicate a, Predicate b) {
  std::vector<Predicate> parts;
  for (Predicate *side : {&a, &b})
    for (Predicate &next : listOf(std::move(*side), Kind::All)) {
      if (llvm::any_of(parts, [&](const Predicate &known) {
            return implies(axes, known, next);
          }))
        continue;
      if (next.is(Kind::Never) ||
          llvm::any_of(parts, [&](const Predicate &known) {
            return excludes(axes, known, next);
          }))
        return Predicate::constant(false);
      llvm::erase_if(parts, [&](const Predicate &known) {
        return implies(axes, next, known);
      });
      parts.push_back(std::move(next));
    }
  return joined(std::move(parts), Kind::All);
}

Predicate anyOf(Axes &axes, Predicate a, Predicate b) {
  std::vector<Predicate> parts;
  for (Predicate *side : {&a, &b})
    for (Predicate &next : listOf(std::move(*side), Kind::Any)) {
      if (llvm::any_of(parts, [&](const Predicate &known) {
            return implies(axes, next, known);
          }))
        continue;
      if (next.is(Kind::Always) ||
          llvm::any_of(parts, [&](const Predicate &known) {
            return known.parts.empty() && next.parts.empty() &&
                   excludes(axes, negate(axes, known), negate(axes, next));
          }))
        return Predicate::constant(true);
      llvm::erase_if(parts, [&](const Predicate &known) {
        return implies(axes, known, next);
      });
      parts.push_back(std::move(next));
    }
  if (parts.size() < 2)
    return joined(std::move(parts), Kind::Any);
  // what every alternative asks for stands before them
  std::vector<Predicate> shared;
  for (const Predicate &owner : parts)
    for (const Predicate &candidate : listOf(owner, Kind::All))
      if (!llvm::is_contained(shared, candidate) &&
          llvm::all_of(parts, [&](const Predicate &part) {
            return implies(axes, part, candidate);
          }))
        shared.push_back(candidate);
  if (shared.empty())
    return joined(std::move(parts), Kind::Any);
  Predicate rest = Predicate::constant(false);
  for (const Predicate &part : parts) {
    std::vector<Predicate> left = listOf(part, Kind::All);
    llvm::erase_if(left, [&](const Predicate &p) {
      return llvm::is_contained(shared, p);
    });
    rest = anyOf(axes, std::move(rest), joined(std::move(left), Kind::All));
  }
  return allOf(axes, joined(std::move(shared), Kind::All), std::move(rest));
}

Predicate choose(Axes &axes, const Predicate &condition, const Predicate &yes,
                 const Predicate &no) {
  if (yes == no)
    return yes;
  Predicate otherwise = negate(axes, condition);
  if (yes.is(Kind::Always))
    return anyOf(axes, condition, no);
  if (no.is(Kind::Always))
    return anyOf(axes, otherwise, yes);
  // |i - j| < w is i - j < w and j - i < w
  if (implies(axes, condition, no) && implies(axes, otherwise, yes))
    return allOf(axes, yes, no);
  return anyOf(axes, allOf(axes, condition, yes), allOf(axes, otherwise, no));
}

bool mentions(const Predicate &p, AffineExpr axis) {
  if (p.is(Kind::NonNegative))
    return mentions(p.affine, axis);
  if (p.is(Kind::Unknown))
    return mentions(p.unknown, axis);
  return llvm::any_of(
      p.parts, [&](const Predicate &part) { return mentions(part, axis); });
}

unsigned countConditions(const Predicate &p) {
  unsigned count = p.parts.empty() ? 1 : 0;
  for (const Predicate &part : p.parts)
    count += countConditions(part);
  return count;
}

} // namespace kvc::raise
