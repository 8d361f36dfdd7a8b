//===- DecomposeAttention.cpp - kvc.attention and kvc.rope as linalg ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes what the two stateless ops mean in linalg, arith and math, so that a
// graph with them runs through upstream's lowering: tests compare it with the
// graph before raise. Meaning first; no attempt is made to be quick. All of it
// is computed in f32, as the ops' definition says.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include <cmath>

namespace kvc {
#define GEN_PASS_DEF_DECOMPOSEATTENTIONPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

#define DEBUG_TYPE "kvc-decompose-attention"

using namespace mlir;
using namespace kvc;

namespace {
using Body = llvm::function_ref<Value(OpBuilder &, Location, ValueRange)>;

/// Short forms for the ops written below.
struct Writer {
  OpBuilder &builder;
  Location loc;

  Value real(OpBuilder &b, double value) {
    return arith::ConstantOp::create(
        b, loc, b.getF32FloatAttr(static_cast<float>(value)));
  }
  Value minusInfinity(OpBuilder &b) {
    return real(b, -std::numeric_limits<double>::infinity());
  }
  Value toF32(OpBuilder &b, Value value) {
    if (value.getType().isF32())
      return value;
    return arith::ExtFOp::create(b, loc, b.getF32Type(), value);
  }
  Value fromF32(OpBuilder &b, Value value, Type type) {
    if (type.isF32())
      return value;
    return arith::TruncFOp::create(b, loc, type, value);
  }
  Value filled(ArrayRef<OpFoldResult> sizes, double value) {
    Value init =
        tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
    return linalg::FillOp::create(builder, loc, real(builder, value), init)
        ->getResult(0);
  }
  /// One generic op into `init`; the trailing `reductions` loops are reduced.
  Value generic(ValueRange inputs, Value init, ArrayRef<AffineMap> maps,
                unsigned reductions, Body body) {
    SmallVector<utils::IteratorType> iterators(maps.front().getNumDims(),
                                               utils::IteratorType::parallel);
    for (unsigned i = 0; i < reductions; ++i)
      iterators[iterators.size() - 1 - i] = utils::IteratorType::reduction;
    return linalg::GenericOp::create(
               builder, loc, TypeRange{init.getType()}, inputs,
               ValueRange{init}, maps, iterators,
               [&](OpBuilder &b, Location l, ValueRange arguments) {
                 linalg::YieldOp::create(b, l, body(b, l, arguments));
               })
        .getResult(0);
  }
};

/// kvc.attention, step by step. Loops: b, h, i, j, d.
struct AttentionWriter : Writer {
  AttentionOp op;
  AffineExpr b, h, i, j, d;
  SmallVector<OpFoldResult> q, k, v;
  int64_t group;

  AttentionWriter(OpBuilder &builder, AttentionOp op)
      : Writer{builder, op.getLoc()}, op(op) {
    bindDims(builder.getContext(), b, h, i, j, d);
    q = tensor::getMixedSizes(builder, loc, op.getQuery());
    k = tensor::getMixedSizes(builder, loc, op.getKey());
    v = tensor::getMixedSizes(builder, loc, op.getValue());
    group = op.getQuery().getType().getDimSize(1) /
            std::max<int64_t>(op.getKey().getType().getDimSize(1), 1);
  }
  AffineMap map(unsigned dims, ArrayRef<AffineExpr> results) {
    return AffineMap::get(dims, 0, results, builder.getContext());
  }

  Value products();
  Value scores(Value products);
  Value editedScore(OpBuilder &b, Value score, Value mask);
  Value visible(OpBuilder &b);
  std::pair<Value, Value> rowMax(Value scores);
  SmallVector<Value, 2> write();
};
} // namespace

/// sum over d of q[b, h, i, d] * k[b, h / group, j, d]
Value AttentionWriter::products() {
  Value init = filled({q[0], q[1], q[2], k[2]}, 0.0);
  return generic({op.getQuery(), op.getKey()}, init,
                 {map(5, {b, h, i, d}), map(5, {b, h.floorDiv(group), j, d}),
                  map(5, {b, h, i, j})},
                 1, [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                   Value product = arith::MulFOp::create(b, l, toF32(b, x[0]),
                                                         toF32(b, x[1]));
                   return arith::AddFOp::create(b, l, x[2], product);
                 });
}

/// Whether key j is visible to query i by causal and window; null for always.
Value AttentionWriter::visible(OpBuilder &b) {
  if (!op.getCausal() && !op.getWindow())
    return {};
  auto size = [&](Value tensor, unsigned dim) -> Value {
    return tensor::DimOp::create(b, loc, tensor, dim);
  };
  Value shift = arith::SubIOp::create(b, loc, size(op.getKey(), 2),
                                      size(op.getQuery(), 2));
  Value query =
      arith::AddIOp::create(b, loc, linalg::IndexOp::create(b, loc, 2), shift);
  Value distance =
      arith::SubIOp::create(b, loc, query, linalg::IndexOp::create(b, loc, 3));
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value holds =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, distance, zero);
  if (std::optional<uint64_t> window = op.getWindow()) {
    Value width = arith::ConstantIndexOp::create(b, loc, *window);
    Value near = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                       distance, width);
    holds = arith::AndIOp::create(b, loc, holds, near);
  }
  return holds;
}

