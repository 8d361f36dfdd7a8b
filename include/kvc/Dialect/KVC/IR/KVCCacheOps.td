//===- KVCCacheOps.td - ops on a step and its caches -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The step's facts, append, attend, merge, gather, and the compiled variant.
// T is the number of new tokens of a step, over all of its sequences.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_CACHE_OPS_TD
#define KVC_CACHE_OPS_TD

include "kvc/Dialect/KVC/IR/KVCStatelessOps.td"

def KVC_CacheResource : Resource<"::kvc::CacheResource">;

//===----------------------------------------------------------------------===//
// The step
//===----------------------------------------------------------------------===//

class KVC_StepArrayOp<string mnemonic> : KVC_Op<mnemonic, [Pure]> {
  let arguments = (ins KVC_StepType:$step);
  let results = (outs AnyTypeOf<[1DTensorOf<[I32]>,
                                 MemRefRankOf<[I32], [1]>]>:$result);
  let assemblyFormat = "$step attr-dict `:` type($result)";
}

def KVC_StepPositionsOp : KVC_StepArrayOp<"step.positions"> {
  let summary = "position of each new token";
  let description = [{
    [T], i32: the number of tokens before it in its own sequence, unless the
    host says otherwise (trees, offsets).

    Example: `%p = kvc.step.positions %step : tensor<?xi32>`
  }];
}

def KVC_StepLogitRowsOp : KVC_StepArrayOp<"step.logit_rows"> {
  let summary = "token rows whose logits are wanted";
  let description = [{
    [R], i32, each in [0, T): usually the last new token of each sequence.

    Example: `%r = kvc.step.logit_rows %step : tensor<?xi32>`
  }];
}

def KVC_StepNumTokensOp : KVC_Op<"step.num_tokens", [Pure]> {
  let summary = "T, the number of new tokens in this step";
  let description = [{Example: `%t = kvc.step.num_tokens %step : index`}];
  let arguments = (ins KVC_StepType:$step);
  let results = (outs Index:$result);
  let assemblyFormat = "$step attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

def KVC_AppendOp : KVC_Op<"append",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "write this step's keys and values into a cache";
  let description = [{
    `key` [T, Hkv, Dk] and `value` [T, Hkv, Dv], in the cache's element type.
    With position `rope` K arrives unrotated, and at = append rotates it at the
    token's position before it is stored. Stored as the type's storage says.
    The runtime calls tokens provisional until it commits them.

    Constraints: (append_c1) rank 3, the cache's element type. (append_c2)
    heads and head dims are the cache's. (append_c3) both have the same T.

    Example:
    ```mlir
    kvc.append %k, %v into %cache at %step : tensor<?x2x64xf32>,
      tensor<?x2x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>
    ```
  }];
  let arguments = (ins KVC_Shaped:$key, KVC_Shaped:$value,
                       KVC_CacheType:$cache, KVC_StepType:$step);
  let assemblyFormat = [{
    $key `,` $value `into` $cache `at` $step attr-dict
    `:` type($key) `,` type($value) `,` qualified(type($cache))
  }];
  let hasVerifier = 1;
}

