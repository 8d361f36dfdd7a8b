//===- Views.cpp - Look through ops that only move elements ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each step is exact for every index in range; a step that would need an
// unknown size to be divided by is not taken.
//
//===----------------------------------------------------------------------===//

#include "Views.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace kvc::raise {

static constexpr unsigned maxViewDepth = 64;

/// Splits a linear index over `sizes` (row major); dynamic sizes are allowed
/// where they are the only one that is not 1 or the outermost such.
static std::optional<Index> delinearize(Axes &axes, AffineExpr linear,
                                        ArrayRef<int64_t> sizes) {
  Index result(sizes.size());
  AffineExpr zero = getAffineConstantExpr(0, axes.getContext());
  // walk inwards-out; `stride` is the product of the sizes further in
  int64_t stride = 1;
  int64_t outermost = -1;
  for (auto [d, size] : llvm::enumerate(sizes))
    if (size != 1) {
      outermost = d;
      break;
    }
  for (int64_t d = sizes.size() - 1; d >= 0; --d) {
    if (sizes[d] == 1) {
      result[d] = zero;
      continue;
    }
    if (sizes[d] == 0)
      return std::nullopt;
    AffineExpr part = stride == 1 ? linear : linear.floorDiv(stride);
    if (d != outermost) {
      if (ShapedType::isDynamic(sizes[d]))
        return std::nullopt;
      part = part % sizes[d];
      if (llvm::MulOverflow(stride, sizes[d], stride))
        return std::nullopt;
    }
    result[d] = axes.simplify(part);
  }
  return result;
}

static std::optional<AffineExpr> linearizeIndex(Axes &axes,
                                                ArrayRef<AffineExpr> index,
                                                ArrayRef<int64_t> sizes) {
  AffineExpr linear = getAffineConstantExpr(0, axes.getContext());
  int64_t stride = 1;
  bool strideKnown = true;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) {
    if (sizes[d] == 1)
      continue;
    if (!strideKnown)
      return std::nullopt;
    linear = linear + index[d] * stride;
    if (ShapedType::isDynamic(sizes[d]))
      strideKnown = false;
    else if (llvm::MulOverflow(stride, sizes[d], stride))
      return std::nullopt;
  }
  return axes.simplify(linear);
}

/// Index of the collapsed side -> index of the expanded side.
static std::optional<Index> expandIndex(Axes &axes, ArrayRef<AffineExpr> index,
                                        ArrayRef<ReassociationIndices> groups,
                                        RankedTensorType expanded) {
  Index result(expanded.getRank(), getAffineConstantExpr(0, axes.getContext()));
  for (auto [i, group] : llvm::enumerate(groups)) {
    SmallVector<int64_t> sizes;
    for (int64_t d : group)
      sizes.push_back(expanded.getDimSize(d));
    std::optional<Index> part = delinearize(axes, index[i], sizes);
    if (!part)
      return std::nullopt;
    for (auto [d, expr] : llvm::zip_equal(group, *part))
      result[d] = expr;
  }
  return result;
}

/// Index of the expanded side -> index of the collapsed side.
static std::optional<Index> collapseIndex(Axes &axes,
                                          ArrayRef<AffineExpr> index,
                                          ArrayRef<ReassociationIndices> groups,
                                          RankedTensorType expanded) {
  Index result;
  for (const ReassociationIndices &group : groups) {
    SmallVector<int64_t> sizes;
    Index part;
    for (int64_t d : group) {
      sizes.push_back(expanded.getDimSize(d));
      part.push_back(index[d]);
    }
    std::optional<AffineExpr> linear = linearizeIndex(axes, part, sizes);
    if (!linear)
      return std::nullopt;
    result.push_back(*linear);
  }
  return result;
}

std::optional<Index> solveLoops(Axes &axes, linalg::LinalgOp op,
                                unsigned result, ArrayRef<AffineExpr> index) {
  if (!op.hasPureTensorSemantics() || result >= op->getNumResults())
    return std::nullopt;
  AffineMap map = op.getIndexingMapsArray()[op.getNumDpsInputs() + result];
  if (map.getNumResults() != index.size() || map.getNumSymbols() != 0)
    return std::nullopt;
  Index loops(map.getNumDims());
  for (auto [expr, value] : llvm::zip_equal(map.getResults(), index)) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      if (loops[dim.getPosition()])
        return std::nullopt; // a diagonal
      loops[dim.getPosition()] = value;
    } else if (!isa<AffineConstantExpr>(expr)) {
      return std::nullopt;
    }
  }
  // loops that run once stand at 0
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  for (auto [loop, extent] : llvm::zip_equal(loops, ranges))
    if (!loop && extent == 1)
      loop = getAffineConstantExpr(0, axes.getContext());
  return loops;
}

