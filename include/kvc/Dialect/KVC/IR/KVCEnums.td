//===- KVCEnums.td - enumerations of the kvc dialect -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Enumerators have the values of kvcrt/policy.h where that file knows them;
// the axes' sources assert it.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_ENUMS_TD
#define KVC_ENUMS_TD

include "kvc/Dialect/KVC/IR/KVCDialect.td"
include "mlir/IR/EnumAttr.td"

class KVC_Enum<string name, string summary, list<string> words>
    : I32EnumAttr<name, summary,
                  !foreach(i, !range(!size(words)),
                           I32EnumAttrCase<words[i], i>)> {
  let cppNamespace = "::kvc";
  let genSpecializedAttr = 0;
}

def KVC_Order : KVC_Enum<"Order",
  "order of a block's rows: heads outside tokens, or tokens outside heads",
  ["hnd", "nhd"]>;

def KVC_QuantAxis : KVC_Enum<"QuantAxis",
  "what shares one scale", ["tensor", "head", "token", "channel"]>;

def KVC_RopeStyle : KVC_Enum<"RopeStyle",
  "which elements form a rotated pair: (i, i + dim/2) or (2i, 2i + 1)",
  ["neox", "interleaved"]>;

def KVC_RopeAt : KVC_Enum<"RopeAt",
  "when keys are rotated: once before storing, or at each read",
  ["append", "attend"]>;

def KVC_RopeScaling : KVC_Enum<"RopeScaling",
  "how rotary frequencies are stretched beyond the trained length",
  ["none", "linear", "llama3", "dynamic"]>;

def KVC_FullyMasked : KVC_Enum<"FullyMasked",
  "what a query that sees no key yields: 0/0, the mean of all values, or zero",
  ["nan", "uniform", "zero"]>;

def KVC_MaskKind : KVC_Enum<"MaskKind",
  "how a compiled variant takes its mask",
  ["none", "dense_f32", "dense_i1", "packed"]>;

def KVC_FullyMaskedAttr : EnumAttr<KVC_Dialect, KVC_FullyMasked, "fully_masked">;
def KVC_MaskKindAttr : EnumAttr<KVC_Dialect, KVC_MaskKind, "mask_kind">;

#endif // KVC_ENUMS_TD
