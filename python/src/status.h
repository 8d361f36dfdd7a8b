//===- status.h - what the runtime answers, as Python exceptions ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A caller's mistake is a ValueError, a full pool kvc.OutOfBlocks (a scheduler
// handles it), everything else a RuntimeError.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_PYTHON_STATUS_H
#define KVC_PYTHON_STATUS_H

#include "kvcrt/runtime.h"

#include <nanobind/nanobind.h>

#include <array>
#include <stdexcept>
#include <string>

namespace kvcpy {

namespace nb = nanobind;
using Message = std::array<char, 512>;

struct OutOfBlocks : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A C string for nb::value_error, which copies it.
[[noreturn]] inline void refuse(const std::string &text) {
  throw nb::value_error(text.c_str());
}

inline void require(int32_t status, const std::string &what,
                    const char *message = "") {
  if (status == KVCRT_OK)
    return;
  std::string text =
      what + ": " + (*message ? message : kvcrt_status_string(status));
  switch (status) {
  case KVCRT_OUT_OF_BLOCKS:
    throw OutOfBlocks(text);
  case KVCRT_INVALID_ARGUMENT:
  case KVCRT_CAPACITY_EXCEEDED:
  case KVCRT_UNSUPPORTED:
  case KVCRT_NOT_FOUND:
  case KVCRT_ILLEGAL_POLICY:
    refuse(text);
  default:
    throw std::runtime_error(text);
  }
}

} // namespace kvcpy

#endif // KVC_PYTHON_STATUS_H