std::optional<Index> operandIndex(Axes &axes, linalg::LinalgOp op,
                                  OpOperand &operand,
                                  ArrayRef<AffineExpr> loops) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  Index result;
  for (AffineExpr expr : map.getResults()) {
    bool known = true;
    expr.walk([&](AffineExpr e) {
      if (auto dim = dyn_cast<AffineDimExpr>(e))
        known &= dim.getPosition() < loops.size() && loops[dim.getPosition()];
      known &= !isa<AffineSymbolExpr>(e);
    });
    if (!known)
      return std::nullopt;
    Index dims(loops.begin(), loops.end());
    for (AffineExpr &dim : dims)
      if (!dim)
        dim = getAffineConstantExpr(0, axes.getContext());
    result.push_back(axes.simplify(expr.replaceDims(dims)));
  }
  return result;
}

/// A structured op whose result is one of its inputs, moved: its body yields
/// an input as it is.
static std::optional<Element> copyStep(Axes &axes, linalg::LinalgOp op,
                                       const Element &element) {
  unsigned result = cast<OpResult>(element.tensor).getResultNumber();
  auto yield =
      dyn_cast_or_null<linalg::YieldOp>(op.getBlock()->getTerminator());
  if (!yield || result >= yield.getNumOperands())
    return std::nullopt;
  auto argument = dyn_cast<BlockArgument>(yield.getOperand(result));
  if (!argument || argument.getOwner() != op.getBlock())
    return std::nullopt;
  OpOperand *source = op.getMatchingOpOperand(argument);
  if (!isa<RankedTensorType>(source->get().getType()))
    return std::nullopt;
  std::optional<Index> loops = solveLoops(axes, op, result, element.index);
  if (!loops)
    return std::nullopt;
  std::optional<Index> index = operandIndex(axes, op, *source, *loops);
  if (!index)
    return std::nullopt;
  return Element{source->get(), *index};
}

/// What a size was computed from, so that sizes of one origin are equal.
static OpFoldResult originOf(OpFoldResult size);

std::optional<Element> viewStep(Axes &axes, const Element &element) {
  Operation *op = element.tensor.getDefiningOp();
  if (!op || !isa<RankedTensorType>(element.tensor.getType()))
    return std::nullopt;
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    std::optional<Index> index =
        collapseIndex(axes, element.index, expand.getReassociationIndices(),
                      expand.getResultType());
    if (!index)
      return std::nullopt;
    return Element{expand.getSrc(), *index};
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    std::optional<Index> index =
        expandIndex(axes, element.index, collapse.getReassociationIndices(),
                    collapse.getSrcType());
    if (!index)
      return std::nullopt;
    return Element{collapse.getSrc(), *index};
  }
  if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    if (!isa<RankedTensorType>(cast.getSource().getType()))
      return std::nullopt;
    return Element{cast.getSource(), element.index};
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    // every second channel, and the like
    SmallVector<int64_t> strides;
    for (OpFoldResult stride : slice.getMixedStrides()) {
      std::optional<int64_t> step = getConstantIntValue(stride);
      if (!step || *step < 1)
        return std::nullopt;
      strides.push_back(*step);
    }
    Index index;
    unsigned next = 0;
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    AffineExpr zero = getAffineConstantExpr(0, axes.getContext());
    for (auto [d, offset] : llvm::enumerate(slice.getMixedOffsets())) {
      std::optional<int64_t> start = getConstantIntValue(offset);
      if (!start)
        return std::nullopt;
      AffineExpr within = zero;
      if (!dropped.test(d)) {
        // an axis stands for a whole dimension; a dynamic part of one would
        // pass for it
        OpFoldResult size = slice.getMixedSizes()[d];
        if (slice.getSourceType().isDynamicDim(d) &&
            slice.getResultType().isDynamicDim(next) && strides[d] == 1 &&
            originOfSize(slice.getSource(), d) != originOf(size))
          return std::nullopt;
        within = element.index[next++] * strides[d];
      }
      index.push_back(axes.simplify(within + *start));
    }
    return Element{slice.getSource(), index};
  }
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return copyStep(axes, linalgOp, element);
  return std::nullopt;
}

