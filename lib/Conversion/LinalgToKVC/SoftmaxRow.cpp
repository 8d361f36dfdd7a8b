//===- SoftmaxRow.cpp - Rows that a softmax reduces -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A sink is a column that is concatenated to the scores and dropped after the
// softmax, or a term beside the sum. Guards keep an empty row's maximum finite
// or its sum positive; they change no other row.
//
//===----------------------------------------------------------------------===//

#include "SoftmaxMatcher.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

/// The weakest number below which a maximum is that of an empty row.
static constexpr double lowestFloor = -9999.0;

/// concat(scores, one more column) at `axis` along the joined dimension.
std::optional<std::pair<const Expr *, const Expr *>>
SoftmaxMatcher::splitConcat(const Expr *expr, AffineExpr axis) {
  if (!expr->is(Expr::Kind::Element))
    return std::nullopt;
  auto concat = expr->tensor.getDefiningOp<tensor::ConcatOp>();
  if (!concat || concat.getInputs().size() != 2)
    return std::nullopt;
  unsigned dim = concat.getDim();
  auto last = cast<RankedTensorType>(concat.getInputs()[1].getType());
  if (expr->index[dim] != axis || last.getDimSize(dim) != 1)
    return std::nullopt;
  // the keys are those of the first part
  Value scores = concat.getInputs()[0];
  int64_t size = cast<RankedTensorType>(scores.getType()).getDimSize(dim);
  bool fits =
      !ShapedType::isDynamic(size) && size == scalars.getAxes().extent(key);
  fits |= slice && haveSameSize(slice, slicedDim, scores, dim);
  if (!fits)
    return std::nullopt;
  Index first = expr->index, further = expr->index;
  first[dim] = key;
  further[dim] = getAffineConstantExpr(0, scalars.getAxes().getContext());
  return std::make_pair(scalars.element(scores, first),
                        scalars.element(concat.getInputs()[1], further));
}

/// A reduction over the keys, or over the keys and one column more.
std::optional<Row> SoftmaxMatcher::readRow(const Expr *reduced,
                                           Reduction::Kind kind) {
  reduced = scalars.look(reduced);
  if (auto plain = slice ? std::nullopt : matchReduction(scalars, reduced, key))
    if (plain->kind == kind)
      return Row{plain->body, nullptr, plain->init};
  auto longer = matchReduction(scalars, reduced);
  if (!longer || longer->kind != kind)
    return std::nullopt;
  AffineExpr axis = longer->axis;
  Axes &axes = scalars.getAxes();
  Row row;
  row.init = longer->init;
  int64_t keys = axes.extent(key);
  if (!ShapedType::isDynamic(keys)) {
    if (axes.extent(axis) != keys + 1)
      return std::nullopt;
    row.body = scalars.substitute(longer->body, {{axis, key}});
    row.last = scalars.substitute(
        longer->body, {{axis, getAffineConstantExpr(keys, axes.getContext())}});
    return row;
  }
  const Expr *body = scalars.look(longer->body);
  if (auto parts = splitConcat(body, axis))
    return Row{parts->first, parts->second, longer->init};
  // exp(concat - max)
  if (!body->isApply<math::ExpOp, math::Exp2Op>())
    return std::nullopt;
  const Expr *shifted = scalars.look(body->operands[0]);
  if (!shifted->isApply<arith::SubFOp>() ||
      mentions(shifted->operands[1], axis))
    return std::nullopt;
  auto parts = splitConcat(scalars.look(shifted->operands[0]), axis);
  if (!parts)
    return std::nullopt;
  auto with = [&](const Expr *score) {
    const Expr *difference = scalars.apply(shifted->op, shifted->type,
                                           {score, shifted->operands[1]});
    return scalars.apply(body->op, body->type, {difference});
  };
  return Row{with(parts->first), with(parts->second), longer->init};
}

/// The sink is one and the same wherever it is met.
bool SoftmaxMatcher::takeSink(const Expr *sink, Softmax &softmax) {
  sink = scalars.look(sink);
  if (mentions(sink, key) ||
      (softmax.sink && !scalars.equal(softmax.sink, sink)))
    return refuse("sink", "what stands beside the scores in a row's softmax is "
                          "not one logit of a sink");
  softmax.sink = sink;
  return true;
}

