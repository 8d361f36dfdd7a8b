//===- LowerModelCalls.cpp - append and attend to calls of variants -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: fields of kvcrt_params that an op does not set are zero, which
// hooks read as "none". After a kernel has failed nothing else runs.
//
//===----------------------------------------------------------------------===//

#include "kvc/Conversion/ModelToCPU/Passes.h"

#include "EntryBuilder.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"

namespace kvc {
#define GEN_PASS_DEF_LOWERMODELCALLSPASS
#include "kvc/Conversion/ModelToCPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

namespace {

/// Which kernel a call is for, and the hook that may replace it.
struct Kind {
  StringRef suffix;   // of the variant's function
  StringRef dispatch; // our function that asks for a hook
  size_t hook;        // offset in kvcrt_hooks
};
constexpr Kind kAppend{"_append", "kvc_dispatch_append",
                       offsetof(kvcrt_hooks, append)};
constexpr Kind kAttend{"_attend", "kvc_dispatch_attend",
                       offsetof(kvcrt_hooks, attend)};

class Lowering : public kvc::EntryBuilder {
public:
  Lowering(ModuleOp module, func::FuncOp step)
      : EntryBuilder(module), module(module), step(step) {}
  LogicalResult run();

private:
  LogicalResult lower(kvc::AppendOp op);
  LogicalResult lower(kvc::AttendOp op);
  /// Zeroed parameters with version, step and cache in place.
  void beginParams(Operation *op, Value cache);
  LogicalResult call(Operation *op, const Kind &kind);
  func::FuncOp getDispatch(const Kind &kind);

  LogicalResult setTensor(Operation *op, size_t offset, Value memref);
  LogicalResult setMask(kvc::AttendOp op);
  LogicalResult setCaptures(kvc::AttendOp op);
  void setSlopes(kvc::AttendOp op);
  /// Address of element 0, and the stride of a dimension in bytes.
  Value address(Value memref);
  Value byteStride(Value memref, unsigned dim);
  MemRefDescriptor describe(Value memref);
  LogicalResult requireContiguous(Operation *op, Value memref);
  void setI32(size_t offset, int64_t value) {
    store(params, offset, i32(value));
  }
  void setF32(size_t offset, FloatAttr value) {
    store(params, offset, arith::ConstantOp::create(b, value));
  }

  ModuleOp module;
  func::FuncOp step;
  Value params, kernelEnv, stepPointer;
  llvm::SetVector<Attribute> variants;
  unsigned numSlopes = 0;
};

LogicalResult Lowering::requireContiguous(Operation *op, Value memref) {
  auto type = dyn_cast<MemRefType>(memref.getType());
  if (type && (type.getRank() == 0 || type.isLastDimUnitStride()))
    return success();
  return op->emitError("expected buffers whose last dimension is contiguous, "
                       "got ")
         << memref.getType();
}

MemRefDescriptor Lowering::describe(Value memref) {
  Type type = converter.convertType(memref.getType());
  return MemRefDescriptor(
      UnrealizedConversionCastOp::create(b, type, memref).getResult(0));
}

Value Lowering::address(Value memref) {
  return describe(memref).bufferPtr(b, b.getLoc(), converter,
                                    cast<MemRefType>(memref.getType()));
}

Value Lowering::byteStride(Value memref, unsigned dim) {
  auto type = cast<MemRefType>(memref.getType());
  Value bytes = arith::ConstantOp::create(
      b,
      b.getI64IntegerAttr(llvm::divideCeil(type.getElementTypeBitWidth(), 8)));
  return arith::MulIOp::create(b, describe(memref).stride(b, b.getLoc(), dim),
                               bytes);
}

/// A kvcrt_tensor from a buffer [token, head, dim].
LogicalResult Lowering::setTensor(Operation *op, size_t offset, Value memref) {
  if (failed(requireContiguous(op, memref)))
    return failure();
  store(params, offset + offsetof(kvcrt_tensor, data), address(memref));
  store(params, offset + offsetof(kvcrt_tensor, token_stride),
        byteStride(memref, 0));
  store(params, offset + offsetof(kvcrt_tensor, head_stride),
        byteStride(memref, 1));
  return success();
}

void Lowering::beginParams(Operation *op, Value cache) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
  auto bytes = [&](size_t size) -> Value {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(size));
  };
  Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
  LLVM::MemsetOp::create(b, params, zero, bytes(sizeof(kvcrt_params)),
                         /*isVolatile=*/false);
  setI32(offsetof(kvcrt_params, struct_size), sizeof(kvcrt_params));
  setI32(offsetof(kvcrt_params, abi_version), KVCRT_ABI_VERSION);
  LLVM::MemcpyOp::create(b, at(params, offsetof(kvcrt_params, step)),
                         stepPointer, bytes(sizeof(kvcrt_step)),
                         /*isVolatile=*/false);
  Value cachePointer =
      UnrealizedConversionCastOp::create(b, pointer(), cache).getResult(0);
  LLVM::MemcpyOp::create(b, at(params, offsetof(kvcrt_params, cache)),
                         cachePointer, bytes(sizeof(kvcrt_cache)),
                         /*isVolatile=*/false);
}

