//===- MaskTerms.cpp - What one term of a mask hides ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A term is read as a predicate by its ops, or, where its numbers are literals,
// by trying every position. Invariant: what is read hides with known values.
//
//===----------------------------------------------------------------------===//

#include "MaskPlanner.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// Points of a literal mask that are tried one by one.
static constexpr int64_t maxTriedPoints = 1 << 15;

double overflowLike(Operation *op, double value) {
  const llvm::fltSemantics *semantics = &llvm::APFloat::IEEEsingle();
  if (op && op->getNumResults() == 1)
    if (auto type = dyn_cast<FloatType>(getElementTypeOrSelf(op->getResult(0))))
      semantics = &type.getFloatSemantics();
  llvm::APFloat rounded(value);
  bool loses;
  rounded.convert(*semantics, llvm::APFloat::rmNearestTiesToEven, &loses);
  return rounded.isInfinity()
             ? std::copysign(std::numeric_limits<double>::infinity(), value)
             : value;
}

Read Planner::read(const MaskTerm &term) {
  Read result;
  result.term = &term;
  MaskReader reader(scalars);
  std::optional<Predicate> visible;
  const Expr *value = term.expanded;
  if (term.isSelect) {
    if (term.hidden * term.factor <= weakestHidden) {
      visible = reader.readBool(value);
      if (visible && term.negated)
        visible = negate(scalars.getAxes(), *visible);
      reader.hidden.assign(1, term.hidden);
    }
  } else {
    reader.sign = term.negated ? -1 : 1;
    visible = reader.readAdditive(value);
  }
  if (!visible && (!term.isSelect || term.hidden <= weakestHidden)) {
    reader.hidden.clear();
    visible = tryPoints(term, reader.hidden);
  }
  if (!visible || !(term.factor > 0))
    return result;
  result.understood = true;
  result.shift = reader.visible.value_or(0.0) * term.factor;
  result.visible = std::move(*visible);
  result.summed = reader.summed;
  // a scale outside of the mask may make -inf of the lowest number
  for (double &value : reader.hidden)
    value = overflowLike(term.op, value * term.factor);
  result.infinite =
      llvm::all_of(reader.hidden, [](double v) { return std::isinf(v); });
  result.oneValue = !reader.hidden.empty() && llvm::all_equal(reader.hidden);
  result.constant = term.isSelect;
  for (auto [i, value] : llvm::enumerate(reader.hidden)) {
    result.lowest = i ? std::min(result.lowest, value) : value;
    result.highest = i ? std::max(result.highest, value) : value;
  }
  if (result.oneValue)
    result.hidden = reader.hidden.front();
  return result;
}

/// Literal masks (folded constants, index arithmetic outside of the rules): try
/// every position. `hidden` gets the lowest and the highest value that hides.
std::optional<Predicate> Planner::tryPoints(const MaskTerm &term,
                                            SmallVectorImpl<double> &hidden) {
  Axes &axes = scalars.getAxes();
  if (!query || !shift || *shift < 0)
    return std::nullopt;
  int64_t queries = axes.extent(query), keys = axes.extent(key);
  if (ShapedType::isDynamic(queries) || ShapedType::isDynamic(keys) ||
      queries <= 0 || keys <= 0 || queries > maxTriedPoints / keys)
    return std::nullopt;
  llvm::DenseMap<AffineExpr, AffineExpr> at;
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j) {
      at[query] = getAffineConstantExpr(i, axes.getContext());
      at[key] = getAffineConstantExpr(j, axes.getContext());
      unsigned budget = 64;
      const Expr *value =
          scalars.expandAll(scalars.substitute(term.expanded, at), budget);
      if (!value || !value->is(Expr::Kind::Constant))
        return std::nullopt;
      std::optional<Number> number = toNumber(value->constant);
      bool visible = j <= i + *shift;
      if (!number)
        return std::nullopt;
      if (term.isSelect) {
        if ((number->integer != 0) != (visible != term.negated))
          return std::nullopt;
        continue;
      }
      double added = number->real * (term.negated ? -1 : 1);
      if (visible ? added != 0.0 : !(added <= weakestHidden))
        return std::nullopt;
      if (visible)
        continue;
      if (hidden.empty())
        hidden.assign(2, added);
      hidden[0] = std::min(hidden[0], added);
      hidden[1] = std::max(hidden[1], added);
    }
  if (term.isSelect)
    hidden.assign(1, term.hidden);
  return Predicate::nonNegative(axes, query - key + *shift);
}

} // namespace kvc::raise
