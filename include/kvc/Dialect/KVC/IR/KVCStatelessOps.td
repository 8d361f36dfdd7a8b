//===- KVCStatelessOps.td - attention and rope on tensors -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops without a cache: what raise finds in a model.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_STATELESS_OPS_TD
#define KVC_STATELESS_OPS_TD

include "kvc/Dialect/KVC/IR/KVCOpBase.td"

def KVC_AttentionOp : KVC_Op<"attention", [Pure, AttrSizedOperandSegments, IsolatedFromAbove]> {
  let summary = "stateless attention";
  let description = [{
    `query` [B, Hq, Sq, Dk], `key` [B, Hkv, Skv, Dk], `value` [B, Hkv, Skv, Dv]
    give [B, Hq, Sq, Dv] (softmax(scale * Q K^T + ...) V, Vaswani et al. 2017).
    Query head h reads KV head h / (Hq / Hkv).

    In this order: s = `scale` * q.k; `softcap` c: s = c * tanh(s / c); the
    score region: s = region(s, batch, head, query, key, captures...), where
    query and key are row numbers of Q and K; the float `mask` is added, or
    keys whose i1 `mask` is false become invisible. `causal` aligns the last
    query with the last key: query i has index Skv - Sq + i and sees keys up to
    that index. `window` = W: key j is visible to index i iff 0 <= i - j < W.
    Softmax runs over the visible keys; `sink_logits` [Hq] add one term
    exp(sink) per head to its denominator and nothing to its numerator.

    A row in which no key is visible yields what `fully_masked` says: `nan`
    (0 / 0), `uniform` (the mean of all values, what a finite mask gives) or
    `zero`; with `sink_logits` it yields zero. The second result is the natural
    log of the denominator, [B, Hq, Sq], f32, -inf for such a row.

    Constraints: (attention_c1) q, k, v and the result have rank 4 and one
    element type, f32, f16, bf16 or f64. (attention_c2) B, Skv, Dk agree, and
    Hq is a multiple of Hkv. (attention_c3) the result is [B, Hq, Sq, Dv].
    (attention_c4) `scale` is finite. (attention_c5) `window` >= 1 and only
    with `causal`. (attention_c6) `softcap` is finite and positive.
    (attention_c7) the mask is [1|B, 1|Hq, Sq, Skv], i1 or float.
    (attention_c8) `sink_logits` is [Hq], f32. (attention_c9) `lse` is
    [B, Hq, Sq], f32. (attention_c10) the score region takes (f32, index, index,
    index, index, captures...), yields f32 and only reads; there are
    at most 4 captures of rank up to 4, and none without a region.

    Example:
    ```mlir
    %o = kvc.attention %q, %k, %v {scale = 1.25e-01 : f32, causal} :
      (tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>)
      -> tensor<1x4x?x64xf32>
    ```
  }];
  let arguments = (ins
    AnyRankedTensor:$query, AnyRankedTensor:$key, AnyRankedTensor:$value,
    Optional<AnyRankedTensor>:$mask, Optional<AnyRankedTensor>:$sinkLogits,
    Variadic<AnyRankedTensor>:$captures,
    F32Attr:$scale, UnitAttr:$causal,
    OptionalAttr<I64Attr>:$window, OptionalAttr<F32Attr>:$softcap,
    DefaultValuedAttr<KVC_FullyMaskedAttr,
                      "::kvc::FullyMasked::nan">:$fully_masked);
  let results = (outs AnyRankedTensor:$result, Optional<AnyRankedTensor>:$lse);
  let regions = (region KVC_ScoreRegion:$score);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` $mask^)? (`sink_logits` $sinkLogits^)?
    (`captures` `(` $captures^ `)`)? custom<Options>(attr-dict)
    (`score` $score^)?
    `:` functional-type(operands, results)
  }];
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def KVC_RopeOp : KVC_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rotary position embedding at explicit positions";
  let description = [{
    `input` is [T, H, D] with `positions` [T], or [B, H, S, D] with `positions`
    [S] or [B, S]. Pair i of a row at position p turns by p * theta^(-2i/dim)
    radians, scaled as `rope` says (Su et al. 2021); the `at` of `rope` has no
    meaning here. Elements from `dim` on pass.

    Constraints: (rope_c1) rank 3 or 4, float elements. (rope_c2) positions are
    i32 or i64 and have the shape above. (rope_c3) `dim` of `rope` is at most D. (rope_c4)
    `scaling` is not dynamic: only a cache knows lengths.

    Example:
    ```mlir
    %r = kvc.rope %x at %p {rope = #kvc.rope<theta = 1.0e+04, dim = 64>}
      : tensor<?x4x64xf32>, tensor<?xi32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$positions,
                       KVC_RopeAttr:$rope);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat =
    "$input `at` $positions attr-dict `:` type($input) `,` type($positions)";
  let hasVerifier = 1;
}

def KVC_YieldOp : KVC_Op<"yield", [Pure, Terminator,
    ParentOneOf<["AttentionOp", "AttendOp", "VariantOp"]>]> {
  let summary = "the edited score";
  let description = [{
    Ends a score region.

    Constraints: (yield_c1) its parent is attention, attend or variant.

    Example: `kvc.yield %s : f32`
  }];
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // KVC_STATELESS_OPS_TD
