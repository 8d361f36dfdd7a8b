//===- DynamicSizes.cpp - Sizes that exporters compute at run time --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An exporter that does not know a size writes tensor.reshape by a computed
// shape, and a broadcast as "element 0 where the size is 1". Sizes are read as
// polynomials over unknown sizes, which are not negative and do not overflow;
// what an assertion demands holds. A reshape whose groups of dimensions are
// proven becomes collapse_shape and expand_shape, a broadcast between equal
// sizes a copy, and values that are proven equal become one.
//
//===----------------------------------------------------------------------===//

#include "FrontDoors.h"
#include "SizePoly.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace kvc::raise {

namespace {
struct Sizes {
  explicit Sizes(RewriterBase &rewriter) : rewriter(rewriter) {}

  RewriterBase &rewriter;
  // an atom is a pointer: nothing is erased while any may be asked for
  SmallVector<Operation *> replaced;
  llvm::DenseMap<Value, Poly> known;
  std::map<Atom, Poly> facts; // what an atom is asserted to be
  std::map<std::pair<const void *, Poly>, Value> first; // by type

  Poly of(Value value);
  Poly ofDim(Value tensor, int64_t dim, unsigned depth = 32);
  Poly evaluate(Operation *op);
  Poly settled(Poly poly, unsigned depth = 4);
  void take(Operation *op);
  void takeFact(cf::AssertOp assertion);
  bool rewriteReshape(tensor::ReshapeOp op);
  bool rewriteBroadcast(linalg::GenericOp op);
};
} // namespace

/// Replaces atoms by what they are asserted to be.
Poly Sizes::settled(Poly poly, unsigned depth) {
  if (depth == 0 || facts.empty())
    return poly;
  Poly result;
  bool changed = false;
  for (auto &[monomial, factor] : poly) {
    Poly term = constantPoly(factor);
    for (const Atom &atom : monomial) {
      auto fact = facts.find(atom);
      changed |= fact != facts.end();
      std::optional<Poly> next =
          times(term, fact == facts.end() ? atomPoly(atom) : fact->second);
      if (!next)
        return poly;
      term = *next;
    }
    result = plus(result, term, 1);
  }
  return changed ? settled(result, depth - 1) : result;
}

Poly Sizes::of(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constantPoly(value.getType().isInteger(1) ? constant.getZExtValue()
                                                     : constant.getSExtValue());
  auto it = known.find(value);
  return settled(it == known.end() ? valuePoly(value) : it->second);
}

/// A tensor's size: from where it was made.
Poly Sizes::ofDim(Value tensor, int64_t dim, unsigned depth) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  // A dimension that the tensor does not have is undefined behaviour, and
  // legal.
  if (!type || dim < 0 || dim >= type.getRank())
    return valuePoly(tensor);
  if (!type.isDynamicDim(dim))
    return constantPoly(type.getDimSize(dim));
  Poly unknown = settled(atomPoly({tensor.getAsOpaquePointer(), dim}));
  Operation *op = tensor.getDefiningOp();
  if (!op || depth == 0)
    return unknown;
  auto ofSize = [&](OpFoldResult size) {
    if (auto value = dyn_cast<Value>(size))
      return of(value);
    return constantPoly(*getConstantIntValue(size));
  };
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return of(empty.getDynamicSize(dim));
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return ofDim(cast.getSource(), dim, depth - 1);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return ofSize(expand.getMixedOutputShape()[dim]);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    Poly product = constantPoly(1);
    for (int64_t d : collapse.getReassociationIndices()[dim]) {
      auto next = times(product, ofDim(collapse.getSrc(), d, depth - 1));
      if (!next)
        return unknown;
      product = *next;
    }
    return product;
  }
  if (auto reshape = dyn_cast<tensor::ReshapeOp>(op))
    if (auto shape = reshape.getShape().getDefiningOp<tensor::FromElementsOp>())
      return of(shape.getElements()[dim]);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    if (slice.getType().getRank() != slice.getSourceType().getRank())
      return unknown;
    return ofSize(slice.getMixedSizes()[dim]);
  }
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    if (static_cast<int64_t>(concat.getDim()) != dim)
      return ofDim(concat.getInputs().front(), dim, depth - 1);
    Poly sum;
    for (Value input : concat.getInputs())
      sum = plus(sum, ofDim(input, dim, depth - 1), 1);
    return sum;
  }
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
    if (OpOperand *init = style.getTiedOpOperand(cast<OpResult>(tensor)))
      return ofDim(init->get(), dim, depth - 1);
  return unknown;
}

