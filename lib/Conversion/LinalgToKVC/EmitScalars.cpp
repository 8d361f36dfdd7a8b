//===- EmitScalars.cpp - Write expressions back as ops --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is not understood stays: a mask that remains is written as one generic
// op that computes exactly the expression that was read from the graph.
//
//===----------------------------------------------------------------------===//

#include "Layout.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace kvc::raise {

using AxisValues = llvm::DenseMap<AffineExpr, Value>;

Value Emitter::emitIndex(OpBuilder &b, AffineExpr expr,
                         const AxisValues &axisValues) {
  SmallVector<Value> operands;
  llvm::DenseMap<AffineExpr, AffineExpr> renamed;
  bool known = true;
  expr.walk([&](AffineExpr e) {
    if (!isa<AffineDimExpr>(e) || renamed.contains(e))
      return;
    auto it = axisValues.find(e);
    if (it == axisValues.end()) {
      known = false;
      return;
    }
    renamed[e] = b.getAffineDimExpr(operands.size());
    operands.push_back(it->second);
  });
  if (!known)
    return {};
  AffineMap map = AffineMap::get(operands.size(), 0, expr.replace(renamed));
  if (map.isSingleConstant())
    return arith::ConstantIndexOp::create(b, loc,
                                          map.getSingleConstantResult());
  if (map.getResult(0) == b.getAffineDimExpr(0) && operands.size() == 1)
    return operands.front();
  if (region)
    return affine::expandAffineExpr(b, loc, map.getResult(0), operands, {});
  return affine::AffineApplyOp::create(b, loc, map, operands);
}

/// A select computes both of its sides, so every element read must exist.
static bool isWithin(Axes &axes, AffineExpr at, int64_t size) {
  if (isa<AffineDimExpr>(at))
    return true; // the axis was read off this tensor's dimension
  IndexRange range = axes.range(axes.linearize(at));
  return range.low && *range.low >= 0 &&
         ((range.high && !ShapedType::isDynamic(size) && *range.high < size) ||
          (range.high && *range.high == 0));
}

Value Emitter::emitScalar(OpBuilder &b, const Expr *expr,
                          const AxisValues &axisValues,
                          llvm::DenseMap<const Expr *, Value> &done) {
  if (Value known = done.lookup(expr))
    return known;
  Value result;
  SmallVector<Value> operands;
  for (const Expr *operand : expr->operands) {
    operands.push_back(emitScalar(b, operand, axisValues, done));
    if (!operands.back())
      return {};
  }
  bool narrow = region && isa<FloatType>(expr->type);
  Type type = narrow ? b.getF32Type() : expr->type;
  switch (expr->kind) {
  case Expr::Kind::Constant:
    result = arith::ConstantOp::create(
        b, loc,
        narrow ? toAttribute(*toNumber(expr->constant), type) : expr->constant);
    break;
  case Expr::Kind::Affine:
    result = emitIndex(b, expr->affine, axisValues);
    if (result && !expr->type.isIndex())
      result = arith::IndexCastOp::create(b, loc, expr->type, result);
    break;
  case Expr::Kind::Element: {
    if (region)
      return {}; // captured before, or not at all
    if (!isa<RankedTensorType>(expr->tensor.getType())) {
      result = expr->tensor;
      break;
    }
    SmallVector<Value> index;
    auto type = cast<RankedTensorType>(expr->tensor.getType());
    for (auto [at, size] : llvm::zip_equal(expr->index, type.getShape())) {
      index.push_back(emitIndex(b, at, axisValues));
      if (!index.back())
        return {};
      if (isWithin(scalars.getAxes(), at, size))
        continue;
      if (ShapedType::isDynamic(size) || size == 0)
        return {};
      // where the other side of a select is taken, any element does
      Value first = arith::ConstantIndexOp::create(b, loc, 0),
            last = arith::ConstantIndexOp::create(b, loc, size - 1);
      index.back() = arith::MinSIOp::create(
          b, loc, arith::MaxSIOp::create(b, loc, index.back(), first), last);
    }
    result = tensor::ExtractOp::create(b, loc, expr->tensor, index);
    break;
  }
  case Expr::Kind::Apply:
    if (expr->tensor) {
      Value tensor =
          region ? region->tensors.lookup(expr->tensor) : expr->tensor;
      if (!tensor)
        return {};
      result = tensor::ExtractOp::create(b, loc, tensor, operands);
      if (region)
        result = promoted(b, result);
    } else if (narrow && isa<arith::ExtFOp, arith::TruncFOp>(expr->op)) {
      result = operands.front();
    } else {
      OperationState state(loc, expr->op->getName(), operands, {type},
                           expr->op->getAttrs());
      result = b.create(state)->getResult(0);
    }
    break;
  case Expr::Kind::Piece: {
    Value at = emitIndex(b, expr->affine, axisValues);
    if (!at)
      return {};
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value holds =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, at, zero);
    result = arith::SelectOp::create(b, loc, holds, operands[0], operands[1]);
    break;
  }
  }
  return done[expr] = result;
}