/// i32 dispatch(env, params, kernel): the hook when there is one.
func::FuncOp Lowering::getDispatch(const Kind &kind) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(kind.dispatch))
    return existing;
  OpBuilder::InsertionGuard guard(b);
  func::FuncOp dispatch =
      beginFunction(module, kind.dispatch, 3, b.getI32Type());
  dispatch.setPrivate();
  Value env = dispatch.getArgument(0), arguments = dispatch.getArgument(1);
  Value null = LLVM::ZeroOp::create(b, pointer());
  auto isSet = [&](Value value) -> Value {
    return LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, value, null);
  };
  Value hooks = loadPointer(env, offsetof(kvcrt_env, hooks));
  auto some = scf::IfOp::create(b, pointer(), isSet(hooks), true);
  b.setInsertionPointToStart(some.thenBlock());
  scf::YieldOp::create(b, loadPointer(hooks, kind.hook));
  b.setInsertionPointToStart(some.elseBlock());
  scf::YieldOp::create(b, null);
  b.setInsertionPointAfter(some);
  Value hook = some.getResult(0);
  auto choice = scf::IfOp::create(b, b.getI32Type(), isSet(hook), true);
  auto callPointer = [&](SmallVector<Value> operands) {
    SmallVector<Type> types(operands.size() - 1, pointer());
    auto type = LLVM::LLVMFunctionType::get(b.getI32Type(), types);
    scf::YieldOp::create(b,
                         LLVM::CallOp::create(b, type, operands).getResult());
  };
  b.setInsertionPointToStart(choice.thenBlock());
  callPointer({hook, loadPointer(hooks, offsetof(kvcrt_hooks, context)), env,
               arguments});
  b.setInsertionPointToStart(choice.elseBlock());
  callPointer({dispatch.getArgument(2), env, arguments});
  b.setInsertionPointAfter(choice);
  func::ReturnOp::create(b, choice.getResult(0));
  return dispatch;
}

LogicalResult Lowering::call(Operation *op, const Kind &kind) {
  auto variant = op->getAttrOfType<FlatSymbolRefAttr>("kvc.variant");
  if (!variant)
    return op->emitError("expected `kvc.variant` on each append and attend of "
                         "a step; run kvc-plan first");
  variants.insert(variant);
  std::string name = (variant.getValue() + kind.suffix).str();
  Value kernel;
  Operation *callee = module.lookupSymbol(name);
  if (auto function = dyn_cast_or_null<func::FuncOp>(callee))
    kernel = UnrealizedConversionCastOp::create(
                 b, pointer(),
                 func::ConstantOp::create(b, function.getFunctionType(),
                                          FlatSymbolRefAttr::get(function))
                     .getResult())
                 .getResult(0);
  else if (isa_and_nonnull<LLVM::LLVMFuncOp>(callee))
    kernel = LLVM::AddressOfOp::create(b, pointer(), name);
  else
    return op->emitError("expected a kernel `")
           << name << "`; run convert-kvc-to-cpu first";
  func::FuncOp dispatch = getDispatch(kind);
  Value status =
      func::CallOp::create(b, dispatch, ValueRange{kernelEnv, params, kernel})
          .getResult(0);
  // What follows runs only after success.
  Block *before = op->getBlock();
  Block *after = before->splitBlock(op);
  b.setInsertionPointToEnd(before);
  Region *region = before->getParent();
  Block *failed = b.createBlock(region, region->end());
  func::ReturnOp::create(b, status);
  b.setInsertionPointToEnd(before);
  Value good =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, status, i32(KVCRT_OK));
  cf::CondBranchOp::create(b, good, after, failed);
  op->erase();
  return success();
}

