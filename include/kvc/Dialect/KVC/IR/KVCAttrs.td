//===- KVCAttrs.td - the values of the policy axes -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes that a cache type is made of, one section per axis, and
// #kvc.policy, which holds any subset of them. Names are the field's.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_ATTRS_TD
#define KVC_ATTRS_TD

include "kvc/Dialect/KVC/IR/KVCEnums.td"
include "kvc/Dialect/KVC/IR/KVCInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

class KVC_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<KVC_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

def KVC_PagedAttr : KVC_Attr<"Paged", "paged",
    [DeclareAttrInterfaceMethods<KVC_LayoutAttrInterface>]> {
  let summary = "blocks of a fixed number of tokens behind a block table";
  let description = [{
    `block` is in tokens. `order` says what is contiguous inside a block: `hnd`
    keeps a head's tokens together (one run per head), `nhd` a token's heads.
    `#kvc.paged` alone is `#kvc.paged<block = 16, order = hnd>`.

    Constraints: (paged_c1) `block` is in [1, 2^20].

    Example: `#kvc.paged<block = 32, order = nhd>`
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "16", "tokens per block">:$block,
    DefaultValuedParameter<"::kvc::Order", "::kvc::Order::hnd">:$order);
  let assemblyFormat = "(`<` struct(params)^ `>`)?";
  let genVerifyDecl = 1;
}

def KVC_ContiguousAttr : KVC_Attr<"Contiguous", "contiguous",
    [DeclareAttrInterfaceMethods<KVC_LayoutAttrInterface>]> {
  let summary = "one run of memory per sequence, of a fixed capacity";
  let description = [{
    `capacity` is in tokens: one block per sequence, so that every engine
    treats it as paged with `block = capacity`.

    Constraints: (contiguous_c1) `capacity` is in [1, 2^31 - 1].

    Example: `#kvc.contiguous<capacity = 2048>`
  }];
  let parameters = (ins AttrParameter<"int64_t", "tokens per sequence">:$capacity);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

def KVC_PlainAttr : KVC_Attr<"Plain", "plain",
    [DeclareAttrInterfaceMethods<KVC_StorageAttrInterface>]> {
  let summary = "elements stored as they are, rounded half to even";
  let description = [{
    Constraints: (plain_c1) the format is f32, f16 or bf16.

    Example: `#kvc.plain<bf16>`
  }];
  let parameters = (ins AttrParameter<"::mlir::Type", "stored type">:$format);
  let assemblyFormat = "`<` $format `>`";
  let genVerifyDecl = 1;
}

def KVC_QuantAttr : KVC_Attr<"Quant", "quant",
    [DeclareAttrInterfaceMethods<KVC_StorageAttrInterface,
      ["hasScale", "hasZeroPoint", "getScalesPerRow", "getScaleBytes"]>]> {
  let summary = "elements stored as small codes with shared scales";
  let description = [{
    `axis` says what shares a scale: the whole tensor, a head, a token (a row,
    or `group` elements of it) or a channel (`group` tokens of it). `residual`
    newest tokens stay unquantised.

    i8, token, symmetric (KIVI's and vLLM's form): scale = absmax(row) / 127 in
    f32, code = clamp(round_half_even(x / scale), -127, 127), decoded as code *
    scale. A row of zeros has scale 0 and codes 0. A row that holds a NaN or an
    infinity stores that as its scale with codes 0, so that it decodes to NaN,
    and sets KVCRT_ERROR_NAN_INPUT.

    f8E4M3FN, token, symmetric: the same with scale = absmax(row) / 448 and code
    = round_half_even(x / scale) saturated at 448, so that no code is a NaN.

    These are the forms that engines run today; the others are understood,
    checked and refused by `getUnsupportedReason`.

    Constraints: (quant_c1) payload is i8, i4, i2, f8E4M3FN or f8E5M2.
    (quant_c2) scales are f32, f16 or bf16. (quant_c3) a float payload is
    symmetric. (quant_c4) `group` and `residual` are not negative. (quant_c5)
    `group` belongs to the token and channel axes.

    Example: `#kvc.quant<i8, axis = token, symmetric>` and
    `#kvc.quant<i4, axis = channel, asymmetric, scale = f16, group = 64, residual = 128>`
  }];
  let parameters = (ins
    AttrParameter<"::mlir::Type", "type of the codes">:$payload,
    EnumParameter<KVC_QuantAxis>:$axis,
    AttrParameter<"bool", "no zero points">:$symmetric,
    AttrParameter<"::mlir::Type", "type of the scales">:$scale,
    AttrParameter<"int64_t", "elements or tokens per scale, 0 = all">:$group,
    AttrParameter<"int64_t", "newest tokens kept unquantised">:$residual);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Position
//===----------------------------------------------------------------------===//

def KVC_NoneAttr : KVC_Attr<"None", "none",
    [DeclareAttrInterfaceMethods<KVC_PositionAttrInterface>]> {
  let summary = "operands arrive rotated, or need no rotation";
  let assemblyFormat = "";
}

def KVC_RopeAttr : KVC_Attr<"Rope", "rope",
    [DeclareAttrInterfaceMethods<KVC_PositionAttrInterface,
      ["getRotation", "rotatesAtAppend", "rotatesAtAttend"]>]> {
  let summary = "rotary position embedding of the leading `dim` elements";
  let description = [{
    Pair i of position p turns by p * theta^(-2i/dim) radians. `neox` pairs
    (i, i + dim/2), `interleaved` pairs (2i, 2i + 1); elements from `dim` on
    pass. `at` says when a cache's keys turn (`kvc.rope` ignores it).

    `scaling` stretches the frequencies: `linear<factor>` divides positions;
    `llama3<factor, low_freq_factor, high_freq_factor, original_max_positions>`
    is Llama 3.1's rule per frequency; `dynamic<factor,
    original_max_positions>` depends on the length (dynamic NTK).

    Constraints: (rope_attr_c1) `theta` is finite and greater than 1.
    (rope_attr_c2) `dim` is even and in [2, 65536]. (rope_attr_c3) `factor` is
    finite and at least 1. (rope_attr_c4) llama3: 0 < low_freq_factor <
    high_freq_factor, finite. (rope_attr_c5) llama3, dynamic:
    `original_max_positions` is in [1, 2^31 - 1].

    Example: `#kvc.rope<theta = 1.0e+04, dim = 64, style = neox, at = append>` and
    `#kvc.rope<theta = 5.0e+05, dim = 128, scaling = llama3<factor = 8.0, low_freq_factor = 1.0, high_freq_factor = 4.0, original_max_positions = 8192>>`
  }];
  let parameters = (ins
    AttrParameter<"::mlir::FloatAttr", "base, f64">:$thetaAttr,
    AttrParameter<"int64_t", "rotated elements of a head">:$dim,
    EnumParameter<KVC_RopeStyle>:$style,
    EnumParameter<KVC_RopeAt>:$at,
    EnumParameter<KVC_RopeScaling>:$scaling,
    AttrParameter<"::mlir::FloatAttr", "f64, 1 when unused">:$factorAttr,
    AttrParameter<"::mlir::FloatAttr", "f64, 1 when unused">:$lowFreqFactorAttr,
    AttrParameter<"::mlir::FloatAttr", "f64, 1 when unused">:$highFreqFactorAttr,
    AttrParameter<"int64_t", "0 when unused">:$originalMaxPositions);
  let builders = [
    AttrBuilder<(ins "double":$theta, "int64_t":$dim,
                     CArg<"::kvc::RopeStyle", "::kvc::RopeStyle::neox">:$style,
                     CArg<"::kvc::RopeAt", "::kvc::RopeAt::append">:$at)>
  ];
  let extraClassDeclaration = [{
    double getTheta() const { return getThetaAttr().getValueAsDouble(); }
    double getFactor() const { return getFactorAttr().getValueAsDouble(); }
    double getLowFreqFactor() const {
      return getLowFreqFactorAttr().getValueAsDouble();
    }
    double getHighFreqFactor() const {
      return getHighFreqFactorAttr().getValueAsDouble();
    }
    /// The same rotation at another time.
    RopeAttr withAt(RopeAt at) const;
    /// This attribute as plain data.
    ::kvcrt_rope_params getParams() const;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def KVC_AlibiAttr : KVC_Attr<"Alibi", "alibi",
    [DeclareAttrInterfaceMethods<KVC_PositionAttrInterface, ["getSlopes"]>]> {
  let summary = "a linear bias of distance instead of a rotation";
  let description = [{
    Adds `slope[h] * (key position - query position)` to a score. Without
    `slopes` they are the geometric ones of Press et al. (ICLR 2022): for n
    heads, n a power of two, 2^(-8(h+1)/n); else those of the largest power of
    two below n, followed by every other one of twice that power.

    Constraints: (alibi_c1) slopes are finite, and at least one when given.

    Example: `#kvc.alibi` and `#kvc.alibi<slopes = [5.0e-01, 2.5e-01]>`
  }];
  let parameters = (ins
    OptionalParameter<"::mlir::DenseF32ArrayAttr", "one per query head">:$slopes);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Retention
//===----------------------------------------------------------------------===//

def KVC_AllAttr : KVC_Attr<"All", "all",
    [DeclareAttrInterfaceMethods<KVC_RetentionAttrInterface>]> {
  let summary = "every key stays visible";
  let assemblyFormat = "";
}

def KVC_WindowAttr : KVC_Attr<"Window", "window",
    [DeclareAttrInterfaceMethods<KVC_RetentionAttrInterface,
                                 ["getWindowSize"]>]> {
  let summary = "the newest `size` keys, the query's own included";
  let description = [{
    Query i sees key j iff 0 <= i - j < size (Mistral's `sliding_window`).

    Constraints: (window_c1) `size` is in [1, 2^31 - 1].

    Example: `#kvc.window<1024>`
  }];
  let parameters = (ins AttrParameter<"int64_t", "tokens">:$size);
  let assemblyFormat = "`<` $size `>`";
  let genVerifyDecl = 1;
}

def KVC_StreamingAttr : KVC_Attr<"Streaming", "streaming",
    [DeclareAttrInterfaceMethods<KVC_RetentionAttrInterface,
                                 ["getWindowSize", "getNumSinkTokens"]>]> {
  let summary = "a window, and the first `sink_tokens` keys";
  let description = [{
    Query i sees key j iff j <= i and (i - j < window or j < sink_tokens):
    StreamingLLM (Xiao et al., 2023).

    Constraints: (streaming_c1) `sink_tokens` and `window` are in
    [1, 2^31 - 1].

    Example: `#kvc.streaming<sink_tokens = 4, window = 1020>`
  }];
  let parameters = (ins
    AttrParameter<"int64_t", "leading tokens that stay">:$sink_tokens,
    AttrParameter<"int64_t", "tokens, the query's own included">:$window);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Policy
//===----------------------------------------------------------------------===//

def KVC_PolicyAttr : KVC_Attr<"Policy", "policy"> {
  let summary = "any subset of the policy axes, to be applied to a cache type";
  let description = [{
    Axes that are absent leave a cache type as it is.

    Constraints: (policy_c1) `rollback` is in [0, 2^31 - 1].

    Example: `#kvc.policy<layout = #kvc.paged<block = 32>, retention = #kvc.window<512>>`
  }];
  let parameters = (ins
    OptionalParameter<"::kvc::LayoutAttrInterface">:$layout,
    OptionalParameter<"::kvc::StorageAttrInterface">:$keyStorage,
    OptionalParameter<"::kvc::StorageAttrInterface">:$valueStorage,
    OptionalParameter<"::kvc::PositionAttrInterface">:$position,
    OptionalParameter<"::kvc::RetentionAttrInterface">:$retention,
    OptionalParameter<"std::optional<int64_t>">:$rollback);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif // KVC_ATTRS_TD
