//===- kvc-interpret.cpp - runs the functions of a file on the reference --===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the public functions of a module in their order, or those that --entry
// names, and prints their results. Caches live from function to function.
// Invariant: exits with 0 only when every function ran to its end.
//===----------------------------------------------------------------------===//
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Interpreter/Interpreter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

static llvm::cl::opt<std::string> inputFile(llvm::cl::Positional,
                                            llvm::cl::desc("<input.mlir>"),
                                            llvm::cl::init("-"));
static llvm::cl::list<std::string>
    entries("entry", llvm::cl::CommaSeparated,
            llvm::cl::desc("functions to run, in this order; default: all that "
                           "are public, as they stand"));

/// Runs `function` and prints its results.
static LogicalResult run(kvc::interpreter::Interpreter &interpreter,
                         func::FuncOp function) {
  auto arguments = interpreter.makeArguments(function);
  if (failed(arguments))
    return failure();
  auto results = interpreter.call(function, *arguments);
  if (failed(results))
    return failure();
  llvm::outs() << "@" << function.getName() << "\n";
  for (auto [index, result] : llvm::enumerate(*results)) {
    llvm::outs() << "  result " << index << ": ";
    kvc::interpreter::print(llvm::outs(), result,
                            function.getResultTypes()[index]);
  }
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::ParseCommandLineOptions(
      argc, argv, "runs kvc IR on the double-precision reference\n");

  std::string error;
  auto file = openInputFile(inputFile, &error);
  if (!file) {
    llvm::errs() << "kvc-interpret: " << error << "\n";
    return 1;
  }
  DialectRegistry registry;
  registry
      .insert<kvc::KVCDialect, affine::AffineDialect, arith::ArithDialect,
              cf::ControlFlowDialect, func::FuncDialect, linalg::LinalgDialect,
              math::MathDialect, scf::SCFDialect, tensor::TensorDialect>();
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(file), llvm::SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return 1;

  llvm::SmallVector<func::FuncOp> functions;
  for (const std::string &name : entries) {
    auto function = module->lookupSymbol<func::FuncOp>(name);
    if (!function) {
      llvm::errs()
          << "kvc-interpret: error: expected --entry to name a function of "
             "the module, got `"
          << name << "`\n";
      return 1;
    }
    functions.push_back(function);
  }
  if (entries.empty())
    for (auto function : module->getOps<func::FuncOp>())
      if (function.isPublic())
        functions.push_back(function);

  kvc::interpreter::Interpreter interpreter;
  for (func::FuncOp function : functions)
    if (failed(run(interpreter, function)))
      return 1;
  return 0;
}
