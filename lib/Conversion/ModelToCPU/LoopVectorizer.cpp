//===- LoopVectorizer.cpp - one linalg op to one vector loop nest ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which ops have a vector form, and the loops around it. How one trip loads,
// computes and stores is in LoopVectorizerBody.cpp.
//
//===----------------------------------------------------------------------===//

#include "LoopVectorizer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace kvc {

namespace {

/// Elements that are worth a task of their own.
constexpr int64_t kTaskElements = 32 * 1024;
/// What a dynamic size is taken for where only an estimate is wanted.
constexpr int64_t kGuessedSize = 256;

std::optional<vector::CombiningKind> combiningKind(Operation *op) {
  using Kind = vector::CombiningKind;
  return llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
      .Case<arith::AddFOp, arith::AddIOp>([](auto) { return Kind::ADD; })
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return Kind::MUL; })
      .Case<arith::MaximumFOp>([](auto) { return Kind::MAXIMUMF; })
      .Case<arith::MinimumFOp>([](auto) { return Kind::MINIMUMF; })
      .Case<arith::MaxNumFOp>([](auto) { return Kind::MAXNUMF; })
      .Case<arith::MinNumFOp>([](auto) { return Kind::MINNUMF; })
      .Case<arith::MaxSIOp>([](auto) { return Kind::MAXSI; })
      .Case<arith::MinSIOp>([](auto) { return Kind::MINSI; })
      .Case<arith::OrIOp>([](auto) { return Kind::OR; })
      .Case<arith::AndIOp>([](auto) { return Kind::AND; })
      .Default([](Operation *) { return std::nullopt; });
}

bool isVectorElement(Type type) {
  return type.isIndex() ||
         (type.isIntOrFloat() && type.getIntOrFloatBitWidth() <= 64);
}

} // namespace

std::optional<LoopVectorizer> LoopVectorizer::match(linalg::LinalgOp op,
                                                    unsigned vectorBits) {
  LoopVectorizer result(op);
  result.lanes = vectorBits / 32;
  if (op.getNumLoops() == 0 || op.getNumDpsInits() == 0 ||
      !result.chooseDim() || !result.checkBody())
    return std::nullopt;
  for (OpOperand &operand : op->getOpOperands())
    if (!result.checkOperand(operand))
      return std::nullopt;
  if (result.reduces && !result.checkReductions())
    return std::nullopt;
  return result;
}

/// The dimension to vectorise: a reduction along which an input is contiguous,
/// else the output's contiguous one.
bool LoopVectorizer::chooseDim() {
  auto last = [](AffineMap map) -> std::optional<unsigned> {
    if (map.getNumResults() == 0)
      return std::nullopt;
    auto dim = dyn_cast<AffineDimExpr>(map.getResults().back());
    return dim ? std::optional<unsigned>(dim.getPosition()) : std::nullopt;
  };
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  for (OpOperand *input : op.getDpsInputOperands()) {
    std::optional<unsigned> dim = last(op.getMatchingIndexingMap(input));
    if (dim && iterators[*dim] == utils::IteratorType::reduction) {
      vectorDim = *dim;
      reduces = true;
      return true;
    }
  }
  std::optional<unsigned> dim =
      last(op.getMatchingIndexingMap(op.getDpsInitOperand(0)));
  if (!dim || iterators[*dim] != utils::IteratorType::parallel)
    return false;
  vectorDim = *dim;
  return true;
}

bool LoopVectorizer::checkOperand(OpOperand &operand) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type) // a scalar, as linalg.fill takes
    return isVectorElement(operand.get().getType());
  if (!isVectorElement(type.getElementType()))
    return false;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  AffineExpr self = getAffineDimExpr(vectorDim, op.getContext());
  for (AffineExpr result : map.getResults())
    if (result.isFunctionOfDim(vectorDim) && result != self)
      return false;
  if (!map.isFunctionOfDim(vectorDim))
    return reduces || !op.isDpsInit(&operand);
  // A vector of i1 is packed bits, a buffer of them is bytes.
  bool bits = type.getElementType().isInteger(1);
  byLane |= bits || map.getResults().back() != self ||
            llvm::count(map.getResults(), self) != 1 ||
            !type.isLastDimUnitStride();
  return true;
}

bool LoopVectorizer::checkBody() {
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      if (!isVectorElement(load.getType()))
        return false;
      // Contiguous when the last index is the vectorised one itself.
      auto self =
          load.getIndices().empty()
              ? linalg::IndexOp()
              : load.getIndices().back().getDefiningOp<linalg::IndexOp>();
      byLane |= !self || self.getDim() != vectorDim ||
                !load.getMemRefType().isLastDimUnitStride() ||
                load.getType().isInteger(1);
      continue;
    }
    if (isa<linalg::IndexOp, arith::ConstantOp>(inner))
      continue;
    if (!OpTrait::hasElementwiseMappableTraits(&inner) ||
        inner.getNumRegions() != 0)
      return false;
  }
  return true;
}

/// Every output must be `out = combine(out, something without out)`.
bool LoopVectorizer::checkReductions() {
  Operation *yield = op.getBlock()->getTerminator();
  for (OpOperand &init : op.getDpsInitsMutable()) {
    if (op.getMatchingIndexingMap(&init).isFunctionOfDim(vectorDim))
      return false;
    // A sum of a vector of bf16 would call a library.
    if (getElementTypeOrSelf(init.get().getType()).isBF16())
      return false;
    BlockArgument argument = op.getMatchingBlockArgument(&init);
    Operation *combiner =
        yield->getOperand(init.getOperandNumber() - op.getNumDpsInputs())
            .getDefiningOp();
    if (!combiner || !argument.hasOneUse() ||
        *argument.user_begin() != combiner || !combiner->hasOneUse() ||
        !combiningKind(combiner) || !arith::getNeutralElement(combiner))
      return false;
    combiners.push_back(combiner);
  }
  return true;
}

