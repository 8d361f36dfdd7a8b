//===- host_memory.h - address space and pages of this process ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the cpu and null devices are made of. A region is address space whose
// base is 2 MiB aligned and never moves; its leading bytes can be made usable
// later (a pool that grows). Memory beyond them faults on access.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_HOST_MEMORY_H
#define KVCRT_SRC_HOST_MEMORY_H

#include <cstddef>
#include <cstdint>

namespace kvcrt {

constexpr uint64_t kHugePage = uint64_t(2) << 20; // bytes
constexpr uint64_t kAlignment = 128;              // bytes, of every allocation

constexpr int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Address space of `bytes`, nothing of it usable. Null when there is none.
void *reserveAddressSpace(uint64_t bytes);
/// Makes [0, bytes) of a region readable, writable and zero where it was not
/// yet usable; asks for huge pages. False when the system refuses.
bool commitPages(void *base, uint64_t bytes);
void releaseAddressSpace(void *base, uint64_t bytes);

/// Zeroed memory, kAlignment aligned; large allocations are pages of their own
/// that cost nothing until touched. Null when there is none.
void *allocateHost(uint64_t bytes, bool hugePages);
void freeHost(void *address, uint64_t bytes);

} // namespace kvcrt

#endif // KVCRT_SRC_HOST_MEMORY_H
