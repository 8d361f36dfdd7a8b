//===- ScoreEdits.cpp - from a dot product to a score ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: scalars become lanes of i32 where they meet keys.
//
//===----------------------------------------------------------------------===//

#include "ScoreEdits.h"

using namespace mlir;

namespace kvc::kernel {

/// `scalar` beside the lanes of `keys`.
static Num beside(Num keys, Num scalar) {
  KernelBuilder &b = *keys.builder;
  return b.splat(b.toI32(scalar), keys.lanes());
}

ScoreEdits::ScoreEdits(const AttendTask &c, Num token, Num head)
    : c(c), token(token), head(head), index(c.firstIndex + token) {
  scale = needsNatural() ? c.scale : c.math.finished(c.scale);
  Num stepToken = c.stepToken + token;
  if (c.variant.alibi()) {
    Num slopes = c.params.load(KVC_FIELD(kvcrt_params, alibi_slopes));
    slope = c.math.finished(c.math.loadFloat(slopes, head));
    position = c.rowPosition(token);
    if (c.variant.streaming())
      sinkPosition = c.sinkPosition(token, position);
  }
  if (c.variant.mask != MaskKind::none)
    loadMask(stepToken);
}

void ScoreEdits::loadMask(Num stepToken) {
  KernelBuilder &b = c.b;
  Num mask = c.params.load(KVC_FIELD(kvcrt_params, mask));
  if (c.variant.mask != MaskKind::packed) {
    Num tokenStride = c.params.load(KVC_FIELD(kvcrt_params, mask_token_stride));
    Num headStride = c.params.load(KVC_FIELD(kvcrt_params, mask_head_stride));
    maskRow = b.at(mask, b.toI64(stepToken) * tokenStride +
                             b.toI64(head) * headStride);
    return;
  }
  Num indptr = c.params.load(KVC_FIELD(kvcrt_params, mask_indptr));
  maskBytes = b.at(mask, b.toI64(c.math.loadIndex(indptr, c.seq)));
  maskFirst =
      c.loadOrZero(c.params.load(KVC_FIELD(kvcrt_params, mask_first_column)));
  maskWidth = c.kvLen - maskFirst;
}

/// slope * (key position - query position).
Num ScoreEdits::alibi(Num score, Num keys, bool steady) const {
  KernelBuilder &b = c.b;
  Num from = beside(keys, position);
  if (c.variant.streaming() && !steady)
    from = select(keys < beside(keys, c.sinkTokens), beside(keys, sinkPosition),
                  from);
  Num distance = keys + beside(keys, c.positionOffset) - from;
  return fma(b.splat(slope, keys.lanes()), b.toFloat(distance), score);
}

/// Everything but the masks that the caller brings.
Num ScoreEdits::visible(Num keys) const {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  Num query = beside(keys, index);
  Num seen = keys < beside(keys, c.kvLen);
  if (v.causal)
    seen = seen & (keys <= query);
  if (!v.window)
    return seen;
  Num window = beside(keys, c.window);
  if (v.policy.retention == KVCRT_RETAIN_ALL)
    // The op's own window.
    return seen & (keys <= query) & (query - keys < window);
  Value sinks = v.streaming() ? beside(keys, c.sinkTokens).value : Value();
  Num retained = b.num(v.retention.emitVisible(
      b, b.getLoc(), query.value, keys.value, window.value, sinks));
  return seen & retained;
}

Num ScoreEdits::edit(Num dot, Num sinkDot, Num key, bool steady) const {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  const ScoreFunctions &functions = c.math.functions;
  int64_t lanes = dot.lanes();
  Num keys = key;
  if (lanes > 1)
    keys = b.iota(lanes) + b.splat(b.toI32(key), lanes);
  if (sinkDot && !steady)
    dot = select(keys < beside(keys, c.sinkTokens), sinkDot, dot);

  Num score = dot * b.splat(scale, lanes);
  if (v.softcap) {
    Num cap = b.splat(c.softcap, lanes);
    score = cap * functions.tanh(score / cap);
  }
  if (v.score)
    score = emitScoreRegion(
        *v.score, {c.params, functions, score, c.seq, head, index, keys});
  if (needsNatural())
    score = c.math.finished(score);
  if (v.alibi())
    score = alibi(score, keys, steady);
  if (steady)
    return score;

  if (v.mask == MaskKind::dense_f32)
    score = c.math.add(score, denseMask(key, keys, b.f32()));
  Num seen = visible(keys);
  if (v.mask == MaskKind::dense_i1)
    seen = seen & (denseMask(key, keys, b.i8()) != 0);
  if (v.mask == MaskKind::packed)
    seen = seen & packedMask(key, keys);
  return select(seen, score, b.negInf(score.type()));
}

} // namespace kvc::kernel
