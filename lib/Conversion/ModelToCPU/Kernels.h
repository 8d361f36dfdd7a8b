//===- Kernels.h - how many registers a kernel uses -------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_MODELTOCPU_KERNELS_H
#define KVC_LIB_CONVERSION_MODELTOCPU_KERNELS_H

#include <cstdint>

namespace kvc {

/// The register block of a matrix product: `rows` rows by `vectors` vectors of
/// `lanes` sums. Four vectors of columns are wide enough that one row (a
/// decoded token) hides the latency of FMA: four chains, 4 cycles each. Sums
/// are f32, whatever the operands are.
struct KernelShape {
  int64_t lanes;
  int64_t vectors;
  int64_t rows;

  /// 32 registers (AVX-512) hold 6 x 4 sums, 4 columns and a broadcast; 16
  /// registers hold 3 x 4 sums and the same.
  static KernelShape get(unsigned vectorBits) {
    return {vectorBits / 32, 4, vectorBits >= 512 ? 6 : 3};
  }

  int64_t columns() const { return lanes * vectors; }
};

} // namespace kvc

#endif // KVC_LIB_CONVERSION_MODELTOCPU_KERNELS_H
