//===- Explain.cpp - tables of what was planned ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the plan from the ops and types themselves, which is what gets
// compiled; kvc.plan is only their summary.
//
//===----------------------------------------------------------------------===//

#include "kvc/Pipelines/Compile.h"

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Support/Table.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace kvc {

namespace {

using Row = TableRow;

template <typename T> std::string print(T value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  // `#kvc.` before every attribute says nothing here.
  size_t at;
  while ((at = text.find("#kvc.")) != std::string::npos)
    text.erase(at, 5);
  return text;
}

std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

/// K and V of one token of one layer in the plain element type, without
/// padding: what the policy is compared with.
int64_t plainBytes(CacheType type) {
  return type.getKvHeads() * (type.getKeyDim() + type.getValueDim()) *
         type.getElementType().getIntOrFloatBitWidth() / 8;
}

Row policyCells(CacheType type) {
  std::string storage = print(type.getKeyStorage());
  if (type.getKeyStorage() != type.getValueStorage())
    storage = "K " + storage + ", V " + print(type.getValueStorage());
  return {print(type.getLayout()), storage, print(type.getPosition()),
          print(type.getRetention())};
}

void append(Row &row, Row cells) {
  row.insert(row.end(), cells.begin(), cells.end());
}

std::string features(VariantOp variant) {
  std::vector<std::string> words;
  words.push_back(variant.getCausal() ? "causal" : "not causal");
  if (variant.getMask() != MaskKind::none)
    words.push_back(("mask " + stringifyMaskKind(variant.getMask())).str());
  if (variant.getWindow())
    words.push_back("window");
  if (variant.getSoftcap())
    words.push_back("softcap");
  if (variant.getSinkLogits())
    words.push_back("sink logits");
  if (variant.getLse())
    words.push_back("lse");
  if (!variant.getScore().empty())
    words.push_back("score region");
  return llvm::join(words, ", ");
}

void printLayers(func::FuncOp step, llvm::raw_ostream &os) {
  std::vector<Row> rows{{"layer", "query heads", "kv heads", "head dim",
                         "scale", "layout", "storage", "position", "retention",
                         "kernels"}};
  step.walk([&](AttendOp op) {
    auto type = cast<CacheType>(op.getCache().getType());
    auto argument = dyn_cast<BlockArgument>(op.getCache());
    auto index = argument ? step.getArgAttrOfType<IntegerAttr>(
                                argument.getArgNumber(), "kvc.cache")
                          : IntegerAttr();
    auto variant = op->getAttrOfType<FlatSymbolRefAttr>("kvc.variant");
    Row row{
        index ? std::to_string(index.getInt()) : "?",
        std::to_string(cast<ShapedType>(op.getQuery().getType()).getDimSize(1)),
        std::to_string(type.getKvHeads()),
        std::to_string(type.getKeyDim()) +
            (type.getKeyDim() == type.getValueDim()
                 ? ""
                 : ":" + std::to_string(type.getValueDim())),
        number(op.getScale().convertToDouble())};
    append(row, policyCells(type));
    row.push_back(variant ? variant.getValue().str() : "none");
    rows.push_back(row);
  });
  printTable(os, "layers", rows);
}

void printGroups(func::FuncOp step, llvm::raw_ostream &os) {
  llvm::MapVector<Type, std::vector<std::string>> groups;
  for (BlockArgument argument : step.getArguments())
    if (isa<CacheType>(argument.getType()))
      if (auto index = step.getArgAttrOfType<IntegerAttr>(
              argument.getArgNumber(), "kvc.cache"))
        groups[argument.getType()].push_back(std::to_string(index.getInt()));
  std::vector<Row> rows{
      {"group", "layers", "bytes per token", "plain", "ratio"}};
  int64_t total = 0, totalPlain = 0;
  for (auto [i, group] : llvm::enumerate(groups)) {
    auto type = cast<CacheType>(group.first);
    int64_t count = group.second.size();
    int64_t bytes = count * type.getBytesPerToken();
    int64_t plain = count * plainBytes(type);
    total += bytes;
    totalPlain += plain;
    rows.push_back({std::to_string(i), llvm::join(group.second, ","),
                    std::to_string(bytes), std::to_string(plain),
                    llvm::formatv("{0:F2}", double(plain) / bytes).str()});
  }
  if (total)
    rows.push_back({"all", "", std::to_string(total),
                    std::to_string(totalPlain),
                    llvm::formatv("{0:F2}", double(totalPlain) / total).str()});
  printTable(os, "cache groups", rows);
}

void printVariants(ModuleOp module, llvm::raw_ostream &os) {
  llvm::DenseMap<StringRef, int> uses;
  module.walk([&](AttendOp op) {
    if (auto variant = op->getAttrOfType<FlatSymbolRefAttr>("kvc.variant"))
      ++uses[variant.getValue()];
  });
  std::vector<Row> rows{{"kernels", "layers", "heads", "layout", "storage",
                         "position", "retention", "features"}};
  for (auto variant : module.getOps<VariantOp>()) {
    CacheType type = variant.getCacheType();
    Row row{variant.getSymName().str(),
            std::to_string(uses.lookup(variant.getSymName())),
            std::to_string(variant.getQueryHeads()) + " on " +
                std::to_string(type.getKvHeads())};
    append(row, policyCells(type));
    row.push_back(features(variant));
    rows.push_back(row);
  }
  printTable(os, "kernels", rows);
}

} // namespace

void printPlan(ModuleOp module, llvm::raw_ostream &stream) {
  if (auto step = module.lookupSymbol<func::FuncOp>("step")) {
    printLayers(step, stream);
    printGroups(step, stream);
  }
  printVariants(module, stream);
  stream.flush();
}

} // namespace kvc
