//===- ScoreRegion.cpp - a variant's score region on vectors --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A score region is scalar code over (score, batch, head, query, key, captured
// tensors). Elementwise ops become the same op on vectors; reads of captured
// tensors become one load per lane.
//
// Invariant: an index into a captured tensor is clamped to its shape, because
// lanes beyond kv_len carry keys that do not exist.
//
//===----------------------------------------------------------------------===//

#include "ScoreRegion.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace kvc::kernel {

/// Math ops that this engine has code for, or that are one instruction.
static bool isSupportedMath(Operation *op) {
  return isa<math::ExpOp, math::Exp2Op, math::LogOp, math::TanhOp, math::AbsFOp,
             math::AbsIOp, math::CopySignOp, math::SqrtOp, math::FmaOp>(op);
}

LogicalResult verifyScoreRegion(Region &region, StringRef engine) {
  for (Operation &op : region.front().without_terminator()) {
    if (isa<tensor::ExtractOp, tensor::DimOp>(op)) {
      if (isa<BlockArgument>(op.getOperand(0)))
        continue;
      return op.emitOpError(
          "expected to read a captured tensor, got a computed "
          "one; capture it instead");
    }
    if (isa<math::MathDialect>(op.getDialect())) {
      if (isSupportedMath(&op))
        continue;
      return op.emitOpError("expected a function that the ")
             << engine
             << " engine computes in a score region (exp, exp2, log, tanh, "
                "sqrt, abs, copysign, fma); express it by those or tabulate it "
                "in a captured tensor";
    }
    if (op.getNumRegions() != 0 || op.getNumResults() != 1 ||
        !isa<arith::ArithDialect>(op.getDialect()) ||
        !(op.hasTrait<OpTrait::Vectorizable>() || isa<arith::ConstantOp>(op)))
      return op.emitOpError("expected elementwise arith or math ops, "
                            "tensor.extract or tensor.dim in a score region "
                            "for the ")
             << engine << " engine";
    for (Type type : op.getResultTypes())
      if (!type.isIntOrIndexOrFloat())
        return op.emitOpError("expected a scalar in a score region, got ")
               << type;
  }
  return success();
}

namespace {
/// Translates one region for one vector of scores.
struct RegionEmitter {
  const ScoreRegionInputs &inputs;
  KernelBuilder &b;
  int64_t lanes;
  IRMapping map;

  Num mapped(Value value) { return b.num(map.lookup(value)); }
  Type vectorOf(Type element) { return b.vec(lanes, element); }
  Num lane(Num vector, int64_t index) {
    return lanes == 1 ? vector : b.lane(vector, index);
  }

  AbiStruct<kvcrt_capture> captureOf(Value tensor);
  Num extract(tensor::ExtractOp op);
  Num dim(tensor::DimOp op);
  Num elementwise(Operation &op);
};
} // namespace

static constexpr unsigned kFirstCapture = 5; // after score, batch, head, q, k

AbiStruct<kvcrt_capture> RegionEmitter::captureOf(Value tensor) {
  unsigned position =
      cast<BlockArgument>(tensor).getArgNumber() - kFirstCapture;
  return inputs.params.inner<kvcrt_capture>(KVC_FIELD(kvcrt_params, captures))
      .element(b.i64(position));
}

Num RegionEmitter::extract(tensor::ExtractOp op) {
  auto capture = captureOf(op.getTensor());
  Num data = capture.load(KVC_FIELD(kvcrt_capture, data));
  Type element = op.getType();
  // Truth values and indices are stored as bytes and as 64-bit integers.
  Type stored = element;
  if (element.isInteger(1))
    stored = b.i8();
  else if (element.isIndex())
    stored = b.i64();
  auto field = [&](size_t offset, int64_t d) {
    return b.load(b.i64(), b.at(capture.address(), int64_t(offset) + d * 8));
  };
  Nums shape, stride;
  for (int64_t d = 0, e = op.getIndices().size(); d < e; ++d) {
    shape.push_back(field(offsetof(kvcrt_capture, shape), d));
    stride.push_back(field(offsetof(kvcrt_capture, stride), d));
  }
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    Num address = data;
    for (auto [d, index] : llvm::enumerate(op.getIndices())) {
      Num at = this->lane(mapped(index), lane);
      Num wide = b.num(arith::IndexCastOp::create(b, b.i64(), at.value));
      wide = max(min(wide, shape[d] - 1), b.i64(0));
      address = b.at(address, wide * stride[d]);
    }
    elements.push_back(b.load(stored, address).value);
  }
  Num gathered =
      b.num(lanes == 1 ? elements[0]
                       : vector::FromElementsOp::create(
                             b, cast<VectorType>(vectorOf(stored)), elements)
                             .getResult());
  if (element.isInteger(1))
    return gathered != 0;
  if (element.isIndex())
    return b.num(
        arith::IndexCastOp::create(b, vectorOf(element), gathered.value));
  return gathered;
}

