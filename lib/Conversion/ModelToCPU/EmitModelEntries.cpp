//===- EmitModelEntries.cpp - the C functions of a model artefact ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: nothing behind a pointer is read before the version of its
// structure is known to be ours, and no lowered function runs with a workspace
// smaller than it needs.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "EntryBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"

namespace kvc {
#define GEN_PASS_DEF_EMITMODELENTRIESPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// Where one entry finds what its function takes.
struct Source {
  Value inputs, outputs, params, constants; // arrays of pointers, or null
  Value step, caches;
  Value tokens, logitRows; // index
};

class Emitter : public kvc::EntryBuilder {
public:
  explicit Emitter(ModuleOp module) : EntryBuilder(module), module(module) {}

  void emitStep(func::FuncOp function);
  void emitRecompute(func::FuncOp function);
  void emitInit(func::FuncOp function);

private:
  void emitCall(func::FuncOp function, Value env, const Source &source);
  void emitWorkspace(func::FuncOp function);
  SmallVector<Value> symbolValues(func::FuncOp function, Value tokens,
                                  Value logitRows);
  Value workspaceBytes(func::FuncOp function, Value tokens, Value logitRows);
  Value kernelEnv(Value env, Value used);
  Value element(Value array, int64_t i) {
    return loadPointer(array, i * sizeof(void *));
  }

  ModuleOp module;
};

/// What each dynamic size of an argument is: rows of logits for those that are
/// marked (and for a step's outputs), else tokens.
bool countsLogitRows(func::FuncOp function, unsigned argument) {
  return function.getArgAttr(argument, "kvc.logit_rows") ||
         (function.getName() == "step" &&
          function.getArgAttr(argument, "kvc.output"));
}

/// In the order in which PlanWorkspace lists them. The workspace itself was
/// added after that list was made.
SmallVector<Value> Emitter::symbolValues(func::FuncOp function, Value tokens,
                                         Value logitRows) {
  SmallVector<Value> values;
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    unsigned number = argument.getArgNumber();
    if (!type || function.getArgAttr(number, "kvc.workspace"))
      continue;
    values.append(type.getNumDynamicDims(),
                  countsLogitRows(function, number) ? logitRows : tokens);
  }
  return values;
}

Value Emitter::workspaceBytes(func::FuncOp function, Value tokens,
                              Value logitRows) {
  auto size = module.lookupSymbol<func::FuncOp>(
      (function.getName() + "_workspace").str());
  return func::CallOp::create(b, size,
                              symbolValues(function, tokens, logitRows))
      .getResult(0);
}

/// The environment that kernels get: what the model's own buffers leave of the
/// workspace.
Value Emitter::kernelEnv(Value env, Value used) {
  Value copy = stackStorage(sizeof(kvcrt_env));
  LLVM::MemcpyOp::create(
      b, copy, env,
      arith::ConstantOp::create(b, b.getI64IntegerAttr(sizeof(kvcrt_env))),
      /*isVolatile=*/false);
  Value bytes = arith::IndexCastOp::create(b, b.getI64Type(), used);
  Value begin =
      LLVM::GEPOp::create(b, pointer(), b.getI8Type(),
                          loadPointer(env, offsetof(kvcrt_env, workspace)),
                          ArrayRef<LLVM::GEPArg>{bytes});
  store(copy, offsetof(kvcrt_env, workspace), begin);
  Value size = load(env, offsetof(kvcrt_env, workspace_size), b.getI64Type());
  store(copy, offsetof(kvcrt_env, workspace_size),
        arith::SubIOp::create(b, size, bytes));
  return copy;
}

