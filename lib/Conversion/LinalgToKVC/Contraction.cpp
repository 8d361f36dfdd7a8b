//===- Contraction.cpp - Reductions and sums of products ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The accumulator may stand on either side of its combiner and must not be
// read anywhere else; an accumulator that was never filled is a start value
// like any other and is refused by whoever asks for zero.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace kvc::raise {

/// True when `value` is computed from any accumulator argument of the body.
static bool readsAccumulator(linalg::LinalgOp op, Value value) {
  Block *body = op.getBlock();
  unsigned firstOut = op.getNumDpsInputs();
  llvm::SmallSetVector<Value, 8> seen;
  seen.insert(value);
  for (unsigned i = 0; i < seen.size(); ++i) {
    Value v = seen[i];
    if (auto argument = dyn_cast<BlockArgument>(v)) {
      if (argument.getOwner() == body && argument.getArgNumber() >= firstOut)
        return true;
      continue;
    }
    Operation *def = v.getDefiningOp();
    if (def->getBlock() == body)
      seen.insert(def->operand_begin(), def->operand_end());
  }
  return false;
}

/// The other operand of a commutative combiner that takes `accumulator`.
static Value otherOperand(Operation *op, Value accumulator) {
  if (op->getOperand(0) == accumulator)
    return op->getOperand(1);
  if (op->getOperand(1) == accumulator)
    return op->getOperand(0);
  return {};
}

/// max spelled as a comparison and a choice.
static Value maxBySelect(arith::SelectOp select, Value accumulator) {
  auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
  if (!compare)
    return {};
  Value yes = select.getTrueValue(), no = select.getFalseValue();
  Value a = compare.getLhs(), b = compare.getRhs();
  using P = arith::CmpFPredicate;
  P predicate = compare.getPredicate();
  bool greater = predicate == P::OGT || predicate == P::OGE ||
                 predicate == P::UGT || predicate == P::UGE;
  bool less = predicate == P::OLT || predicate == P::OLE ||
              predicate == P::ULT || predicate == P::ULE;
  if (less)
    std::swap(a, b);
  if ((!greater && !less) || yes != a || no != b)
    return {};
  return yes == accumulator ? no : no == accumulator ? yes : Value();
}

static std::optional<std::pair<Reduction::Kind, Value>>
combinerOf(linalg::LinalgOp op, unsigned result) {
  Operation *yield = op.getBlock()->getTerminator();
  if (!yield || result >= yield->getNumOperands())
    return std::nullopt;
  Operation *combiner = yield->getOperand(result).getDefiningOp();
  if (!combiner || combiner->getBlock() != op.getBlock())
    return std::nullopt;
  Value accumulator = op.getBlock()->getArgument(op.getNumDpsInputs() + result);
  Value term;
  Reduction::Kind kind;
  if (auto select = dyn_cast<arith::SelectOp>(combiner)) {
    term = maxBySelect(select, accumulator);
    kind = Reduction::Kind::Max;
  } else {
    if (isa<arith::AddFOp>(combiner))
      kind = Reduction::Kind::Sum;
    else if (isa<arith::MaximumFOp, arith::MaxNumFOp>(combiner))
      kind = Reduction::Kind::Max;
    else if (isa<arith::OrIOp>(combiner))
      kind = Reduction::Kind::Or;
    else if (isa<arith::AndIOp>(combiner))
      kind = Reduction::Kind::And;
    else
      return std::nullopt;
    term = otherOperand(combiner, accumulator);
  }
  if (!term || readsAccumulator(op, term))
    return std::nullopt;
  return std::make_pair(kind, term);
}