LogicalResult Lowering::lower(kvc::AppendOp op) {
  beginParams(op, op.getCache());
  if (failed(setTensor(op, offsetof(kvcrt_params, new_key), op.getKey())) ||
      failed(setTensor(op, offsetof(kvcrt_params, new_value), op.getValue())))
    return failure();
  return call(op, kAppend);
}

LogicalResult Lowering::setMask(kvc::AttendOp op) {
  Value mask = op.getMask();
  if (!mask)
    return success();
  if (failed(requireContiguous(op, mask)))
    return failure();
  store(params, offsetof(kvcrt_params, mask), address(mask));
  store(params, offsetof(kvcrt_params, mask_token_stride), byteStride(mask, 0));
  Value columns = describe(mask).size(b, b.getLoc(), 1);
  store(params, offsetof(kvcrt_params, mask_columns),
        arith::TruncIOp::create(b, b.getI32Type(), columns));
  return success();
}

LogicalResult Lowering::setCaptures(kvc::AttendOp op) {
  for (auto [i, capture] : llvm::enumerate(op.getCaptures())) {
    size_t base = offsetof(kvcrt_params, captures) + i * sizeof(kvcrt_capture);
    if (!isa<MemRefType>(capture.getType()))
      return op.emitError("expected captures in buffers, got ")
             << capture.getType();
    store(params, base + offsetof(kvcrt_capture, data), address(capture));
    int64_t rank = cast<MemRefType>(capture.getType()).getRank();
    for (int64_t dim = 0; dim < rank; ++dim) {
      size_t at = dim * sizeof(int64_t);
      store(params, base + offsetof(kvcrt_capture, shape) + at,
            describe(capture).size(b, b.getLoc(), dim));
      store(params, base + offsetof(kvcrt_capture, stride) + at,
            byteStride(capture, dim));
    }
  }
  return success();
}

/// ALiBi slopes are a table in the artefact.
void Lowering::setSlopes(kvc::AttendOp op) {
  auto type = cast<kvc::CacheType>(op.getCache().getType());
  int64_t heads = cast<MemRefType>(op.getQuery().getType()).getDimSize(1);
  SmallVector<float> slopes = type.getPosition().getSlopes(heads);
  if (slopes.empty())
    return;
  auto values = DenseElementsAttr::get(
      RankedTensorType::get({int64_t(slopes.size())}, b.getF32Type()),
      ArrayRef<float>(slopes));
  std::string name = ("kvc_slopes_" + Twine(numSlopes++)).str();
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    LLVM::GlobalOp::create(
        b, LLVM::LLVMArrayType::get(b.getF32Type(), slopes.size()),
        /*isConstant=*/true, LLVM::Linkage::Internal, name, values);
  }
  store(params, offsetof(kvcrt_params, alibi_slopes),
        LLVM::AddressOfOp::create(b, pointer(), name));
}

