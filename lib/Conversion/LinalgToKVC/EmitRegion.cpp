//===- EmitRegion.cpp - Write the score region ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A region computes in f32 from the score, its positions and captured tensors,
// with arithmetic that every engine has. What depends on heads alone (slopes)
// is computed once, before the attention; so is what reads tensors of queries
// and keys.
//
//===----------------------------------------------------------------------===//

#include "EmitRegion.h"
#include "ScoreEdit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace kvc::raise {

/// kvc.attention takes no more.
static constexpr unsigned maxCaptures = 4;

bool RegionWriter::asks(const Expr *expr, const AxisList &list) {
  return llvm::any_of(list,
                      [&](AffineExpr axis) { return mentions(expr, axis); });
}

/// The position of `tensor` among the captures, or nothing when they are full.
std::optional<unsigned> RegionWriter::capture(Value tensor) {
  auto it = llvm::find(captures, tensor);
  if (it == captures.end() && captures.size() == maxCaptures)
    return std::nullopt;
  if (it == captures.end()) {
    captures.push_back(tensor);
    return captures.size() - 1;
  }
  return it - captures.begin();
}

/// slope[h] as a literal, where every head's is a known number.
Value RegionWriter::literalOfHeads(const Expr *expr) {
  if (roles.heads().size() != 1)
    return {};
  AffineExpr head = roles.heads().front();
  int64_t count = scalars.getAxes().extent(head);
  if (ShapedType::isDynamic(count) || count > 1024)
    return {};
  SmallVector<float> numbers;
  for (int64_t h = 0; h < count; ++h) {
    unsigned budget = 128;
    const Expr *at = scalars.expandAll(
        scalars.substitute(
            expr,
            {{head, getAffineConstantExpr(h, scalars.getAxes().getContext())}}),
        budget);
    std::optional<double> number = at ? scalars.asReal(at) : std::nullopt;
    if (!number)
      return {};
    numbers.push_back(static_cast<float>(*number));
  }
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(
          RankedTensorType::get({count}, builder.getF32Type()),
          ArrayRef<float>(numbers)));
}

/// `expr` as a tensor over the axes it asks for.
bool RegionWriter::captureWhole(const Expr *expr) {
  Capture read;
  Layout layout;
  const AxisList parts[] = {roles.batch, roles.heads(), roles.query, roles.key};
  for (auto [d, part] : llvm::enumerate(parts))
    if (!part.empty() && asks(expr, part)) {
      layout.push_back(part);
      read.dims.push_back(d);
    }
  Value tensor;
  if (layout.empty()) {
    Value scalar = emit.scalar(expr);
    if (!scalar)
      return false;
    tensor = tensor::FromElementsOp::create(
        builder, loc, RankedTensorType::get({}, scalar.getType()), scalar);
  } else {
    if (isa<FloatType>(expr->type) && layout == Layout{roles.heads()})
      tensor = literalOfHeads(expr);
    if (!tensor && expr->is(Expr::Kind::Element))
      if (auto source = chooseSource(scalars, expr, layout))
        tensor = emit.relayout(source->first, source->second, layout);
    if (!tensor)
      tensor = emit.compute(expr, layout);
  }
  if (!tensor)
    return false;
  std::optional<unsigned> index = capture(tensor);
  if (!index)
    return false;
  read.capture = *index;
  whole[expr] = read;
  return true;
}

/// What `expr`, free of the product, is made from: positions inside of the
/// region, all else before it.
bool RegionWriter::planSide(const Expr *expr) {
  if (whole.contains(expr) || expr->is(Expr::Kind::Constant))
    return true;
  bool moves = asks(expr, roles.query) || asks(expr, roles.key);
  if (expr->is(Expr::Kind::Affine))
    return true;
  if (!moves || expr->is(Expr::Kind::Element))
    return captureWhole(expr);
  if (expr->is(Expr::Kind::Apply) && expr->tensor) {
    // gathered by position
    std::optional<unsigned> index = capture(expr->tensor);
    if (!index)
      return false;
    gathered[expr->tensor] = *index;
  }
  return llvm::all_of(expr->operands,
                      [&](const Expr *operand) { return planSide(operand); });
}

const Expr *RegionWriter::prepare(const Expr *expr, const Expr *product,
                                  AffineExpr query, AffineExpr key) {
  if (expr == product || expr->is(Expr::Kind::Constant))
    return expr;
  if (!contains(expr, product)) {
    // computed from positions where that is all it needs
    if (const Expr *bias = asPositional(scalars, expr, query, key))
      return bias;
    return expr;
  }
  SmallVector<const Expr *> operands;
  for (const Expr *operand : expr->operands)
    operands.push_back(prepare(operand, product, query, key));
  if (expr->is(Expr::Kind::Piece))
    return scalars.piece(expr->affine, operands[0], operands[1]);
  return scalars.apply(expr->op, expr->type, operands, expr->tensor);
}

bool RegionWriter::planAll(const Expr *expr, const Expr *product) {
  if (expr == product)
    return true;
  if (contains(expr, product))
    return llvm::all_of(expr->operands, [&](const Expr *operand) {
      return planAll(operand, product);
    });
  // a side that is no function of positions alone is one tensor
  AffineExpr query = roles.query.empty() ? AffineExpr() : roles.query.front();
  AffineExpr key = roles.key.empty() ? AffineExpr() : roles.key.front();
  bool positional = key && asPositional(scalars, expr, query, key) == expr;
  if (positional || expr->is(Expr::Kind::Constant) ||
      expr->is(Expr::Kind::Affine))
    return planSide(expr);
  if (whole.contains(expr))
    return true;
  return captureWhole(expr);
}

bool RegionWriter::plan(const Expr *edit, const Expr *product) {
  AffineExpr query = roles.query.empty() ? AffineExpr() : roles.query.front();
  AffineExpr key = roles.key.empty() ? AffineExpr() : roles.key.front();
  expression = key ? prepare(edit, product, query, key) : edit;
  this->product = product;
  return planAll(expression, product);
}

bool RegionWriter::write(Region &region) {
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types{builder.getF32Type()};
  types.append(4, builder.getIndexType());
  for (Value tensor : captures)
    types.push_back(tensor.getType());
  SmallVector<Location> locations(types.size(), loc);
  Block *block = builder.createBlock(&region, {}, types, locations);
  RegionScope scope;
  const AxisList parts[] = {roles.batch, roles.heads(), roles.query, roles.key};
  for (auto [d, part] : llvm::enumerate(parts))
    if (!emit.splitIndex(builder, block->getArgument(1 + d), part, scope.axes))
      return false;
  for (auto [tensor, index] : gathered)
    scope.tensors[tensor] = block->getArgument(5 + index);
  scope.done[product] = block->getArgument(0);
  for (auto &[expr, read] : whole) {
    SmallVector<Value> at;
    for (unsigned d : read.dims)
      at.push_back(block->getArgument(1 + d));
    scope.done[expr] = emit.promoted(
        builder, tensor::ExtractOp::create(
                     builder, loc, block->getArgument(5 + read.capture), at));
  }
  Value result = emit.inRegion(builder, expression, scope);
  if (!result)
    return false;
  YieldOp::create(builder, loc, result);
  return true;
}

} // namespace kvc::raise
