//===- RopeTable.cpp - the angles of a position, and a turn ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RopeTable.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace kvc::kernel {

void emitRaiseError(Num errorWord, int bits) {
  KernelBuilder &b = *errorWord.builder;
  b.ifThen(errorWord != b.nullPtr(), [&] {
    LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::_or, errorWord.value,
                              b.i32(bits).value,
                              LLVM::AtomicOrdering::monotonic);
  });
}

RopeTable RopeTable::load(AbiStruct<kvcrt_cache> cache) {
  return {cache.load(KVC_FIELD(kvcrt_cache, rope_table)),
          cache.load(KVC_FIELD(kvcrt_cache, rope_positions)),
          cache.load(KVC_FIELD(kvcrt_cache, error_word))};
}

Num RopeTable::angles(Num position, int64_t pairs, Num active) const {
  KernelBuilder &b = *position.builder;
  Num end = position.type() == b.i64() ? b.toI64(positions) : positions;
  Num outside = (position < 0) | (position >= end);
  b.ifThen(active ? outside & active : outside,
           [&] { emitRaiseError(errorWord, KVCRT_ERROR_POSITION_RANGE); });
  Num nearest = max(min(position, end - 1), position.like(0));
  return b.at(data, b.toI64(nearest) * (pairs * 8));
}

std::pair<Num, Num> rotate(Num x, Num y, Num cosine, Num sine) {
  return {fma(x, cosine, -(y * sine)), fma(x, sine, y * cosine)};
}

} // namespace kvc::kernel
