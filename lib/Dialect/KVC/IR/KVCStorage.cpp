//===- KVCStorage.cpp - how elements become bits and back -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The storage axis: plain floats and quantised codes. Emits arith, math and
// vector only; docs/dialect.md and reference/ state the same meaning.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kvc;

static VectorType withElement(Value vector, Type element) {
  return cast<VectorType>(vector.getType()).clone(element);
}

static Value splat(OpBuilder &builder, Location loc, VectorType type,
                   double value) {
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(
          type, Attribute(builder.getFloatAttr(type.getElementType(), value))));
}

static std::optional<kvcrt_format> formatOf(Type type) {
  if (type.isF32())
    return KVCRT_F32;
  if (type.isF16())
    return KVCRT_F16;
  if (type.isBF16())
    return KVCRT_BF16;
  if (type.isSignlessInteger(8))
    return KVCRT_I8;
  if (type.isSignlessInteger(4))
    return KVCRT_I4;
  if (type.isSignlessInteger(2))
    return KVCRT_I2;
  if (isa<Float8E4M3FNType>(type))
    return KVCRT_F8E4M3FN;
  if (isa<Float8E5M2Type>(type))
    return KVCRT_F8E5M2;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// plain
//===----------------------------------------------------------------------===//

LogicalResult
PlainAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                  Type format) {
  // plain_c1
  if (!format.isF32() && !format.isF16() && !format.isBF16())
    return emitError() << "expected `plain` of f32, f16 or bf16, got " << format
                       << "; use #kvc.quant for other formats";
  return success();
}

kvcrt_storage PlainAttr::getStorage() const {
  kvcrt_storage storage = {};
  storage.kind = KVCRT_STORAGE_PLAIN;
  storage.format = *formatOf(getFormat());
  return storage;
}

Type PlainAttr::getPayloadType() const { return getFormat(); }

int64_t PlainAttr::getBits() const {
  return getFormat().getIntOrFloatBitWidth();
}

std::string PlainAttr::getUnsupportedReason() const { return {}; }

Value PlainAttr::emitDecode(OpBuilder &builder, Location loc, Value payload,
                            Value, Value) const {
  if (getFormat().isF32())
    return payload;
  return arith::ExtFOp::create(
      builder, loc, withElement(payload, builder.getF32Type()), payload);
}

RowScale PlainAttr::emitScale(OpBuilder &, Location, ValueRange) const {
  return {};
}

Value PlainAttr::emitEncode(OpBuilder &builder, Location loc, Value values,
                            Value, Value, RowQuotient) const {
  if (getFormat().isF32())
    return values;
  return arith::TruncFOp::create(builder, loc, withElement(values, getFormat()),
                                 values);
}

//===----------------------------------------------------------------------===//
// quant
//===----------------------------------------------------------------------===//

LogicalResult
QuantAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                  Type payload, QuantAxis axis, bool symmetric, Type scale,
                  int64_t group, int64_t residual) {
  std::optional<kvcrt_format> format = formatOf(payload);
  // quant_c1
  if (!format || *format < KVCRT_I8)
    return emitError()
           << "expected `quant` of i8, i4, i2, f8E4M3FN or f8E5M2, got "
           << payload;
  // quant_c2
  if (!scale.isF32() && !scale.isF16() && !scale.isBF16())
    return emitError() << "expected `scale` of f32, f16 or bf16, got " << scale;
  // quant_c3
  if (!symmetric && isa<FloatType>(payload))
    return emitError() << "expected `symmetric` with the float payload "
                       << payload << ", got `asymmetric`";
  // quant_c4
  if (group < 0 || group > INT32_MAX)
    return emitError() << "expected `group` in [0, 2147483647], got " << group;
  if (residual < 0 || residual > INT32_MAX)
    return emitError() << "expected `residual` in [0, 2147483647], got "
                       << residual;
  // quant_c5
  if (group != 0 && axis != QuantAxis::token && axis != QuantAxis::channel)
    return emitError() << "expected `group = 0` with axis "
                       << stringifyQuantAxis(axis) << ", got " << group
                       << "; groups belong to token and channel";
  return success();
}

kvcrt_storage QuantAttr::getStorage() const {
  kvcrt_storage storage = {};
  storage.kind = KVCRT_STORAGE_QUANT;
  storage.format = *formatOf(getPayload());
  storage.axis = int32_t(getAxis());
  storage.group = getGroup();
  storage.symmetric = getSymmetric();
  storage.scale_format = *formatOf(getScale());
  storage.residual = getResidual();
  return storage;
}