/// scale, soft-cap, score region, mask, visibility; hidden scores are -inf.
Value AttentionWriter::editedScore(OpBuilder &b, Value score, Value mask) {
  score = arith::MulFOp::create(b, loc, score,
                                real(b, op.getScale().convertToDouble()));
  if (auto softcap = op.getSoftcap()) {
    Value cap = real(b, softcap->convertToDouble());
    Value bent =
        math::TanhOp::create(b, loc, arith::DivFOp::create(b, loc, score, cap));
    score = arith::MulFOp::create(b, loc, bent, cap);
  }
  if (!op.getScore().empty()) {
    Block &body = op.getScore().front();
    IRMapping mapping;
    SmallVector<Value> arguments{score};
    for (unsigned loop = 0; loop < 4; ++loop)
      arguments.push_back(linalg::IndexOp::create(b, loc, loop));
    llvm::append_range(arguments, op.getCaptures());
    mapping.map(body.getArguments(), arguments);
    for (Operation &inner : body.without_terminator())
      b.clone(inner, mapping);
    score = mapping.lookupOrDefault(body.getTerminator()->getOperand(0));
  }
  if (mask && mask.getType().isInteger(1))
    score = arith::SelectOp::create(b, loc, mask, score, minusInfinity(b));
  else if (mask)
    score = arith::AddFOp::create(b, loc, score, toF32(b, mask));
  if (Value holds = visible(b))
    score = arith::SelectOp::create(b, loc, holds, score, minusInfinity(b));
  return score;
}

Value AttentionWriter::scores(Value products) {
  Value init = tensor::EmptyOp::create(
      builder, loc, ArrayRef<OpFoldResult>{q[0], q[1], q[2], k[2]},
      builder.getF32Type());
  SmallVector<Value> inputs{products};
  SmallVector<AffineMap> maps{map(4, {b, h, i, j})};
  AffineExpr zero = builder.getAffineConstantExpr(0);
  if (Value mask = op.getMask()) {
    inputs.push_back(mask);
    auto type = cast<RankedTensorType>(mask.getType());
    maps.push_back(map(4, {type.getDimSize(0) == 1 ? zero : b,
                           type.getDimSize(1) == 1 ? zero : h, i, j}));
  }
  maps.push_back(map(4, {b, h, i, j}));
  return generic(inputs, init, maps, 0,
                 [&](OpBuilder &b, Location, ValueRange x) {
                   return editedScore(b, x[0], op.getMask() ? x[1] : Value());
                 });
}

/// The largest score of a row with its sink, as it is and with 0 for -inf.
std::pair<Value, Value> AttentionWriter::rowMax(Value scores) {
  AffineMap row = map(4, {b, h, i});
  Value max = generic(
      {scores},
      filled({q[0], q[1], q[2]}, -std::numeric_limits<double>::infinity()),
      {map(4, {b, h, i, j}), row}, 1,
      [&](OpBuilder &b, Location l, ValueRange x) -> Value {
        return arith::MaximumFOp::create(b, l, x[0], x[1]);
      });
  Value init = tensor::EmptyOp::create(builder, loc,
                                       ArrayRef<OpFoldResult>{q[0], q[1], q[2]},
                                       builder.getF32Type());
  AffineMap row3 = map(3, {b, h, i});
  if (Value sink = op.getSinkLogits())
    max = generic({max, sink}, init, {row3, map(3, {h}), row3}, 0,
                  [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                    return arith::MaximumFOp::create(b, l, x[0], x[1]);
                  });
  Value shift =
      generic({max}, init, {row3, row3}, 0,
              [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                Value empty = arith::CmpFOp::create(
                    b, l, arith::CmpFPredicate::OEQ, x[0], minusInfinity(b));
                return arith::SelectOp::create(b, l, empty, real(b, 0.0), x[0]);
              });
  return {max, shift};
}

