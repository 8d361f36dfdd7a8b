//===- dtype.cpp - element types of tensors in files ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "dtype.h"

#include <cstring>

namespace {

struct Dtype {
  const char *name; // as safetensors spells it
  size_t size;      // bytes
};

// Indexed by kvcrt_dtype.
constexpr Dtype kDtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
    {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
    {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8},
};
constexpr int kNumDtypes = sizeof(kDtypes) / sizeof(kDtypes[0]);
static_assert(kNumDtypes == KVCRT_DTYPE_U64 + 1, "one row per enumerator");

} // namespace

const char *kvcrt_dtype_name(int32_t dtype) {
  return dtype < 0 || dtype >= kNumDtypes ? nullptr : kDtypes[dtype].name;
}

size_t kvcrt_dtype_size(int32_t dtype) {
  return dtype < 0 || dtype >= kNumDtypes ? 0 : kDtypes[dtype].size;
}

int32_t kvcrt::findDtype(const char *name) {
  for (int32_t index = 0; index < kNumDtypes; ++index)
    if (!strcmp(kDtypes[index].name, name))
      return index;
  return -1;
}

bool kvcrt::tensorBytes(const int64_t *shape, int32_t rank, int32_t dtype,
                        uint64_t &bytes) {
  bytes = kvcrt_dtype_size(dtype);
  for (int32_t axis = 0; axis < rank; ++axis)
    if (shape[axis] < 0 ||
        __builtin_mul_overflow(bytes, static_cast<uint64_t>(shape[axis]),
                               &bytes))
      return false;
  return true;
}
