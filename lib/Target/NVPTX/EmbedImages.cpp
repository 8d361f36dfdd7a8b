//===- EmbedImages.cpp - compiled kernels as data of the host module ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Defines the kvcrt_kernel records that host functions launch by: each names
// its function, its block and the images that hold it, the cubin before the
// PTX, since a driver takes the first that it can run.
//
// Invariant: field offsets are those of kvcrt/abi.h, asserted below.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "kvcrt/abi.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <cstddef>

using namespace mlir;

namespace kvc::nvptx {

static_assert(offsetof(kvcrt_image, sm) == 4 &&
              offsetof(kvcrt_image, data) == 8 &&
              offsetof(kvcrt_image, size) == 16 &&
              offsetof(kvcrt_image, chip) == 24 && sizeof(kvcrt_image) == 32);
static_assert(offsetof(kvcrt_kernel, name) == 8 &&
              offsetof(kvcrt_kernel, threads) == 16 &&
              offsetof(kvcrt_kernel, shared_bytes) == 20 &&
              offsetof(kvcrt_kernel, images) == 24 &&
              offsetof(kvcrt_kernel, num_images) == 32 &&
              sizeof(kvcrt_kernel) == 40);

namespace {
/// Writes constants of the host module.
class ConstantWriter {
public:
  ConstantWriter(ModuleOp module, Location loc)
      : b(loc, OpBuilder::atBlockBegin(module.getBody())),
        pointer(LLVM::LLVMPointerType::get(module.getContext())) {}

  /// The bytes of `text` and a zero.
  void bytes(const Twine &name, StringRef text, unsigned alignment) {
    std::string data = text.str();
    data.push_back('\0');
    LLVM::GlobalOp::create(b,
                           LLVM::LLVMArrayType::get(b.getI8Type(), data.size()),
                           /*isConstant=*/true, LLVM::Linkage::Internal,
                           name.str(), b.getStringAttr(data), alignment);
  }
  void constant(const Twine &name, Type type, LLVM::Linkage linkage,
                llvm::function_ref<Value()> value) {
    auto global = LLVM::GlobalOp::create(b, type, /*isConstant=*/true, linkage,
                                         name.str(), Attribute(), 8);
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&global.getInitializerRegion());
    LLVM::ReturnOp::create(b, value());
  }
  Value i32(uint64_t number) {
    return LLVM::ConstantOp::create(b, b.getI32Type(),
                                    b.getI32IntegerAttr(int32_t(number)));
  }
  Value i64(uint64_t number) {
    return LLVM::ConstantOp::create(b, b.getI64Type(),
                                    b.getI64IntegerAttr(int64_t(number)));
  }
  Value addressOf(const Twine &name) {
    return LLVM::AddressOfOp::create(b, pointer, name.str());
  }
  Value aggregate(Type type, ArrayRef<Value> parts) {
    Value whole = LLVM::UndefOp::create(b, type);
    for (auto [i, part] : llvm::enumerate(parts))
      whole = LLVM::InsertValueOp::create(b, whole, part, int64_t(i));
    return whole;
  }
  LLVM::LLVMStructType structure(ArrayRef<Type> fields) {
    return LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
  }

  ImplicitLocOpBuilder b;
  LLVM::LLVMPointerType pointer;
};
} // namespace

/// The array of images of one gpu.module; answers how many.
static unsigned writeImages(ConstantWriter &w, const Image &image,
                            const GpuChip &chip) {
  Type i32 = w.b.getI32Type(), i64 = w.b.getI64Type();
  auto type = w.structure({i32, i32, w.pointer, i64, w.pointer});
  unsigned count = image.cubin ? 2 : 1;
  w.bytes(image.name + "_chip", chip.name, 1);
  w.bytes(image.name + "_ptx", image.ptx, 16);
  if (image.cubin)
    w.bytes(image.name + "_cubin", image.cubin->image, 64);
  w.constant(
      image.name + "_images", LLVM::LLVMArrayType::get(type, count),
      LLVM::Linkage::Internal, [&] {
        SmallVector<Value> all;
        auto add = [&](kvcrt_image_kind kind, StringRef suffix, uint64_t size) {
          all.push_back(
              w.aggregate(type, {w.i32(kind), w.i32(chip.sm),
                                 w.addressOf(image.name + suffix), w.i64(size),
                                 w.addressOf(image.name + "_chip")}));
        };
        if (image.cubin)
          add(KVCRT_IMAGE_CUBIN, "_cubin", image.cubin->image.size());
        add(KVCRT_IMAGE_PTX, "_ptx", image.ptx.size() + 1);
        return w.aggregate(LLVM::LLVMArrayType::get(type, count), all);
      });
  return count;
}

LogicalResult embedImages(ModuleOp module, const GpuChip &chip,
                          ArrayRef<Image> images) {
  SymbolTable symbols(module);
  SmallVector<gpu::GPUModuleOp> kernels(module.getOps<gpu::GPUModuleOp>());
  assert(kernels.size() == images.size() && "compiled from this module");
  for (size_t i = 0; i < kernels.size(); ++i) {
    gpu::GPUModuleOp gpuModule = kernels[i];
    const Image &image = images[i];
    ConstantWriter w(module, gpuModule.getLoc());
    Type i32 = w.b.getI32Type();
    unsigned count = writeImages(w, image, chip);
    auto type =
        w.structure({i32, i32, w.pointer, i32, i32, w.pointer, i32, i32});
    for (auto kernel : gpuModule.getOps<LLVM::LLVMFuncOp>()) {
      if (!kernel->hasAttr("gpu.kernel"))
        continue;
      std::string name = kernel.getName().str(), record = name + "_record";
      auto declared =
          dyn_cast_if_present<LLVM::GlobalOp>(symbols.lookup(record));
      auto threads = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.reqntid");
      auto shared = kernel->getAttrOfType<IntegerAttr>("kvc.shared_bytes");
      if (!threads || threads.empty() || !shared)
        return kernel.emitOpError("expected nvvm.reqntid and kvc.shared_bytes "
                                  "on a kernel, got none");
      if (declared) {
        symbols.erase(declared);
        // It may have been what the builder stood before.
        w.b.setInsertionPointToStart(module.getBody());
      }
      w.bytes(name + "_name", name, 1);
      w.constant(record, type, LLVM::Linkage::Internal, [&] {
        return w.aggregate(
            type, {w.i32(sizeof(kvcrt_kernel)), w.i32(KVCRT_ABI_VERSION),
                   w.addressOf(name + "_name"), w.i32(threads[0]),
                   w.i32(shared.getInt()), w.addressOf(image.name + "_images"),
                   w.i32(count), w.i32(0)});
      });
    }
    gpuModule.erase();
  }
  module->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
  return success();
}

} // namespace kvc::nvptx
