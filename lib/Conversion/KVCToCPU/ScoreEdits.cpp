//===- ScoreEdits.cpp - soft-cap, ALiBi, masks and visibility -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: masks are read only at keys below kv_len; indices of keys and
// queries are compared as i32 lanes.
//
//===----------------------------------------------------------------------===//

#include "ScoreEdits.h"

#include "../Kernel/ScoreRegion.h"
#include "MathPolynomials.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace kvc::cpu {

ScoreRow::ScoreRow(AttendContext &c, Num head, Num token, Num index,
                   bool steady)
    : c(c), head(head), token(token), index(index), steady(steady) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  Num stepToken = c.stepToken + token;
  if (v.alibi()) {
    slope = loadF32(c.params.load(KVC_FIELD(kvcrt_params, alibi_slopes)), head);
    position = loadI32(c.positions, stepToken);
    sinkPosition = position;
    if (v.streaming())
      sinkPosition =
          position - max(index - (c.sinkTokens + c.window - 1), b.i64(0));
  }
  if (v.mask == MaskKind::none)
    return;
  Num mask = c.params.load(KVC_FIELD(kvcrt_params, mask));
  if (v.mask != MaskKind::packed) {
    Num tokenStride = c.params.load(KVC_FIELD(kvcrt_params, mask_token_stride));
    Num headStride = c.params.load(KVC_FIELD(kvcrt_params, mask_head_stride));
    maskRow = b.at(mask, stepToken * tokenStride + head * headStride);
    return;
  }
  Num indptr = c.params.load(KVC_FIELD(kvcrt_params, mask_indptr));
  maskBytes = b.at(mask, loadI32(indptr, c.seq));
  Num first = c.params.load(KVC_FIELD(kvcrt_params, mask_first_column));
  maskFirst = b.ifElse(
      first != b.nullPtr(), [&]() -> Nums { return {loadI32(first, c.seq)}; },
      [&]() -> Nums { return {b.i64(0)}; })[0];
  maskWidth = c.kvLen - maskFirst;
  // A sequence whose mask has no column may have no byte either.
  maskBytes = select(maskWidth > 0, maskBytes, c.zeroRow);
}

/// slope * (key position - query position).
Num ScoreRow::alibi(Num score, Num keys) {
  KernelBuilder &b = c.b;
  int64_t lanes = score.lanes();
  Num from = b.splat(b.toI32(position), lanes);
  if (c.variant.streaming() && !steady)
    from = select(keys < b.splat(b.toI32(c.sinkTokens), lanes),
                  b.splat(b.toI32(sinkPosition), lanes), from);
  Num distance = keys + b.splat(b.toI32(c.positionOffset), lanes) - from;
  return fma(b.splat(slope, lanes), b.toFloat(distance), score);
}

/// Everything but the masks that the caller brings.
Num ScoreRow::visible(Num keys) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  int64_t lanes = keys.lanes();
  auto wide = [&](Num scalar) { return b.splat(b.toI32(scalar), lanes); };
  Num query = wide(index);
  Num seen = keys < wide(c.kvLen);
  if (v.causal)
    seen = seen & (keys <= query);
  if (!v.window)
    return seen;
  Num window = wide(c.window);
  if (v.policy.retention == KVCRT_RETAIN_ALL)
    // The op's own window.
    return seen & (keys <= query) & (query - keys < window);
  Value sinks = v.streaming() ? wide(c.sinkTokens).value : Value();
  Num retained = b.num(v.retention.emitVisible(
      b, b.getLoc(), query.value, keys.value, window.value, sinks));
  return seen & retained;
}

/// Lanes of `element` from mask column `key` on; those beyond kv_len are zero
/// and not read.
Num ScoreRow::denseMask(Num key, Type element) {
  KernelBuilder &b = c.b;
  int64_t lanes = c.shape.lanes;
  Num columns = b.iota(lanes) + b.splat(b.toI32(key), lanes);
  Num inside = columns < b.splat(b.toI32(c.kvLen), lanes);
  Type type = b.vec(lanes, element);
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  Num none = b.constant(type, 0);
  return b.num(LLVM::MaskedLoadOp::create(
      b, type, b.at(maskRow, key * int64_t(bytes)).value, inside.value,
      none.value, b.getI32IntegerAttr(bytes), UnitAttr()));
}

/// Bit (row * width + key - first) of the sequence's mask, as lanes of i1.
Num ScoreRow::packedMask(Num key) {
  KernelBuilder &b = c.b;
  int64_t lanes = c.shape.lanes;
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
  Num before = b.iota(lanes) + b.splat(b.toI32(key), lanes) <
               b.splat(b.toI32(maskFirst), lanes);
  // A shift by a negative or too large amount would be poison.
  Num safe = select(before, amount.like(0), amount & 31);
  Num bits = b.splat(word, lanes) >> safe;
  return before | ((bits & 1) != 0);
}

Num ScoreRow::edit(Num dot, Num sinkDot, Num key) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  int64_t lanes = dot.lanes();
  Num keys = b.iota(lanes) + b.splat(b.toI32(key), lanes);
  if (sinkDot)
    dot = select(keys < b.splat(b.toI32(c.sinkTokens), lanes), sinkDot, dot);

  Num score = dot * b.splat(c.scale, lanes);
  if (v.softcap) {
    Num cap = b.splat(c.softcap, lanes);
    score = cap * emitTanh(score / cap);
  }
  if (v.score)
    score = emitScoreRegion(*v.score, {c.params,
                                       {emitExp, emitExp2, emitLog, emitTanh},
                                       score,
                                       c.seq,
                                       head,
                                       index,
                                       keys});
  if (v.alibi())
    score = alibi(score, keys);
  if (v.mask == MaskKind::dense_f32)
    score = score + denseMask(key, b.f32());
  if (steady)
    return score;

  Num seen = visible(keys);
  if (v.mask == MaskKind::dense_i1)
    seen = seen & (denseMask(key, b.i8()) != 0);
  if (v.mask == MaskKind::packed)
    seen = seen & packedMask(key);
  return select(seen, score, b.negInf(score.type()));
}

} // namespace kvc::cpu
