//===- SizePolynomial.cpp - sizes as functions of dynamic sizes -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SizePolynomial.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace kvc {

Polynomial Polynomial::constant(int64_t value) {
  Polynomial result;
  if (value != 0)
    result.terms[{}] = value;
  return result;
}

Polynomial Polynomial::symbol(unsigned index) {
  Polynomial result;
  result.terms[{index}] = 1;
  return result;
}

Polynomial Polynomial::operator+(const Polynomial &other) const {
  Polynomial result = *this;
  for (auto &[monomial, coefficient] : other.terms)
    if ((result.terms[monomial] += coefficient) == 0)
      result.terms.erase(monomial);
  return result;
}

Polynomial Polynomial::operator*(const Polynomial &other) const {
  Polynomial result;
  for (auto &[left, a] : terms)
    for (auto &[right, b] : other.terms) {
      Monomial product(left);
      product.insert(product.end(), right.begin(), right.end());
      llvm::sort(product);
      result.terms[product] += a * b;
    }
  return result;
}

size_t Polynomial::degree() const {
  size_t degree = 0;
  for (auto &[monomial, coefficient] : terms)
    degree = std::max(degree, monomial.size());
  return degree;
}

int64_t Polynomial::extractContent() {
  int64_t content = 0;
  for (auto &[monomial, coefficient] : terms)
    content = std::gcd(content, coefficient);
  if (content == 0) { // no bytes at all: no units of the constant arena
    terms[{}] = 1;
    return 0;
  }
  for (auto &[monomial, coefficient] : terms)
    coefficient /= content;
  return content;
}

Value Polynomial::emit(ImplicitLocOpBuilder &b, ArrayRef<Value> symbols) const {
  Value sum = arith::ConstantIndexOp::create(b, 0);
  for (auto &[monomial, coefficient] : terms) {
    Value term = arith::ConstantIndexOp::create(b, coefficient);
    for (unsigned symbol : monomial)
      term = arith::MulIOp::create(b, term, symbols[symbol]);
    sum = arith::AddIOp::create(b, sum, term);
  }
  return sum;
}

Symbols::Symbols(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    if (auto type = dyn_cast<MemRefType>(argument.getType()))
      for (auto [dim, size] : llvm::enumerate(type.getShape()))
        if (ShapedType::isDynamic(size))
          dims.push_back({argument.getArgNumber(), unsigned(dim)});
}

static std::optional<Polynomial>
evaluate(AffineExpr expr, ArrayRef<Polynomial> operands, unsigned numDims) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return Polynomial::constant(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return operands[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return operands[numDims + symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto left = evaluate(binary.getLHS(), operands, numDims);
  auto right = evaluate(binary.getRHS(), operands, numDims);
  if (!left || !right)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add)
    return *left + *right;
  if (binary.getKind() == AffineExprKind::Mul)
    return *left * *right;
  return std::nullopt;
}

std::optional<Polynomial> Symbols::evaluate(Value value) const {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Polynomial::constant(constant.getSExtValue());
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto argument = dyn_cast<BlockArgument>(dim.getSource());
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!argument || !index)
      return std::nullopt;
    std::pair<unsigned, unsigned> key{argument.getArgNumber(), *index};
    auto found = llvm::find(dims, key);
    if (found == dims.end())
      return std::nullopt;
    return Polynomial::symbol(found - dims.begin());
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return evaluate(op->getOperand(0));
  SmallVector<Polynomial> operands;
  if (!isa<arith::AddIOp, arith::MulIOp, affine::AffineApplyOp>(op))
    return std::nullopt;
  for (Value operand : op->getOperands()) {
    std::optional<Polynomial> known = evaluate(operand);
    if (!known)
      return std::nullopt;
    operands.push_back(*known);
  }
  if (isa<arith::AddIOp>(op))
    return operands[0] + operands[1];
  if (isa<arith::MulIOp>(op))
    return operands[0] * operands[1];
  AffineMap map = cast<affine::AffineApplyOp>(op).getAffineMap();
  return kvc::evaluate(map.getResult(0), operands, map.getNumDims());
}

SmallVector<Value> Symbols::emitDims(ImplicitLocOpBuilder &b,
                                     func::FuncOp function) const {
  SmallVector<Value> values;
  for (auto [argument, dim] : dims)
    values.push_back(
        memref::DimOp::create(b, function.getArgument(argument), dim));
  return values;
}

} // namespace kvc
