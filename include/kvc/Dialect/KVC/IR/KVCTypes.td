//===- KVCTypes.td - the types of the kvc dialect -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// !kvc.step and !kvc.cache.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_TYPES_TD
#define KVC_TYPES_TD

include "kvc/Dialect/KVC/IR/KVCAttrs.td"

class KVC_Type<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<KVC_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def KVC_StepType : KVC_Type<"Step", "step">,
    BuildableType<"::kvc::StepType::get($_builder.getContext())"> {
  let summary = "one ragged batch: which sequences get which new tokens";
  let description = [{
    Built by the runtime (`kvcrt_step` of kvcrt/abi.h) and opaque here. T, the
    number of new tokens of all sequences together, is the leading dimension
    of everything a step function computes.
  }];
}

def KVC_CacheType : KVC_Type<"Cache", "cache"> {
  let summary = "reference to the keys and values of one layer";
  let description = [{
    Geometry: `kv_heads`, `head_dim` (of K, or `of K : of V` when they differ)
    and the element type of q, k, v and the output. Policy: five axes, the
    number of appended tokens that can be taken back (`rollback`) and the
    number of positions that the model is good for (`max_positions`, 0 =
    unbounded). An axis that has its default is not printed: layout
    `#kvc.paged<block = 16>`, key and value `#kvc.plain` of the element type,
    position `#kvc.none`, retention `#kvc.all`.

    Constraints: (cache_c1) `kv_heads` is in [1, 65536], head dims in
    [1, 65536]. (cache_c2) the element type is f32, f16 or bf16. (cache_c3)
    `rollback` and `max_positions` are in [0, 2^31 - 1]. (cache_c4) no row of
    kvcrt/legality.def forbids the combination.

    Example:
    ```mlir
    !kvc.cache<kv_heads = 2, head_dim = 64, f32>
    !kvc.cache<kv_heads = 8, head_dim = 192 : 128, bf16, layout = #kvc.paged<block = 64>, retention = #kvc.window<4096>, rollback = 8, max_positions = 32768>
    ```
  }];
  let parameters = (ins
    "int64_t":$kvHeads,
    AttrParameter<"int64_t", "head_dim of K">:$keyDim,
    AttrParameter<"int64_t", "head_dim of V">:$valueDim,
    AttrParameter<"::mlir::Type", "of q, k, v and out">:$elementType,
    AttrParameter<"::kvc::LayoutAttrInterface", "layout">:$layout,
    AttrParameter<"::kvc::StorageAttrInterface", "storage of K">:$keyStorage,
    AttrParameter<"::kvc::StorageAttrInterface", "storage of V">:$valueStorage,
    AttrParameter<"::kvc::PositionAttrInterface", "position">:$position,
    AttrParameter<"::kvc::RetentionAttrInterface", "retention">:$retention,
    AttrParameter<"int64_t", "tokens that can be taken back">:$rollback,
    AttrParameter<"int64_t", "0 = unbounded">:$maxPositions);
  let builders = [
    // Every axis at its default.
    TypeBuilderWithInferredContext<(ins
      "int64_t":$kvHeads, "int64_t":$keyDim, "int64_t":$valueDim,
      "::mlir::Type":$elementType, CArg<"int64_t", "0">:$maxPositions)>
  ];
  let extraClassDeclaration = [{
    /// The policy as plain data, judged by kvcrt/legality.def.
    ::kvcrt_policy getPolicy() const;
    /// This type with the axes that `policy` holds; null, after reporting
    /// through `emitError`, when the result is illegal.
    CacheType getWithPolicy(
        PolicyAttr policy,
        ::llvm::function_ref<::mlir::InFlightDiagnostic()> emitError) const;
    /// Bytes of one token of one layer, K and V, payload padding and scales
    /// included.
    int64_t getBytesPerToken() const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // KVC_TYPES_TD