SmallVector<Value, 2> AttentionWriter::write() {
  Value score = scores(products());
  auto [max, shift] = rowMax(score);
  AffineMap cell = map(4, {b, h, i, j}), row = map(4, {b, h, i});
  AffineMap row3 = map(3, {b, h, i});
  bool uniform =
      op.getFullyMasked() == FullyMasked::uniform && !op.getSinkLogits();
  auto isEmpty = [&](OpBuilder &b, Value rowMax) -> Value {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, rowMax,
                                 minusInfinity(b));
  };
  Value weight = generic(
      {score, max, shift},
      tensor::EmptyOp::create(builder, loc,
                              ArrayRef<OpFoldResult>{q[0], q[1], q[2], k[2]},
                              builder.getF32Type()),
      {cell, row, row, cell}, 0,
      [&](OpBuilder &b, Location l, ValueRange x) -> Value {
        Value e =
            math::ExpOp::create(b, l, arith::SubFOp::create(b, l, x[0], x[2]));
        if (!uniform)
          return e;
        return arith::SelectOp::create(b, l, isEmpty(b, x[1]), real(b, 1.0), e);
      });
  Value sum = generic({weight}, filled({q[0], q[1], q[2]}, 0.0), {cell, row}, 1,
                      [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                        return arith::AddFOp::create(b, l, x[0], x[1]);
                      });
  Value rowInit = tensor::EmptyOp::create(
      builder, loc, ArrayRef<OpFoldResult>{q[0], q[1], q[2]},
      builder.getF32Type());
  if (Value sink = op.getSinkLogits())
    sum = generic({sum, sink, shift}, rowInit, {row3, map(3, {h}), row3, row3},
                  0, [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                    Value e = math::ExpOp::create(
                        b, l, arith::SubFOp::create(b, l, x[1], x[2]));
                    return arith::AddFOp::create(b, l, x[0], e);
                  });
  // d is the value's channel here, j still the key
  Value weighted =
      generic({weight, op.getValue()}, filled({q[0], q[1], q[2], v[3]}, 0.0),
              {map(5, {b, h, i, d}), map(5, {b, h.floorDiv(group), d, j}),
               map(5, {b, h, i, j})},
              1, [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                Value product =
                    arith::MulFOp::create(b, l, x[0], toF32(b, x[1]));
                return arith::AddFOp::create(b, l, x[2], product);
              });
  Type type = op.getResult().getType().getElementType();
  bool zero = op.getFullyMasked() == FullyMasked::zero;
  Value output = generic(
      {weighted, sum, max},
      tensor::EmptyOp::create(
          builder, loc, ArrayRef<OpFoldResult>{q[0], q[1], q[2], v[3]}, type),
      {cell, row, row, cell}, 0,
      [&](OpBuilder &b, Location l, ValueRange x) -> Value {
        Value o = arith::DivFOp::create(b, l, x[0], x[1]);
        if (zero)
          o = arith::SelectOp::create(b, l, isEmpty(b, x[2]), real(b, 0.0), o);
        return fromF32(b, o, type);
      });
  if (output.getType() != op.getResult().getType())
    output =
        tensor::CastOp::create(builder, loc, op.getResult().getType(), output);
  SmallVector<Value, 2> results{output};
  if (!op.getLse())
    return results;
  Value lse = generic({sum, shift, max}, rowInit, {row3, row3, row3, row3}, 0,
                      [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                        Value log = math::LogOp::create(b, l, x[0]);
                        Value sum = arith::AddFOp::create(b, l, log, x[1]);
                        return arith::SelectOp::create(b, l, isEmpty(b, x[2]),
                                                       minusInfinity(b), sum);
                      });
  if (lse.getType() != op.getLse().getType())
    lse = tensor::CastOp::create(builder, loc, op.getLse().getType(), lse);
  results.push_back(lse);
  return results;
}

/// Angle per position of each pair, scaling included: Su et al. 2021, and the
/// Llama 3.1 rule of its reference code.
static SmallVector<float> frequenciesOf(RopeAttr rope) {
  SmallVector<float> frequencies;
  int64_t pairs = rope.getDim() / 2;
  for (int64_t p = 0; p < pairs; ++p) {
    double f = std::pow(rope.getTheta(), -double(p) / pairs);
    if (rope.getScaling() == RopeScaling::linear)
      f /= rope.getFactor();
    if (rope.getScaling() == RopeScaling::llama3) {
      double low = rope.getLowFreqFactor(), high = rope.getHighFreqFactor();
      double turns = rope.getOriginalMaxPositions() * f / (2 * M_PI);
      double smooth = (turns - low) / (high - low);
      if (turns < low)
        f /= rope.getFactor();
      else if (turns < high)
        f = (1 - smooth) * f / rope.getFactor() + smooth * f;
    }
    frequencies.push_back(static_cast<float>(f));
  }
  return frequencies;
}