Poly Sizes::evaluate(Operation *op) {
  Value result = op->getResult(0);
  Poly unknown = valuePoly(result);
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    return index ? ofDim(dim.getSource(), *index) : unknown;
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp>(op) &&
      !op->getOperand(0).getType().isInteger(1))
    return of(op->getOperand(0));
  if (isa<arith::ExtUIOp>(op)) {
    Poly from = of(op->getOperand(0));
    return asConstant(from) ? from : unknown;
  }
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    Poly yes = of(select.getTrueValue()), no = of(select.getFalseValue());
    if (std::optional<int64_t> c = asConstant(of(select.getCondition())))
      return *c ? yes : no;
    return yes == no ? yes : unknown;
  }
  if (op->getNumOperands() != 2)
    return unknown;
  Poly a = of(op->getOperand(0)), b = of(op->getOperand(1));
  Type type = op->getOperand(0).getType();
  if (!type.isIndex() && type.getIntOrFloatBitWidth() < 32)
    return unknown; // it may wrap
  if (isa<arith::AddIOp, arith::SubIOp>(op)) {
    Poly sum = plus(a, b, isa<arith::AddIOp>(op) ? 1 : -1);
    return sum.size() <= maxTerms ? sum : unknown;
  }
  if (isa<arith::MulIOp>(op))
    return times(a, b).value_or(unknown);
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(op))
    return dividedBy(a, b).value_or(unknown);
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    using P = arith::CmpIPredicate;
    Poly less = plus(b, a, -1), more = plus(a, b, -1); // b - a, a - b
    Poly one = constantPoly(1);
    auto decide = [&](bool holds, bool fails) {
      return holds ? one : fails ? Poly{} : unknown;
    };
    switch (compare.getPredicate()) {
    case P::eq:
      return decide(less.empty(), asConstant(less).value_or(0) != 0);
    case P::ne:
      return decide(asConstant(less).value_or(0) != 0, less.empty());
    case P::slt: // b - a - 1 >= 0, or a - b >= 0
      return decide(isNonNegative(plus(less, one, -1)), isNonNegative(more));
    case P::sle:
      return decide(isNonNegative(less), isNonNegative(plus(more, one, -1)));
    case P::sgt:
      return decide(isNonNegative(plus(more, one, -1)), isNonNegative(less));
    case P::sge:
      return decide(isNonNegative(more), isNonNegative(plus(less, one, -1)));
    default:
      return unknown;
    }
  }
  return unknown;
}

/// Notes a scalar's polynomial; an earlier value of the same one takes over.
void Sizes::take(Operation *op) {
  Value result = op->getResult(0);
  Poly poly = settled(evaluate(op));
  known[result] = poly;
  Type type = result.getType();
  if (std::optional<int64_t> constant = asConstant(poly)) {
    if (!matchPattern(result, m_Constant())) {
      rewriter.setInsertionPoint(op);
      rewriter.replaceAllUsesWith(
          result,
          arith::ConstantOp::create(rewriter, op->getLoc(),
                                    rewriter.getIntegerAttr(type, *constant)));
    }
    return;
  }
  auto [it, inserted] =
      first.try_emplace({type.getAsOpaquePointer(), poly}, result);
  if (!inserted)
    rewriter.replaceAllUsesWith(result, it->second);
}

void Sizes::takeFact(cf::AssertOp assertion) {
  auto compare = assertion.getArg().getDefiningOp<arith::CmpIOp>();
  if (!compare || compare.getPredicate() != arith::CmpIPredicate::eq)
    return;
  Poly a = of(compare.getLhs()), b = of(compare.getRhs());
  for (unsigned side : {0u, 1u}) {
    Poly &atom = side ? b : a, &other = side ? a : b;
    if (atom == other || atom.size() != 1 || atom.begin()->second != 1 ||
        atom.begin()->first.size() != 1)
      continue;
    Atom unknown = atom.begin()->first.front();
    // never a size by a value of which less is known
    bool unfit = llvm::any_of(other, [&](auto &term) {
      return llvm::any_of(term.first, [&](const Atom &part) {
        return part == unknown || (unknown.second >= 0 && part.second < 0);
      });
    });
    if (unfit)
      continue;
    facts[unknown] = other;
    return;
  }
}

