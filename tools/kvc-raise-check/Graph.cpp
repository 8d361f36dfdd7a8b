//===- Graph.cpp - functions to raise, and inputs for them ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: inputs are a function of the generator, the types and the sizes,
// so that a seed names a run.
//
//===----------------------------------------------------------------------===//

#include "Graph.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"
#include <set>

using namespace mlir;
using kvc::interpreter::Datum;
using kvc::interpreter::Tensor;

namespace kvc::raisecheck {

static llvm::Error failure(const Twine &what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), what);
}

func::FuncOp Graph::function() const {
  return cast<func::FuncOp>(SymbolTable::lookupSymbolIn(module.get(), name));
}

Graph Graph::clone() const {
  return {module.get().clone(), file, name, sizes, bound};
}

/// `function` and what it mentions, transitively, in a new module.
static OwningOpRef<ModuleOp> isolate(ModuleOp from, func::FuncOp function) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(from.getLoc());
  std::vector<Operation *> todo{function};
  std::set<Operation *> seen{function};
  while (!todo.empty()) {
    Operation *op = todo.back();
    todo.pop_back();
    module->push_back(op->clone());
    if (auto uses = SymbolTable::getSymbolUses(op))
      for (SymbolTable::SymbolUse use : *uses)
        if (Operation *other =
                SymbolTable::lookupSymbolIn(from, use.getSymbolRef()))
          if (seen.insert(other).second)
            todo.push_back(other);
  }
  return module;
}

/// What a file leaves out of its resources becomes an argument: raise knows as
/// little of either, and a run needs numbers.
static void takeMissingResources(func::FuncOp function) {
  SmallVector<arith::ConstantOp> missing;
  function.walk([&](arith::ConstantOp op) {
    auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue());
    if (resource && !resource.getRawHandle().getBlob())
      missing.push_back(op);
  });
  for (arith::ConstantOp op : missing) {
    const unsigned last = function.getNumArguments();
    if (failed(function.insertArgument(last, op.getType(), {}, op.getLoc())))
      continue;
    op.replaceAllUsesWith(Value(function.getArgument(last)));
    op.erase();
  }
}

static void readSettings(llvm::StringRef text, std::vector<Graph> &graphs) {
  llvm::Regex line("// EXECUTE: ([A-Za-z0-9_]+)( sizes=([0-9,]+))?"
                   "( bound=([0-9.e-]+))?");
  llvm::SmallVector<llvm::StringRef> lines, groups;
  text.split(lines, '\n');
  for (llvm::StringRef candidate : lines) {
    if (!line.match(candidate, &groups))
      continue;
    for (Graph &graph : graphs) {
      if (graph.name != groups[1])
        continue;
      llvm::SmallVector<llvm::StringRef> numbers;
      groups[3].split(numbers, ',', -1, /*KeepEmpty=*/false);
      for (llvm::StringRef number : numbers)
        graph.sizes.push_back(std::stoll(number.str()));
      if (!groups[5].empty())
        graph.bound = std::stod(groups[5].str());
    }
  }
}

llvm::Expected<std::vector<Graph>> loadGraphs(MLIRContext &context,
                                              llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return failure("expected a readable file, got " + path + ": " +
                   buffer.getError().message());
  llvm::SmallVector<llvm::StringRef> parts;
  (*buffer)->getBuffer().split(parts, "// -----");
  std::vector<Graph> graphs;
  for (llvm::StringRef part : parts) {
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>(part, ParserConfig(&context), path);
    if (!module)
      return failure("expected " + path + " to parse");
    for (auto function : module->getOps<func::FuncOp>())
      if (!function.isExternal()) {
        takeMissingResources(function);
        graphs.push_back({isolate(*module, function),
                          llvm::sys::path::stem(path).str(),
                          function.getName().str(),
                          {},
                          0});
      }
  }
  readSettings((*buffer)->getBuffer(), graphs);
  return graphs;
}

/// Rows of a mask: 0 or -inf, true or false.
static void fillMask(Tensor &tensor, std::mt19937_64 &random) {
  const bool isFloat = isa<FloatType>(tensor.elementType);
  const int64_t width = tensor.rank() ? tensor.shape.back() : 1;
  auto chance = [&](double p) { return random() % 1000 < p * 1000; };
  bool isHidden = false;
  for (auto [i, number] : llvm::enumerate(tensor.numbers)) {
    if (i % std::max<int64_t>(width, 1) == 0)
      isHidden = chance(0.3);
    bool isVisible = !isHidden && chance(0.7);
    number = isFloat
                 ? (isVisible ? 0.0 : -std::numeric_limits<double>::infinity())
                 : double(isVisible);
  }
}

llvm::Expected<std::vector<Datum>> makeInputs(func::FuncOp function,
                                              llvm::ArrayRef<int64_t> sizes,
                                              int64_t integerBound,
                                              std::mt19937_64 &random) {
  std::normal_distribution<double> normal;
  auto draw = [&](Type type) {
    if (isa<FloatType>(type))
      return interpreter::roundToType(type, normal(random));
    return type.isInteger(1) ? double(random() % 10 < 7)
                             : double(random() % integerBound);
  };
  std::vector<Datum> inputs;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (type.isIndex() && !sizes.empty()) {
      inputs.push_back(double(sizes.front()));
      continue;
    }
    if (type.isIntOrIndexOrFloat()) {
      inputs.push_back(draw(type));
      continue;
    }
    auto shaped = dyn_cast<RankedTensorType>(type);
    if (!shaped || !shaped.getElementType().isIntOrIndexOrFloat())
      return failure("argument " + Twine(i) + " is no tensor of numbers");
    llvm::SmallVector<int64_t> shape;
    size_t dynamic = 0;
    for (int64_t extent : shaped.getShape()) {
      if (ShapedType::isDynamic(extent)) {
        if (dynamic >= sizes.size())
          return failure("argument " + Twine(i) +
                         " has more dynamic dimensions than sizes were given");
        extent = sizes[dynamic++];
      }
      shape.push_back(extent);
    }
    Tensor tensor(shaped.getElementType(), shape);
    if (function.getArgAttr(i, "test.mask"))
      fillMask(tensor, random);
    else
      for (double &number : tensor.numbers)
        number = draw(tensor.elementType);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::vector<std::vector<int64_t>> chooseSizes(const Graph &graph) {
  size_t dynamic = 0;
  for (Type type : graph.function().getArgumentTypes())
    if (auto shaped = dyn_cast<RankedTensorType>(type))
      dynamic = std::max<size_t>(dynamic, shaped.getNumDynamicDims());
  if (dynamic == 0 && graph.sizes.empty())
    return {{}};
  std::vector<std::vector<int64_t>> choices;
  if (graph.sizes.empty())
    for (int64_t size : {5, 1, 8})
      choices.emplace_back(dynamic, size);
  else
    choices.push_back(graph.sizes);
  // each number for itself: 1, and a little more
  for (int64_t number :
       std::set<int64_t>(graph.sizes.begin(), graph.sizes.end()))
    for (int64_t by : {int64_t(1), number + 2}) {
      std::vector<int64_t> changed = graph.sizes;
      std::replace(changed.begin(), changed.end(), number, by);
      if (changed != graph.sizes)
        choices.push_back(changed);
    }
  return choices;
}

} // namespace kvc::raisecheck