static Value castScalar(OpBuilder &b, Location loc, Value value, Type to) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  if (value.getType() == to)
    return value;
  if (from < to.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, loc, to, value);
  if (from > to.getIntOrFloatBitWidth())
    return arith::TruncFOp::create(b, loc, to, value);
  // f16 and bf16: through f32
  return arith::TruncFOp::create(
      b, loc, to, arith::ExtFOp::create(b, loc, b.getF32Type(), value));
}

bool Emitter::splitIndex(OpBuilder &b, Value at, const AxisList &list,
                         AxisValues &axisValues) {
  int64_t stride = 1;
  AffineExpr d0 = b.getAffineDimExpr(0);
  for (auto [i, axis] : llvm::enumerate(llvm::reverse(list))) {
    AffineExpr part = d0.floorDiv(stride);
    if (i + 1 != list.size()) {
      int64_t extent = scalars.getAxes().extent(axis);
      if (ShapedType::isDynamic(extent))
        return false;
      part = part % extent;
      stride *= extent;
    }
    axisValues[axis] =
        list.size() == 1
            ? at
            : affine::expandAffineExpr(b, loc, part, ValueRange{at}, {});
  }
  return true;
}

Value Emitter::promoted(OpBuilder &b, Value value) {
  if (!isa<FloatType>(value.getType()))
    return value;
  return castScalar(b, loc, value, b.getF32Type());
}

Value Emitter::inRegion(OpBuilder &b, const Expr *expr, RegionScope &scope) {
  region = &scope;
  Value result = emitScalar(b, expr, scope.axes, scope.done);
  region = nullptr;
  return result;
}

Value Emitter::generic(
    const Layout &to, Type elementType,
    llvm::function_ref<Value(OpBuilder &, const AxisValues &)> body) {
  Value init = empty(to, elementType);
  if (!init)
    return {};
  unsigned rank = to.size();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto op = linalg::GenericOp::create(
      builder, loc, TypeRange{init.getType()}, ValueRange{}, ValueRange{init},
      ArrayRef<AffineMap>{builder.getMultiDimIdentityMap(rank)}, iterators);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&op.getRegion(), {}, {elementType}, {loc});
  AxisValues axisValues;
  for (auto [d, list] : llvm::enumerate(to)) {
    if (list.empty())
      continue;
    Value at = linalg::IndexOp::create(builder, loc, d);
    AffineExpr d0 = builder.getAffineDimExpr(0);
    int64_t stride = 1;
    for (auto [i, axis] : llvm::enumerate(llvm::reverse(list))) {
      bool outermost = i + 1 == list.size();
      AffineExpr part = d0.floorDiv(stride);
      if (!outermost) {
        int64_t extent = scalars.getAxes().extent(axis);
        part = part % extent;
        stride *= extent;
      }
      axisValues[axis] =
          list.size() == 1
              ? at
              : affine::AffineApplyOp::create(
                    builder, loc, AffineMap::get(1, 0, part), ValueRange{at})
                    .getResult();
    }
  }
  Value result = body(builder, axisValues);
  if (!result) {
    op.erase();
    return {};
  }
  builder.setInsertionPointToEnd(block);
  linalg::YieldOp::create(builder, loc, result);
  return op.getResult(0);
}

Value Emitter::compute(const Expr *expr, const Layout &to) {
  return generic(to, expr->type, [&](OpBuilder &b, const AxisValues &values) {
    llvm::DenseMap<const Expr *, Value> done;
    return emitScalar(b, expr, values, done);
  });
}