/// Groups of dimensions of equal size on both sides, each in order.
static bool
group(ArrayRef<Poly> from, ArrayRef<Poly> to,
      SmallVectorImpl<std::pair<ReassociationIndices, ReassociationIndices>>
          &groups) {
  unsigned i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    ReassociationIndices left{i}, right{j};
    Poly a = from[i++], b = to[j++];
    while (a != b) {
      std::optional<Poly> next;
      if (j < to.size() && dividedBy(a, b)) {
        right.push_back(j);
        next = times(b, to[j++]);
        if (next)
          b = *next;
      } else if (i < from.size() && dividedBy(b, a)) {
        left.push_back(i);
        next = times(a, from[i++]);
        if (next)
          a = *next;
      }
      if (!next)
        return false;
    }
    groups.push_back({left, right});
  }
  if (groups.empty())
    return false;
  for (; i < from.size(); groups.back().first.push_back(i++))
    if (asConstant(from[i]) != 1)
      return false;
  for (; j < to.size(); groups.back().second.push_back(j++))
    if (asConstant(to[j]) != 1)
      return false;
  return true;
}

bool Sizes::rewriteReshape(tensor::ReshapeOp op) {
  auto fromType = dyn_cast<RankedTensorType>(op.getSource().getType());
  auto toType = dyn_cast<RankedTensorType>(op.getResult().getType());
  auto shape = op.getShape().getDefiningOp<tensor::FromElementsOp>();
  if (!fromType || !toType || !shape || fromType.getRank() == 0 ||
      toType.getRank() == 0)
    return false;
  SmallVector<Poly> from, to;
  for (int64_t d = 0; d < fromType.getRank(); ++d)
    from.push_back(ofDim(op.getSource(), d));
  for (int64_t d = 0; d < toType.getRank(); ++d)
    to.push_back(toType.isDynamicDim(d) ? of(shape.getElements()[d])
                                        : constantPoly(toType.getDimSize(d)));
  SmallVector<std::pair<ReassociationIndices, ReassociationIndices>> groups;
  if (!group(from, to, groups))
    return false;
  // types as far as the sizes are known
  auto sizeOf = [](const Poly &poly) {
    return asConstant(poly).value_or(ShapedType::kDynamic);
  };
  SmallVector<int64_t> fromShape, middleShape, toShape;
  SmallVector<ReassociationIndices> down, up;
  for (const Poly &poly : from)
    fromShape.push_back(sizeOf(poly));
  for (const Poly &poly : to)
    toShape.push_back(sizeOf(poly));
  for (auto &[left, right] : groups) {
    int64_t product = 1;
    for (int64_t d : left)
      product =
          ShapedType::isDynamic(product) || ShapedType::isDynamic(fromShape[d])
              ? ShapedType::kDynamic
              : product * fromShape[d];
    middleShape.push_back(product);
    bool isDynamic = llvm::any_of(
        right, [&](int64_t d) { return ShapedType::isDynamic(toShape[d]); });
    if (isDynamic != ShapedType::isDynamic(product))
      return false;
    down.push_back(left);
    up.push_back(right);
  }
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  Type element = fromType.getElementType();
  auto typeOf = [&](ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, element);
  };
  auto castTo = [&](Value value, Type type) -> Value {
    if (value.getType() == type)
      return value;
    return tensor::CastOp::create(rewriter, loc, type, value);
  };
  Value value = castTo(op.getSource(), typeOf(fromShape));
  if (middleShape.size() != fromShape.size())
    value = tensor::CollapseShapeOp::create(rewriter, loc, typeOf(middleShape),
                                            value, down);
  if (middleShape.size() != toShape.size()) {
    SmallVector<OpFoldResult> sizes;
    for (auto [d, size] : llvm::enumerate(toShape)) {
      if (!ShapedType::isDynamic(size)) {
        sizes.push_back(rewriter.getIndexAttr(size));
        continue;
      }
      Value dynamic = shape.getElements()[d];
      if (!dynamic.getType().isIndex())
        dynamic = arith::IndexCastOp::create(rewriter, loc,
                                             rewriter.getIndexType(), dynamic);
      auto [it, inserted] = first.try_emplace(
          {rewriter.getIndexType().getAsOpaquePointer(), to[d]}, dynamic);
      known.try_emplace(dynamic, to[d]);
      sizes.push_back(it->second);
    }
    value = tensor::ExpandShapeOp::create(rewriter, loc, typeOf(toShape), value,
                                          up, sizes);
  }
  rewriter.replaceAllUsesWith(op.getResult(), castTo(value, toType));
  replaced.push_back(op);
  return true;
}

