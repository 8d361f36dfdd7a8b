//===- HoistConstants.cpp - compute what depends on parameters once -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// @step(inputs, parameters, ...) becomes
//   @init(parameters) -> constants   and   @step(inputs, constants, ...).
//
// Invariant: after this pass no argument of @step carries `kvc.param`; those
// that carry `kvc.constant` come in the order of @init's results.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace kvc {
#define GEN_PASS_DEF_HOISTCONSTANTSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// What is known about the values of @step's body.
struct Analysis {
  DenseSet<Value> fromParameters; // parameters, and what follows from them
  DenseSet<Value> invariant;      // the above and what follows from nothing

  explicit Analysis(func::FuncOp step) {
    for (BlockArgument argument : step.getArguments())
      if (step.getArgAttr(argument.getArgNumber(), "kvc.param")) {
        fromParameters.insert(argument);
        invariant.insert(argument);
      }
    for (Operation &op : step.getBody().front().without_terminator())
      visit(&op);
  }

private:
  void visit(Operation *op) {
    if (!isMemoryEffectFree(op))
      return;
    bool all = true, some = false;
    auto look = [&](Value value) {
      all &= invariant.contains(value);
      some |= fromParameters.contains(value);
    };
    for (Value operand : op->getOperands())
      look(operand);
    // A region may read a value from outside (a gather in a linalg.generic).
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!op->isProperAncestor(operand.getParentRegion()->getParentOp()) &&
            operand.getParentRegion()->getParentOp() != op)
          look(operand);
    });
    if (!all)
      return;
    invariant.insert(op->result_begin(), op->result_end());
    if (some)
      fromParameters.insert(op->result_begin(), op->result_end());
  }
};

/// The parameters that `value` is made of, joined for the manifest.
std::string nameOf(Value value, func::FuncOp step) {
  llvm::SetVector<Value> work;
  work.insert(value);
  std::string name;
  for (size_t i = 0; i < work.size(); ++i) {
    if (auto argument = dyn_cast<BlockArgument>(work[i])) {
      if (auto attr = step.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                        "kvc.param"))
        name += (name.empty() ? "" : "+") + attr.getValue().str();
    } else {
      work.insert_range(work[i].getDefiningOp()->getOperands());
    }
  }
  return name;
}

struct HoistConstants : kvc::impl::HoistConstantsPassBase<HoistConstants> {
  using HoistConstantsPassBase::HoistConstantsPassBase;

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (!step || step.isDeclaration())
      return;
    if (!step.getBody().hasOneBlock()) {
      step.emitError("expected one block in `step`, got ")
          << step.getBody().getBlocks().size();
      return signalPassFailure();
    }
    Analysis analysis(step);
    if (analysis.fromParameters.empty())
      return;

    // A constant is what follows from parameters and is read by something that
    // does not.
    llvm::SetVector<Value> constants;
    step.getBody().walk([&](Operation *op) {
      Operation *top = step.getBody().front().findAncestorOpInBlock(*op);
      bool hoisted = top->getNumResults() &&
                     analysis.fromParameters.contains(top->getResult(0));
      for (Value operand : op->getOperands())
        if (!hoisted && analysis.fromParameters.contains(operand))
          constants.insert(operand);
    });
    emitInit(step, analysis, constants);
    replaceParameters(step, constants);
  }

  void emitInit(func::FuncOp step, const Analysis &analysis,
                const llvm::SetVector<Value> &constants) {
    OpBuilder builder(step);
    SmallVector<Type> inputs, results;
    SmallVector<BlockArgument> parameters;
    for (BlockArgument argument : step.getArguments())
      if (step.getArgAttr(argument.getArgNumber(), "kvc.param")) {
        parameters.push_back(argument);
        inputs.push_back(argument.getType());
      }
    for (Value constant : constants)
      results.push_back(constant.getType());
    auto init = func::FuncOp::create(builder, step.getLoc(), "init",
                                     builder.getFunctionType(inputs, results));
    Block *block = init.addEntryBlock();
    IRMapping mapping;
    for (auto [i, argument] : llvm::enumerate(parameters)) {
      mapping.map(argument, block->getArgument(i));
      init.setArgAttr(i, "kvc.param",
                      step.getArgAttr(argument.getArgNumber(), "kvc.param"));
    }
    builder.setInsertionPointToStart(block);
    for (Operation &op : step.getBody().front().without_terminator())
      if (op.getNumResults() && analysis.invariant.contains(op.getResult(0)))
        builder.clone(op, mapping);
    SmallVector<Value> returned;
    for (Value constant : constants)
      returned.push_back(mapping.lookup(constant));
    func::ReturnOp::create(builder, step.getLoc(), returned);
  }

  /// Puts the constants after the last input and takes the parameters away.
  void replaceParameters(func::FuncOp step,
                         const llvm::SetVector<Value> &constants) {
    MLIRContext *context = &getContext();
    Block &block = step.getBody().front();
    unsigned position = 0;
    for (unsigned i = 0, e = step.getNumArguments(); i < e; ++i)
      if (step.getArgAttr(i, "kvc.input") || step.getArgAttr(i, "kvc.param"))
        position = i + 1;
    for (auto [i, constant] : llvm::enumerate(constants)) {
      std::string name = nameOf(constant, step);
      DictionaryAttr attrs = DictionaryAttr::get(
          context, NamedAttribute(StringAttr::get(context, "kvc.constant"),
                                  StringAttr::get(context, name)));
      LogicalResult inserted = step.insertArgument(
          position + i, constant.getType(), attrs, constant.getLoc());
      (void)inserted;
      Value argument = block.getArgument(position + i);
      Value(constant).replaceAllUsesWith(argument);
    }
    // What computed constants is dead now; erase it bottom up, it may still
    // read parameters.
    SmallVector<Operation *> ops;
    for (Operation &op : block.without_terminator())
      ops.push_back(&op);
    for (Operation *op : llvm::reverse(ops))
      if (op->use_empty() && isMemoryEffectFree(op))
        op->erase();
    llvm::BitVector erased(step.getNumArguments());
    for (unsigned i = 0, e = step.getNumArguments(); i < e; ++i)
      if (step.getArgAttr(i, "kvc.param"))
        erased.set(i);
    LogicalResult gone = step.eraseArguments(erased);
    (void)gone;
  }
};

} // namespace
