//===- dtype.h - element types of tensors in files ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_DTYPE_H
#define KVCRT_SRC_DTYPE_H

#include "kvcrt/artifact.h"

namespace kvcrt {

/// The kvcrt_dtype of that name, or -1.
int32_t findDtype(const char *name);

/// Bytes of a tensor; false when a dimension is negative or the product does
/// not fit 64 bits.
bool tensorBytes(const int64_t *shape, int32_t rank, int32_t dtype,
                 uint64_t &bytes);

} // namespace kvcrt

#endif // KVCRT_SRC_DTYPE_H
