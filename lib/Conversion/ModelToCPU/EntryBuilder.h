//===- EntryBuilder.h - code that reads C structures ------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_MODELTOCPU_ENTRYBUILDER_H
#define KVC_LIB_CONVERSION_MODELTOCPU_ENTRYBUILDER_H

#include "kvcrt/abi.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <cstddef>

namespace kvc {

/// Emits loads and stores of the fields of kvcrt/abi.h's structures, addressed
/// by offsetof, and checks that leave the function with a status.
class EntryBuilder {
public:
  explicit EntryBuilder(mlir::ModuleOp module)
      : b(module.getLoc(), module.getContext()),
        converter(module.getContext()) {}

  mlir::Type pointer() {
    return mlir::LLVM::LLVMPointerType::get(b.getContext());
  }
  mlir::Value at(mlir::Value base, size_t offset);
  mlir::Value load(mlir::Value base, size_t offset, mlir::Type type);
  mlir::Value loadPointer(mlir::Value base, size_t offset) {
    return load(base, offset, pointer());
  }
  /// An int32 field as an index.
  mlir::Value loadIndex(mlir::Value base, size_t offset);
  void store(mlir::Value base, size_t offset, mlir::Value value);
  /// An int32 constant, as statuses are.
  mlir::Value i32(int64_t value);
  mlir::Value index(int64_t value);
  /// Zeroed storage on the stack, at the function's entry.
  mlir::Value stackStorage(size_t bytes, size_t alignment = 8);
  /// The pointer and the sizes of dynamic dimensions as a memref.
  mlir::Value toMemRef(mlir::Value data, mlir::MemRefType type,
                       mlir::ArrayRef<mlir::Value> dynamicSizes);

  /// Begins `name`(pointers...) -> `result`.
  mlir::func::FuncOp beginFunction(mlir::ModuleOp module, llvm::StringRef name,
                                   unsigned pointers, mlir::Type result);
  /// Goes on when `condition` holds, else returns `status`.
  void check(mlir::Value condition, mlir::Value status);
  void check(mlir::Value condition, kvcrt_status status) {
    check(condition, i32(status));
  }
  /// The structure begins with this size and our version.
  void checkVersion(mlir::Value structure, size_t size);

  mlir::ImplicitLocOpBuilder b;
  mlir::LLVMTypeConverter converter;
};

} // namespace kvc

#endif // KVC_LIB_CONVERSION_MODELTOCPU_ENTRYBUILDER_H
