//===- CodeOperands.cpp - 8-bit codes to operands of products -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions one by one cost more than all else that decode does with a key
// of 8 bits. So bytes are put where they are fields of a number, and one
// operation on pairs makes that number right:
//
//   i8 -> f16    0x6400 | (x ^ 0x80) is 1024 + (x + 128);  - 1152
//   i8 -> bf16   x ^ 0x80 is 2^-133 (x + 128);  * 2^127 - 2  is 2^-6 x
//   e4m3 -> f16  its fields under an exponent of 5 bits are 2^-8 x;  * 256
//
// Invariant: every step is exact. Denormal operands are meant: f16 and bf16
// instructions do not flush them.
//
//===----------------------------------------------------------------------===//

#include "CodeOperands.h"

#include "kvc/Dialect/KVC/IR/KVC.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace kvc::gpu {

CodeOperands::CodeOperands(Attribute storage, Type element, bool convertsFp8)
    : convertsFp8(convertsFp8) {
  auto quant = dyn_cast_if_present<QuantAttr>(storage);
  if (!quant || !(element.isF16() || element.isBF16()))
    return;
  Type payload = quant.getPayload();
  if (!payload.isInteger(8) &&
      !(isa<Float8E4M3FNType>(payload) && element.isF16()))
    return;
  codes = payload;
  this->element = element;
}

double CodeOperands::factor() const {
  return codes.isInteger(8) && element.isBF16() ? 64 : 1;
}

static Num word(KernelBuilder &b, uint32_t bits) {
  return b.i32(int32_t(bits));
}

static Num reinterpret(Num value, Type type) {
  KernelBuilder &b = *value.builder;
  return b.num(LLVM::BitcastOp::create(b, type, value.value));
}

/// Bytes of `first` (0 to 3) and `second` (4 to 7): prmt.
static Num bytesOf(Num first, Num second, ArrayRef<int64_t> which) {
  KernelBuilder &b = *first.builder;
  Type bytes = VectorType::get(4, b.i8());
  return reinterpret(
      b.shuffle(reinterpret(first, bytes), reinterpret(second, bytes), which),
      b.i32());
}

/// Both of the words' low bytes under those of `high`, or likewise the upper
/// two.
static Num lowPair(Num low, Num high) {
  return bytesOf(low, high, {0, 4, 1, 5});
}
static Num highPair(Num low, Num high) {
  return bytesOf(low, high, {2, 6, 3, 7});
}

static Type pairOf(KernelBuilder &b, Type element) {
  return VectorType::get(2, element);
}

static std::pair<Num, Num> fromI8(Num codes, Type element) {
  KernelBuilder &b = *codes.builder;
  Num biased = codes ^ word(b, 0x80808080), zero = b.i32(0);
  Type type = pairOf(b, element);
  auto constant = [&](uint32_t bits) {
    return reinterpret(word(b, bits), type);
  };
  auto finish = [&](Num pair) {
    if (element.isF16())
      return reinterpret(reinterpret(pair | word(b, 0x64006400), type) +
                             constant(0xe480e480),
                         b.i32());
    return reinterpret(fma(reinterpret(pair, type), constant(0x7f007f00),
                           constant(0xc000c000)),
                       b.i32());
  };
  return {finish(lowPair(biased, zero)), finish(highPair(biased, zero))};
}

/// cvt.rn.f16x2.e4m3x2 of the two codes in `half`'s lower 16 bits.
static Num convertPair(Num half) {
  KernelBuilder &b = *half.builder;
  Value codes = LLVM::TruncOp::create(b, b.getI16Type(), half.value);
  return b.num(NVVM::InlinePtxOp::create(b, TypeRange{b.i32()},
                                         ValueRange{codes}, ValueRange{},
                                         "cvt.rn.f16x2.e4m3x2 $0, $1;", Value())
                   .getResult(0));
}

static std::pair<Num, Num> fromE4M3ToF16(Num codes, bool converts) {
  KernelBuilder &b = *codes.builder;
  if (converts)
    return {convertPair(codes), convertPair(b.num(arith::ShRUIOp::create(
                                    b, codes.value, b.i32(16).value)))};
  // Each code as two bytes: s 0 e e e e m m, and m 0 0 0 0 0 0 0.
  Num most = b.num(arith::ShRUIOp::create(b, codes.value, b.i32(1).value)) &
             word(b, 0x3f3f3f3f);
  Num least = codes & word(b, 0x01010101);
  // All ones are a NaN: one more is 0x40, the highest bit of the exponent.
  Num high = (codes & word(b, 0x80808080)) | most |
             ((most + least) & word(b, 0x40404040));
  Type type = pairOf(b, b.getF16Type());
  auto finish = [&](Num pair) {
    return reinterpret(reinterpret(pair, type) *
                           reinterpret(word(b, 0x5c005c00), type),
                       b.i32());
  };
  Num low = least << 7;
  return {finish(lowPair(low, high)), finish(highPair(low, high))};
}

std::pair<Num, Num> CodeOperands::convert(Num four) const {
  if (codes.isInteger(8))
    return fromI8(four, element);
  return fromE4M3ToF16(four, convertsFp8);
}

} // namespace kvc::gpu
