//===- Compile.h - from a graph to an artefact ------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_PIPELINES_COMPILE_H
#define KVC_PIPELINES_COMPILE_H

#include "kvc/Target/CPU/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>
#include <string>
#include <vector>

namespace kvc {

/// What runs the kernels: this CPU, a GPU, or a GPU's kernels on the simulator.
enum class Engine { cpu, cuda, sim };

struct CompileOptions {
  Engine engine = Engine::cpu;
  /// The GPU of cuda and sim: "sm_90a".
  std::string chip;
  /// File with the attribute `kvc.policies`; empty: the graph's own types.
  std::string policyFile;
  /// Keep the stateless graph and compile it as kvc_model_recompute.
  bool withRecompute = false;
  /// Compile the stateless graph alone, without raising or caches.
  bool stateless = false;
  /// The input is a module of kvc.variant ops, not a graph.
  bool attention = false;
  /// Print what raising found.
  bool explain = false;
};

/// Reads --target: `cpu`, a chip (`sm_90a`), or `sim:` and a chip. Fails with
/// an error that lists the chips.
mlir::LogicalResult parseTarget(llvm::StringRef target, CompileOptions &options,
                                cpu::EmitError emitError);

/// A part of the way with a name, after which one can stop and look.
struct Stage {
  std::string name;
  std::string summary;
  std::function<void(mlir::OpPassManager &)> build;
};

/// The stages from the input to the LLVM dialect, in order.
std::vector<Stage> getStages(const CompileOptions &options,
                             const cpu::Target &target);

/// Registers every dialect and external model that the stages need.
void registerCompilerDialects(mlir::DialectRegistry &registry);

/// Checks that `module` is what `options` promise, with errors that say what
/// was expected and where.
mlir::LogicalResult checkInput(mlir::ModuleOp module,
                               const CompileOptions &options);

/// Makes `@main` the `@recompute` of a stateless compilation.
void makeStateless(mlir::ModuleOp module);

/// Tables of layers, groups and kernels of a planned module.
void printPlan(mlir::ModuleOp module, llvm::raw_ostream &stream);

} // namespace kvc

#endif // KVC_PIPELINES_COMPILE_H