/// Checks the workspace, builds the arguments, calls, returns the status.
void Emitter::emitCall(func::FuncOp function, Value env, const Source &source) {
  Value needed = workspaceBytes(function, source.tokens, source.logitRows);
  Value size = load(env, offsetof(kvcrt_env, workspace_size), b.getI64Type());
  Value neededBytes = arith::IndexCastOp::create(b, b.getI64Type(), needed);
  check(arith::CmpIOp::create(b, arith::CmpIPredicate::ule, neededBytes, size),
        KVCRT_WORKSPACE_TOO_SMALL);

  SmallVector<Value> operands;
  unsigned inputs = 0, outputs = 0, params = 0, constants = 0;
  for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i) {
    auto has = [&](StringRef name) { return !!function.getArgAttr(i, name); };
    auto type = dyn_cast<MemRefType>(function.getArgument(i).getType());
    auto memref = [&](Value data) {
      SmallVector<Value> sizes(type.getNumDynamicDims(),
                               countsLogitRows(function, i) ? source.logitRows
                                                            : source.tokens);
      return toMemRef(data, type, sizes);
    };
    if (has("kvc.workspace"))
      operands.push_back(toMemRef(
          loadPointer(env, offsetof(kvcrt_env, workspace)), type, {needed}));
    else if (has("kvc.env"))
      operands.push_back(env);
    else if (has("kvc.kernel_env"))
      operands.push_back(kernelEnv(env, needed));
    else if (has("kvc.step"))
      operands.push_back(source.step);
    else if (auto cache =
                 function.getArgAttrOfType<IntegerAttr>(i, "kvc.cache"))
      operands.push_back(
          at(source.caches, cache.getInt() * sizeof(kvcrt_cache)));
    else if (has("kvc.positions"))
      operands.push_back(
          memref(loadPointer(source.step, offsetof(kvcrt_step, positions))));
    else if (has("kvc.logit_rows"))
      operands.push_back(
          memref(loadPointer(source.step, offsetof(kvcrt_step, logit_rows))));
    else if (has("kvc.output"))
      operands.push_back(memref(element(source.outputs, outputs++)));
    else if (has("kvc.constant"))
      operands.push_back(memref(element(source.constants, constants++)));
    else if (has("kvc.param"))
      operands.push_back(memref(element(source.params, params++)));
    else // kvc.input
      operands.push_back(memref(element(source.inputs, inputs++)));
  }
  auto call = func::CallOp::create(b, function, operands);
  func::ReturnOp::create(b, call.getNumResults() ? call.getResult(0)
                                                 : i32(KVCRT_OK));
  function.setPrivate();
}

void Emitter::emitStep(func::FuncOp step) {
  auto entry = beginFunction(module, "kvc_model_step", 2, b.getI32Type());
  Value env = entry.getArgument(0), args = entry.getArgument(1);
  checkVersion(env, sizeof(kvcrt_env));
  checkVersion(args, sizeof(kvcrt_model_args));
  Source source;
  source.step = loadPointer(args, offsetof(kvcrt_model_args, step));
  checkVersion(source.step, sizeof(kvcrt_step));
  source.caches = loadPointer(args, offsetof(kvcrt_model_args, caches));
  for (unsigned i = 0, e = step.getNumArguments(); i < e; ++i)
    if (auto cache = step.getArgAttrOfType<IntegerAttr>(i, "kvc.cache"))
      checkVersion(at(source.caches, cache.getInt() * sizeof(kvcrt_cache)),
                   sizeof(kvcrt_cache));
  source.constants = loadPointer(args, offsetof(kvcrt_model_args, constants));
  source.inputs = loadPointer(args, offsetof(kvcrt_model_args, inputs));
  source.outputs = loadPointer(args, offsetof(kvcrt_model_args, outputs));

  Value header = loadPointer(source.step, offsetof(kvcrt_step, header));
  auto count = [&](size_t offset, size_t capacityOffset) {
    Value value = loadIndex(header, offset);
    Value capacity = loadIndex(source.step, capacityOffset);
    check(arith::CmpIOp::create(b, arith::CmpIPredicate::sge, value, index(0)),
          KVCRT_INVALID_ARGUMENT);
    check(arith::CmpIOp::create(b, arith::CmpIPredicate::sle, value, capacity),
          KVCRT_CAPACITY_EXCEEDED);
    return value;
  };
  source.tokens = count(offsetof(kvcrt_step_header, num_tokens),
                        offsetof(kvcrt_step, max_tokens));
  source.logitRows = count(offsetof(kvcrt_step_header, num_logit_rows),
                           offsetof(kvcrt_step, max_logit_rows));
  emitCall(step, env, source);
  emitWorkspace(step);
}

