//===- CodeOperands.h - 8-bit codes to operands of products -----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_CODEOPERANDS_H
#define KVC_LIB_CONVERSION_KVCTOGPU_CODEOPERANDS_H

#include "Warp.h"

namespace kvc::gpu {

/// How 8-bit codes become operands of the products, four at a time.
class CodeOperands {
public:
  /// For i8 to f16 and bf16, and f8E4M3FN to f16; else convert() must not be
  /// called.
  /// `convertsFp8`: the chip has cvt.f16x2.e4m3x2.
  CodeOperands(mlir::Attribute storage, mlir::Type element,
               bool convertsFp8 = false);
  explicit operator bool() const { return codes && element; }
  bool areFloats() const { return *this && !codes.isInteger(8); }
  /// Whether f8E4M3FN is converted bit by bit.
  bool takesManySteps() const { return areFloats() && !convertsFp8; }

  /// The elements that the four codes in `codes` (i32, the first in its lowest
  /// byte) stand for, divided by factor() and without their scale: exactly,
  /// a NaN as a NaN. Two pairs (i32).
  std::pair<Num, Num> convert(Num codes) const;
  /// A power of two that goes with the scale.
  double factor() const;

private:
  mlir::Type codes, element;
  bool convertsFp8;
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_CODEOPERANDS_H
