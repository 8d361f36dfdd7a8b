//===- StepAttention.cpp - Append and attend for an attention -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention works on [1, heads, S, dim], append and attend on [T, heads, dim].
// Exporters swap heads and tokens right before attention and right after it:
// operands are taken from before the swap, and the result is at hand both ways.
//
//===----------------------------------------------------------------------===//

#include "StepBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace kvc;

static constexpr int64_t kSwap[] = {0, 2, 1, 3};

bool kvc::swapsHeadsAndTokens(Operation *op) {
  auto transpose = dyn_cast_or_null<linalg::TransposeOp>(op);
  return transpose && transpose.getPermutation() == ArrayRef(kSwap);
}

static SmallVector<ReassociationIndices> mergeBatch(int64_t rank) {
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t i = 2; i < rank; ++i)
    groups.push_back({i});
  return groups;
}

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

Value StepBuilder::getRopePositions(Value original) {
  if (analysis.getLabel(original).position == 0)
    return getPositions(Tokens);
  Value computed = get(original, Tokens);
  if (getType(computed).getRank() == 2)
    computed = tensor::CollapseShapeOp::create(builder, computed.getLoc(),
                                               computed, mergeBatch(2));
  return computed;
}

Value StepBuilder::getTokenMajor(Value value) {
  Location loc = value.getLoc();
  Operation *def = value.getDefiningOp();
  if (auto rope = dyn_cast_or_null<RopeOp>(def)) {
    Value input = getTokenMajor(rope.getInput());
    return RopeOp::create(builder, loc, input.getType(), input,
                          getRopePositions(rope.getPositions()),
                          rope.getRope());
  }
  if (swapsHeadsAndTokens(def))
    return tensor::CollapseShapeOp::create(
        builder, loc, get(def->getOperand(0), Tokens), mergeBatch(4));
  Value headMajor = tensor::CollapseShapeOp::create(
      builder, loc, get(value, Tokens), mergeBatch(4));
  return transpose(loc, headMajor, {1, 0, 2});
}

void StepBuilder::buildAttention(AttentionOp op) {
  Location loc = op.getLoc();
  unsigned index = plan.cacheOf.at(op);
  Value cache = cacheArguments[index];
  if (plan.caches[index].writer == op)
    AppendOp::create(builder, loc, getTokenMajor(op.getKey()),
                     getTokenMajor(op.getValue()), cache, stepArgument);
  Value query = getTokenMajor(op.getQuery());
  RankedTensorType resultType = getType(op.getResult());
  int64_t heads = resultType.getDimSize(1), dim = resultType.getDimSize(3);
  Value count = getCount(Tokens);
  auto makeInit = [&](SmallVector<OpFoldResult> sizes, Type element) {
    return tensor::EmptyOp::create(builder, loc, sizes, element).getResult();
  };
  OpFoldResult headSize = builder.getIndexAttr(heads);
  Value out = makeInit({count, headSize, builder.getIndexAttr(dim)},
                       resultType.getElementType());
  Value lse;
  SmallVector<Type> types{out.getType()};
  if (op.getLse()) {
    lse = makeInit({count, headSize}, builder.getF32Type());
    types.push_back(lse.getType());
  }
  SmallVector<Value> captures;
  for (Value capture : op.getCaptures())
    captures.push_back(get(capture, Tokens));
  Value sinks = op.getSinkLogits() ? get(op.getSinkLogits(), Tokens) : Value();
  auto attend = AttendOp::create(
      builder, loc, types, query, cache, stepArgument, /*mask=*/Value(), sinks,
      captures, out, lse, op.getScaleAttr(), builder.getBoolAttr(true),
      op.getWindowAttr(), op.getSoftcapAttr());
  if (!op.getScore().empty()) {
    IRMapping inside;
    SetVector<Value> used;
    getUsedValuesDefinedAbove(op.getScore(), used);
    for (Value value : used)
      inside.map(value, get(value, Tokens));
    op.getScore().cloneInto(&attend.getScore(), inside);
    // one sequence was batch 0; a step's row number is another thing
    Block &block = attend.getScore().front();
    BlockArgument batch = block.getArgument(1);
    if (!batch.use_empty()) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(&block);
      batch.replaceAllUsesWith(
          arith::ConstantIndexOp::create(builder, loc, 0).getResult());
    }
  }
  auto widen = [&](Value value) -> Value {
    SmallVector<OpFoldResult> sizes = getSizes(loc, value);
    sizes.insert(sizes.begin(), builder.getIndexAttr(1));
    SmallVector<int64_t> shape(getType(value).getShape());
    shape.insert(shape.begin(), 1);
    return tensor::ExpandShapeOp::create(builder, loc,
                                         getType(value).clone(shape), value,
                                         mergeBatch(shape.size()), sizes);
  };
  Value sequence = widen(attend.getResult(0));
  sequenceMajor[op.getResult()] = sequence;
  values[Tokens][op.getResult()] = transpose(loc, sequence, kSwap);
  if (op.getLse())
    values[Tokens][op.getLse()] =
        widen(transpose(loc, attend.getResult(1), {1, 0}));
}
