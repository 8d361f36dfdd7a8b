//===- StepBuilder.cpp - Write the step function --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops are cloned in program order. What changes on the way: numbers of tokens
// become positions, tables sliced to S rows are read by position, attention
// becomes append and attend, and the op that only the returned rows need is
// written for these rows. Whatever loses its last use is erased at the end.
//
//===----------------------------------------------------------------------===//

#include "StepBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace kvc;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Small pieces
//===----------------------------------------------------------------------===//

SmallVector<OpFoldResult> StepBuilder::getSizes(Location loc, Value value) {
  return tensor::getMixedSizes(builder, loc, value);
}

Value StepBuilder::getRowNumbers() {
  if (!rowNumbers)
    rowNumbers = StepLogitRowsOp::create(
        builder, stepArgument.getLoc(),
        RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type()),
        stepArgument);
  return rowNumbers;
}

Value StepBuilder::getCount(Form form) {
  if (!counts[form]) {
    Location loc = stepArgument.getLoc();
    const TokenAnalysis::Input &input = plan.inputs.front();
    counts[form] =
        form == Tokens
            ? tensor::DimOp::create(builder, loc,
                                    step.getArgument(input.argument), input.dim)
            : tensor::DimOp::create(builder, loc, getRowNumbers(), 0);
  }
  return counts[form];
}

Value StepBuilder::getPositions(Form form) {
  if (!positions[form]) {
    Location loc = stepArgument.getLoc();
    if (form == Tokens)
      positions[form] = StepPositionsOp::create(
          builder, loc,
          RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type()),
          stepArgument);
    else
      positions[form] = gather(loc, getPositions(Tokens), 0, getRowNumbers());
  }
  return positions[form];
}

Value StepBuilder::gather(Location loc, Value source, unsigned dim,
                          Value numbers) {
  RankedTensorType type = getType(source);
  SmallVector<OpFoldResult> sizes = getSizes(loc, source);
  sizes[dim] = tensor::DimOp::create(builder, loc, numbers, 0).getResult();
  Value init =
      tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  unsigned rank = type.getRank();
  MLIRContext *context = builder.getContext();
  AffineMap maps[] = {
      AffineMap::get(rank, 0, builder.getAffineDimExpr(dim), context),
      builder.getMultiDimIdentityMap(rank)};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto body = [&](OpBuilder &b, Location loc, ValueRange arguments) {
    SmallVector<Value> indices;
    for (unsigned i = 0; i < rank; ++i)
      indices.push_back(i == dim
                            ? arith::IndexCastOp::create(
                                  b, loc, b.getIndexType(), arguments[0])
                                  .getResult()
                            : linalg::IndexOp::create(b, loc, i).getResult());
    Value element = tensor::ExtractOp::create(b, loc, source, indices);
    linalg::YieldOp::create(b, loc, element);
  };
  return linalg::GenericOp::create(builder, loc, init.getType(), numbers, init,
                                   maps, iterators, body)
      .getResult(0);
}

Value StepBuilder::transpose(Location loc, Value value,
                             ArrayRef<int64_t> permutation) {
  SmallVector<OpFoldResult> sizes, from = getSizes(loc, value);
  for (int64_t i : permutation)
    sizes.push_back(from[i]);
  Value init = tensor::EmptyOp::create(builder, loc, sizes,
                                       getType(value).getElementType());
  return linalg::TransposeOp::create(builder, loc, value, init, permutation)
      .getResult()[0];
}

