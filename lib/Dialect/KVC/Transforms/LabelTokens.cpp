//===- LabelTokens.cpp - Print how each value depends on the tokens -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "kvc/Dialect/KVC/Transforms/TokenAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace kvc {
#define GEN_PASS_DEF_LABELTOKENSPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

using namespace mlir;
using namespace kvc;

static void print(raw_ostream &os, const TokenLabel &label,
                  const TokenAnalysis &analysis) {
  switch (label.kind) {
  case TokenLabel::Kind::Uniform:
    os << "uniform";
    break;
  case TokenLabel::Kind::PerToken:
    os << "per-token";
    break;
  case TokenLabel::Kind::Extent:
    os << "extent ";
    if (label.factor == 0)
      os << "f(S)";
    else
      os << "S*" << label.factor;
    return;
  case TokenLabel::Kind::Refused:
    os << "refused: " << analysis.getRefusals()[label.refusal].why;
    return;
  }
  if (!label.inner.empty()) {
    os << " [";
    llvm::interleaveComma(label.inner, os, [&](int64_t k) {
      if (k == 0)
        os << "_";
      else if (k == 1)
        os << "S";
      else
        os << "S*" << k;
    });
    os << "]";
  }
  if (label.position)
    os << " position+" << *label.position;
}

namespace {
struct LabelTokens : kvc::impl::LabelTokensPassBase<LabelTokens> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    std::string why;
    auto inputs = findTokenInputs(func, why);
    if (!func.getBody().hasOneBlock() || inputs.empty()) {
      func.emitRemark() << (inputs.empty() ? why : "expected one block");
      return;
    }
    TokenAnalysis analysis(func, inputs);
    for (Operation &op : func.front()) {
      if (op.getNumResults() == 0 || op.hasTrait<OpTrait::ConstantLike>())
        continue;
      std::string text;
      llvm::raw_string_ostream os(text);
      llvm::interleave(
          op.getResults(), os,
          [&](Value result) { print(os, analysis.getLabel(result), analysis); },
          "; ");
      op.emitRemark() << text;
    }
    if (int64_t limit =
            analysis.getPositionLimit([](Operation *) { return true; }))
      func.emitRemark() << "positions below " << limit;
  }
};
} // namespace
