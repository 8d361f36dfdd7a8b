//===- KVCLayout.cpp - where the rows of a cache lie ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout axis: paged and contiguous. A contiguous cache is a paged one
// with one block per sequence, so engines see one case.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/KVC.h"

using namespace mlir;
using namespace kvc;

LogicalResult
PagedAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                  int64_t block, Order order) {
  // paged_c1
  if (block < 1 || block > (int64_t(1) << 20))
    return emitError() << "expected `block` in [1, 1048576] tokens, got "
                       << block;
  return success();
}

int64_t PagedAttr::getBlockSize() const { return getBlock(); }

void PagedAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.layout = KVCRT_LAYOUT_PAGED;
  policy.block = getBlock();
  policy.order = getOrder() == Order::nhd ? KVCRT_NHD : KVCRT_HND;
}

LogicalResult
ContiguousAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                       int64_t capacity) {
  // contiguous_c1
  if (capacity < 1 || capacity > INT32_MAX)
    return emitError() << "expected `capacity` in [1, 2147483647] tokens, got "
                       << capacity;
  return success();
}

int64_t ContiguousAttr::getBlockSize() const { return getCapacity(); }

void ContiguousAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.layout = KVCRT_LAYOUT_CONTIGUOUS;
  policy.block = getCapacity();
  policy.order = KVCRT_HND;
}