def KVC_AttendOp : KVC_Op<"attend",
    [AttrSizedOperandSegments, IsolatedFromAbove, DestinationStyleOpInterface,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "this step's queries against a cache";
  let description = [{
    `query` [T, Hq, Dk] gives `out` [T, Hq, Dv]; with `lse` the natural log of
    the softmax denominator as well, [T, Hq], f32. Query i of its sequence sees
    key j iff j < kv_len, j <= i (unless `causal = false`), the cache's
    retention and `window` show it, and the mask does: column j of row t,
    [T, M], i1 (true = visible) or f32 (added). Attend sees what is stored.

    s = `scale` * q.k, `softcap`, score region (batch is the row of the step,
    query and key are indices), ALiBi, mask; see kvc.attention. With position
    `rope` the query arrives unrotated and turns at its position; at = attend
    turns keys on reading. Under `streaming` sinks meet the query at its
    position inside the cache, min(i, sink_tokens + window - 1).

    A row in which no key is visible is 0 and its lse -inf; with `sink_logits`
    its lse is the sink logit.

    Constraints: (attend_c1) query and out have rank 3 and the cache's element
    type. (attend_c2) head dims are the cache's, Hq is a multiple of its
    kv_heads. (attend_c3) T and Hq of query and out agree. (attend_c4) `lse` is
    [T, Hq], f32. (attend_c5) `scale` is finite; `softcap` finite and positive.
    (attend_c6) `window` >= 1, needs `causal`, and does not go with streaming.
    (attend_c7) the mask is [T, M], i1 or f32. (attend_c8) `sink_logits` is
    [Hq], f32. (attend_c9) the score region is as in attention_c10.
    (attend_c10) results are the types of the tensors in `outs`, and none for
    memrefs. (attend_c11) explicit ALiBi slopes are Hq many.

    Example:
    ```mlir
    %o = kvc.attend %q, %cache at %step outs(%init) {scale = 1.25e-01 : f32} :
      (tensor<?x4x64xf32>, !kvc.cache<kv_heads = 2, head_dim = 64, f32>,
       !kvc.step, tensor<?x4x64xf32>) -> tensor<?x4x64xf32>
    ```
  }];
  let arguments = (ins
    KVC_Shaped:$query, KVC_CacheType:$cache, KVC_StepType:$step,
    Optional<KVC_Shaped>:$mask, Optional<KVC_Shaped>:$sinkLogits,
    Variadic<KVC_Shaped>:$captures, KVC_Shaped:$out, Optional<KVC_Shaped>:$lse,
    F32Attr:$scale, DefaultValuedAttr<BoolAttr, "true">:$causal,
    OptionalAttr<I64Attr>:$window, OptionalAttr<F32Attr>:$softcap);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region KVC_ScoreRegion:$score);
  let assemblyFormat = [{
    $query `,` $cache `at` $step (`mask` $mask^)? (`sink_logits` $sinkLogits^)?
    (`captures` `(` $captures^ `)`)? `outs` `(` $out (`,` $lse^)? `)`
    custom<Options>(attr-dict)
    (`score` $score^)? `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
  }];
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def KVC_MergeOp : KVC_Op<"merge",
    [DestinationStyleOpInterface,
     DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "combine partial attentions by their log-sum-exp";
  let description = [{
    `partial_out` [P, T, H, D] and `partial_lse` [P, T, H], f32, from attends
    over disjoint sets of keys, give `out` [T, H, D] and `lse` [T, H]: what one
    attend over all keys gives (Flash-Decoding, cascade inference).
    `sink_logits` [H] enter here, once; attends that feed a merge have none.
    Where every partial lse is -inf, out is 0 and lse -inf.

    Constraints: (merge_c1) ranks 4 and 3, f32, with P, T, H equal. (merge_c2)
    out is [T, H, D], float; lse [T, H], f32. (merge_c3) `sink_logits` is [H],
    f32. (merge_c4) results are the types of the tensors in `outs`.

    Example:
    ```mlir
    %o, %l = kvc.merge %po, %pl outs(%oi, %li) :
      (tensor<2x?x4x64xf32>, tensor<2x?x4xf32>, tensor<?x4x64xf32>,
       tensor<?x4xf32>) -> (tensor<?x4x64xf32>, tensor<?x4xf32>)
    ```
  }];
  let arguments = (ins KVC_Shaped:$partialOut, KVC_Shaped:$partialLse,
                       Optional<KVC_Shaped>:$sinkLogits, KVC_Shaped:$out,
                       KVC_Shaped:$lse);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $partialOut `,` $partialLse (`sink_logits` $sinkLogits^)?
    `outs` `(` $out `,` $lse `)` attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
  }];
  let hasVerifier = 1;
}

def KVC_GatherOp : KVC_Op<"gather",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "read one sequence's cache back as dense tensors";
  let description = [{
    Keys [N, Hkv, Dk] and values [N, Hkv, Dv] of row `seq` of the step, N its
    kv_len: dequantised, rotated as they are stored. Rows that retention has
    freed are NaN. For tests, debugging and export.

    Constraints: (gather_c1) both results are rank 3 in the cache's element
    type. (gather_c2) heads and head dims are the cache's.

    Example:
    ```mlir
    %k, %v = kvc.gather %cache[%seq] at %step :
      !kvc.cache<kv_heads = 2, head_dim = 64, f32>
      -> tensor<?x2x64xf32>, tensor<?x2x64xf32>
    ```
  }];
  let arguments = (ins KVC_CacheType:$cache, Index:$seq, KVC_StepType:$step);
  let results = (outs AnyRankedTensor:$key, AnyRankedTensor:$value);
  let assemblyFormat = [{
    $cache `[` $seq `]` `at` $step attr-dict `:` qualified(type($cache))
    `->` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
}

def KVC_VariantOp : KVC_Op<"variant", [Symbol, IsolatedFromAbove]> {
  let summary = "one family of kernels: append, attend and merge";
  let description = [{
    Everything that is baked into kernels, and nothing else: the cache type
    (geometry and policy), the number of query heads, which features are
    present. Values (scale, softcap, window, sink tokens, slopes, tables,
    lengths) come with kvcrt_params. `kvc-plan` makes one per distinct need of
    a model; `kvc-compile --attention` reads them as they are written.

    A lowering turns `kvc.variant @name` into the functions `name_append`,
    `name_attend`, `name_merge` and `name_workspace` of kvcrt/abi.h.

    `softcap`, `sink_logits`, `lse`, `window` say that attend has them; `mask`
    is `none`, `dense_f32`, `dense_i1` or `packed`; `captures` are the types of
    the tensors that the score region reads.

    Constraints: (variant_c1) query_heads is a positive multiple of the cache's
    kv_heads. (variant_c2) at most KVCRT_MAX_CAPTURES captures of rank up to
    KVCRT_MAX_CAPTURE_RANK. (variant_c3) the score region is as in
    attention_c10. (variant_c4) `window` does not go with streaming.
    (variant_c5) explicit ALiBi slopes are query_heads many.

    Example:
    ```mlir
    kvc.variant @decode {
      cache = !kvc.cache<kv_heads = 8, head_dim = 128, bf16>, query_heads = 32}
    ```
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name, TypeAttrOf<KVC_CacheType>:$cache,
    I64Attr:$query_heads, DefaultValuedAttr<BoolAttr, "true">:$causal,
    DefaultValuedAttr<KVC_MaskKindAttr, "::kvc::MaskKind::none">:$mask,
    UnitAttr:$softcap, UnitAttr:$sink_logits, UnitAttr:$lse, UnitAttr:$window,
    DefaultValuedAttr<TypeArrayAttr, "{}">:$captures);
  let regions = (region KVC_ScoreRegion:$score);
  let assemblyFormat = "$sym_name custom<Options>(attr-dict) (`score` $score^)?";
  let extraClassDeclaration = [{
    CacheType getCacheType() {
      return ::llvm::cast<CacheType>(getCache());
    }
  }];
  let hasVerifier = 1;
}

#endif // KVC_CACHE_OPS_TD