Value StepBuilder::emitPositionArgument(Location loc, RankedTensorType type,
                                        unsigned dim) {
  Value count = getCount(Tokens), source = getPositions(Tokens);
  if (type.getElementType() != builder.getI32Type()) {
    Value init = tensor::EmptyOp::create(
        builder, loc, SmallVector<OpFoldResult>{count}, type.getElementType());
    AffineMap maps[] = {builder.getMultiDimIdentityMap(1),
                        builder.getMultiDimIdentityMap(1)};
    auto body = [&](OpBuilder &b, Location loc, ValueRange arguments) {
      unsigned bits = type.getElementTypeBitWidth();
      Value cast = bits > 32
                       ? arith::ExtSIOp::create(b, loc, type.getElementType(),
                                                arguments[0])
                             .getResult()
                       : arith::TruncIOp::create(b, loc, type.getElementType(),
                                                 arguments[0])
                             .getResult();
      linalg::YieldOp::create(b, loc, cast);
    };
    source =
        linalg::GenericOp::create(builder, loc, init.getType(), source, init,
                                  maps, utils::IteratorType::parallel, body)
            .getResult(0);
  }
  if (type.getRank() == 1)
    return source;
  ReassociationIndices all;
  SmallVector<OpFoldResult> sizes(type.getRank(), builder.getIndexAttr(1));
  for (int64_t i = 0; i < type.getRank(); ++i)
    all.push_back(i);
  sizes[dim] = count;
  return tensor::ExpandShapeOp::create(builder, loc, type, source,
                                       SmallVector<ReassociationIndices>{all},
                                       sizes);
}

//===----------------------------------------------------------------------===//
// The two forms
//===----------------------------------------------------------------------===//

void StepBuilder::findRowOps() {
  for (Operation &op : llvm::reverse(plan.func.front().without_terminator())) {
    if (!plan.live.contains(&op) || isa<AttentionOp, RopeOp>(op))
      continue;
    bool perToken = llvm::all_of(op.getResults(), [&](Value result) {
      return analysis.getLabel(result).isPerToken();
    });
    bool onlyRows = llvm::all_of(op.getUsers(), [&](Operation *user) {
      // a user inside a region counts as the op around it
      Operation *top = plan.func.front().findAncestorOpInBlock(*user);
      return isa<func::ReturnOp>(top) || rowOps.contains(top) ||
             !plan.live.contains(top);
    });
    if (perToken && onlyRows && op.getNumResults() > 0)
      rowOps.insert(&op);
  }
}

Value StepBuilder::emitExtent(Value value, Form form) {
  Location loc = value.getLoc();
  Value count = getCount(form);
  if (int64_t k = analysis.getLabel(value).factor; k != 1) {
    Value factor = arith::ConstantIndexOp::create(builder, loc, k);
    count = arith::MulIOp::create(builder, loc, count, factor);
  }
  if (!value.getType().isIndex())
    count = arith::IndexCastOp::create(builder, loc, value.getType(), count);
  return count;
}

Value StepBuilder::get(Value value, Form form) {
  const TokenLabel &label = analysis.getLabel(value);
  bool counts = label.hasTokenDim() || label.isExtent();
  return form == Rows && counts ? getRows(value) : values[Tokens].at(value);
}

