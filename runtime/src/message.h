//===- message.h - one line of text into a caller's buffer ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors travel as (status, text) pairs. Text goes into the buffer that the
// caller gave, so that no call shares state with another thread's. A long text
// is cut, never written past the end; the buffer is always terminated.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_MESSAGE_H
#define KVCRT_SRC_MESSAGE_H

#include "kvcrt/abi.h"

#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace kvcrt {

/// The caller's buffer; data may be null.
struct Message {
  char *data = nullptr;
  size_t size = 0;

  /// Formats the text and returns `status`, for `return message.fail(...)`.
  __attribute__((format(printf, 3, 4))) kvcrt_status fail(kvcrt_status status,
                                                          const char *format,
                                                          ...) const {
    if (data && size) {
      va_list arguments;
      va_start(arguments, format);
      vsnprintf(data, size, format, arguments);
      va_end(arguments);
    }
    return status;
  }
};

/// The status of a structure from outside: its size and version are ours.
template <typename T> kvcrt_status checkStruct(const T *structure) {
  if (!structure)
    return KVCRT_INVALID_ARGUMENT;
  if (structure->struct_size != sizeof(T) ||
      structure->abi_version != KVCRT_ABI_VERSION)
    return KVCRT_VERSION_MISMATCH;
  return KVCRT_OK;
}

} // namespace kvcrt

#endif // KVCRT_SRC_MESSAGE_H
