//===- test_support.h - inputs and comparison for the reference's tests ---===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: ramp is expected.py's ramp.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_TEST_SUPPORT_H
#define KVCREF_TEST_SUPPORT_H

#include "kvcref/view.h"
#include "kvcrt/policy.h"

#include <cmath>
#include <gtest/gtest.h>

namespace kvcref::test {

template <int Rank>
Array<double, Rank> ramp(int64_t seed, std::array<int64_t, Rank> shape) {
  Array<double, Rank> numbers(shape);
  for (size_t n = 0; n < numbers.elements.size(); ++n)
    numbers.elements[n] = double((37 * int64_t(n) + 11 * seed) % 17 - 8) / 8;
  return numbers;
}

inline Array<int64_t, 1> iota(int64_t count, int64_t first = 0) {
  Array<int64_t, 1> numbers({count});
  for (int64_t i = 0; i < count; ++i)
    numbers(i) = first + i;
  return numbers;
}

/// quant<i8, axis = token, symmetric, scale = f32>
inline kvcrt_storage i8Storage() {
  return {KVCRT_STORAGE_QUANT, KVCRT_I8, KVCRT_AXIS_TOKEN, 0, 1, KVCRT_F32, 0};
}

/// NaN equals NaN, and an infinity itself.
inline void expectNear(const std::vector<double> &got,
                       const std::vector<double> &expected,
                       double bound = 1e-12) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(got[i])) << "element " << i << " is " << got[i];
    else if (std::isinf(expected[i]))
      EXPECT_EQ(got[i], expected[i]) << "element " << i;
    else
      EXPECT_NEAR(got[i], expected[i], bound) << "element " << i;
  }
}

} // namespace kvcref::test

#endif // KVCREF_TEST_SUPPORT_H
