//===- KernelConstants.h - what a launch reads, as constants ----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kvcrt_kernel of kvcrt/abi.h and its images, for GPUs and the simulator.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_COMMON_KERNELCONSTANTS_H
#define KVC_TARGET_COMMON_KERNELCONSTANTS_H

#include "kvcrt/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"
#include <string>

namespace kvc::target {

/// Writes constants of a host module, through its symbol table.
class ConstantWriter {
public:
  ConstantWriter(mlir::SymbolTable &symbols, mlir::Location loc)
      : b(loc, loc.getContext()), symbols(symbols),
        pointer(mlir::LLVM::LLVMPointerType::get(loc.getContext())) {}

  /// The bytes of `text` and a zero, as @`name`.
  void bytes(const llvm::Twine &name, llvm::StringRef text,
             unsigned alignment = 1);
  /// A constant whose value `make` makes, as @`name`.
  void constant(const llvm::Twine &name, mlir::Type type,
                mlir::LLVM::Linkage linkage,
                llvm::function_ref<mlir::Value()> make);
  /// For `make` alone:
  mlir::Value i32(uint64_t number);
  mlir::Value i64(uint64_t number);
  mlir::Value null();
  mlir::Value addressOf(const llvm::Twine &name);
  mlir::Value aggregate(mlir::Type type, llvm::ArrayRef<mlir::Value> fields);

  mlir::LLVM::LLVMStructType structure(llvm::ArrayRef<mlir::Type> fields);

  mlir::ImplicitLocOpBuilder b;
  mlir::SymbolTable &symbols;
  mlir::LLVM::LLVMPointerType pointer;
};

/// A kvcrt_image; `data` and `chip` are names of constants.
struct ImageConstant {
  kvcrt_image_kind kind;
  uint32_t sm = 0;
  std::string data;
  uint64_t size = 0; // bytes
  std::string chip;
};

/// The array of images, in the order in which a device is to try them.
void writeImages(ConstantWriter &writer, const llvm::Twine &name,
                 llvm::ArrayRef<ImageConstant> images);

/// A kvcrt_kernel; `name` and `images` are names of constants.
struct KernelConstant {
  std::string name, images;
  uint32_t numImages = 0;
  uint32_t threads = 0, sharedBytes = 0; // of a block; shared: dynamic
};

/// Defines @`kernel`_record, which host functions launch `kernel` by. They
/// declare it; the declaration goes.
void defineKernelRecord(ConstantWriter &writer, llvm::StringRef kernel,
                        const KernelConstant &record);

} // namespace kvc::target

#endif // KVC_TARGET_COMMON_KERNELCONSTANTS_H
