//===- CacheArguments.cpp - the caches of a step function -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See the header.
//
//===----------------------------------------------------------------------===//

#include "CacheArguments.h"

using namespace mlir;

llvm::SmallVector<BlockArgument> kvc::getCacheArguments(func::FuncOp func) {
  llvm::SmallVector<BlockArgument> caches;
  if (!func.isDeclaration())
    for (BlockArgument argument : func.getArguments())
      if (isa<CacheType>(argument.getType()))
        caches.push_back(argument);
  return caches;
}

void kvc::setCacheType(BlockArgument cache, CacheType type) {
  cache.setType(type);
  auto func = cast<func::FuncOp>(cache.getOwner()->getParentOp());
  func.setType(FunctionType::get(func.getContext(),
                                 func.getBody().getArgumentTypes(),
                                 func.getResultTypes()));
}
