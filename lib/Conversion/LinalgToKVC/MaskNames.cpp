//===- MaskNames.cpp - Which predicate a mask operand holds ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mask that stays an operand is exact whatever it is called; its name tells
// the reader what was recognised. Nothing else depends on these names.
//
//===----------------------------------------------------------------------===//

#include "Mask.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace kvc::raise {

namespace {
struct Namer {
  Scalars &scalars;
  AffineExpr query, key;
  Operation *at;
  SmallVectorImpl<Refusal> &notes;

  void note(StringRef id, const Twine &why) {
    for (const Refusal &known : notes)
      if (known.id == id)
        return;
    notes.push_back({id, why.str(), at});
  }
  void name(const Predicate &p);
  void nameAffine(AffineExpr condition);
  void nameAny(const Predicate &p);
  void nameUnknown(const Expr *condition);
};

/// a * query + b * key + constant; other terms make it none.
struct Diagonal {
  int64_t ofQuery = 0, ofKey = 0, constant = 0;
};
} // namespace

static std::optional<Diagonal> readDiagonal(Axes &axes, AffineExpr condition,
                                            AffineExpr query, AffineExpr key) {
  Axes::Quiet quiet(axes);
  LinearForm form = axes.linearize(condition);
  Diagonal diagonal;
  diagonal.constant = form.constant;
  for (auto [atom, coefficient] : form.terms) {
    if (atom == query)
      diagonal.ofQuery = coefficient;
    else if (atom == key)
      diagonal.ofKey = coefficient;
    else
      return std::nullopt;
  }
  return diagonal;
}

/// The divisor by which positions are cut, where one is.
static std::optional<int64_t> chunkOf(AffineExpr condition) {
  std::optional<int64_t> size;
  condition.walk([&](AffineExpr e) {
    if (e.getKind() == AffineExprKind::FloorDiv ||
        e.getKind() == AffineExprKind::Mod)
      if (auto divisor = dyn_cast<AffineConstantExpr>(
              cast<AffineBinaryOpExpr>(e).getRHS()))
        size = divisor.getValue();
  });
  return size;
}

void Namer::nameAffine(AffineExpr condition) {
  if (std::optional<int64_t> size = chunkOf(condition))
    return note("mask-chunk", "queries see keys of chunks of " + Twine(*size) +
                                  " positions: kept as a boolean operand");
  auto d = readDiagonal(scalars.getAxes(), condition, query, key);
  if (d && d->ofQuery == 0 && d->ofKey == -1)
    return note("mask-length", "keys before " + Twine(d->constant + 1) +
                                   " are visible: kept as a boolean operand");
  if (d && d->ofQuery == 0 && d->ofKey == 1)
    return note("mask-length", "keys from " + Twine(-d->constant) +
                                   " are visible: kept as a boolean operand");
  if (d && d->ofQuery == -1 && d->ofKey == 1)
    return note("mask-window",
                "keys from query " + Twine(d->constant > 0 ? "- " : "+ ") +
                    Twine(std::abs(d->constant)) +
                    " are visible, a window without causal: kept as a boolean "
                    "operand");
  if (d && d->ofQuery == 1 && d->ofKey == -1)
    return note("mask-offset",
                "keys up to query " + Twine(d->constant < 0 ? "- " : "+ ") +
                    Twine(std::abs(d->constant)) +
                    " are visible, which is not the last query's diagonal: "
                    "kept as a boolean operand");
  note("mask-predicate", "a predicate of positions that has no attribute is "
                         "kept as a boolean operand");
}

void Namer::nameAny(const Predicate &p) {
  bool diagonal = false, other = false;
  std::optional<int64_t> prefix, chunk;
  for (const Predicate &part : p.parts) {
    if (!part.is(Predicate::Kind::NonNegative)) {
      other = true;
      continue;
    }
    if (std::optional<int64_t> size = chunkOf(part.affine)) {
      chunk = size;
      continue;
    }
    auto d = readDiagonal(scalars.getAxes(), part.affine, query, key);
    if (d && d->ofQuery == 1 && d->ofKey == -1)
      diagonal = true;
    else if (d && d->ofQuery == 0 && d->ofKey == -1)
      prefix = d->constant + 1;
    else
      other = true;
  }
  if (diagonal && prefix && !other)
    return note("mask-prefix", "causal, and keys before " + Twine(*prefix) +
                                   " are visible to all queries: kept as a "
                                   "boolean operand");
  if (chunk && !other)
    return note("mask-chunk", "queries see keys of chunks of " + Twine(*chunk) +
                                  " positions: kept as a boolean operand");
  for (const Predicate &part : p.parts)
    if (part.is(Predicate::Kind::Unknown))
      nameUnknown(part.unknown);
  note("mask-predicate", "alternatives of positions that have no attribute are "
                         "kept as a boolean operand");
}

void Namer::nameUnknown(const Expr *condition) {
  bool countsKey = false, countsQuery = false, readsKey = false,
       readsQuery = false, readsBoth = false;
  auto within = [](ArrayRef<AffineExpr> index, AffineExpr axis) {
    return axis && mentions(index, axis);
  };
  walkExpr(condition, [&](const Expr *e) {
    if (e->affine) {
      countsKey |= mentions(e->affine, key);
      countsQuery |= query && mentions(e->affine, query);
    }
    bool k = within(e->index, key), q = within(e->index, query);
    readsBoth |= k && q;
    readsKey |= k;
    readsQuery |= q;
  });
  if (readsBoth)
    return note("mask-dense", "a table of queries and keys is kept as a "
                              "boolean operand");
  if (readsKey && !readsQuery && !countsQuery)
    return note("mask-padding",
                "a tensor says which keys are visible to all queries: kept as "
                "a boolean operand");
  if (countsKey && !countsQuery && !readsQuery && !readsKey)
    return note("mask-length", "keys before a number known at run time are "
                               "visible: kept as a boolean operand");
  if (countsKey && countsQuery && !readsQuery && !readsKey)
    return note("mask-offset",
                "positions that are shifted by a number known at run time are "
                "compared: kept as a boolean operand");
  if (readsQuery || readsKey)
    return note("mask-positions", "positions that a tensor holds are compared: "
                                  "kept as a boolean operand");
  note("mask-dense", "a condition that is not understood is kept as a boolean "
                     "operand");
}

void Namer::name(const Predicate &p) {
  switch (p.kind) {
  case Predicate::Kind::NonNegative:
    return nameAffine(p.affine);
  case Predicate::Kind::Any:
    return nameAny(p);
  case Predicate::Kind::Unknown:
    return nameUnknown(p.unknown);
  default:
    for (const Predicate &part : p.parts)
      name(part);
  }
}

void nameKept(Scalars &scalars, ArrayRef<Predicate> kept, AffineExpr query,
              AffineExpr key, Operation *at, SmallVectorImpl<Refusal> &notes) {
  Namer namer{scalars, query, key, at, notes};
  for (const Predicate &p : kept)
    namer.name(p);
}

} // namespace kvc::raise
