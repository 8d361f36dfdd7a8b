//===- host_memory.cpp - address space and pages of this process ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   mmap gives   |....|==============================|....|
//                     ^ rounded up to 2 MiB           ^ trimmed
//
//===----------------------------------------------------------------------===//
#include "host_memory.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace kvcrt {

void *reserveAddressSpace(uint64_t bytes) {
  bytes = roundUp(bytes, kHugePage);
  const uint64_t padded = bytes + kHugePage;
  void *raw = mmap(nullptr, padded, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED)
    return nullptr;
  char *begin = static_cast<char *>(raw);
  char *base = reinterpret_cast<char *>(
      roundUp(reinterpret_cast<intptr_t>(begin), kHugePage));
  if (base != begin)
    munmap(begin, base - begin);
  const uint64_t tail = padded - (base - begin) - bytes;
  if (tail)
    munmap(base + bytes, tail);
  return base;
}

bool commitPages(void *base, uint64_t bytes) {
  bytes = roundUp(bytes, 4096);
  if (mprotect(base, bytes, PROT_READ | PROT_WRITE) != 0)
    return false;
  // Advice only: without huge pages the pool is slower, not wrong.
  (void)madvise(base, bytes, MADV_HUGEPAGE);
  return true;
}

void releaseAddressSpace(void *base, uint64_t bytes) {
  if (base)
    munmap(base, roundUp(bytes, kHugePage));
}

void *allocateHost(uint64_t bytes, bool hugePages) {
  if (bytes >= kHugePage) {
    void *base = reserveAddressSpace(bytes);
    if (base && mprotect(base, roundUp(bytes, 4096), PROT_READ | PROT_WRITE)) {
      releaseAddressSpace(base, bytes);
      return nullptr;
    }
    if (base && hugePages)
      (void)madvise(base, roundUp(bytes, 4096), MADV_HUGEPAGE);
    return base;
  }
  void *address = nullptr;
  if (posix_memalign(&address, kAlignment, bytes) != 0)
    return nullptr;
  memset(address, 0, bytes);
  return address;
}

void freeHost(void *address, uint64_t bytes) {
  if (bytes >= kHugePage)
    releaseAddressSpace(address, bytes);
  else
    free(address);
}

} // namespace kvcrt
