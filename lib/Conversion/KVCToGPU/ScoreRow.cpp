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
  Num first = b.at(maskRow, b.toI64(firstKey) * int64_t(bytes));
  return b.ifElse(
      key < c.kvLen,
      [&]() -> Nums {
        return {loadInvariant(element, b.at(first, column * bytes), bytes)};
      },
      [&]() -> Nums { return {b.constant(element, 0)}; })[0];
}

Num ScoreRow::packedMask(Num key, Num) const {
  KernelBuilder &b = c.b;
  // The first key's bit, which may lie before the mask: the byte, rounded
  // down, and the bit in it. Every eighth column has the same bit.
  Num bits =
      b.toI64(token) * b.toI64(maskWidth) + b.toI64(firstKey - maskFirst);
  Num byte = b.num(arith::ShRSIOp::create(b, b.getLoc(), bits.value,
                                          b.constant(b.i64(), 3).value));
  Num bit = b.toI32(bits & 7) + column % 8;
  Num place = b.at(b.at(maskBytes, byte), b.toI64(bit >> 3));
  // Columns before the first have no bit and are visible.
  Num before = key < maskFirst;
  Num readable = (key < c.kvLen) & isFalse(before);
  return b.ifElse(
      readable,
      [&]() -> Nums {
        Num eight = b.toI32(loadInvariant(b.i8(), b.at(place, column / 8), 1));
        return {((eight >> (bit & 7)) & 1) != 0};
      },
      [&]() -> Nums { return {before}; })[0];
}

} // namespace kvc::gpu