Value StepBuilder::getRows(Value value) {
  if (Value known = values[Rows].lookup(value))
    return known;
  const TokenLabel &label = analysis.getLabel(value);
  Location loc = value.getLoc();
  if (label.isPerToken()) {
    // both forms are needed here: pick the rows
    Value numbers = getRowNumbers();
    if (Value sequence = sequenceMajor.lookup(value))
      return values[Rows][value] = transpose(
                 loc, gather(loc, sequence, 1, numbers), {0, 2, 1, 3});
    Value source = values[Tokens].at(value);
    unsigned dim = *label.getTokenDim();
    if (int64_t k = label.inner[dim]; k != 1) {
      // split [S * k] into [S, k], pick, and merge again
      SmallVector<ReassociationIndices> groups;
      SmallVector<int64_t> shape;
      SmallVector<OpFoldResult> sizes;
      for (auto [i, size] : llvm::enumerate(getSizes(loc, source))) {
        int64_t next = shape.size();
        groups.push_back(i == dim ? ReassociationIndices{next, next + 1}
                                  : ReassociationIndices{next});
        shape.push_back(getType(source).getDimSize(i));
        sizes.push_back(i == dim ? OpFoldResult(getCount(Tokens)) : size);
        if (i == dim) {
          shape.push_back(k);
          sizes.push_back(builder.getIndexAttr(k));
        }
      }
      auto split = getType(source).clone(shape);
      source = tensor::ExpandShapeOp::create(builder, loc, split, source,
                                             groups, sizes);
      source = gather(loc, source, dim, numbers);
      source = tensor::CollapseShapeOp::create(builder, loc, source, groups);
    } else {
      source = gather(loc, source, dim, numbers);
    }
    return values[Rows][value] = source;
  }
  if (label.isExtent())
    return values[Rows][value] = emitExtent(value, Rows);
  // uniform, spread along the tokens: an empty or filled tensor, written again
  cloneOp(value.getDefiningOp(), Rows);
  return values[Rows].at(value);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void StepBuilder::cloneGeneric(linalg::GenericOp op, Form form,
                               IRMapping &operands) {
  Location loc = op.getLoc();
  unsigned loop = analysis.getTokenLoop(op)->loop;
  SmallVector<Value> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(operands.lookup(input));
  SmallVector<Value> outputs;
  for (Value output : op.getOutputs())
    outputs.push_back(operands.lookup(output));
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  maps.insert(maps.begin() + inputs.size(),
              AffineMap::get(op.getNumLoops(), 0,
                             builder.getAffineDimExpr(loop),
                             builder.getContext()));
  unsigned place = inputs.size();
  inputs.push_back(getPositions(form));
  auto clone = linalg::GenericOp::create(
      builder, loc, op.getResultTypes(), inputs, outputs, maps,
      op.getIteratorTypesArray(), /*bodyBuild=*/nullptr,
      op->getDiscardableAttrDictionary().getValue());
  IRMapping inside = operands;
  op.getRegion().cloneInto(&clone.getRegion(), inside);
  Block &block = clone.getRegion().front();
  BlockArgument position =
      block.insertArgument(place, builder.getI32Type(), loc);
  IRRewriter rewriter(builder);
  block.walk([&](linalg::IndexOp index) {
    if (index.getDim() != loop)
      return;
    rewriter.setInsertionPoint(index);
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(
        index, rewriter.getIndexType(), position);
  });
  for (auto [from, to] : llvm::zip_equal(op->getResults(), clone->getResults()))
    values[form][from] = to;
}

void StepBuilder::cloneTableSlice(tensor::ExtractSliceOp op, Form form,
                                  IRMapping &operands) {
  // all rows of the table that the slice chose otherwise, then those wanted
  Location loc = op.getLoc();
  Value source = operands.lookup(op.getSource());
  unsigned resultDim = *analysis.getLabel(op.getResult()).getTokenDim();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  unsigned tableDim = 0;
  for (unsigned left = resultDim;; ++tableDim)
    if (!dropped.test(tableDim) && left-- == 0)
      break;
  auto map = [&](SmallVector<OpFoldResult> parts) {
    for (OpFoldResult &part : parts)
      if (auto value = dyn_cast<Value>(part))
        part = operands.lookupOrDefault(value);
    return parts;
  };
  SmallVector<OpFoldResult> sizes = map(op.getMixedSizes());
  sizes[tableDim] = getSizes(loc, source)[tableDim];
  auto type = getType(op.getResult());
  SmallVector<int64_t> shape(type.getShape());
  shape[resultDim] = getType(source).getDimSize(tableDim);
  Value rows = tensor::ExtractSliceOp::create(builder, loc, type.clone(shape),
                                              source, map(op.getMixedOffsets()),
                                              sizes, map(op.getMixedStrides()));
  values[form][op.getResult()] =
      gather(loc, rows, resultDim, getPositions(form));
}

void StepBuilder::cloneOp(Operation *op, Form form) {
  IRMapping operands;
  SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);

  // attention's result is at hand with tokens outside heads already
  if (swapsHeadsAndTokens(op))
    if (Value known = sequenceMajor.lookup(op->getOperand(0))) {
      values[form][op->getResult(0)] =
          form == Tokens ? known
                         : gather(op->getLoc(), known, 1, getRowNumbers());
      return;
    }
  // every input has one row per token: the first one says how many
  if (isa<tensor::DimOp>(op) && form == Tokens &&
      analysis.getLabel(op->getResult(0)).isExtent()) {
    values[Tokens][op->getResult(0)] = emitExtent(op->getResult(0), Tokens);
    return;
  }
  if (auto rope = dyn_cast<RopeOp>(op)) {
    Value rotated = RopeOp::create(
        builder, op->getLoc(), rope.getType(), get(rope.getInput(), form),
        getRopePositions(rope.getPositions()), rope.getRope());
    values[form][rope.getResult()] = rotated;
    return;
  }
  for (Value value : used)
    operands.map(value, get(value, form));
  if (analysis.readsPosition(op)) {
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      return cloneGeneric(generic, form, operands);
    return cloneTableSlice(cast<tensor::ExtractSliceOp>(op), form, operands);
  }
  Operation *clone = builder.clone(*op, operands);
  for (auto [from, to] : llvm::zip_equal(op->getResults(), clone->getResults()))
    values[form][from] = to;
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

func::FuncOp StepBuilder::createFunction() {
  func::FuncOp from = plan.func;
  SmallVector<Type> types(from.getArgumentTypes());
  types.push_back(StepType::get(builder.getContext()));
  for (const PlannedCache &cache : plan.caches)
    types.push_back(cache.type);
  builder.setInsertionPoint(from);
  auto to = func::FuncOp::create(
      builder, from.getLoc(), "step",
      builder.getFunctionType(types, from.getResultTypes()));
  for (NamedAttribute attribute : from->getDiscardableAttrs())
    to->setAttr(attribute.getName(), attribute.getValue());
  unsigned n = from.getNumArguments();
  for (unsigned i = 0; i < n; ++i)
    if (DictionaryAttr attributes = from.getArgAttrDict(i))
      to.setArgAttrs(i, attributes);
  for (unsigned i = 0; i < plan.caches.size(); ++i)
    to.setArgAttr(n + 1 + i, "kvc.cache", builder.getI64IntegerAttr(i));
  for (unsigned i = 0; i < from.getNumResults(); ++i)
    if (DictionaryAttr attributes = from.getResultAttrDict(i))
      to.setResultAttrs(i, attributes);
  Block *block = to.addEntryBlock();
  builder.setInsertionPointToStart(block);
  stepArgument = block->getArgument(n);
  llvm::append_range(cacheArguments, block->getArguments().drop_front(n + 1));
  for (unsigned i = 0; i < plan.caches.size(); ++i)
    cacheArguments[i].setLoc(plan.caches[i].writer.getLoc());
  return to;
}

func::FuncOp StepBuilder::build() {
  step = createFunction();
  for (BlockArgument argument : plan.func.getArguments())
    values[Tokens][argument] = step.getArgument(argument.getArgNumber());
  // at the start of the block: both forms use them anywhere
  getCount(Tokens);
  getPositions(Tokens);
  getCount(Rows);
  for (const TokenAnalysis::Input &input : plan.inputs) {
    BlockArgument argument = plan.func.getArgument(input.argument);
    if (input.isPosition && !argument.use_empty())
      values[Tokens][argument] =
          emitPositionArgument(argument.getLoc(), getType(argument), input.dim);
  }
  findRowOps();
  for (Operation &op : plan.func.front().without_terminator()) {
    if (!plan.live.contains(&op))
      continue;
    if (auto attention = dyn_cast<AttentionOp>(op))
      buildAttention(attention);
    else
      cloneOp(&op, rowOps.contains(&op) ? Rows : Tokens);
  }
  Operation *terminator = plan.func.front().getTerminator();
  SmallVector<Value> results;
  for (Value operand : terminator->getOperands())
    results.push_back(get(operand, Rows));
  func::ReturnOp::create(builder, terminator->getLoc(), results);

  IRRewriter rewriter(builder);
  (void)runRegionDCE(rewriter, step->getRegions());
  // inputs that only a mask or the positions came from
  llvm::BitVector unused(step.getNumArguments());
  for (unsigned i = 0; i < plan.func.getNumArguments(); ++i)
    if (plan.func.getArgAttr(i, "kvc.input") &&
        i != plan.inputs.front().argument && step.getArgument(i).use_empty())
      unused.set(i);
  if (unused.any())
    (void)step.eraseArguments(unused);
  return step;
}
