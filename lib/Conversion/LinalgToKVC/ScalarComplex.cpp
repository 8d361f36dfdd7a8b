//===- ScalarComplex.cpp - Parts of complex numbers -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotations come as products of complex numbers. Their real and imaginary
// parts are ordinary arithmetic; ops are known by name, so that no dialect need
// be linked for them.
//
//===----------------------------------------------------------------------===//

#include "Scalars.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace kvc::raise {

/// complex.re or complex.im of an expression that is made from real ones.
const Expr *Scalars::foldComplex(Operation *op, Type type,
                                 ArrayRef<const Expr *> operands) {
  StringRef name = op->getName().getStringRef();
  bool isReal = name == "complex.re";
  if ((!isReal && name != "complex.im") || operands.size() != 1)
    return nullptr;
  const Expr *z = operands[0];
  for (unsigned i = 0; i < 32 && z->is(Expr::Kind::Element); ++i) {
    const Expr *next = expand(z);
    if (next == z)
      return nullptr;
    z = next;
  }
  if (!z->is(Expr::Kind::Apply) || z->tensor)
    return nullptr;
  StringRef of = z->op->getName().getStringRef();
  auto re = [&](unsigned i) {
    return build("complex.re", type, {z->operands[i]});
  };
  auto im = [&](unsigned i) {
    return build("complex.im", type, {z->operands[i]});
  };
  auto with = [&](StringRef arith, const Expr *a, const Expr *b) {
    return build(arith, type, {a, b});
  };
  if (of == "complex.create")
    return z->operands[isReal ? 0 : 1];
  if (of == "complex.mul")
    return isReal ? with("arith.subf", with("arith.mulf", re(0), re(1)),
                         with("arith.mulf", im(0), im(1)))
                  : with("arith.addf", with("arith.mulf", re(0), im(1)),
                         with("arith.mulf", im(0), re(1)));
  if (of == "complex.add" || of == "complex.sub")
    return with(of == "complex.add" ? "arith.addf" : "arith.subf",
                isReal ? re(0) : im(0), isReal ? re(1) : im(1));
  if (of == "complex.neg")
    return build("arith.negf", type, {isReal ? re(0) : im(0)});
  if (of == "complex.conj")
    return isReal ? re(0) : build("arith.negf", type, {im(0)});
  // exp(i a) = cos a + i sin a
  if (of == "complex.exp" && asReal(re(0)) == 0.0)
    return build(isReal ? "math.cos" : "math.sin", type, {im(0)});
  return nullptr;
}

} // namespace kvc::raise
