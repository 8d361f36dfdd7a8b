//===- KernelConstants.cpp - what a launch reads, as constants ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: field by field what kvcrt/abi.h declares; the assertions below
// hold the two together.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Common/KernelConstants.h"

#include <cstddef>

using namespace mlir;

namespace kvc::target {

static_assert(offsetof(kvcrt_image, kind) == 0 &&
              offsetof(kvcrt_image, sm) == 4 &&
              offsetof(kvcrt_image, data) == 8 &&
              offsetof(kvcrt_image, size) == 16 &&
              offsetof(kvcrt_image, chip) == 24 && sizeof(kvcrt_image) == 32);
static_assert(offsetof(kvcrt_kernel, name) == 8 &&
              offsetof(kvcrt_kernel, threads) == 16 &&
              offsetof(kvcrt_kernel, shared_bytes) == 20 &&
              offsetof(kvcrt_kernel, images) == 24 &&
              offsetof(kvcrt_kernel, num_images) == 32 &&
              sizeof(kvcrt_kernel) == 40);

void ConstantWriter::bytes(const Twine &name, StringRef text,
                           unsigned alignment) {
  std::string data = text.str();
  data.push_back('\0');
  b.clearInsertionPoint();
  symbols.insert(LLVM::GlobalOp::create(
      b, LLVM::LLVMArrayType::get(b.getI8Type(), data.size()),
      /*isConstant=*/true, LLVM::Linkage::Internal, name.str(),
      b.getStringAttr(data), alignment));
}

void ConstantWriter::constant(const Twine &name, Type type,
                              LLVM::Linkage linkage,
                              llvm::function_ref<Value()> make) {
  b.clearInsertionPoint();
  auto global = LLVM::GlobalOp::create(b, type, /*isConstant=*/true, linkage,
                                       name.str(), Attribute(),
                                       /*alignment=*/8);
  symbols.insert(global);
  b.createBlock(&global.getInitializerRegion());
  LLVM::ReturnOp::create(b, make());
}

Value ConstantWriter::i32(uint64_t number) {
  return LLVM::ConstantOp::create(b, b.getI32Type(),
                                  b.getI32IntegerAttr(int32_t(number)));
}

Value ConstantWriter::i64(uint64_t number) {
  return LLVM::ConstantOp::create(b, b.getI64Type(),
                                  b.getI64IntegerAttr(int64_t(number)));
}

Value ConstantWriter::null() { return LLVM::ZeroOp::create(b, pointer); }

Value ConstantWriter::addressOf(const Twine &name) {
  return LLVM::AddressOfOp::create(b, pointer, name.str());
}

Value ConstantWriter::aggregate(Type type, ArrayRef<Value> fields) {
  Value whole = LLVM::UndefOp::create(b, type);
  for (auto [i, field] : llvm::enumerate(fields))
    whole = LLVM::InsertValueOp::create(b, whole, field, int64_t(i));
  return whole;
}

LLVM::LLVMStructType ConstantWriter::structure(ArrayRef<Type> fields) {
  return LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
}

void writeImages(ConstantWriter &w, const Twine &name,
                 ArrayRef<ImageConstant> images) {
  Type i32 = w.b.getI32Type();
  auto type = w.structure({i32, i32, w.pointer, w.b.getI64Type(), w.pointer});
  auto array = LLVM::LLVMArrayType::get(type, images.size());
  w.constant(name, array, LLVM::Linkage::Internal, [&] {
    SmallVector<Value> all;
    for (const ImageConstant &image : images)
      all.push_back(w.aggregate(
          type, {w.i32(image.kind), w.i32(image.sm), w.addressOf(image.data),
                 w.i64(image.size), w.addressOf(image.chip)}));
    return w.aggregate(array, all);
  });
}

void defineKernelRecord(ConstantWriter &w, StringRef kernel,
                        const KernelConstant &record) {
  std::string symbol = (kernel + "_record").str();
  if (Operation *declared = w.symbols.lookup(symbol))
    w.symbols.erase(declared);
  Type i32 = w.b.getI32Type();
  auto type = w.structure({i32, i32, w.pointer, i32, i32, w.pointer, i32, i32});
  w.constant(symbol, type, LLVM::Linkage::Internal, [&] {
    return w.aggregate(type,
                       {w.i32(sizeof(kvcrt_kernel)), w.i32(KVCRT_ABI_VERSION),
                        w.addressOf(record.name), w.i32(record.threads),
                        w.i32(record.sharedBytes), w.addressOf(record.images),
                        w.i32(record.numImages), w.i32(0)});
  });
}

} // namespace kvc::target
