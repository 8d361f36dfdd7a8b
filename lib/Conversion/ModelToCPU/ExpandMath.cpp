//===- ExpandMath.cpp - math ops to arithmetic ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: after this pass every math op is one instruction of x86-64-v3
// (fma, sqrt, rounding, sign); anything else would be a call of libm.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace kvc {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// `like` (f32 or a vector of it) with another element type.
Type withElement(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

Value splat(ImplicitLocOpBuilder &b, Type type, double value) {
  FloatAttr scalar = b.getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(vector, scalar.getValue()));
  return arith::ConstantOp::create(b, scalar);
}

Value splat(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  IntegerAttr scalar = b.getIntegerAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(vector, scalar.getValue()));
  return arith::ConstantOp::create(b, scalar);
}

/// c[0] + x * (c[1] + x * (...)).
Value horner(ImplicitLocOpBuilder &b, Value x, ArrayRef<double> coefficients) {
  Value sum = splat(b, x.getType(), coefficients.back());
  for (double c : llvm::reverse(coefficients.drop_back()))
    sum = math::FmaOp::create(b, x, sum, splat(b, x.getType(), c));
  return sum;
}

/// sin (quarter = 0) or cos (quarter = 1) of an f32. x = k * pi/2 + r with r
/// computed in double: its error is k * 6e-17, so a position of a million loses
/// nothing that f32 could show. Polynomials on [-pi/4, pi/4]: Cephes sinf,
/// cosf.
Value emitSinCos(ImplicitLocOpBuilder &b, Value x, int64_t quarter) {
  Type f32 = x.getType();
  Type f64 = withElement(f32, b.getF64Type());
  Type i64 = withElement(f32, b.getI64Type());
  // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
  Value magic = splat(b, f64, 6755399441055744.0);
  Value wide = arith::ExtFOp::create(b, f64, x);
  Value shifted = math::FmaOp::create(
      b, wide, splat(b, f64, 0.63661977236758134308), magic);
  Value k = arith::SubFOp::create(b, shifted, magic);
  Value rest =
      math::FmaOp::create(b, k, splat(b, f64, -1.5707963267948966), wide);
  Value r = arith::TruncFOp::create(b, f32, rest);
  Value q = arith::AddIOp::create(b, arith::BitcastOp::create(b, i64, shifted),
                                  splat(b, i64, quarter));

  Value r2 = arith::MulFOp::create(b, r, r);
  Value sinTail =
      horner(b, r2, {-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4});
  Value sin =
      math::FmaOp::create(b, arith::MulFOp::create(b, r2, r), sinTail, r);
  Value cos = horner(b, r2,
                     {1.0, -0.5, 4.166664568298827e-2, -1.388731625493765e-3,
                      2.443315711809948e-5});
  auto bit = [&](int64_t mask) -> Value {
    Value masked = arith::AndIOp::create(b, q, splat(b, i64, mask));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, masked,
                                 splat(b, i64, int64_t(0)));
  };
  Value value = arith::SelectOp::create(b, bit(1), cos, sin);
  return arith::SelectOp::create(b, bit(2), arith::NegFOp::create(b, value),
                                 value);
}

template <typename OpTy, int64_t quarter>
struct ExpandSinCos : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not f32");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, emitSinCos(b, op.getOperand(), quarter));
    return success();
  }
};

/// What a CPU of x86-64-v3 has an instruction (or bit operation) for.
bool isInstruction(Operation *op) {
  return isa<math::FmaOp, math::SqrtOp, math::AbsFOp, math::AbsIOp,
             math::CopySignOp, math::FloorOp, math::CeilOp, math::TruncOp,
             math::RoundEvenOp, math::CountLeadingZerosOp,
             math::CountTrailingZerosOp, math::CtPopOp>(op);
}

struct ExpandMath : kvc::impl::ExpandMathPassBase<ExpandMath> {
  using ExpandMathPassBase::ExpandMathPassBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandSinCos<math::SinOp, 0>, ExpandSinCos<math::CosOp, 1>>(
        &getContext(), PatternBenefit(8));
    populateMathAlgebraicSimplificationPatterns(patterns);
    math::populateExpansionPatterns(
        patterns, {"rsqrt", "tan", "sinh", "cosh", "asinh", "acosh", "atanh",
                   "powf", "fpowi", "exp2", "round", "clampf"});
    // f16 and bf16 compute in f32, whatever the function.
    populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
    populateMathPolynomialApproximationPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation().walk([&](Operation *op) {
      if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) ||
          isInstruction(op))
        return;
      op->emitError(
          "expected a math op that can be computed without libm, got `")
          << op->getName() << "` on " << op->getResult(0).getType();
      signalPassFailure();
    });
  }
};

} // namespace
