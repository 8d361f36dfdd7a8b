//===- SizePolynomial.h - sizes as functions of dynamic sizes ---*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 12 * T * T + 64 * R, where T and R are dynamic sizes of a function's buffer
// arguments. Coefficients are positive in practice, so a larger T never needs
// less.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_MODELTOCPU_SIZEPOLYNOMIAL_H
#define KVC_LIB_CONVERSION_MODELTOCPU_SIZEPOLYNOMIAL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <map>
#include <numeric>
#include <optional>
#include <vector>

namespace kvc {

class Polynomial {
public:
  /// Symbols of one term, sorted; repeated for a power. Empty is the constant.
  using Monomial = std::vector<unsigned>;

  static Polynomial constant(int64_t value);
  static Polynomial symbol(unsigned index);

  Polynomial operator+(const Polynomial &other) const;
  Polynomial operator*(const Polynomial &other) const;
  bool operator<(const Polynomial &other) const { return terms < other.terms; }
  bool operator==(const Polynomial &other) const {
    return terms == other.terms;
  }

  /// Symbols in the longest term.
  size_t degree() const;
  /// Divides by the greatest common divisor of the coefficients, returns it.
  int64_t extractContent();
  mlir::Value emit(mlir::ImplicitLocOpBuilder &b,
                   mlir::ArrayRef<mlir::Value> symbols) const;

private:
  std::map<Monomial, int64_t> terms;
};

/// The dynamic sizes of a function's memref arguments, in order.
class Symbols {
public:
  explicit Symbols(mlir::func::FuncOp function);
  size_t size() const { return dims.size(); }
  /// `value` in terms of the symbols; none when it depends on anything else.
  std::optional<Polynomial> evaluate(mlir::Value value) const;
  /// memref.dim of each symbol.
  mlir::SmallVector<mlir::Value> emitDims(mlir::ImplicitLocOpBuilder &b,
                                          mlir::func::FuncOp function) const;

private:
  std::vector<std::pair<unsigned, unsigned>> dims; // argument, dimension
};

} // namespace kvc

#endif // KVC_LIB_CONVERSION_MODELTOCPU_SIZEPOLYNOMIAL_H