Value LoopVectorizer::constant(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value LoopVectorizer::extent(unsigned dim) {
  return getValueOrCreateConstantIndexOp(b, b.getLoc(), ranges[dim].size);
}

Value LoopVectorizer::broadcast(Value value, int64_t width) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, vectorOf(value.getType(), width),
                                     value);
}

/// Iterations of the parallel loop that one task should take at least.
int64_t LoopVectorizer::grain() {
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  int64_t elements = 1;
  for (auto [dim, range] : llvm::enumerate(ranges))
    if (dim == vectorDim || iterators[dim] == utils::IteratorType::reduction)
      elements *= getConstantIntValue(range.size).value_or(kGuessedSize);
  for (Operation &inner : op.getBlock()->without_terminator())
    if (isa_and_nonnull<math::MathDialect>(inner.getDialect()))
      elements *= 4;
  return std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, elements));
}

void LoopVectorizer::emit() {
  ranges = op.createLoopRanges(b, b.getLoc());
  dims.assign(ranges.size(), Value());
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  SmallVector<unsigned> parallel, serial;
  for (unsigned dim = 0, e = ranges.size(); dim < e; ++dim)
    if (dim != vectorDim)
      (iterators[dim] == utils::IteratorType::parallel ? parallel : serial)
          .push_back(dim);
  if (!parallel.empty()) {
    SmallVector<Value> lower(parallel.size(), constant(0));
    SmallVector<Value> step(parallel.size(), constant(1));
    SmallVector<Value> upper;
    for (unsigned dim : parallel)
      upper.push_back(extent(dim));
    auto loop = scf::ParallelOp::create(b, lower, upper, step);
    loop->setAttr("kvc.grain", b.getIndexAttr(grain()));
    b.setInsertionPointToStart(loop.getBody());
    for (auto [dim, variable] :
         llvm::zip_equal(parallel, loop.getInductionVars()))
      dims[dim] = variable;
  }
  for (unsigned dim : serial) {
    auto loop = scf::ForOp::create(b, constant(0), extent(dim), constant(1));
    b.setInsertionPointToStart(loop.getBody());
    dims[dim] = loop.getInductionVar();
  }
  if (reduces)
    emitReduction();
  else
    emitTrips({});
  op->erase();
}

/// The sum of one row in registers, then once into the output.
void LoopVectorizer::emitReduction() {
  int64_t width = byLane ? lanes : 4 * lanes;
  SmallVector<Value> sums;
  for (Operation *combiner : combiners) {
    Type element = combiner->getResult(0).getType();
    sums.push_back(arith::ConstantOp::create(
        b, DenseElementsAttr::get(vectorOf(element, width),
                                  *arith::getNeutralElement(combiner))));
  }
  sums = emitTrips(sums);
  for (auto [i, combiner] : llvm::enumerate(combiners)) {
    OpOperand *init = op.getDpsInitOperand(i);
    SmallVector<Value> at = indices(op.getMatchingIndexingMap(init), Value());
    Value before = memref::LoadOp::create(b, init->get(), at);
    // The order of a sum over lanes is ours to choose; it is fixed.
    auto flags = isa<FloatType>(before.getType())
                     ? arith::FastMathFlags::reassoc
                     : arith::FastMathFlags::none;
    Value sum = vector::ReductionOp::create(b, *combiningKind(combiner),
                                            sums[i], flags);
    Operation *combined = b.clone(*combiner);
    combined->setOperands({sum, before});
    memref::StoreOp::create(b, combined->getResult(0), init->get(), at);
  }
}

/// All trips of the vector loop; `sums` are carried when vectorDim reduces.
SmallVector<Value> LoopVectorizer::emitTrips(ValueRange sums) {
  int64_t width = byLane ? lanes : (reduces ? 4 : 2) * lanes;
  Value size = extent(vectorDim);
  std::optional<int64_t> known = getConstantIntValue(ranges[vectorDim].size);
  // A reduction's sums already have their width.
  if (known && !reduces)
    while (width > 1 && width > *known)
      width /= 2;
  auto loop = [&](Value begin, Value end, int64_t by, ValueRange carried) {
    auto result = scf::ForOp::create(b, begin, end, constant(by), carried);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(result.getBody());
    SmallVector<Value> next = emitBody({result.getInductionVar(), by, Value()},
                                       result.getRegionIterArgs());
    if (!carried.empty())
      scf::YieldOp::create(b, next);
    return SmallVector<Value>(result.getResults());
  };

  Value tail = arith::RemUIOp::create(b, size, constant(width));
  Value full = arith::SubIOp::create(b, size, tail);
  SmallVector<Value> carried = loop(constant(0), full, width, sums);
  if (known && *known % width == 0)
    return carried;
  if (byLane && !reduces) {
    loop(full, size, 1, {});
    return carried;
  }
  Value some =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, tail, constant(0));
  auto branch = scf::IfOp::create(b, ValueRange(carried).getTypes(), some,
                                  /*withElseRegion=*/!carried.empty());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value mask =
      vector::CreateMaskOp::create(b, vectorOf(b.getI1Type(), width), tail);
  SmallVector<Value> next = emitBody({full, width, mask}, carried);
  if (!carried.empty()) {
    scf::YieldOp::create(b, next);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, carried);
  }
  return SmallVector<Value>(branch.getResults());
}

} // namespace kvc
