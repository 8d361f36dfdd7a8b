//===- CacheArguments.h - the caches of a step function ---------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step function takes its caches as arguments; the i-th one is layer i.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_DIALECT_KVC_TRANSFORMS_CACHEARGUMENTS_H
#define KVC_LIB_DIALECT_KVC_TRANSFORMS_CACHEARGUMENTS_H

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kvc {

/// The cache arguments of `func`, in layer order; empty for a declaration.
llvm::SmallVector<mlir::BlockArgument>
getCacheArguments(mlir::func::FuncOp func);

/// Gives argument `cache` another type; the function's own type follows. Users
/// of a cache name its type nowhere else.
void setCacheType(mlir::BlockArgument cache, CacheType type);

} // namespace kvc

#endif // KVC_LIB_DIALECT_KVC_TRANSFORMS_CACHEARGUMENTS_H