std::optional<Reduction> matchReduction(Scalars &scalars, const Expr *element,
                                        AffineExpr axis) {
  if (!element->is(Expr::Kind::Element))
    return std::nullopt;
  auto op = dyn_cast_or_null<linalg::LinalgOp>(element->tensor.getDefiningOp());
  if (!op || !op.hasPureTensorSemantics())
    return std::nullopt;
  unsigned result = cast<OpResult>(element->tensor).getResultNumber();
  auto combiner = combinerOf(op, result);
  if (!combiner)
    return std::nullopt;
  Axes &axes = scalars.getAxes();
  std::optional<Index> loops = solveLoops(axes, op, result, element->index);
  if (!loops || llvm::count(*loops, AffineExpr()) != 1)
    return std::nullopt;
  unsigned reduced =
      std::distance(loops->begin(), llvm::find(*loops, AffineExpr()));
  if (op.getIteratorTypesArray()[reduced] != utils::IteratorType::reduction)
    return std::nullopt;
  int64_t extent = op.getStaticLoopRanges()[reduced];
  if (!axis)
    axis = axes.add(extent);
  else if (axes.extent(axis) != extent)
    return std::nullopt;
  for (AffineExpr loop : *loops)
    if (loop && mentions(loop, axis))
      return std::nullopt;
  Index filled = *loops;
  filled[reduced] = axis;
  Reduction reduction;
  reduction.kind = combiner->first;
  reduction.axis = axis;
  reduction.op = op;
  reduction.body = scalars.evaluateBody(op, combiner->second, filled);
  OpOperand *init = op.getDpsInitOperand(result);
  std::optional<Index> initIndex = operandIndex(axes, op, *init, filled);
  if (!reduction.body || !initIndex)
    return std::nullopt;
  reduction.init = scalars.expand(scalars.element(init->get(), *initIndex));
  return reduction;
}

std::optional<std::pair<const Expr *, const Expr *>>
matchProduct(Scalars &scalars, const Reduction &reduction) {
  if (reduction.kind != Reduction::Kind::Sum ||
      scalars.asReal(reduction.init) != 0.0)
    return std::nullopt;
  const Expr *body = scalars.look(reduction.body);
  if (!body->isApply<arith::MulFOp>())
    return std::nullopt;
  return std::make_pair(body->operands[0], body->operands[1]);
}

static Value stripCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::TruncFOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// The product that `op` sums up, or null.
static arith::MulFOp summedProduct(linalg::LinalgOp op) {
  auto combiner = combinerOf(op, 0);
  if (!combiner || combiner->first != Reduction::Kind::Sum)
    return {};
  return stripCasts(combiner->second).getDefiningOp<arith::MulFOp>();
}

std::optional<llvm::SmallBitVector> loopsOfFactor(linalg::LinalgOp op,
                                                  unsigned side) {
  arith::MulFOp product = summedProduct(op);
  if (!product)
    return std::nullopt;
  llvm::SmallBitVector loops(op.getNumLoops());
  llvm::SmallSetVector<Value, 8> seen;
  seen.insert(product->getOperand(side));
  for (unsigned i = 0; i < seen.size(); ++i) {
    if (auto argument = dyn_cast<BlockArgument>(seen[i])) {
      if (argument.getOwner() != op.getBlock())
        continue;
      if (argument.getArgNumber() >= op.getNumDpsInputs())
        return std::nullopt;
      AffineMap map =
          op.getMatchingIndexingMap(op.getMatchingOpOperand(argument));
      for (unsigned loop = 0; loop < loops.size(); ++loop)
        if (map.isFunctionOfDim(loop))
          loops.set(loop);
      continue;
    }
    Operation *def = seen[i].getDefiningOp();
    if (def->getBlock() != op.getBlock())
      continue;
    if (auto index = dyn_cast<linalg::IndexOp>(def))
      loops.set(index.getDim());
    seen.insert(def->operand_begin(), def->operand_end());
  }
  return loops;
}

bool isContractionLike(linalg::LinalgOp op) {
  return op->getNumResults() == 1 && op.getNumReductionLoops() > 0 &&
         op.hasPureTensorSemantics() && op.getBlock() &&
         !op.getBlock()->empty() && summedProduct(op);
}

} // namespace kvc::raise
