//===- TokenShapes.cpp - Tokens through changes of shape ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of TokenAnalysis that follows the token dimension through reshapes,
// slices, concatenation and padding. The token dimension stays whole: an op
// that takes some tokens, or splits or merges their dimension with an outer
// one, is refused.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/Transforms/TokenAnalysis.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace kvc;

std::optional<int64_t> TokenAnalysis::getSizeFactor(OpFoldResult size) const {
  auto value = dyn_cast<Value>(size);
  if (!value)
    return 0;
  const TokenLabel &label = getLabel(value);
  if (label.isUniform())
    return 0;
  if (label.isExtent() && label.factor > 0)
    return label.factor;
  return std::nullopt;
}

void TokenAnalysis::visitEmpty(Operation *op) {
  auto empty = cast<tensor::EmptyOp>(op);
  TokenLabel label;
  for (OpFoldResult size : empty.getMixedSizes()) {
    auto factor = getSizeFactor(size);
    if (!factor)
      return refuse(op, "has a size computed from the number of tokens");
    label.inner.push_back(*factor);
  }
  set(empty.getResult(), label);
}

void TokenAnalysis::visitDim(Operation *op) {
  auto dim = cast<tensor::DimOp>(op);
  const TokenLabel &source = getLabel(dim.getSource());
  TokenLabel label;
  std::optional<int64_t> index = dim.getConstantIndex();
  if (source.isExtent())
    return refuse(op, "computes with the number of tokens");
  if (source.hasTokenDim()) {
    if (!index || *index < 0 || *index >= int64_t(source.inner.size()))
      return refuse(op, "asks for the size of an unknown dimension");
    if (int64_t k = source.inner[*index]) {
      label.kind = TokenLabel::Kind::Extent;
      label.factor = k;
    }
  }
  set(dim.getResult(), label);
}

/// Label of the one dimension that the `wide` dimensions of a group fold into.
static std::optional<int64_t> fold(ArrayRef<int64_t> inner,
                                   ArrayRef<int64_t> shape, StringRef &why) {
  int64_t outer = 1, factor = 0;
  for (auto [k, size] : llvm::zip_equal(inner, shape)) {
    if (k > 0) {
      if (factor > 0 || outer != 1) {
        why = "merges the token dimension into an outer one";
        return std::nullopt;
      }
      factor = k;
    } else if (factor > 0) {
      if (ShapedType::isDynamic(size) ||
          llvm::MulOverflow(factor, size, factor)) {
        why = "merges the token dimension with one of unknown size";
        return std::nullopt;
      }
    } else {
      outer = size == 1 ? outer : 0;
    }
  }
  return factor;
}

/// Labels of the dimensions of `shape` that one of label `k` is split into.
static bool unfold(int64_t k, ArrayRef<int64_t> shape,
                   SmallVectorImpl<int64_t> &inner) {
  if (k == 0) {
    inner.append(shape.size(), 0);
    return true;
  }
  size_t token = 0;
  while (token < shape.size() && shape[token] == 1)
    ++token;
  if (token == shape.size() || !ShapedType::isDynamic(shape[token]))
    return false;
  int64_t trailing = 1;
  for (int64_t size : shape.drop_front(token + 1))
    if (ShapedType::isDynamic(size) || size < 1 ||
        llvm::MulOverflow(trailing, size, trailing))
      return false;
  if (k % trailing != 0)
    return false;
  inner.append(token, 0);
  inner.push_back(k / trailing);
  inner.append(shape.size() - token - 1, 0);
  return true;
}

void TokenAnalysis::visitReshape(Operation *op, Value narrow, Value wide,
                                 ArrayRef<ReassociationIndices> groups) {
  bool expands = op->getResult(0) == wide;
  const TokenLabel source = getLabel(op->getOperand(0));
  if (source.isExtent())
    return refuse(op, "computes with the number of tokens");
  auto wideShape = cast<RankedTensorType>(wide.getType()).getShape();
  TokenLabel label = source;
  label.inner.clear();
  if (groups.empty() && expands)
    label.inner.assign(wideShape.size(), 0); // from rank 0
  for (auto [i, group] : llvm::enumerate(groups)) {
    auto shape = wideShape.slice(group.front(), group.size());
    if (expands) {
      if (!unfold(source.inner[i], shape, label.inner))
        return refuse(op, "splits the token dimension");
      continue;
    }
    StringRef why;
    auto k = fold(ArrayRef(source.inner).slice(group.front(), group.size()),
                  shape, why);
    if (!k)
      return refuse(op, why);
    label.inner.push_back(*k);
  }
  set(op->getResult(0), label);
}

static bool isWhole(OpFoldResult offset, OpFoldResult stride) {
  return isConstantIntValue(offset, 0) && isConstantIntValue(stride, 1);
}