static_assert(int(QuantAxis::channel) == KVCRT_AXIS_CHANNEL &&
              int(QuantAxis::tensor) == KVCRT_AXIS_TENSOR);

/// Bits of an 8-bit float: no vector of them is legal below this dialect.
Type QuantAttr::getPayloadType() const {
  if (isa<FloatType>(getPayload()))
    return IntegerType::get(getContext(), unsigned(getBits()));
  return getPayload();
}

int64_t QuantAttr::getBits() const {
  return getPayload().getIntOrFloatBitWidth();
}

bool QuantAttr::hasScale() const { return true; }

bool QuantAttr::hasZeroPoint() const { return !getSymmetric(); }

int64_t QuantAttr::getScalesPerRow(int64_t dim) const {
  if (getAxis() != QuantAxis::token)
    return 1;
  return getGroup() == 0 ? 1 : (dim + getGroup() - 1) / getGroup();
}

int64_t QuantAttr::getScaleBytes(int64_t dim) const {
  return getScalesPerRow(dim) * getScale().getIntOrFloatBitWidth() / 8;
}

std::string QuantAttr::getUnsupportedReason() const {
  bool codes = getPayload().isInteger(8) || isa<Float8E4M3FNType>(getPayload());
  if (codes && getAxis() == QuantAxis::token && getSymmetric() &&
      getGroup() == 0 && getResidual() == 0 && getScale().isF32())
    return {};
  return "no engine runs this quantised storage yet; use #kvc.quant<i8, axis = "
         "token, symmetric>, #kvc.quant<f8E4M3FN, axis = token, symmetric> or "
         "#kvc.plain";
}

/// Magnitude of the largest code; rows are scaled to it.
static double largestCode(Type payload) {
  return isa<Float8E4M3FNType>(payload) ? 448.0 : 127.0;
}

namespace {
/// Arithmetic on vectors of one shape, for codecs that work on bits.
struct Bits {
  OpBuilder &b;
  Location loc;
  VectorType floats; // of f32

  VectorType words(unsigned bits = 32) {
    return floats.clone(b.getIntegerType(bits));
  }
  Value word(int64_t number) {
    return arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(words(), Attribute(b.getI32IntegerAttr(
                                            int32_t(uint32_t(number))))));
  }
  Value number(double x) { return splat(b, loc, floats, x); }
  Value asFloats(Value x) {
    return arith::BitcastOp::create(b, loc, floats, x);
  }
  Value asWords(Value x) {
    return arith::BitcastOp::create(b, loc, words(), x);
  }
  template <typename Op> Value op(Value x, Value y) {
    return Op::create(b, loc, x, y);
  }
  Value below(Value x, Value y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
  }
  Value choose(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
};
} // namespace

/// f8E4M3FN codes (i8) as f32: the exponent is biased by 127 instead of 7.
static Value decodeE4M3(Bits bits, Value codes) {
  using namespace arith;
  Value word = ExtUIOp::create(bits.b, bits.loc, bits.words(), codes);
  Value magnitude = bits.op<AndIOp>(word, bits.word(0x7f));
  Value normal = bits.op<AddIOp>(bits.op<ShLIOp>(magnitude, bits.word(20)),
                                 bits.word(int64_t(127 - 7) << 23));
  // A subnormal is a multiple of 2^-9: let the subtraction normalise it.
  Value lifted =
      bits.asFloats(bits.op<AddIOp>(normal, bits.word(int64_t(1) << 23)));
  Value subnormal = bits.asWords(bits.op<SubFOp>(lifted, bits.number(0x1p-6)));
  Value result =
      bits.choose(bits.below(magnitude, bits.word(8)), subnormal, normal);
  result = bits.choose(bits.below(bits.word(0x7e), magnitude),
                       bits.word(0x7fc00000), result);
  Value sign =
      bits.op<ShLIOp>(bits.op<AndIOp>(word, bits.word(0x80)), bits.word(24));
  return bits.asFloats(bits.op<OrIOp>(result, sign));
}

