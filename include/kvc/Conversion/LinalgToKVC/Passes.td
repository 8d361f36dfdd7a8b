//===- Passes.td - From linalg on tensors to kvc -----------*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_CONVERSION_LINALGTOKVC_PASSES_TD
#define KVC_CONVERSION_LINALGTOKVC_PASSES_TD

include "mlir/Pass/PassBase.td"

def RaiseAttentionPass
    : Pass<"kvc-raise-attention", "::mlir::func::FuncOp"> {
  let summary = "Replace attention in linalg on tensors by kvc.attention";
  let description = [{
    Finds each attention by what it computes, not by how it is spelled: a sum
    of probabilities times values, where the probabilities are a softmax over
    the key axis of a scaled, masked product of queries and keys. K and V are
    taken before their broadcast over a group of query heads, rotary embeddings
    of Q and K become `kvc.rope` when their frequencies are proven, causal and
    window masks become attributes when that changes no row.

    A graph keeps its meaning: what is not understood stays a mask operand, or
    the attention is left alone. Each result is an MLIR remark: `passed` with id
    `raise-attention`, or `missed` with an id from docs/raise.md that says what
    did not fit and where. `explain=table` also prints one row per
    attention or near miss (where, sizes, form, mask, scale, what was kept or
    why not), `explain=json` one JSON object per function, both to stderr or to
    `explain-file`.

    Rounding may differ (factors are multiplied together, 16-bit intermediates
    are skipped), and inputs are taken to be finite.
  }];
  let options = [
    Option<"explain", "explain", "::kvc::ExplainFormat",
           "::kvc::ExplainFormat::none",
           "How to print one row per attention or near miss", [{
             ::llvm::cl::values(
               clEnumValN(::kvc::ExplainFormat::none, "none", "not at all"),
               clEnumValN(::kvc::ExplainFormat::table, "table", "for people"),
               clEnumValN(::kvc::ExplainFormat::json, "json",
                          "one line of JSON per function"))}]>,
    Option<"explainFile", "explain-file", "std::string", [{""}],
           "File that the rows are written to instead of stderr">,
  ];
  let dependentDialects = [
    "::kvc::KVCDialect", "::mlir::affine::AffineDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

#endif // KVC_CONVERSION_LINALGTOKVC_PASSES_TD
