//===- LoopVectorizerBody.cpp - one trip of a vector loop -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: nothing is read or written outside the lanes that the mask
// selects; an access without a contiguous form goes lane by lane.
//
//===----------------------------------------------------------------------===//

#include "LoopVectorizer.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace kvc {

/// Indices of an access; `first` stands for the vectorised dimension.
SmallVector<Value> LoopVectorizer::indices(AffineMap map, Value first) {
  SmallVector<OpFoldResult> operands;
  for (Value dim : dims)
    operands.push_back(dim     ? OpFoldResult(dim)
                       : first ? OpFoldResult(first)
                               : OpFoldResult(b.getIndexAttr(0)));
  SmallVector<Value> result;
  for (AffineExpr expr : map.getResults()) {
    OpFoldResult index = affine::makeComposedFoldedAffineApply(
        b, b.getLoc(), AffineMap::get(map.getNumDims(), 0, expr), operands);
    result.push_back(
        isa<Attribute>(index)
            ? constant(cast<IntegerAttr>(cast<Attribute>(index)).getInt())
            : cast<Value>(index));
  }
  return result;
}

/// Loads lane by lane; a lane that the mask leaves out is not read and zero.
Value LoopVectorizer::loadLanes(
    Value memref, const Trip &trip,
    llvm::function_ref<SmallVector<Value>(int64_t)> at) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < trip.width; ++lane) {
    if (!trip.mask) {
      elements.push_back(memref::LoadOp::create(b, memref, at(lane)));
      continue;
    }
    Value selected = vector::ExtractOp::create(b, trip.mask, lane);
    auto branch = scf::IfOp::create(b, TypeRange(element), selected, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value loaded = memref::LoadOp::create(b, memref, at(lane));
    scf::YieldOp::create(b, loaded);
    b.setInsertionPointToStart(branch.elseBlock());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    scf::YieldOp::create(b, zero);
    elements.push_back(branch.getResult(0));
  }
  if (!element.isBF16())
    return vector::FromElementsOp::create(b, vectorOf(element, trip.width),
                                          elements);
  // A CPU without bf16 puts a lane into a vector by rounding it from f32, which
  // is a call of a library; its bits are an integer like any other.
  for (Value &lane : elements)
    lane = arith::BitcastOp::create(b, b.getI16Type(), lane);
  Value bits = vector::FromElementsOp::create(
      b, vectorOf(b.getI16Type(), trip.width), elements);
  return arith::BitcastOp::create(b, vectorOf(element, trip.width), bits);
}

/// The operand's value for this trip: a scalar when it does not depend on the
/// vectorised dimension, else a vector.
Value LoopVectorizer::load(OpOperand &operand, const Trip &trip) {
  Value memref = operand.get();
  auto type = dyn_cast<MemRefType>(memref.getType());
  if (!type)
    return memref;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!map.isFunctionOfDim(vectorDim))
    return memref::LoadOp::create(b, memref, indices(map, trip.first));
  AffineExpr self = getAffineDimExpr(vectorDim, op.getContext());
  bool contiguous = map.getResults().back() == self &&
                    llvm::count(map.getResults(), self) == 1 &&
                    type.isLastDimUnitStride() &&
                    !type.getElementType().isInteger(1);
  if (!contiguous)
    return loadLanes(memref, trip, [&](int64_t lane) {
      Value index = arith::AddIOp::create(b, trip.first, constant(lane));
      return indices(map, index);
    });
  VectorType vectorType = vectorOf(type.getElementType(), trip.width);
  SmallVector<Value> at = indices(map, trip.first);
  if (!trip.mask)
    return vector::LoadOp::create(b, vectorType, memref, at);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vectorType));
  return vector::MaskedLoadOp::create(b, vectorType, memref, at, trip.mask,
                                      zero);
}

