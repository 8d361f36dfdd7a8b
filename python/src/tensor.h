//===- tensor.h - tensors of others as kernels take them ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Anything with __dlpack__. Nothing is copied: strides are handed on, and what
// a kernel cannot read as it lies is refused with `expected X, got Y`. Rows
// that are written do not share memory.
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

/// A tensor that is read entry by entry.
struct ExpectedEntries {
  const char *name;
  const char *type;           // f32, i32, u8, or bool: of one byte, u8 too
  std::vector<int64_t> shape; // empty: any of at least one dimension
  bool cuda;
  int32_t ordinal;
  bool anyStride; // else the last dimension is contiguous
};

struct Entries {
  const char *data;                    // of index 0
  std::vector<int64_t> shape, strides; // strides in bytes
  const char *first;                   // the lowest address
  uint64_t bytes;                      // from there on
};

Entries entriesOf(const Input &tensor, const ExpectedEntries &expected);

/// [1, 2, 3]
std::string listOf(const std::vector<int64_t> &values);

} // namespace kvcpy

#endif // KVC_PYTHON_TENSOR_H