void TokenAnalysis::visitSlice(Operation *op) {
  auto slice = cast<tensor::ExtractSliceOp>(op);
  const TokenLabel source = getLabel(slice.getSource());
  if (source.isExtent())
    return refuse(op, "computes with the number of tokens");
  auto offsets = slice.getMixedOffsets(), sizes = slice.getMixedSizes(),
       strides = slice.getMixedStrides();
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  TokenLabel label = source;
  label.inner.clear();
  bool isTable = false;
  for (unsigned i = 0, e = sizes.size(); i < e; ++i) {
    for (OpFoldResult part : {offsets[i], strides[i]})
      if (auto value = dyn_cast<Value>(part);
          value && !getLabel(value).isUniform())
        return refuse(op, "takes tokens at a computed offset");
    auto factor = getSizeFactor(sizes[i]);
    if (!factor)
      return refuse(op, "has a size computed from the number of tokens");
    int64_t k = source.inner[i];
    if (k != *factor) {
      // rows [0, S) of a table: one per position
      bool rows = k == 0 && *factor == 1 && source.isUniform() && !isTable &&
                  !source.hasTokenDim() && isWhole(offsets[i], strides[i]);
      if (!rows)
        return refuse(op, "takes some of the tokens");
      isTable = true;
      if (int64_t rows = slice.getSourceType().getDimSize(i);
          !ShapedType::isDynamic(rows))
        noteTable(op, rows);
    } else if (k > 0 && !isWhole(offsets[i], strides[i])) {
      return refuse(op, "takes some of the tokens");
    }
    if (!dropped.test(i))
      label.inner.push_back(*factor);
  }
  if (isTable) {
    label.kind = TokenLabel::Kind::PerToken;
    positionReaders.insert(op);
  }
  set(slice.getResult(), label);
}

void TokenAnalysis::visitInsert(Operation *op) {
  auto insert = cast<tensor::InsertSliceOp>(op);
  const TokenLabel &source = getLabel(insert.getSource());
  const TokenLabel &dest = getLabel(insert.getDest());
  if (source.isExtent() || dest.isExtent())
    return refuse(op, "computes with the number of tokens");
  auto offsets = insert.getMixedOffsets(), sizes = insert.getMixedSizes(),
       strides = insert.getMixedStrides();
  llvm::SmallBitVector dropped = insert.getDroppedDims();
  unsigned next = 0;
  for (unsigned i = 0, e = sizes.size(); i < e; ++i) {
    for (OpFoldResult part : {offsets[i], strides[i]})
      if (auto value = dyn_cast<Value>(part);
          value && !getLabel(value).isUniform())
        return refuse(op, "writes tokens at a computed offset");
    int64_t k = dropped.test(i) ? 0 : source.inner[next++];
    auto factor = getSizeFactor(sizes[i]);
    if (!factor || *factor != k || k != dest.inner[i] ||
        (k > 0 && !isWhole(offsets[i], strides[i])))
      return refuse(op, "writes some of the tokens");
  }
  TokenLabel label = dest;
  label.position = std::nullopt;
  if (source.isPerToken())
    label.kind = TokenLabel::Kind::PerToken;
  if (label.isPerToken() && !label.getTokenDim())
    return refuse(op, "relates tokens to one another");
  set(insert.getResult(), label);
}

void TokenAnalysis::visitConcat(Operation *op) {
  auto concat = cast<tensor::ConcatOp>(op);
  TokenLabel label = getLabel(concat.getInputs().front());
  label.position = std::nullopt;
  for (Value input : concat.getInputs()) {
    const TokenLabel &part = getLabel(input);
    if (part.isExtent())
      return refuse(op, "computes with the number of tokens");
    if (part.isPerToken())
      label.kind = TokenLabel::Kind::PerToken;
    if (part.inner != label.inner)
      return refuse(op, "joins tokens with something else");
  }
  if (label.inner[concat.getDim()] > 0)
    return refuse(op, "joins along the token dimension");
  set(concat.getResult(), label);
}

void TokenAnalysis::visitPad(Operation *op) {
  auto pad = cast<tensor::PadOp>(op);
  TokenLabel label = getLabel(pad.getSource());
  label.position = std::nullopt;
  if (label.isExtent())
    return refuse(op, "computes with the number of tokens");
  auto isUniform = [&](Value value) { return getLabel(value).isUniform(); };
  if (!llvm::all_of(pad.getOperands().drop_front(), isUniform))
    return refuse(op, "pads by an amount that depends on tokens");
  Value filling = pad.getConstantPaddingValue();
  if (!filling)
    return refuse(op, "pads with a computed value");
  for (auto [k, low, high] : llvm::zip_equal(label.inner, pad.getMixedLowPad(),
                                             pad.getMixedHighPad()))
    if (k > 0 && (!isConstantIntValue(low, 0) || !isConstantIntValue(high, 0)))
      return refuse(op, "pads the token dimension");
  if (auto it = labels.find(filling);
      it != labels.end() && !it->second.isUniform())
    return refuse(op, "pads with a value that depends on tokens");
  set(pad.getResult(), label);
}

void TokenAnalysis::visitSoftmax(Operation *op) {
  auto softmax = cast<linalg::SoftmaxOp>(op);
  TokenLabel label = getLabel(softmax.getInput());
  label.position = std::nullopt;
  const TokenLabel &init = getLabel(softmax.getOutput());
  if (label.isExtent() || init.isExtent())
    return refuse(op, "computes with the number of tokens");
  if (softmax.getNumResults() != 1)
    return refuse(op, "works on buffers");
  if (init.inner != label.inner)
    return refuse(op, "walks tokens and a dimension of another size together");
  if (label.inner[softmax.getDimension()] > 0)
    return refuse(op, "reduces over tokens");
  set(op->getResult(0), label);
}