Num RegionEmitter::dim(tensor::DimOp op) {
  auto capture = captureOf(op.getSource());
  Num which = lane(mapped(op.getIndex()), 0);
  Num wide = b.num(arith::IndexCastOp::create(b, b.i64(), which.value));
  Num at = b.at(capture.address(), wide * 8);
  Num size = b.load(b.i64(), b.at(at, int64_t(offsetof(kvcrt_capture, shape))));
  Num index =
      b.num(arith::IndexCastOp::create(b, b.getIndexType(), size.value));
  return b.splat(index, lanes);
}

/// Whether a comparison or an integer is made of what `op` yields: floor(9 / 3)
/// is 3, but not of a quotient that is a unit of the last place short.
static bool isCutLater(Operation &op) {
  SmallVector<Operation *> reached{&op};
  llvm::SmallPtrSet<Operation *, 8> seen;
  while (!reached.empty()) {
    Operation *next = reached.pop_back_val();
    if (isa<arith::CmpFOp, arith::FPToSIOp, arith::FPToUIOp, arith::BitcastOp,
            arith::RemFOp>(next))
      return true;
    for (Operation *user : next->getUsers())
      if (seen.insert(user).second)
        reached.push_back(user);
  }
  return false;
}

Num RegionEmitter::elementwise(Operation &op) {
  if (isa<arith::ConstantOp>(op))
    return b.splat(b.num(b.clone(op)->getResult(0)), lanes);
  if (isa<math::ExpOp>(op))
    return inputs.functions.exp(mapped(op.getOperand(0)));
  if (isa<math::Exp2Op>(op))
    return inputs.functions.exp2(mapped(op.getOperand(0)));
  if (isa<math::LogOp>(op))
    return inputs.functions.log(mapped(op.getOperand(0)));
  if (isa<math::TanhOp>(op))
    return inputs.functions.tanh(mapped(op.getOperand(0)));
  if (auto product = dyn_cast<math::FmaOp>(op))
    return fma(mapped(product.getA()), mapped(product.getB()),
               mapped(product.getC()));
  OperationState state(b.getLoc(), op.getName());
  for (Value operand : op.getOperands())
    state.addOperands(mapped(operand).value);
  state.addAttributes(op.getAttrs());
  if (isa<arith::DivFOp>(op) && isCutLater(op))
    state.addAttribute(kRoundedOnce, b.getUnitAttr());
  for (Type type : op.getResultTypes())
    state.addTypes(vectorOf(type));
  return b.num(b.create(state)->getResult(0));
}

Num emitScoreRegion(Region &region, const ScoreRegionInputs &inputs) {
  KernelBuilder &b = *inputs.scores.builder;
  Block &block = region.front();
  RegionEmitter emitter{inputs, b, inputs.scores.lanes(), {}};
  auto toIndex = [&](Num integer, Type type) {
    return b.num(arith::IndexCastOp::create(b, type, integer.value));
  };
  auto bind = [&](unsigned argument, Num value) {
    emitter.map.map(block.getArgument(argument), value.value);
  };
  auto uniform = [&](Num scalar) {
    return b.splat(toIndex(scalar, b.getIndexType()), emitter.lanes);
  };
  bind(0, inputs.scores);
  bind(1, uniform(inputs.batch));
  bind(2, uniform(inputs.head));
  bind(3, uniform(inputs.query));
  bind(4, toIndex(inputs.keys, emitter.vectorOf(b.getIndexType())));
  for (Operation &op : block.without_terminator()) {
    Num result;
    if (auto extract = dyn_cast<tensor::ExtractOp>(op))
      result = emitter.extract(extract);
    else if (auto dim = dyn_cast<tensor::DimOp>(op))
      result = emitter.dim(dim);
    else
      result = emitter.elementwise(op);
    emitter.map.map(op.getResult(0), result.value);
  }
  return emitter.mapped(block.getTerminator()->getOperand(0));
}

} // namespace kvc::kernel