Value Emitter::emitPredicate(OpBuilder &b, const Predicate &p,
                             const AxisValues &axisValues,
                             llvm::DenseMap<const Expr *, Value> &done) {
  auto truth = [&](bool value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getBoolAttr(value));
  };
  switch (p.kind) {
  case Predicate::Kind::Always:
  case Predicate::Kind::Never:
    return truth(p.is(Predicate::Kind::Always));
  case Predicate::Kind::NonNegative: {
    Value at = emitIndex(b, p.affine, axisValues);
    if (!at)
      return {};
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, at, zero);
  }
  case Predicate::Kind::Unknown: {
    Value holds = emitScalar(b, p.unknown, axisValues, done);
    if (holds && p.negated)
      holds = arith::XOrIOp::create(b, loc, holds, truth(true));
    return holds;
  }
  case Predicate::Kind::All:
  case Predicate::Kind::Any:
    break;
  }
  Value result;
  for (const Predicate &part : p.parts) {
    Value holds = emitPredicate(b, part, axisValues, done);
    if (!holds)
      return {};
    if (!result)
      result = holds;
    else if (p.is(Predicate::Kind::All))
      result = arith::AndIOp::create(b, loc, result, holds);
    else
      result = arith::OrIOp::create(b, loc, result, holds);
  }
  return result;
}

Value Emitter::computeConjunction(ArrayRef<Predicate> parts, const Layout &to) {
  return generic(
      to, builder.getI1Type(), [&](OpBuilder &b, const AxisValues &values) {
        llvm::DenseMap<const Expr *, Value> done;
        Value all;
        for (const Predicate &part : parts) {
          Value holds = emitPredicate(b, part, values, done);
          if (!holds)
            return Value();
          all = all ? arith::AndIOp::create(b, loc, all, holds) : holds;
        }
        return all;
      });
}

Value Emitter::scalar(const Expr *expr) {
  llvm::DenseMap<const Expr *, Value> done;
  return emitScalar(builder, expr, AxisValues(), done);
}

/// An elementwise generic over tensors of one shape.
static Value
elementwise(OpBuilder &builder, Location loc, ValueRange tensors,
            Type elementType,
            llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto type = cast<RankedTensorType>(tensors.front().getType());
  SmallVector<OpFoldResult> mixed =
      tensor::getMixedSizes(builder, loc, tensors.front());
  Value init = tensor::EmptyOp::create(builder, loc, mixed, elementType);
  SmallVector<AffineMap> maps(tensors.size() + 1,
                              builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, TypeRange{init.getType()}, tensors, ValueRange{init},
             maps, iterators,
             [&](OpBuilder &b, Location l, ValueRange arguments) {
               linalg::YieldOp::create(b, l, body(b, arguments));
             })
      .getResult(0);
}

Value Emitter::castTo(Value tensor, Type elementType) {
  if (cast<RankedTensorType>(tensor.getType()).getElementType() == elementType)
    return tensor;
  return elementwise(builder, loc, tensor, elementType,
                     [&](OpBuilder &b, ValueRange x) {
                       return castScalar(b, loc, x[0], elementType);
                     });
}

/// What hides a score when it is added to it.
static Value minusInfinity(OpBuilder &b, Location loc) {
  FloatType f32 = b.getF32Type();
  return arith::ConstantOp::create(
      b, loc,
      FloatAttr::get(f32, llvm::APFloat::getInf(f32.getFloatSemantics(),
                                                /*Negative=*/true)));
}

Value Emitter::additive(Value visible) {
  return elementwise(builder, loc, visible, builder.getF32Type(),
                     [&](OpBuilder &b, ValueRange x) -> Value {
                       Value zero = arith::ConstantOp::create(
                           b, loc, b.getF32FloatAttr(0));
                       return arith::SelectOp::create(b, loc, x[0], zero,
                                                      minusInfinity(b, loc));
                     });
}

Value Emitter::hiddenUnless(Value visible, Value bias) {
  return elementwise(builder, loc, {visible, bias}, builder.getF32Type(),
                     [&](OpBuilder &b, ValueRange x) -> Value {
                       return arith::SelectOp::create(b, loc, x[0], x[1],
                                                      minusInfinity(b, loc));
                     });
}

Value Emitter::sum(Value a, Value b) {
  auto type = cast<RankedTensorType>(a.getType());
  Value init = tensor::EmptyOp::create(builder, loc,
                                       tensor::getMixedSizes(builder, loc, a),
                                       type.getElementType());
  return linalg::AddOp::create(builder, loc, ValueRange{a, b}, ValueRange{init})
      ->getResult(0);
}

Value Emitter::scaledBy(Value tensor, Value factor) {
  Type elementType = cast<RankedTensorType>(tensor.getType()).getElementType();
  return elementwise(builder, loc, tensor, elementType,
                     [&](OpBuilder &b, ValueRange x) -> Value {
                       Value f = castScalar(b, loc, factor, elementType);
                       return arith::MulFOp::create(b, loc, x[0], f);
                     });
}

} // namespace kvc::raise
