//===- EntryBuilder.cpp - code that reads C structures --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EntryBuilder.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;

namespace kvc {

Value EntryBuilder::at(Value base, size_t offset) {
  if (offset == 0)
    return base;
  return LLVM::GEPOp::create(b, pointer(), b.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{int32_t(offset)});
}

Value EntryBuilder::load(Value base, size_t offset, Type type) {
  return LLVM::LoadOp::create(b, type, at(base, offset));
}

Value EntryBuilder::loadIndex(Value base, size_t offset) {
  return arith::IndexCastOp::create(b, b.getIndexType(),
                                    load(base, offset, b.getI32Type()));
}

void EntryBuilder::store(Value base, size_t offset, Value value) {
  LLVM::StoreOp::create(b, value, at(base, offset));
}

Value EntryBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
}

Value EntryBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value EntryBuilder::stackStorage(size_t bytes, size_t alignment) {
  Value storage;
  {
    OpBuilder::InsertionGuard guard(b);
    Block *entry = &b.getInsertionBlock()->getParent()->front();
    b.setInsertionPointToStart(entry);
    Value count = LLVM::ConstantOp::create(b, b.getI64Type(), bytes);
    storage =
        LLVM::AllocaOp::create(b, pointer(), b.getI8Type(), count, alignment);
  }
  Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
  LLVM::MemsetOp::create(
      b, storage, zero,
      arith::ConstantOp::create(b, b.getI64IntegerAttr(bytes)),
      /*isVolatile=*/false);
  return storage;
}

Value EntryBuilder::toMemRef(Value data, MemRefType type,
                             ArrayRef<Value> dynamicSizes) {
  MemRefDescriptor descriptor =
      MemRefDescriptor::poison(b, b.getLoc(), converter.convertType(type));
  descriptor.setAllocatedPtr(b, b.getLoc(), data);
  descriptor.setAlignedPtr(b, b.getLoc(), data);
  descriptor.setConstantOffset(b, b.getLoc(), 0);
  Value stride = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  unsigned dynamic = dynamicSizes.size();
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    Value size;
    if (type.isDynamicDim(i))
      size = arith::IndexCastOp::create(b, b.getI64Type(),
                                        dynamicSizes[--dynamic]);
    else
      size =
          arith::ConstantOp::create(b, b.getI64IntegerAttr(type.getDimSize(i)));
    descriptor.setSize(b, b.getLoc(), i, size);
    descriptor.setStride(b, b.getLoc(), i, stride);
    stride = arith::MulIOp::create(b, stride, size);
  }
  return UnrealizedConversionCastOp::create(b, type, Value(descriptor))
      .getResult(0);
}

func::FuncOp EntryBuilder::beginFunction(ModuleOp module, StringRef name,
                                         unsigned pointers, Type result) {
  b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> inputs(pointers, pointer());
  auto function =
      func::FuncOp::create(b, name, b.getFunctionType(inputs, result));
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

void EntryBuilder::check(Value condition, Value status) {
  Block *current = b.getInsertionBlock();
  Region *region = current->getParent();
  Block *failed = b.createBlock(region, region->end());
  func::ReturnOp::create(b, status);
  Block *next = b.createBlock(region, region->end());
  b.setInsertionPointToEnd(current);
  cf::CondBranchOp::create(b, condition, next, failed);
  b.setInsertionPointToStart(next);
}

void EntryBuilder::checkVersion(Value structure, size_t size) {
  // Every structure begins with these two fields.
  auto equals = [&](size_t offset, int64_t expected) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                 load(structure, offset, b.getI32Type()),
                                 i32(expected));
  };
  Value both = arith::AndIOp::create(
      b, equals(offsetof(kvcrt_env, struct_size), size),
      equals(offsetof(kvcrt_env, abi_version), KVCRT_ABI_VERSION));
  check(both, KVCRT_VERSION_MISMATCH);
}

} // namespace kvc