void LoopVectorizer::store(Value value, OpOperand &operand, const Trip &trip) {
  Value memref = operand.get();
  auto type = cast<MemRefType>(memref.getType());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  value = broadcast(value, trip.width);
  AffineExpr self = getAffineDimExpr(vectorDim, op.getContext());
  if (map.getResults().back() == self && type.isLastDimUnitStride() &&
      !type.getElementType().isInteger(1)) {
    SmallVector<Value> at = indices(map, trip.first);
    if (trip.mask)
      vector::MaskedStoreOp::create(b, memref, at, trip.mask, value);
    else
      vector::StoreOp::create(b, value, memref, at);
    return;
  }
  for (int64_t lane = 0; lane < trip.width; ++lane) {
    Value element = vector::ExtractOp::create(b, value, lane);
    Value index = arith::AddIOp::create(b, trip.first, constant(lane));
    memref::StoreOp::create(b, element, memref, indices(map, index));
  }
}

/// A load inside the body (the rows of an embedding table).
Value LoopVectorizer::gather(Operation *inner, const Trip &trip,
                             IRMapping &values) {
  auto load = cast<memref::LoadOp>(inner);
  SmallVector<Value> at;
  bool uniform = true;
  for (Value index : load.getIndices()) {
    at.push_back(values.lookupOrDefault(index));
    uniform &= !isa<VectorType>(at.back().getType());
  }
  if (uniform)
    return memref::LoadOp::create(b, load.getMemRef(), at);
  auto self = load.getIndices().back().getDefiningOp<linalg::IndexOp>();
  bool others = llvm::any_of(ArrayRef<Value>(at).drop_back(), [](Value index) {
    return isa<VectorType>(index.getType());
  });
  if (self && self.getDim() == vectorDim && !others &&
      load.getMemRefType().isLastDimUnitStride() &&
      !load.getType().isInteger(1)) {
    at.back() = trip.first;
    VectorType type = vectorOf(load.getType(), trip.width);
    if (!trip.mask)
      return vector::LoadOp::create(b, type, load.getMemRef(), at);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    return vector::MaskedLoadOp::create(b, type, load.getMemRef(), at,
                                        trip.mask, zero);
  }
  return loadLanes(load.getMemRef(), trip, [&](int64_t lane) {
    SmallVector<Value> scalars(at);
    for (Value &index : scalars)
      if (isa<VectorType>(index.getType()))
        index = vector::ExtractOp::create(b, index, lane);
    return scalars;
  });
}

/// Computes one trip. With reductions, returns the new sums; else stores.
SmallVector<Value> LoopVectorizer::emitBody(const Trip &trip, ValueRange sums) {
  IRMapping values;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (op.isDpsInit(&operand) && reduces)
      values.map(argument,
                 sums[operand.getOperandNumber() - op.getNumDpsInputs()]);
    else if (!argument.use_empty())
      values.map(argument, load(operand, trip));
  }
  for (Operation &inner : op.getBlock()->without_terminator()) {
    Value result;
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      result = dims[index.getDim()];
      if (index.getDim() == vectorDim) {
        VectorType type = vectorOf(b.getIndexType(), trip.width);
        result = arith::AddIOp::create(
            b, vector::BroadcastOp::create(b, type, trip.first),
            vector::StepOp::create(b, type));
      }
    } else if (isa<memref::LoadOp>(inner)) {
      result = gather(&inner, trip, values);
    } else {
      bool vectors = llvm::any_of(inner.getOperands(), [&](Value operand) {
        return isa<VectorType>(values.lookupOrDefault(operand).getType());
      });
      Operation *copy = b.clone(inner, values);
      result = copy->getResult(0);
      if (vectors) {
        b.setInsertionPoint(copy);
        for (OpOperand &operand : copy->getOpOperands())
          operand.set(broadcast(operand.get(), trip.width));
        b.setInsertionPointAfter(copy);
        result.setType(vectorOf(inner.getResult(0).getType(), trip.width));
      }
    }
    values.map(inner.getResult(0), result);
  }
  Operation *yield = op.getBlock()->getTerminator();
  SmallVector<Value> results;
  for (OpOperand &init : op.getDpsInitsMutable()) {
    unsigned i = init.getOperandNumber() - op.getNumDpsInputs();
    Value value = values.lookupOrDefault(yield->getOperand(i));
    if (!reduces) {
      store(value, init, trip);
      continue;
    }
    if (trip.mask)
      value = arith::SelectOp::create(b, trip.mask, value, sums[i]);
    results.push_back(value);
  }
  return results;
}

} // namespace kvc