SmallVector<Element> viewChain(Axes &axes, Element element) {
  SmallVector<Element> chain{element};
  while (chain.size() < maxViewDepth) {
    std::optional<Element> next = viewStep(axes, chain.back());
    if (!next)
      break;
    chain.push_back(*next);
  }
  return chain;
}

/// The value a size was computed from, through tensor.dim and index casts.
static OpFoldResult originOfSizeValue(Value size, unsigned depth);

static OpFoldResult originOfSize(Value tensor, unsigned dim, unsigned depth) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || dim >= type.getRank())
    return {};
  if (!type.isDynamicDim(dim))
    return Builder(tensor.getContext()).getIndexAttr(type.getDimSize(dim));
  Operation *op = tensor.getDefiningOp();
  if (!op || depth == 0)
    return {};
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return originOfSizeValue(empty.getDynamicSize(dim), depth - 1);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    OpFoldResult size = expand.getMixedOutputShape()[dim];
    if (auto value = dyn_cast<Value>(size))
      return originOfSizeValue(value, depth - 1);
    return size;
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    std::optional<unsigned> only;
    auto groups = collapse.getReassociationIndices();
    for (int64_t d : groups[dim]) {
      if (collapse.getSrcType().getDimSize(d) == 1)
        continue;
      if (only)
        return {};
      only = d;
    }
    return only ? originOfSize(collapse.getSrc(), *only, depth - 1)
                : OpFoldResult();
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    unsigned next = 0;
    for (auto [d, size] : llvm::enumerate(slice.getMixedSizes())) {
      if (dropped.test(d) || next++ != dim)
        continue;
      if (auto value = dyn_cast<Value>(size))
        return originOfSizeValue(value, depth - 1);
      return size;
    }
    return {};
  }
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return originOfSize(cast.getSource(), dim, depth - 1);
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    if (concat.getDim() == dim)
      return {};
    return originOfSize(concat.getInputs().front(), dim, depth - 1);
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return originOfSize(insert.getDest(), dim, depth - 1);
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op)) {
    OpOperand *init = style.getTiedOpOperand(cast<OpResult>(tensor));
    return init ? originOfSize(init->get(), dim, depth - 1) : OpFoldResult();
  }
  return {};
}

static OpFoldResult originOfSizeValue(Value size, unsigned depth) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return Builder(size.getContext()).getIndexAttr(*constant);
  if (auto dimOp = size.getDefiningOp<tensor::DimOp>())
    if (std::optional<int64_t> dim = dimOp.getConstantIndex())
      if (OpFoldResult origin = originOfSize(dimOp.getSource(), *dim, depth))
        return origin;
  return size;
}

OpFoldResult originOfSize(Value tensor, unsigned dim) {
  return originOfSize(tensor, dim, maxViewDepth);
}

bool haveSameSize(Value a, unsigned dimA, Value b, unsigned dimB) {
  if (a == b && dimA == dimB)
    return true;
  OpFoldResult sizeA = originOfSize(a, dimA), sizeB = originOfSize(b, dimB);
  if (!sizeA || !sizeB)
    return false;
  if (sizeA == sizeB)
    return true;
  // two tensor.dim ops of one tensor and dimension
  auto valueA = dyn_cast<Value>(sizeA), valueB = dyn_cast<Value>(sizeB);
  if (!valueA || !valueB)
    return false;
  auto dimOpA = valueA.getDefiningOp<tensor::DimOp>(),
       dimOpB = valueB.getDefiningOp<tensor::DimOp>();
  return dimOpA && dimOpB && dimOpA.getSource() == dimOpB.getSource() &&
         dimOpA.getConstantIndex() == dimOpB.getConstantIndex() &&
         dimOpA.getConstantIndex();
}

static OpFoldResult originOf(OpFoldResult size) {
  auto value = dyn_cast<Value>(size);
  return value ? originOfSizeValue(value, maxViewDepth) : size;
}

} // namespace kvc::raise