static Value writeRope(OpBuilder &builder, RopeOp op) {
  Location loc = op.getLoc();
  Writer writer{builder, loc};
  auto type = cast<RankedTensorType>(op.getInput().getType());
  auto positionType = cast<RankedTensorType>(op.getPositions().getType());
  unsigned rank = type.getRank();
  RopeAttr rope = op.getRope();
  int64_t dim = rope.getDim(), pairs = dim / 2;
  bool interleaved = rope.getStyle() == RopeStyle::interleaved;
  SmallVector<float> frequencies = frequenciesOf(rope);
  Value table = arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(
          RankedTensorType::get({pairs}, builder.getF32Type()),
          ArrayRef<float>(frequencies)));
  // [T, H, D] has its tokens outermost, [B, H, S, D] next to the channels
  unsigned tokenDim = rank == 3 ? 0 : 2, channelDim = rank - 1;
  SmallVector<AffineExpr> at;
  if (positionType.getRank() == 2)
    at.push_back(builder.getAffineDimExpr(0));
  at.push_back(builder.getAffineDimExpr(tokenDim));
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  Value init = tensor::EmptyOp::create(
      builder, loc, tensor::getMixedSizes(builder, loc, op.getInput()),
      type.getElementType());
  return writer.generic(
      {op.getInput(), op.getPositions()}, init,
      {identity, AffineMap::get(rank, 0, at, builder.getContext()), identity},
      0, [&](OpBuilder &b, Location l, ValueRange x) -> Value {
        auto index = [&](int64_t value) -> Value {
          return arith::ConstantIndexOp::create(b, l, value);
        };
        Value channel = linalg::IndexOp::create(b, l, channelDim);
        Value turns = arith::CmpIOp::create(b, l, arith::CmpIPredicate::slt,
                                            channel, index(dim));
        // channels that pass read pair 0, and their result is not used
        Value turned = arith::SelectOp::create(b, l, turns, channel, index(0));
        Value two = index(2), half = index(pairs), one = index(1);
        Value pair, partner, isFirst;
        if (interleaved) {
          pair = arith::DivUIOp::create(b, l, turned, two);
          Value odd = arith::RemUIOp::create(b, l, turned, two);
          isFirst = arith::CmpIOp::create(b, l, arith::CmpIPredicate::eq, odd,
                                          index(0));
          partner = arith::SelectOp::create(
              b, l, isFirst, arith::AddIOp::create(b, l, turned, one),
              arith::SubIOp::create(b, l, turned, one));
        } else {
          pair = arith::RemUIOp::create(b, l, turned, half);
          isFirst = arith::CmpIOp::create(b, l, arith::CmpIPredicate::ult,
                                          turned, half);
          partner = arith::SelectOp::create(
              b, l, isFirst, arith::AddIOp::create(b, l, turned, half),
              arith::SubIOp::create(b, l, turned, half));
        }
        SmallVector<Value> other;
        for (unsigned loop = 0; loop + 1 < rank; ++loop)
          other.push_back(linalg::IndexOp::create(b, l, loop));
        other.push_back(partner);
        Value across = writer.toF32(
            b, tensor::ExtractOp::create(b, l, op.getInput(), other));
        Value own = writer.toF32(b, x[0]);
        Value position = arith::SIToFPOp::create(b, l, b.getF32Type(), x[1]);
        Value angle = arith::MulFOp::create(
            b, l, position, tensor::ExtractOp::create(b, l, table, pair));
        Value sine = math::SinOp::create(b, l, angle);
        sine = arith::SelectOp::create(b, l, isFirst,
                                       arith::NegFOp::create(b, l, sine), sine);
        Value result = arith::AddFOp::create(
            b, l,
            arith::MulFOp::create(b, l, own, math::CosOp::create(b, l, angle)),
            arith::MulFOp::create(b, l, across, sine));
        result = writer.fromF32(b, result, type.getElementType());
        return arith::SelectOp::create(b, l, turns, result, x[0]);
      });
}

namespace {
struct DecomposeAttention
    : public kvc::impl::DecomposeAttentionPassBase<DecomposeAttention> {
  using DecomposeAttentionPassBase::DecomposeAttentionPassBase;

  void runOnOperation() override {
    SmallVector<AttentionOp> attentions;
    SmallVector<RopeOp> ropes;
    getOperation()->walk([&](Operation *op) {
      if (auto attention = dyn_cast<AttentionOp>(op))
        attentions.push_back(attention);
      if (auto rope = dyn_cast<RopeOp>(op))
        ropes.push_back(rope);
    });
    IRRewriter rewriter(&getContext());
    for (AttentionOp op : attentions) {
      if (op.getQuery().getType().isDynamicDim(1) ||
          op.getKey().getType().isDynamicDim(1)) {
        op.emitOpError(
            "expected a constant number of heads, got a dynamic one");
        return signalPassFailure();
      }
      rewriter.setInsertionPoint(op);
      rewriter.replaceOp(op, AttentionWriter(rewriter, op).write());
    }
    for (RopeOp op : ropes) {
      rewriter.setInsertionPoint(op);
      rewriter.replaceOp(op, writeRope(rewriter, op));
    }
  }
};
} // namespace
