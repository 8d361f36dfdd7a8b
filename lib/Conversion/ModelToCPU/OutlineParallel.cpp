//===- OutlineParallel.cpp - scf.parallel to env->parallel_for ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   scf.parallel (i, j) ... body       closure = {captured values}
//                                 =>   env->parallel_for(env->context, tasks,
//                                                        body, &closure)
//
// Invariant: the order of iterations inside a task is ascending and tasks
// share no element, so the number of workers does not change a result. Equal
// bodies (the same layer again) become one function.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "kvcrt/abi.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include <cstddef>

namespace kvc {
#define GEN_PASS_DEF_OUTLINEPARALLELPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

bool isConstant(Value value) {
  Operation *op = value.getDefiningOp();
  return op && matchPattern(op, m_Constant());
}

class Outliner {
public:
  Outliner(ModuleOp module) : module(module), converter(module.getContext()) {}

  void run(func::FuncOp function);

private:
  void outline(scf::ParallelOp loop, Value env);
  func::FuncOp emitBody(scf::ParallelOp loop, ArrayRef<Value> captures,
                        LLVM::LLVMStructType closure, Value total,
                        int64_t grain, StringRef prefix);
  FlatSymbolRefAttr unify(func::FuncOp body);
  Value field(ImplicitLocOpBuilder &b, Type closure, Value pointer,
              int64_t index);