/// The codes of f32 numbers within +-448, half to even.
static Value encodeE4M3(Bits bits, Value numbers) {
  using namespace arith;
  Value word = bits.asWords(numbers);
  Value magnitude = bits.op<AndIOp>(word, bits.word(0x7fffffff));
  Value odd =
      bits.op<AndIOp>(bits.op<ShRUIOp>(magnitude, bits.word(20)), bits.word(1));
  Value rounded =
      bits.op<AddIOp>(bits.op<AddIOp>(magnitude, bits.word(0x7ffff)), odd);
  Value normal = bits.op<SubIOp>(bits.op<ShRUIOp>(rounded, bits.word(20)),
                                 bits.word((127 - 7) << 3));
  // Below 2^-6 codes count units of 2^-9: an addition whose last place is such
  // a unit rounds to them.
  Value lifted = bits.asWords(
      bits.op<AddFOp>(bits.asFloats(magnitude), bits.number(0x1p14)));
  Value subnormal = bits.op<SubIOp>(lifted, bits.asWords(bits.number(0x1p14)));
  Value isSmall = bits.below(magnitude, bits.word(int64_t(127 - 6) << 23));
  Value code = bits.choose(isSmall, subnormal, normal);
  Value sign =
      bits.op<AndIOp>(bits.op<ShRUIOp>(word, bits.word(24)), bits.word(0x80));
  return TruncIOp::create(bits.b, bits.loc, bits.words(8),
                          bits.op<OrIOp>(code, sign));
}

Value QuantAttr::emitDecode(OpBuilder &builder, Location loc, Value payload,
                            Value scale, Value) const {
  VectorType type = withElement(payload, builder.getF32Type());
  Value codes =
      isa<Float8E4M3FNType>(getPayload())
          ? decodeE4M3({builder, loc, type}, payload)
          : arith::SIToFPOp::create(builder, loc, type, payload).getResult();
  Value scales = vector::BroadcastOp::create(builder, loc, type, scale);
  return arith::MulFOp::create(builder, loc, codes, scales);
}

RowScale QuantAttr::emitScale(OpBuilder &builder, Location loc,
                              ValueRange pieces) const {
  // arith.maximumf carries a NaN through, so that it reaches the scale.
  Value largest;
  for (Value piece : pieces) {
    Value magnitude = math::AbsFOp::create(builder, loc, piece);
    Value row = vector::ReductionOp::create(
        builder, loc, vector::CombiningKind::MAXIMUMF, magnitude);
    largest =
        largest
            ? arith::MaximumFOp::create(builder, loc, largest, row).getResult()
            : row;
  }
  // largest / codes, rounded once. The product in f64 is so near the quotient
  // that f32 rounds both alike: a number of 24 bits over 127 or 448 = 7 x 64 is
  // no less than 2^-33 of itself away from where the rounding turns, or there
  // (a denormal half), and then the product is there too, since 1/448 is
  // rounded down by a quarter unit. row-divisor-test tries all of f32.
  Type wide = builder.getF64Type();
  Value inverse = arith::ConstantOp::create(
      builder, loc, builder.getF64FloatAttr(1.0 / largestCode(getPayload())));
  Value product = arith::MulFOp::create(
      builder, loc, arith::ExtFOp::create(builder, loc, wide, largest),
      inverse);
  return {arith::TruncFOp::create(builder, loc, builder.getF32Type(), product),
          Value()};
}

Value QuantAttr::emitEncode(OpBuilder &builder, Location loc, Value values,
                            Value scale, Value, RowQuotient divide) const {
  auto type = cast<VectorType>(values.getType());
  Type scalar = builder.getF32Type();
  // A scale that is zero or not finite gives codes 0: fptosi of a NaN would be
  // poison.
  Value zero = arith::ConstantOp::create(builder, loc,
                                         builder.getFloatAttr(scalar, 0.0));
  Value infinity = arith::ConstantOp::create(
      builder, loc,
      builder.getFloatAttr(scalar, APFloat::getInf(APFloat::IEEEsingle())));
  Value positive = arith::CmpFOp::create(
      builder, loc, arith::CmpFPredicate::OGT, scale, zero);
  Value finite = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT,
                                       scale, infinity);
  Value usable = arith::AndIOp::create(builder, loc, positive, finite);
  Value quotient =
      divide ? divide(values)
             : arith::DivFOp::create(
                   builder, loc, values,
                   vector::BroadcastOp::create(builder, loc, type, scale))
                   .getResult();
  bool isFloat = isa<Float8E4M3FNType>(getPayload());
  Value rounded = quotient;
  if (!isFloat)
    rounded = math::RoundEvenOp::create(builder, loc, quotient);
  Value low = splat(builder, loc, type, -largestCode(getPayload()));
  Value high = splat(builder, loc, type, largestCode(getPayload()));
  Value clamped = arith::MaximumFOp::create(builder, loc, rounded, low);
  clamped = arith::MinimumFOp::create(builder, loc, clamped, high);
  Value zeros = splat(builder, loc, type, 0.0);
  Value safe = arith::SelectOp::create(builder, loc, usable, clamped, zeros);
  if (isFloat)
    return encodeE4M3({builder, loc, type}, safe);
  return arith::FPToSIOp::create(builder, loc,
                                 withElement(values, getPayload()), safe);
}
