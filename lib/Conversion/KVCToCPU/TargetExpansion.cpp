//===- TargetExpansion.cpp - what an old CPU has no instruction for -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between f16 and f32 after F. Giesen's branch-free forms (public
// domain). Invariant: half to even, denormals and infinities as in hardware; a
// NaN stays a NaN.
//
//===----------------------------------------------------------------------===//

#include "TargetExpansion.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace kvc::cpu {

static Type withElement(Num x, Type element) {
  return x.builder->vec(x.builder->isVector(x) ? x.lanes() : 1, element);
}

static Num extendBits(Num x) {
  KernelBuilder &b = *x.builder;
  return b.num(
      arith::ExtUIOp::create(b, withElement(x, b.getI32Type()), x.value));
}

static Num truncateBits(Num x) {
  KernelBuilder &b = *x.builder;
  return b.num(
      arith::TruncIOp::create(b, withElement(x, b.getI16Type()), x.value));
}

static Num extendHalf(Num half) {
  KernelBuilder &b = *half.builder;
  Num bits = extendBits(b.bitcast(half, b.getI16Type()));
  constexpr int64_t exponentMask = 0x7c00 << 13;
  Num shifted = (bits & 0x7fff) << 13;
  Num exponent = shifted & exponentMask;
  // Exponents are biased by 127 instead of 15; those of infinities and NaN go
  // from the highest of one format to the highest of the other.
  Num normal = shifted + ((127 - 15) << 23);
  Num special = normal + ((128 - 16) << 23);
  // A denormal is a multiple of 2^-24: let the subtraction normalise it.
  Num lifted = b.bitcast(normal + (1 << 23), b.f32());
  Num denormal = b.bitcast(lifted - 0x1p-14, b.i32());
  Num result = select(exponent == exponentMask, special, normal);
  result = select(exponent == 0, denormal, result);
  return b.bitcast(result | ((bits & 0x8000) << 16), b.f32());
}

static Num truncateToHalf(Num wide) {
  KernelBuilder &b = *wide.builder;
  Num bits = b.bitcast(wide, b.i32());
  Num magnitude = bits & 0x7fffffff;
  Num sign = (bits >> 16) & 0x8000;
  // From 65520 on (65536 here, the rest rounds up to it) there is only
  // infinity.
  Num special =
      select(magnitude > (255 << 23), bits.like(0x7e00), bits.like(0x7c00));
  // Below 2^-14: an addition whose last place is 2^-24 rounds to a multiple.
  constexpr int64_t magic = ((127 - 15) + (23 - 10) + 1) << 23;
  Num lifted = b.bitcast(magnitude, b.f32()) +
               b.bitcast(bits.like(double(magic)), b.f32());
  Num denormal = b.bitcast(lifted, b.i32()) - magic;
  Num odd = (magnitude >> 13) & 1;
  Num normal = (magnitude + (0xfff - ((127 - 15) << 23)) + odd) >> 13;
  Num result = select(magnitude < (113 << 23), denormal, normal);
  result = select(magnitude >= ((127 + 16) << 23), special, result);
  return b.bitcast(truncateBits(result | sign), b.getF16Type());
}

static Num roundToEven(Num x) {
  KernelBuilder &b = *x.builder;
  // Above 2^23 every float is an integer; below, adding 2^23 leaves no bits for
  // a fraction. The sign is put back for -0.
  constexpr double limit = 8388608.0;
  Num bits = b.bitcast(x, b.i32());
  Num magnitude = b.bitcast(bits & 0x7fffffff, b.f32());
  Num rounded = (magnitude + limit) - limit;
  Num sign = bits & double(int32_t(0x80000000));
  Num result = b.bitcast(b.bitcast(rounded, b.i32()) | sign, b.f32());
  return select(magnitude < limit, result, x);
}

void expandForTarget(func::FuncOp function, const VectorTarget &target) {
  auto replace = [&](Operation *op, Num (*expand)(Num)) {
    OpBuilder builder(op);
    KernelBuilder b(op->getLoc(), builder, target);
    op->getResult(0).replaceAllUsesWith(expand(b.num(op->getOperand(0))).value);
    op->erase();
  };
  auto isHalf = [](Value v) {
    return getElementTypeOrSelf(v.getType()).isF16();
  };
  auto isF32 = [](Value v) {
    return getElementTypeOrSelf(v.getType()).isF32();
  };
  function.walk([&](Operation *op) {
    if (!target.hasF16c && isa<arith::ExtFOp>(op) &&
        isHalf(op->getOperand(0)) && isF32(op->getResult(0)))
      replace(op, extendHalf);
    else if (!target.hasF16c && isa<arith::TruncFOp>(op) &&
             isF32(op->getOperand(0)) && isHalf(op->getResult(0)))
      replace(op, truncateToHalf);
    else if (!target.hasRound && isa<math::RoundEvenOp>(op) &&
             isF32(op->getOperand(0)))
      replace(op, roundToEven);
  });
}

} // namespace kvc::cpu
