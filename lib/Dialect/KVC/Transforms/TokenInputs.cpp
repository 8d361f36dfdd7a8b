//===- TokenInputs.cpp - Which arguments carry tokens ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/Transforms/TokenAnalysis.h"

using namespace mlir;
using namespace kvc;

SmallVector<TokenAnalysis::Input> kvc::findTokenInputs(func::FuncOp func,
                                                       std::string &why) {
  SmallVector<TokenAnalysis::Input> inputs;
  auto consider = [&](unsigned i, bool marked) {
    auto type = dyn_cast<RankedTensorType>(func.getArgumentTypes()[i]);
    if (!type || type.getRank() < 1)
      return;
    // a dimension of tokens comes first, or second after a batch of one
    unsigned dim = type.getRank() > 1 && type.getDimSize(0) == 1 ? 1 : 0;
    if (type.getNumDynamicDims() == 1 && type.isDynamicDim(dim)) {
      auto name = func.getArgAttrOfType<StringAttr>(i, "kvc.input");
      bool isPosition = name && name.getValue().contains("position");
      inputs.push_back({i, dim, isPosition});
      return;
    }
    bool looksLikeTokens = type.getElementType().isInteger() &&
                           type.hasStaticShape() && type.getDimSize(dim) > 1;
    if ((!marked && !looksLikeTokens) || !why.empty())
      return;
    llvm::raw_string_ostream os(why);
    os << "expected argument " << i
       << " of type tensor<1x?x...> or tensor<?x...>"
       << ", got " << type;
    if (type.hasStaticShape())
      os << "; export the graph with a dynamic sequence dimension";
  };
  unsigned n = func.getNumArguments();
  bool anyMarked = false;
  for (unsigned i = 0; i < n; ++i)
    if (func.getArgAttr(i, "kvc.input")) {
      anyMarked = true;
      consider(i, /*marked=*/true);
    }
  if (!anyMarked)
    for (unsigned i = 0; i < n; ++i) {
      auto type = dyn_cast<RankedTensorType>(func.getArgumentTypes()[i]);
      if (type && type.getElementType().isInteger() &&
          !func.getArgAttr(i, "kvc.param"))
        consider(i, /*marked=*/false);
    }
  if (llvm::all_of(inputs, [](auto &input) { return input.isPosition; }))
    inputs.clear();
  if (inputs.empty() && why.empty())
    why = "expected an argument of tokens, tensor<1x?x...> marked kvc.input, "
          "got none";
  return inputs;
}