LogicalResult Lowering::lower(kvc::AttendOp op) {
  beginParams(op, op.getCache());
  auto type = cast<kvc::CacheType>(op.getCache().getType());
  if (failed(setTensor(op, offsetof(kvcrt_params, query), op.getQuery())) ||
      failed(setTensor(op, offsetof(kvcrt_params, out), op.getOut())) ||
      failed(setMask(op)) || failed(setCaptures(op)))
    return failure();
  setF32(offsetof(kvcrt_params, scale), op.getScaleAttr());
  if (FloatAttr softcap = op.getSoftcapAttr())
    setF32(offsetof(kvcrt_params, softcap), softcap);
  // The op's own window restricts further what retention shows.
  int64_t window = type.getRetention().getWindowSize();
  if (std::optional<uint64_t> own = op.getWindow())
    window = window ? std::min<int64_t>(window, *own) : *own;
  setI32(offsetof(kvcrt_params, window), window);
  setI32(offsetof(kvcrt_params, sink_tokens),
         type.getRetention().getNumSinkTokens());
  if (Value sinks = op.getSinkLogits())
    store(params, offsetof(kvcrt_params, sink_logits), address(sinks));
  if (Value lse = op.getLse()) {
    store(params, offsetof(kvcrt_params, lse), address(lse));
    store(params, offsetof(kvcrt_params, lse_token_stride), byteStride(lse, 0));
  }
  setSlopes(op);
  return call(op, kAttend);
}

LogicalResult Lowering::run() {
  // Statuses instead of nothing.
  if (step.getNumResults() != 0)
    return step.emitError("expected a step without results, got ")
           << step.getFunctionType();
  step.walk([&](func::ReturnOp op) {
    b.setInsertionPoint(op);
    func::ReturnOp::create(b, i32(KVCRT_OK));
    op.erase();
  });
  // Pointers to structures instead of kvc types.
  b.setInsertionPointToStart(&step.getBody().front());
  for (BlockArgument argument : step.getArguments()) {
    if (!isa<kvc::StepType, kvc::CacheType>(argument.getType()))
      continue;
    Type type = argument.getType();
    argument.setType(pointer());
    auto back = UnrealizedConversionCastOp::create(b, type, argument);
    argument.replaceAllUsesExcept(back.getResult(0), back);
    if (isa<kvc::StepType>(type)) {
      stepPointer = argument;
      step.setArgAttr(argument.getArgNumber(), "kvc.step", b.getUnitAttr());
    }
  }
  unsigned position = step.getNumArguments();
  if (failed(step.insertArgument(position, pointer(),
                                 b.getDictionaryAttr(b.getNamedAttr(
                                     "kvc.kernel_env", b.getUnitAttr())),
                                 step.getLoc())))
    return failure();
  kernelEnv = step.getArgument(position);
  step.setType(
      b.getFunctionType(step.getBody().getArgumentTypes(), b.getI32Type()));
  params = stackStorage(sizeof(kvcrt_params), 64);

  SmallVector<Operation *> calls;
  WalkResult known = step.walk([&](Operation *op) {
    if (isa<kvc::AppendOp, kvc::AttendOp>(op)) {
      calls.push_back(op);
    } else if (isa<kvc::KVCDialect>(op->getDialect()) &&
               !isa<kvc::YieldOp>(op)) {
      op->emitError("expected only append and attend of kvc in a step, got `")
          << op->getName() << "`";
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (known.wasInterrupted())
    return failure();
  for (Operation *op : calls) {
    if (!stepPointer)
      return op->emitError("expected `step` to take a !kvc.step, got none");
    LogicalResult lowered = isa<kvc::AppendOp>(op)
                                ? lower(cast<kvc::AppendOp>(op))
                                : lower(cast<kvc::AttendOp>(op));
    if (failed(lowered))
      return failure();
  }
  step->setAttr("kvc.variants", b.getArrayAttr(variants.getArrayRef()));
  return success();
}

struct LowerModelCalls : kvc::impl::LowerModelCallsPassBase<LowerModelCalls> {
  using LowerModelCallsPassBase::LowerModelCallsPassBase;

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (step && !step.isDeclaration() &&
        failed(Lowering(getOperation(), step).run()))
      signalPassFailure();
  }
};

} // namespace
