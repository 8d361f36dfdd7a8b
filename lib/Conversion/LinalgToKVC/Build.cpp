//===- Build.cpp - Write kvc.attention for a match ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All that is written stands right before the op it replaces, where every
// tensor that was read is known. On failure what was written is erased again.
//
//===----------------------------------------------------------------------===//

#include "Build.h"
#include "EmitRegion.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <cmath>

using namespace mlir;

namespace kvc::raise {

namespace {
struct AttentionBuilder {
  RewriterBase &rewriter;
  Match &match;
  Scalars &scalars;
  Emitter emit;
  PositionCache &positions;
  Refusal &refusal;
  Location loc;

  Value fail(StringRef id, const Twine &why) {
    if (!refusal)
      refusal = {id, why.str(), match.values};
    return {};
  }
  void learn(const Source &source);
  Value operand(const Source &source, const Layout &wanted,
                const AxisList &sequence);
  Value positionsOf(const Expr *position, const AxisList &sequence);
  Value maskTerm(const MaskTerm &term, const Layout &layout);
  Value mask();
  Value attention();
};
} // namespace

/// The positions as a tensor over the sequence (and the batch, if they vary).
Value AttentionBuilder::positionsOf(const Expr *position,
                                    const AxisList &sequence) {
  Layout layout{sequence};
  for (AffineExpr axis : match.roles.batch)
    if (mentions(position, axis))
      layout = {match.roles.batch, sequence};
  bool counts =
      position->is(Expr::Kind::Affine) || position->is(Expr::Kind::Constant);
  if (!counts) {
    if (!position->type.isInteger(32) && !position->type.isInteger(64))
      return {};
    if (auto source = chooseSource(scalars, position, layout))
      return emit.relayout(source->first, source->second, layout);
    return emit.compute(position, layout);
  }
  OpFoldResult size = emit.sizeOf(sequence);
  if (!size)
    return {};
  bool fromZero = position->is(Expr::Kind::Affine) && !sequence.empty() &&
                  position->affine == sequence.front() && sequence.size() == 1;
  Block *block = rewriter.getInsertionBlock();
  if (fromZero)
    for (const WrittenPositions &known : positions)
      if (known.block == block && known.size == size)
        return known.tensor;
  const Expr *counted =
      position->is(Expr::Kind::Affine)
          ? scalars.affine(position->affine, rewriter.getI64Type())
          : position;
  if (!counted->type.isInteger(32) && !counted->type.isInteger(64))
    return {};
  Value result = emit.compute(counted, layout);
  if (fromZero && result)
    positions.push_back({block, size, result});
  return result;
}

/// Notes the sizes of the axes that a source runs over.
void AttentionBuilder::learn(const Source &source) {
  if (source.tensor) {
    emit.learnSizes(source.tensor, source.layout);
    return;
  }
  walkExpr(source.element, [&](const Expr *part) {
    if (!part->is(Expr::Kind::Element) || part->index.empty())
      return;
    Element read{part->tensor, part->index};
    if (std::optional<Layout> layout = layoutOf(scalars.getAxes(), read))
      emit.learnSizes(part->tensor, *layout);
  });
}

Value AttentionBuilder::operand(const Source &source, const Layout &wanted,
                                const AxisList &sequence) {
  learn(source);
  Value value = source.tensor
                    ? emit.relayout(source.tensor, source.layout, wanted)
                    : emit.compute(source.element, wanted);
  if (!value)
    return fail("layout", "a dynamic size that a reshape needs is not known");
  value = emit.castTo(value, match.elementType);
  if (!source.rope)
    return value;
  Value at = positionsOf(source.rope->position, sequence);
  if (!at)
    return fail("rope-position", "the positions cannot be written as a tensor");
  const Rope &turn = *source.rope;
  auto real = [&](double value) { return rewriter.getF64FloatAttr(value); };
  auto rope = RopeAttr::get(
      rewriter.getContext(), real(turn.theta), turn.dim,
      turn.interleaved ? RopeStyle::interleaved : RopeStyle::neox,
      RopeAt::append, turn.scaling, real(turn.factor), real(turn.lowFreqFactor),
      real(turn.highFreqFactor), turn.originalMaxPositions);
  return RopeOp::create(rewriter, loc, value.getType(), value, at, rope);
}

/// One additive term as f32, its sign and factor applied; as it is when it is
/// a tensor of the graph that needs neither.
Value AttentionBuilder::maskTerm(const MaskTerm &term, const Layout &layout) {
  Value value;
  if (term.value->is(Expr::Kind::Element))
    if (auto source = chooseSource(scalars, term.value, layout))
      value = emit.relayout(source->first, source->second, layout);
  if (!value)
    value = emit.compute(term.expanded, layout);
  if (!value)
    return {};
  double factor = term.factor * (term.negated ? -1 : 1);
  Type type = getElementTypeOrSelf(value.getType());
  if (!isa<Float16Type, BFloat16Type, Float32Type>(type) || factor != 1.0)
    value = emit.castTo(value, rewriter.getF32Type());
  if (factor == 1.0)
    return value;
  Value by = arith::ConstantOp::create(
      rewriter, loc, rewriter.getF32FloatAttr(static_cast<float>(factor)));
  return emit.scaledBy(value, by);
}

/// The mask operand that stays beside the attributes; null with no refusal
/// when nothing stays.
Value AttentionBuilder::mask() {
  const MaskPlan &plan = match.mask;
  if (plan.dense.empty() && plan.kept.empty())
    return {};
  auto asked = [&](const AxisList &list) {
    return llvm::any_of(list, [&](AffineExpr axis) {
      return llvm::any_of(plan.dense,
                          [&](const MaskTerm &t) {
                            return mentions(t.expanded, axis);
                          }) ||
             llvm::any_of(plan.kept, [&](const Predicate &p) {
               return mentions(p, axis);
             });
    });
  };
  const Roles &roles = match.roles;
  Layout layout{asked(roles.batch) ? roles.batch : AxisList(),
                asked(roles.heads()) ? roles.heads() : AxisList(), roles.query,
                roles.key};
  Value visible;
  if (!plan.kept.empty()) {
    visible = emit.computeConjunction(plan.kept, layout);
    if (!visible)
      return fail("mask-emit", "the mask reads something that is not known "
                               "where the attention stands");
  }
  Value sum;
  for (const MaskTerm &term : plan.dense) {
    Value value = maskTerm(term, layout);
    if (!value)
      return fail("mask-emit", "the mask reads something that is not known "
                               "where the attention stands");
    if (plan.dense.size() > 1 || visible)
      value = emit.castTo(value, rewriter.getF32Type());
    sum = sum ? emit.sum(sum, value) : value;
  }
  if (sum && visible)
    return plan.keptHides ? emit.hiddenUnless(visible, sum)
                          : emit.sum(sum, emit.additive(visible));
  return sum ? sum : visible;
}

/// Scores and masks are far below its inverse in every model.
static constexpr float largestScale = 1e18f;
/// Models scale scores down; what 16 bits lose of one stays below its softmax.
static constexpr float largestScaleOfRounded = 8.0f;

Value AttentionBuilder::attention() {
  const Roles &roles = match.roles;
  // sizes first: reshapes and masks ask for any of them
  for (const Source *source : {&match.q, &match.k, &match.v})
    learn(*source);
  Value q = operand(match.q, roles.q(), roles.query);
  Value k = q ? operand(match.k, roles.k(), roles.key) : Value();
  Value v = k ? operand(match.v, roles.v(), roles.key) : Value();
  if (!v)
    return {};
  Value maskValue = mask();
  if (refusal)
    return {};
  for (const Expr *factor : match.runtimeScales) {
    Value by = emit.scalar(factor);
    if (!by)
      return fail("scale", "a factor is not known where the attention stands");
    q = emit.scaledBy(q, by);
  }
  float scale = static_cast<float>(match.scale);
  float softcap = static_cast<float>(match.score.softcap);
  if (!std::isfinite(scale) || !std::isfinite(softcap))
    return fail("scale", "the scale is not a finite number");
  // what overflows depends on the order of factors, and of scale and sum
  if (std::fabs(scale) > largestScale)
    return fail("scale", "the scale is so large that scores may overflow");
  if (match.isRounded && std::fabs(scale) > largestScaleOfRounded)
    return fail("scale", "the scale is so large that it tells scores apart "
                         "which are one when rounded to 16 bits");
  Value sinks;
  if (match.softmax.sink) {
    sinks = emit.compute(match.softmax.sink, Layout{roles.heads()});
    if (!sinks)
      return fail("sink", "the sinks are not known where the attention stands");
    sinks = emit.castTo(sinks, rewriter.getF32Type());
    // powers of two count the sink by ln 2, too
    if (match.softmax.factor != 1.0)
      sinks = emit.scaledBy(
          sinks,
          arith::ConstantOp::create(rewriter, loc,
                                    rewriter.getF32FloatAttr(static_cast<float>(
                                        match.softmax.factor))));
  }
  RegionWriter region(rewriter, loc, scalars, emit, roles);
  if (match.score.edit &&
      !region.plan(match.score.edit, match.score.productElement))
    return fail("score-captures",
                "the score region would read more than four tensors, or "
                "something that is not known where the attention stands");
  auto type =
      RankedTensorType::get(emit.shapeOf(roles.out()), match.elementType);
  auto op = AttentionOp::create(
      rewriter, loc, type, /*lse=*/Type(), q, k, v, maskValue, sinks,
      region.getCaptures(), APFloat(scale), match.mask.causal,
      match.mask.window ? rewriter.getI64IntegerAttr(*match.mask.window)
                        : IntegerAttr(),
      softcap != 0 ? rewriter.getF32FloatAttr(softcap) : FloatAttr(),
      match.mask.fullyMasked);
  if (match.score.edit && !region.write(op.getScore()))
    return fail("score-captures", "the score region reads something that is "
                                  "not known where the attention stands");
  Value result = emit.relayout(op.getResult(), roles.out(), match.resultLayout);
  if (!result)
    return fail("layout", "a dynamic size that a reshape needs is not known");
  auto wanted = cast<RankedTensorType>(match.values->getResult(0).getType());
  result = emit.castTo(result, wanted.getElementType());
  if (result.getType() != wanted)
    result = tensor::CastOp::create(rewriter, loc, wanted, result);
  return result;
}

bool build(RewriterBase &rewriter, Attempt &attempt, PositionCache &positions,
           Refusal &refusal) {
  Match &match = *attempt.match;
  Operation *values = match.values;
  Location loc = values->getLoc();
  rewriter.setInsertionPoint(values);
  Operation *before = values->getPrevNode();
  AttentionBuilder builder{rewriter,
                           match,
                           *attempt.scalars,
                           Emitter(rewriter, loc, *attempt.scalars),
                           positions,
                           refusal,
                           loc};
  Value result = builder.attention();
  if (result) {
    rewriter.replaceAllUsesWith(values->getResult(0), result);
    return true;
  }
  for (Operation *op = values->getPrevNode(); op != before;
       op = values->getPrevNode()) {
    // positions written for this attempt go with it
    llvm::erase_if(positions, [&](const WrittenPositions &known) {
      return known.tensor.getDefiningOp() == op;
    });
    rewriter.eraseOp(op);
  }
  return false;
}

} // namespace kvc::raise
