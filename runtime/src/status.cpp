//===- status.cpp - names of statuses, and the first bytes of structures --===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The switch is over the enumeration and has no default, so that the compiler
// names a status that was added to abi.h and forgotten here.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/runtime.h"

#include <cstring>

const char *kvcrt_status_string(int32_t status) {
  if (status < KVCRT_OK || status > KVCRT_ILLEGAL_POLICY)
    return "unknown kvcrt_status";
  switch (static_cast<kvcrt_status>(status)) {
  case KVCRT_OK:
    return "KVCRT_OK";
  case KVCRT_OUT_OF_BLOCKS:
    return "KVCRT_OUT_OF_BLOCKS";
  case KVCRT_INVALID_ARGUMENT:
    return "KVCRT_INVALID_ARGUMENT";
  case KVCRT_VERSION_MISMATCH:
    return "KVCRT_VERSION_MISMATCH";
  case KVCRT_CAPACITY_EXCEEDED:
    return "KVCRT_CAPACITY_EXCEEDED";
  case KVCRT_WORKSPACE_TOO_SMALL:
    return "KVCRT_WORKSPACE_TOO_SMALL";
  case KVCRT_UNSUPPORTED:
    return "KVCRT_UNSUPPORTED";
  case KVCRT_NOT_FOUND:
    return "KVCRT_NOT_FOUND";
  case KVCRT_BUSY:
    return "KVCRT_BUSY";
  case KVCRT_OUT_OF_MEMORY:
    return "KVCRT_OUT_OF_MEMORY";
  case KVCRT_CORRUPT:
    return "KVCRT_CORRUPT";
  case KVCRT_IO_ERROR:
    return "KVCRT_IO_ERROR";
  case KVCRT_DEVICE_ERROR:
    return "KVCRT_DEVICE_ERROR";
  case KVCRT_ILLEGAL_POLICY:
    return "KVCRT_ILLEGAL_POLICY";
  }
  return "unknown kvcrt_status";
}

void kvcrt_struct_init(void *structure, uint32_t struct_size) {
  memset(structure, 0, struct_size);
  const uint32_t head[2] = {struct_size, KVCRT_ABI_VERSION};
  memcpy(structure, head, sizeof(head));
}
