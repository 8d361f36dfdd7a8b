//===- Graph.h - functions to raise, and inputs for them --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_GRAPH_H
#define KVC_TOOLS_KVC_RAISE_CHECK_GRAPH_H

#include "kvc/Interpreter/Values.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"
#include <random>
#include <string>
#include <vector>

namespace kvc::raisecheck {

/// One function in a module of its own, with the functions that it calls.
struct Graph {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string file, name;
  /// What the dynamic dimensions of each argument are, first to last; empty
  /// where the file does not say.
  std::vector<int64_t> sizes;
  /// 0: the default for the narrowest element type.
  double bound = 0;

  mlir::func::FuncOp function() const;
  Graph clone() const;
  std::string label() const { return file + ":" + name; }
};

/// Every function with a body in `path`, whose parts `// -----` separates. A
/// line `// EXECUTE: name [sizes=A,B] [bound=X]` gives sizes and bound.
llvm::Expected<std::vector<Graph>> loadGraphs(mlir::MLIRContext &context,
                                              llvm::StringRef path);

/// The function's arguments: floats from a normal distribution; integers below
/// `integerBound`; masks, marked {test.mask}, hide some keys, and every third
/// row or so all of them. An error names an argument that cannot be made.
llvm::Expected<std::vector<interpreter::Datum>>
makeInputs(mlir::func::FuncOp function, llvm::ArrayRef<int64_t> sizes,
           int64_t integerBound, std::mt19937_64 &random);

/// Sizes to try for a graph with dynamic dimensions: what its file says, and
/// the same with each distinct number replaced. One empty list for others.
std::vector<std::vector<int64_t>> chooseSizes(const Graph &graph);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_GRAPH_H