void Emitter::emitRecompute(func::FuncOp recompute) {
  auto entry = beginFunction(module, "kvc_model_recompute", 2, b.getI32Type());
  Value env = entry.getArgument(0), args = entry.getArgument(1);
  checkVersion(env, sizeof(kvcrt_env));
  checkVersion(args, sizeof(kvcrt_recompute_args));
  Source source;
  source.params = loadPointer(args, offsetof(kvcrt_recompute_args, params));
  source.inputs = loadPointer(args, offsetof(kvcrt_recompute_args, inputs));
  source.outputs = loadPointer(args, offsetof(kvcrt_recompute_args, outputs));
  source.tokens = arith::IndexCastOp::create(
      b, b.getIndexType(),
      load(args, offsetof(kvcrt_recompute_args, num_tokens), b.getI64Type()));
  source.logitRows = source.tokens;
  check(arith::CmpIOp::create(b, arith::CmpIPredicate::sge, source.tokens,
                              index(0)),
        KVCRT_INVALID_ARGUMENT);
  emitCall(recompute, env, source);
  emitWorkspace(recompute);
}

void Emitter::emitInit(func::FuncOp init) {
  auto entry = beginFunction(module, "kvc_model_init", 2, b.getI32Type());
  Value env = entry.getArgument(0), args = entry.getArgument(1);
  checkVersion(env, sizeof(kvcrt_env));
  checkVersion(args, sizeof(kvcrt_init_args));
  Source source;
  source.params = loadPointer(args, offsetof(kvcrt_init_args, params));
  // What init returns are the constants.
  source.outputs = loadPointer(args, offsetof(kvcrt_init_args, constants));
  source.tokens = source.logitRows = index(0);
  emitCall(init, env, source);
  emitWorkspace(init);
}

/// Bytes for a capacity: as many rows of logits as tokens; kernels, which run
/// one after the other, share what the neediest of them asks for.
void Emitter::emitWorkspace(func::FuncOp function) {
  auto entry = beginFunction(
      module, ("kvc_model_" + function.getName() + "_workspace").str(), 1,
      b.getI64Type());
  Value capacity = entry.getArgument(0);
  Value tokens = loadIndex(capacity, offsetof(kvcrt_capacity, max_tokens));
  Value bytes = workspaceBytes(function, tokens, tokens);
  bytes = arith::IndexCastOp::create(b, b.getI64Type(), bytes);
  Value kernels = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  if (auto variants = function->getAttrOfType<ArrayAttr>("kvc.variants"))
    for (auto variant : variants.getAsRange<FlatSymbolRefAttr>()) {
      auto callee = module.lookupSymbol<FunctionOpInterface>(
          (variant.getValue() + "_workspace").str());
      if (!callee)
        continue;
      Value needed;
      if (isa<LLVM::LLVMFuncOp>(callee.getOperation()))
        needed = LLVM::CallOp::create(
                     b, cast<LLVM::LLVMFuncOp>(callee.getOperation()), capacity)
                     .getResult();
      else
        needed = func::CallOp::create(
                     b, cast<func::FuncOp>(callee.getOperation()), capacity)
                     .getResult(0);
      kernels = arith::MaxUIOp::create(b, kernels, needed);
    }
  func::ReturnOp::create(b,
                         arith::AddIOp::create(b, bytes, kernels).getResult());
}

struct EmitModelEntries
    : kvc::impl::EmitModelEntriesPassBase<EmitModelEntries> {
  using EmitModelEntriesPassBase::EmitModelEntriesPassBase;

  void runOnOperation() override {
    Emitter emitter(getOperation());
    auto find = [&](StringRef name) {
      return getOperation().lookupSymbol<func::FuncOp>(name);
    };
    if (func::FuncOp init = find("init"))
      emitter.emitInit(init);
    if (func::FuncOp step = find("step"))
      emitter.emitStep(step);
    if (func::FuncOp recompute = find("recompute"))
      emitter.emitRecompute(recompute);
    // What the attributes said is in the entries now; LLVM knows none of them.
    for (StringRef name : {"init", "step", "recompute"})
      if (func::FuncOp function = find(name)) {
        function.removeArgAttrsAttr();
        function->setDiscardableAttrs(DictionaryAttr::get(&getContext()));
      }
  }
};

} // namespace