  ModuleOp module;
  LLVMTypeConverter converter;
  llvm::StringMap<FlatSymbolRefAttr> bodies; // printed form -> function
};

Value toType(ImplicitLocOpBuilder &b, Type type, Value value) {
  if (value.getType() == type)
    return value;
  return UnrealizedConversionCastOp::create(b, type, value).getResult(0);
}

Value Outliner::field(ImplicitLocOpBuilder &b, Type closure, Value pointer,
                      int64_t index) {
  return LLVM::GEPOp::create(b, pointer.getType(), closure, pointer,
                             ArrayRef<LLVM::GEPArg>{0, int32_t(index)});
}

/// One function per distinct body: a body that prints like an earlier one is
/// erased in its favour.
FlatSymbolRefAttr Outliner::unify(func::FuncOp body) {
  std::string name = body.getName().str(), text;
  body.setName("body");
  llvm::raw_string_ostream stream(text);
  body.print(stream, OpPrintingFlags().useLocalScope());
  auto [entry, isNew] =
      bodies.try_emplace(text, FlatSymbolRefAttr::get(body.getContext(), name));
  if (isNew)
    body.setName(name);
  else
    body.erase();
  return entry->second;
}

func::FuncOp Outliner::emitBody(scf::ParallelOp loop, ArrayRef<Value> captures,
                                LLVM::LLVMStructType closure, Value total,
                                int64_t grain, StringRef prefix) {
  ImplicitLocOpBuilder b(loop.getLoc(), loop.getContext());
  b.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  std::string name = (prefix + "_task_" + Twine(bodies.size())).str();
  auto body = func::FuncOp::create(
      b, name,
      b.getFunctionType({pointer, b.getI64Type(), b.getI32Type()}, {}));
  body.setPrivate();
  // Inlining it where it is called directly would double the code.
  body->setAttr("passthrough", b.getStrArrayAttr({"noinline"}));
  Block *entry = body.addEntryBlock();
  b.setInsertionPointToStart(entry);
  IRMapping mapping;
  for (auto [i, capture] : llvm::enumerate(captures)) {
    Value loaded = LLVM::LoadOp::create(
        b, closure.getBody()[i], field(b, closure, entry->getArgument(0), i));
    mapping.map(capture, toType(b, capture.getType(), loaded));
  }
  // Constants are cheaper to repeat than to carry.
  llvm::SetVector<Value> outside;
  getUsedValuesDefinedAbove(loop.getRegion(), outside);
  outside.insert_range(loop.getLowerBound());
  outside.insert_range(loop.getUpperBound());
  outside.insert_range(loop.getStep());
  outside.insert(total);
  for (Value value : outside)
    if (isConstant(value) && !mapping.contains(value))
      mapping.map(value,
                  b.clone(*value.getDefiningOp())
                      ->getResult(cast<OpResult>(value).getResultNumber()));

  Value grainValue = arith::ConstantIndexOp::create(b, grain);
  Value task =
      arith::IndexCastOp::create(b, b.getIndexType(), entry->getArgument(1));
  Value begin = arith::MulIOp::create(b, task, grainValue);
  Value end = arith::MinUIOp::create(
      b, arith::AddIOp::create(b, begin, grainValue), mapping.lookup(total));
  auto inner =
      scf::ForOp::create(b, begin, end, arith::ConstantIndexOp::create(b, 1));
  func::ReturnOp::create(b);

  b.setInsertionPointToStart(inner.getBody());
  Value rest = inner.getInductionVar();
  for (int64_t i = loop.getNumLoops() - 1; i >= 0; --i) {
    Value lower = mapping.lookup(loop.getLowerBound()[i]);
    Value upper = mapping.lookup(loop.getUpperBound()[i]);
    Value step = mapping.lookup(loop.getStep()[i]);
    Value index = rest;
    if (i > 0) {
      Value trips = arith::CeilDivUIOp::create(
          b, arith::SubIOp::create(b, upper, lower), step);
      index = arith::RemUIOp::create(b, rest, trips);
      rest = arith::DivUIOp::create(b, rest, trips);
    }
    Value variable =
        arith::AddIOp::create(b, lower, arith::MulIOp::create(b, index, step));
    mapping.map(loop.getInductionVars()[i], variable);
  }
  for (Operation &op : loop.getBody()->without_terminator())
    b.clone(op, mapping);
  return body;
}

void Outliner::outline(scf::ParallelOp loop, Value env) {
  ImplicitLocOpBuilder b(loop.getLoc(), loop);
  auto function = loop->getParentOfType<func::FuncOp>();
  int64_t grain = 1;
  if (auto attr = loop->getAttrOfType<IntegerAttr>("kvc.grain"))
    grain = attr.getInt();

  Value total = arith::ConstantIndexOp::create(b, 1);
  for (auto [lower, upper, step] : llvm::zip_equal(
           loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    Value trips = arith::CeilDivUIOp::create(
        b, arith::SubIOp::create(b, upper, lower), step);
    total = arith::MulIOp::create(b, total, trips);
  }
  llvm::SetVector<Value> captures;
  getUsedValuesDefinedAbove(loop.getRegion(), captures);
  captures.insert_range(loop.getLowerBound());
  captures.insert_range(loop.getUpperBound());
  captures.insert_range(loop.getStep());
  captures.insert(total);
  captures.remove_if(isConstant);
  SmallVector<Type> types;
  for (Value capture : captures)
    types.push_back(converter.convertType(capture.getType()));
  auto closure = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
  func::FuncOp body = emitBody(loop, captures.getArrayRef(), closure, total,
                               grain, function.getName());
  FunctionType bodyType = body.getFunctionType();
  FlatSymbolRefAttr symbol = unify(body);

  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value storage;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.getBody().front());
    storage = LLVM::AllocaOp::create(
        b, pointer, closure, LLVM::ConstantOp::create(b, b.getI64Type(), 1));
  }
  LLVM::LifetimeStartOp::create(b, storage);
  for (auto [i, capture] : llvm::enumerate(captures))
    LLVM::StoreOp::create(b, toType(b, types[i], capture),
                          field(b, closure, storage, i));
  Value tasks = arith::CeilDivUIOp::create(
      b, total, arith::ConstantIndexOp::create(b, grain));
  Value alone = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, tasks,
                                      arith::ConstantIndexOp::create(b, 1));
  auto branch = scf::IfOp::create(b, alone, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
    Value worker = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
    func::CallOp::create(b, symbol, TypeRange(),
                         ValueRange{storage, zero, worker});
    b.setInsertionPointToStart(branch.elseBlock());
    auto member = [&](size_t offset) -> Value {
      Value at = LLVM::GEPOp::create(b, pointer, b.getI8Type(), env,
                                     ArrayRef<LLVM::GEPArg>{int32_t(offset)});
      return LLVM::LoadOp::create(b, pointer, at);
    };
    Value callee = member(offsetof(kvcrt_env, parallel_for));
    Value context = member(offsetof(kvcrt_env, context));
    Value address = toType(
        b, pointer, func::ConstantOp::create(b, bodyType, symbol).getResult());
    Value count = arith::IndexCastOp::create(b, b.getI64Type(), tasks);
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(b.getContext()),
        {pointer, b.getI64Type(), pointer, pointer});
    LLVM::CallOp::create(b, type,
                         ValueRange{callee, context, count, address, storage});
  }
  LLVM::LifetimeEndOp::create(b, storage);
  loop.erase();
}

void Outliner::run(func::FuncOp function) {
  SmallVector<scf::ParallelOp> loops;
  function.walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
    loops.push_back(loop);
    return WalkResult::skip();
  });
  unsigned position = function.getNumArguments();
  Type pointer = LLVM::LLVMPointerType::get(function.getContext());
  Builder b(function.getContext());
  LogicalResult inserted = function.insertArgument(
      position, pointer,
      b.getDictionaryAttr(b.getNamedAttr("kvc.env", b.getUnitAttr())),
      function.getLoc());
  (void)inserted;
  for (scf::ParallelOp loop : loops)
    outline(loop, function.getArgument(position));
}

struct OutlineParallel : kvc::impl::OutlineParallelPassBase<OutlineParallel> {
  using OutlineParallelPassBase::OutlineParallelPassBase;

  void runOnOperation() override {
    Outliner outliner(getOperation());
    for (StringRef name : {"step", "recompute", "init"})
      if (auto function = getOperation().lookupSymbol<func::FuncOp>(name))
        if (!function.isDeclaration())
          outliner.run(function);
  }
};

} // namespace
