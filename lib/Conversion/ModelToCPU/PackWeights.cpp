//===- PackWeights.cpp - store weights of matrix products as panels -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A[M,K] x B[K,N] + C[M,N] becomes A x P[N/nr][K][nr] + C[M][N/nr][nr]. One
// panel holds the nr columns that a kernel sums in registers:
//
//   B  k0: n0 n1 .. | n64 ..        P[0]  k0: n0 .. n63, k1: n0 .. n63, ...
//      k1: n0 n1 .. | n64 ..        P[1]  k0: n64 ...
//
// Invariant: the packing reads the weight alone, so that it can leave the step.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "Kernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace kvc {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// A product that can be packed: its operands, and how B is stored.
struct Product {
  linalg::LinalgOp op;
  Value lhs;       // [M, K]
  Value weight;    // [K, N], or [N, K] when transposed
  Value init;      // [M, N]
  int64_t columns; // N
  bool transposed;
};

/// Matches a contraction of two matrices with a static right-hand side.
std::optional<Product> matchProduct(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || !linalg::isaContractionOpInterface(op) ||
      op.getNumLoops() != 3)
    return std::nullopt;
  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || !dims->batch.empty() || dims->m.size() != 1 ||
      dims->n.size() != 1 || dims->k.size() != 1)
    return std::nullopt;
  MLIRContext *context = op.getContext();
  AffineExpr m = getAffineDimExpr(dims->m[0], context);
  AffineExpr n = getAffineDimExpr(dims->n[0], context);
  AffineExpr k = getAffineDimExpr(dims->k[0], context);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto is = [&](unsigned operand, ArrayRef<AffineExpr> results) {
    return maps[operand].getResults() == results;
  };
  if (!is(0, {m, k}) || !is(2, {m, n}) || !(is(1, {k, n}) || is(1, {n, k})))
    return std::nullopt;
  Product product{op, op->getOperand(0), op->getOperand(1), op->getOperand(2),
                  0,  is(1, {n, k})};
  // PyTorch stores [N, K] and its exporters transpose: look through that.
  if (auto transpose = product.weight.getDefiningOp<linalg::TransposeOp>()) {
    product.weight = transpose.getInput();
    product.transposed = !product.transposed;
  }
  auto type = cast<RankedTensorType>(product.weight.getType());
  if (!type.hasStaticShape() ||
      !isa<Float16Type, BFloat16Type, Float32Type>(
          getElementTypeOrSelf(product.init.getType())))
    return std::nullopt;
  product.columns = type.getDimSize(product.transposed ? 0 : 1);
  return product;
}

/// P[N/nr][K][nr] of the weight, zero beyond N.
Value packWeight(RewriterBase &rewriter, Location loc, const Product &product,
                 int64_t panel) {
  auto type = cast<RankedTensorType>(product.weight.getType());
  SmallVector<int64_t> innerDims{product.transposed ? 0 : 1};
  SmallVector<int64_t> outerPerm = product.transposed
                                       ? SmallVector<int64_t>{0, 1}
                                       : SmallVector<int64_t>{1, 0};
  SmallVector<OpFoldResult> tiles{rewriter.getIndexAttr(panel)};
  Value empty = linalg::PackOp::createDestinationTensor(
      rewriter, loc, product.weight, tiles, innerDims, outerPerm);
  std::optional<Value> padding;
  if (product.columns % panel)
    padding = arith::ConstantOp::create(
        rewriter, loc, rewriter.getZeroAttr(type.getElementType()));
  auto pack = linalg::PackOp::create(rewriter, loc, product.weight, empty,
                                     innerDims, tiles, padding, outerPerm);
  rewriter.setInsertionPoint(pack);
  FailureOr<linalg::LowerPackResult> lowered =
      linalg::lowerPack(rewriter, pack, /*lowerPadLikeWithInsertSlice=*/false);
  assert(succeeded(lowered) && "a pack with static tiles always lowers");
  if (lowered->transposeOp)
    return lowered->transposeOp->getResult(0);
  return lowered->expandShapeOp.getResult();
}

/// The [M, N] initial value as [M, N/nr, nr]; none when it cannot be reshaped.
Value packInit(RewriterBase &rewriter, Location loc, const Product &product,
               int64_t panel) {
  auto type = cast<RankedTensorType>(product.init.getType());
  int64_t panels = llvm::divideCeil(product.columns, panel);
  auto packed = RankedTensorType::get({type.getDimSize(0), panels, panel},
                                      type.getElementType());
  OpFoldResult rows = tensor::getMixedSize(rewriter, loc, product.init, 0);
  SmallVector<OpFoldResult> sizes{rows, rewriter.getIndexAttr(panels),
                                  rewriter.getIndexAttr(panel)};
  if (auto fill = product.init.getDefiningOp<linalg::FillOp>()) {
    Value empty =
        tensor::EmptyOp::create(rewriter, loc, sizes, type.getElementType());
    return linalg::FillOp::create(rewriter, loc, fill.value(), empty)
        .getResult(0);
  }
  if (product.columns % panel)
    return {};
  SmallVector<ReassociationIndices> groups{{0}, {1, 2}};
  return tensor::ExpandShapeOp::create(rewriter, loc, packed, product.init,
                                       groups, sizes);
}

void packProduct(RewriterBase &rewriter, const Product &product,
                 int64_t panel) {
  linalg::LinalgOp op = product.op;
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  Value init = packInit(rewriter, loc, product, panel);
  if (!init)
    return;
  Value weight = packWeight(rewriter, loc, product, panel);
  rewriter.setInsertionPoint(op);

  MLIRContext *context = rewriter.getContext();
  AffineExpr m, p, n, k;
  bindDims(context, m, p, n, k);
  SmallVector<AffineMap> maps{AffineMap::get(4, 0, {m, k}, context),
                              AffineMap::get(4, 0, {p, k, n}, context),
                              AffineMap::get(4, 0, {m, p, n}, context)};
  SmallVector<utils::IteratorType> iterators(3, utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  auto generic = linalg::GenericOp::create(rewriter, loc, init.getType(),
                                           ValueRange{product.lhs, weight},
                                           ValueRange{init}, maps, iterators);
  // Named ops and generics alike hold the scalar computation in their region.
  rewriter.cloneRegionBefore(op->getRegion(0), generic.getRegion(),
                             generic.getRegion().end());

  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<ReassociationIndices> groups{{0}, {1, 2}};
  Value flat = tensor::CollapseShapeOp::create(rewriter, loc,
                                               generic.getResult(0), groups);
  if (product.columns % panel) {
    SmallVector<OpFoldResult> offsets(2, rewriter.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(2, rewriter.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes{
        tensor::getMixedSize(rewriter, loc, flat, 0),
        rewriter.getIndexAttr(product.columns)};
    flat = tensor::ExtractSliceOp::create(rewriter, loc, resultType, flat,
                                          offsets, sizes, strides);
  }
  rewriter.replaceOp(op, flat);
}

struct PackWeights : kvc::impl::PackWeightsPassBase<PackWeights> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      // Matched only now: an earlier product may have replaced an operand.
      std::optional<Product> product = matchProduct(op);
      if (!product)
        continue;
      int64_t panel = kvc::KernelShape::get(vectorBits).columns();
      // Fewer columns than one panel would mostly be padding.
      if (product->columns >= panel)
        packProduct(rewriter, *product, panel);
    }
  }
};

} // namespace