/// A generic that reads element 0 where a size is 1, else its own: a copy,
/// when the sizes on both sides are the same.
bool Sizes::rewriteBroadcast(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 0 || op->getNumResults() != 1 ||
      op.getNumReductionLoops() != 0 || !op.hasPureTensorSemantics() ||
      !op.getIndexingMapsArray().front().isIdentity())
    return false;
  auto extract = op.getBlock()
                     ->getTerminator()
                     ->getOperand(0)
                     .getDefiningOp<tensor::ExtractOp>();
  if (!extract || extract->getBlock() != op.getBlock() ||
      extract.getTensor().getParentBlock() == op.getBlock())
    return false;
  auto outType = cast<RankedTensorType>(op->getResult(0).getType());
  auto fromType = extract.getTensor().getType();
  SmallVector<AffineExpr> exprs;
  for (auto [d, index] : llvm::enumerate(extract.getIndices())) {
    bool guarded = false;
    if (auto select = index.getDefiningOp<arith::SelectOp>()) {
      // condition ? 0 : loop, or one of the two where it is decided
      std::optional<int64_t> decided = asConstant(of(select.getCondition()));
      auto compare = select.getCondition().getDefiningOp<arith::CmpIOp>();
      if (compare && compare.getPredicate() == arith::CmpIPredicate::eq &&
          asConstant(of(compare.getRhs())))
        if (std::optional<int64_t> size = asConstant(of(compare.getLhs())))
          decided = *size == *asConstant(of(compare.getRhs()));
      if (decided) {
        index = *decided ? select.getTrueValue() : select.getFalseValue();
      } else {
        if (!compare || compare.getPredicate() != arith::CmpIPredicate::eq ||
            asConstant(of(compare.getRhs())) != 1 ||
            asConstant(of(select.getTrueValue())) != 0 ||
            of(compare.getLhs()) != ofDim(extract.getTensor(), d))
          return false;
        guarded = true;
        index = select.getFalseValue();
      }
    }
    if (asConstant(of(index)) == 0) {
      exprs.push_back(rewriter.getAffineConstantExpr(0));
      continue;
    }
    auto loop = index.getDefiningOp<linalg::IndexOp>();
    if (!loop || loop->getBlock() != op.getBlock())
      return false;
    int64_t dim = loop.getDim();
    bool same = ofDim(extract.getTensor(), d) == ofDim(op->getResult(0), dim);
    if ((guarded && !same) ||
        (!fromType.isDynamicDim(d) && !outType.isDynamicDim(dim) &&
         fromType.getDimSize(d) != outType.getDimSize(dim)))
      return false;
    exprs.push_back(rewriter.getAffineDimExpr(dim));
  }
  unsigned rank = outType.getRank();
  AffineMap read = AffineMap::get(rank, 0, exprs, op.getContext());
  if (!read.isProjectedPermutation(/*allowZeroInResults=*/true))
    return false;
  rewriter.setInsertionPoint(op);
  auto copy = linalg::GenericOp::create(
      rewriter, op.getLoc(), TypeRange{outType},
      ValueRange{extract.getTensor()}, op.getDpsInits(),
      ArrayRef<AffineMap>{read, rewriter.getMultiDimIdentityMap(rank)},
      op.getIteratorTypesArray(),
      [](OpBuilder &b, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(b, loc, arguments[0]);
      });
  rewriter.replaceAllUsesWith(op->getResult(0), copy->getResult(0));
  replaced.push_back(op);
  return true;
}

void settleSizes(RewriterBase &rewriter, func::FuncOp func) {
  bool computed = false;
  func.walk([&](tensor::ReshapeOp) { computed = true; });
  if (!computed || !func.getBody().hasOneBlock())
    return;
  Sizes sizes(rewriter);
  for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
    if (auto assertion = dyn_cast<cf::AssertOp>(op))
      sizes.takeFact(assertion);
    else if (auto reshape = dyn_cast<tensor::ReshapeOp>(op))
      sizes.rewriteReshape(reshape);
    else if (auto generic = dyn_cast<linalg::GenericOp>(op))
      sizes.rewriteBroadcast(generic);
    else if (op.getNumResults() == 1 && op.getNumRegions() == 0 &&
             op.getResult(0).getType().isIntOrIndex() &&
             isMemoryEffectFree(&op))
      sizes.take(&op);
  }
  for (Operation *op : sizes.replaced)
    rewriter.eraseOp(op);
}

} // namespace kvc::raise
