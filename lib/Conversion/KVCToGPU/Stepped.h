//===- Stepped.h - an index and a constant beyond it ------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread that walks over a tile has places that lie known distances apart.
// Addresses made of what they have in common, and then of the distance, share
// registers and are constants apart; LLVM does not find that in sums of i32
// that may wrap and pass through a swizzle.
//
// Invariant: start + offset is the index, and neither is negative.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_STEPPED_H
#define KVC_LIB_CONVERSION_KVCTOGPU_STEPPED_H

#include "Warp.h"

namespace kvc::gpu {

/// The index (i32) `start` + `offset`.
struct Stepped {
  Num start;
  int64_t offset;
  Stepped(Num start, int64_t offset = 0) : start(start), offset(offset) {}
  Num value() const { return start + offset; }
  Stepped operator+(int64_t more) const { return {start, offset + more}; }
  Stepped operator*(int64_t factor) const {
    return {start * factor, offset * factor};
  }
  Stepped operator/(int64_t divisor) const {
    return offset % divisor == 0 ? Stepped(start / divisor, offset / divisor)
                                 : value() / divisor;
  }
  Num operator%(int64_t divisor) const {
    return (offset % divisor == 0 ? start : value()) % divisor;
  }
};

/// `bytes` for each of `index`, behind `base`.
inline Num addressOf(Num base, Stepped index, int64_t bytes) {
  KernelBuilder &b = *base.builder;
  return b.at(b.at(base, b.toI64(index.start) * bytes), index.offset * bytes);
}

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_STEPPED_H
