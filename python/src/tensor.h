//===- tensor.h - tensors of others as kernels take them ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Anything with __dlpack__. Nothing is copied: strides are handed on, and what
// a kernel cannot read as it lies is refused with `expected X, got Y`.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_PYTHON_TENSOR_H
#define KVC_PYTHON_TENSOR_H

#include "status.h"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <vector>

namespace kvcpy {

using Input = nb::ndarray<nb::ro>;
using Output = nb::ndarray<>;

/// What an argument has to be.
struct Expected {
  const char *name;
  int32_t format; // kvcrt_format: f32, f16 or bf16
  std::vector<int64_t> shape;
  bool cuda; // else this machine's memory
  int32_t ordinal;
  int64_t alignment; // of rows, bytes
};

/// The address and the strides of [tokens][heads][dim] (or [tokens][heads]),
/// in bytes, after every check.
kvcrt_tensor checked(const Input &tensor, const Expected &expected);
kvcrt_tensor checked(const Output &tensor, const Expected &expected);

} // namespace kvcpy

#endif // KVC_PYTHON_TENSOR_H
