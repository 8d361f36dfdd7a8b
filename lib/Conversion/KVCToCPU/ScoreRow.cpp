//===- ScoreRow.cpp - reads masks a vector at a time ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: masks are read only at keys below kv_len.
//
//===----------------------------------------------------------------------===//

#include "ScoreRow.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace kvc::cpu {

ScoreRow::ScoreRow(const AttendContext &c, Num token, Num head)
    : ScoreEdits(c, token, head) {
  // A sequence whose mask has no column may have no byte either.
  if (c.variant.mask == MaskKind::packed)
    maskBytes = select(maskWidth > 0, maskBytes, c.zeroRow);
}

/// Lanes of `element` from mask column `key` on; those beyond kv_len are zero
/// and not read.
Num ScoreRow::denseMask(Num key, Num columns, Type element) const {
  KernelBuilder &b = c.b;
  int64_t lanes = columns.lanes();
  Num inside = columns < b.splat(b.toI32(c.kvLen), lanes);
  Type type = b.vec(lanes, element);
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  Num none = b.constant(type, 0);
  return b.num(LLVM::MaskedLoadOp::create(
      b, type, b.at(maskRow, key * int64_t(bytes)).value, inside.value,
      none.value, b.getI32IntegerAttr(bytes), UnitAttr()));
}

/// Bit (row * width + key - first) of the sequence's mask, as lanes of i1.
Num ScoreRow::packedMask(Num key, Num columns) const {
  KernelBuilder &b = c.b;
  int64_t lanes = columns.lanes();
  // Lanes before the first column belong to no bit; lanes beyond kv_len read
  // the row's last byte, and are hidden by visible().
  Num rowBit = token * maskWidth;
  Num bit = rowBit + key - maskFirst;
  Num lastByte = (rowBit + maskWidth - 1) >> 3;
  Num firstByte = max(bit, b.i64(0)) >> 3;
  // Relative to the first byte read; negative before the first column.
  Num shift = b.toI32(bit - (firstByte << 3));
  Num word = b.i32(0);
  for (int64_t k = 0; k <= (lanes + 6) / 8; ++k) {
    Num at = max(min(firstByte + k, lastByte), b.i64(0));
    Num byte = b.toI32(b.load(b.i8(), b.at(maskBytes, at)));
    word = word | (byte << (8 * k));
  }
  Num amount = b.iota(lanes) + b.splat(shift, lanes);
  Num before = columns < b.splat(b.toI32(maskFirst), lanes);
  // A shift by a negative or too large amount would be poison.
  Num safe = select(before, amount.like(0), amount & 31);
  Num bits = b.splat(word, lanes) >> safe;
  return before | ((bits & 1) != 0);
}

} // namespace kvc::cpu
