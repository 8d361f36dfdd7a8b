//===- ScoreEdits.cpp - from a dot product to a score ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   s = scale * q.k;  s = c tanh(s / c);  s = region(s)
//   s2 = log2(e) (s + slope * distance + mask);  -inf where not visible
//
// Invariant: masks are read only at keys below kv_len.
//
//===----------------------------------------------------------------------===//

#include "ScoreEdits.h"

#include "../Kernel/ScoreRegion.h"

using namespace mlir;

namespace kvc::gpu {

static constexpr double kLog2E = 1.4426950408889634;

static Num expApprox(Num x) { return exp2Approx(x * kLog2E); }
static Num logApprox(Num x) { return log2Approx(x) * 0.6931471805599453; }

ScoreRow::ScoreRow(const AttendContext &c, Num row) : c(c) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  token = c.rowToken(row);
  head = c.rowHead(row);
  index = c.firstIndex + token;
  if (!v.softcap && !v.score)
    scaleLog2 = c.scale * kLog2E;
  Num stepToken = c.stepToken + token;
  if (v.alibi()) {
    slope = loadStepF32(c.params.load(KVC_FIELD(kvcrt_params, alibi_slopes)),
                        head) *
            kLog2E;
    position = c.rowPosition(token);
    if (v.streaming())
      sinkPosition = c.sinkPosition(token, position);
  }
  if (v.mask == MaskKind::none)
    return;
  Num mask = c.params.load(KVC_FIELD(kvcrt_params, mask));
  if (v.mask != MaskKind::packed) {
    Num tokenStride = c.params.load(KVC_FIELD(kvcrt_params, mask_token_stride));
    Num headStride = c.params.load(KVC_FIELD(kvcrt_params, mask_head_stride));
    maskRow = b.at(mask, b.toI64(stepToken) * tokenStride +
                             b.toI64(head) * headStride);
    return;
  }
  Num indptr = c.params.load(KVC_FIELD(kvcrt_params, mask_indptr));
  maskBytes = b.at(mask, b.toI64(loadStepI32(indptr, c.seq)));
  Num first = c.params.load(KVC_FIELD(kvcrt_params, mask_first_column));
  maskFirst = b.ifElse(
      first != b.nullPtr(),
      [&]() -> Nums { return {loadStepI32(first, c.seq)}; },
      [&]() -> Nums { return {b.i32(0)}; })[0];
  maskWidth = c.kvLen - maskFirst;
}

/// slope * (key position - query position), in powers of two.
Num ScoreRow::alibi(Num score, Num key, bool steady) const {
  KernelBuilder &b = c.b;
  Num from = position;
  if (c.variant.streaming() && !steady)
    from = select(key < c.sinkTokens, sinkPosition, from);
  return fma(slope, b.toFloat(key + c.positionOffset - from), score);
}

/// Everything but the masks that the caller brings.
Num ScoreRow::visible(Num key) const {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  Num seen = key < c.kvLen;
  if (v.causal)
    seen = seen & (key <= index);
  if (!v.window)
    return seen;
  if (v.policy.retention == KVCRT_RETAIN_ALL)
    // The op's own window.
    return seen & (key <= index) & (index - key < c.window);
  Num retained =
      b.num(v.retention.emitVisible(b, b.getLoc(), index.value, key.value,
                                    c.window.value, c.sinkTokens.value));
  return seen & retained;
}

/// Mask column `key`, or `outside` where that is beyond kv_len.
Num ScoreRow::denseMask(Num key, Type element, Num outside) const {
  KernelBuilder &b = c.b;
  unsigned bytes = element.getIntOrFloatBitWidth() / 8;
  return b.ifElse(
      key < c.kvLen,
      [&]() -> Nums {
        return {loadInvariant(
            element, b.at(maskRow, b.toI64(key) * int64_t(bytes)), bytes)};
      },
      [&]() -> Nums { return {outside}; })[0];
}

/// Bit (token * width + key - first) of the sequence's mask.
Num ScoreRow::packedMask(Num key) const {
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

Num ScoreRow::edit(Num dot, Num sinkDot, Num key, bool steady) const {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  if (sinkDot && !steady)
    dot = select(key < c.sinkTokens, sinkDot, dot);

  Num score;
  if (scaleLog2) {
    score = dot * scaleLog2;
  } else {
    score = dot * c.scale;
    if (v.softcap)
      score = c.softcap * tanhApprox(score / c.softcap);
    if (v.score)
      score = emitScoreRegion(*v.score,
                              {c.params,
                               {expApprox, exp2Approx, logApprox, tanhApprox},
                               score,
                               c.seq,
                               head,
                               index,
                               key});
    score = score * kLog2E;
  }
  if (v.alibi())
    score = alibi(score, key, steady);
  if (steady)
    return score;

  if (v.mask == MaskKind::dense_f32)
    score = fma(denseMask(key, b.f32(), b.f32(0)), b.f32(kLog2E), score);
  Num seen = visible(key);
  if (v.mask == MaskKind::dense_i1)
    seen = seen & (denseMask(key, b.i8(), b.constant(b.i8(), 0)) != 0);
  if (v.mask == MaskKind::packed)
    seen = seen & packedMask(key);
  return select(seen, score, b.negInf(score.type()));
}

} // namespace kvc::gpu