/// `condition` asks whether `value` is what an empty row has.
bool SoftmaxMatcher::isEmptyTest(const Expr *condition, const Expr *value,
                                 double emptyValue, bool &whenTrue) {
  condition = scalars.look(condition);
  if (!condition->isApply<arith::CmpFOp>())
    return false;
  auto predicate = cast<arith::CmpFOp>(condition->op).getPredicate();
  const Expr *tested = scalars.look(condition->operands[0]);
  bool absolute = tested->isApply<math::AbsFOp>();
  if (absolute)
    tested = scalars.look(tested->operands[0]);
  double wanted = absolute ? std::fabs(emptyValue) : emptyValue;
  if (!scalars.equal(tested, scalars.look(value)) ||
      scalars.asReal(condition->operands[1]) != wanted)
    return false;
  using P = arith::CmpFPredicate;
  bool above = absolute && std::isinf(emptyValue) ? predicate == P::OLT
                                                  : predicate == P::OGT;
  bool below = absolute || predicate == P::OLE;
  if (predicate == P::OEQ || predicate == P::UEQ ||
      (predicate == P::OLE && below && !absolute))
    whenTrue = true;
  else if (predicate == P::ONE || predicate == P::UNE || above)
    whenTrue = false;
  else
    return false;
  return true;
}

/// A maximum without what keeps an empty row's from being -inf.
const Expr *SoftmaxMatcher::stripMaxGuard(const Expr *guarded,
                                          Softmax &softmax) {
  guarded = scalars.look(guarded);
  double infinity = std::numeric_limits<double>::infinity();
  if (guarded->isApply<arith::SelectOp>()) {
    for (unsigned side : {1u, 2u}) {
      const Expr *plain = guarded->operands[3 - side];
      std::optional<double> other = scalars.asReal(guarded->operands[side]);
      bool whenTrue = false;
      if (!other || !std::isfinite(*other) ||
          !isEmptyTest(guarded->operands[0], plain, -infinity, whenTrue) ||
          whenTrue != (side == 1))
        continue;
      finiteMax = true;
      return scalars.look(plain);
    }
    return guarded;
  }
  if (guarded->isApply<arith::MaximumFOp, arith::MaxNumFOp>())
    for (unsigned side : {0u, 1u}) {
      std::optional<double> floor = scalars.asReal(guarded->operands[side]);
      if (!floor || !std::isfinite(*floor) || *floor > lowestFloor)
        continue;
      finiteMax = true;
      softmax.floor = *floor;
      return scalars.look(guarded->operands[1 - side]);
    }
  return guarded;
}

/// A sum without what keeps an empty row's from being zero. Any other row's
/// sum is one or more, since the highest score counts one.
const Expr *SoftmaxMatcher::stripSumGuard(const Expr *guarded) {
  guarded = scalars.look(guarded);
  auto isPositive = [&](const Expr *e, double limit) {
    std::optional<double> number = scalars.asReal(e);
    return number && *number > 0 && *number <= limit;
  };
  if (guarded->isApply<arith::SelectOp>()) {
    for (unsigned side : {1u, 2u}) {
      const Expr *plain = guarded->operands[3 - side];
      bool whenTrue = false;
      if (!isPositive(guarded->operands[side], 1e30) ||
          !isEmptyTest(guarded->operands[0], plain, 0.0, whenTrue) ||
          whenTrue != (side == 1))
        continue;
      guardedSum = true;
      return scalars.look(plain);
    }
    return guarded;
  }
  // less than half a unit in the last place of one is lost in the sum
  bool floor = guarded->isApply<arith::MaximumFOp, arith::MaxNumFOp>(),
       added = guarded->isApply<arith::AddFOp>() && guarded->type.isF32();
  if (floor || added)
    for (unsigned side : {0u, 1u})
      if (isPositive(guarded->operands[side], floor ? 1.0 : 2.9e-8)) {
        guardedSum = true;
        return scalars.look(guarded->operands[1 - side]);
      }
  return guarded;
}

/// The element before columns were dropped whose number is known at run time
/// only, so that no view step looks through; null when that is not so.
const Expr *SoftmaxMatcher::beforeSlice(const Expr *expr) {
  if (!expr->is(Expr::Kind::Element) || slice ||
      !ShapedType::isDynamic(scalars.getAxes().extent(key)))
    return nullptr;
  auto op = expr->tensor.getDefiningOp<tensor::ExtractSliceOp>();
  if (!op || !op.hasUnitStride() || !op.hasZeroOffset() ||
      op.getType().getRank() != op.getSourceType().getRank())
    return nullptr;
  std::optional<unsigned> dim;
  for (auto [d, at] : llvm::enumerate(expr->index)) {
    if (at == key) {
      dim = d;
      continue;
    }
    if (mentions(at, key) || !haveSameSize(op, d, op.getSource(), d))
      return nullptr;
  }
  if (!dim)
    return nullptr;
  slice = op;
  slicedDim = *dim;
  return scalars.look(scalars.element(op.getSource(), expr->index));
}

} // namespace kvc::raise
