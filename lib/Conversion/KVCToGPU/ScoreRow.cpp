//===- ScoreRow.cpp - reads masks a column at a time ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: masks are read only at keys below kv_len.
//
//===----------------------------------------------------------------------===//

#include "ScoreRow.h"

using namespace mlir;

namespace kvc::gpu {

Num ScoreRow::denseMask(Num key, Num, Type element) const {
  KernelBuilder &b = c.b;
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  return b.ifElse(
      key < c.kvLen,
      [&]() -> Nums {
        return {loadInvariant(
            element, b.at(maskRow, b.toI64(key) * int64_t(bytes)), bytes)};
      },
      [&]() -> Nums { return {b.constant(element, 0)}; })[0];
}

Num ScoreRow::packedMask(Num key, Num) const {
  KernelBuilder &b = c.b;
  // Columns before the first have no bit and are visible.
  Num before = key < maskFirst;
  Num readable = (key < c.kvLen) & isFalse(before);
  return b.ifElse(
      readable,
      [&]() -> Nums {
        Num bit =
            b.toI64(token) * b.toI64(maskWidth) + b.toI64(key - maskFirst);
        Num byte = b.toI32(loadInvariant(b.i8(), b.at(maskBytes, bit >> 3), 1));
        return {((byte >> b.toI32(bit & 7)) & 1) != 0};
      },
      [&]() -> Nums { return {before}; })[0];
}

} // namespace kvc::gpu
