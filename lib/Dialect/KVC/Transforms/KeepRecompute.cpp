//===- KeepRecompute.cpp - Keep the stateless function as @recompute ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Pass/PassManager.h"

namespace kvc {
#define GEN_PASS_DEF_KEEPRECOMPUTEPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

#define DEBUG_TYPE "kvc-keep-recompute"

using namespace mlir;
using namespace kvc;

namespace {
struct KeepRecompute : kvc::impl::KeepRecomputePassBase<KeepRecompute> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module.lookupSymbol("recompute"))
      return;
    func::FuncOp stateless;
    for (auto func : module.getOps<func::FuncOp>()) {
      bool hasInput = false;
      for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
        hasInput |= bool(func.getArgAttr(i, "kvc.input"));
      if (func.isExternal() || !hasInput)
        continue;
      if (stateless) {
        func.emitError() << "expected one function with a `kvc.input`, got @"
                         << stateless.getName() << " and @" << func.getName()
                         << "; unmark the inputs of one of them";
        return signalPassFailure();
      }
      stateless = func;
    }
    if (!stateless) {
      auto options = remark::RemarkOpts::name("no-tokens").category(DEBUG_TYPE);
      remark::missed(module.getLoc(), options)
          << "no function has an argument marked `kvc.input`";
      return;
    }
    func::FuncOp copy = stateless.clone();
    copy.setName("recompute");
    copy->setAttr("kvc.recompute", UnitAttr::get(&getContext()));
    SymbolTable(module).insert(copy, std::next(stateless->getIterator()));
    // a graph may come with kvc ops: what they mean is compared as well
    OpPassManager pipeline(func::FuncOp::getOperationName());
    pipeline.addPass(createDecomposeAttentionPass());
    if (failed(runPipeline(pipeline, copy)))
      signalPassFailure();
  }
};
} // namespace
