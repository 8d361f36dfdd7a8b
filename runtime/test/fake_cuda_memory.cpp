//===- fake_cuda_memory.cpp - memory of the stand-in for libcuda ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Device memory is memory of the host; copies are work of a stream.
//
//===----------------------------------------------------------------------===//
#include "fake_cuda_state.h"

#include <cstring>
#include <sys/mman.h>

using namespace fake_cuda;

#pragma GCC visibility push(default)
extern "C" {

Result cuMemAlloc_v2(Pointer *out, size_t bytes) {
  ENTER(cuMemAlloc_v2, std::to_string(bytes));
  void *memory = made(aligned_alloc(256, (bytes + 255) / 256 * 256));
  memset(memory, 0xCD, bytes);
  *out = reinterpret_cast<uintptr_t>(memory);
  return kSuccess;
}
Result cuMemFree_v2(Pointer address) {
  ENTER(cuMemFree_v2);
  drainAll();
  void *memory = reinterpret_cast<void *>(address);
  if (!unmade(memory))
    return kInvalidValue;
  free(memory);
  return kSuccess;
}
Result cuMemHostAlloc(void **out, size_t bytes, unsigned flags) {
  ENTER(cuMemHostAlloc, std::to_string(flags));
  *out = made(aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
  memset(*out, 0xCD, bytes);
  return kSuccess;
}
Result cuMemFreeHost(void *memory) {
  ENTER(cuMemFreeHost);
  drainAll();
  if (!unmade(memory))
    return kInvalidValue;
  free(memory);
  return kSuccess;
}
Result cuMemPoolCreate(Pool *out, const PoolProperties *properties) {
  ENTER(cuMemPoolCreate);
  if (properties->type != kAllocationPinned || properties->location.id != 40)
    return kInvalidValue;
  *out = reinterpret_cast<Pool>(made(new int));
  return kSuccess;
}
Result cuMemPoolDestroy(Pool pool) {
  ENTER(cuMemPoolDestroy);
  if (!unmade(pool))
    return kInvalidValue;
  delete reinterpret_cast<int *>(pool);
  return kSuccess;
}
Result cuMemPoolSetAttribute(Pool, int attribute, void *value) {
  ENTER(cuMemPoolSetAttribute);
  return attribute == kPoolReleaseThreshold && *static_cast<uint64_t *>(value)
             ? kSuccess
             : kInvalidValue;
}
Result cuMemAllocFromPoolAsync(Pointer *out, size_t bytes, Pool pool,
                               Stream stream) {
  ENTER(cuMemAllocFromPoolAsync, nameOf(stream));
  if (!state().live.count(pool))
    return kInvalidValue;
  void *memory = made(aligned_alloc(256, (bytes + 255) / 256 * 256));
  *out = reinterpret_cast<uintptr_t>(memory);
  return enqueue(stream, [=] { memset(memory, 0xCD, bytes); });
}
Result cuMemFreeAsync(Pointer address, Stream stream) {
  ENTER(cuMemFreeAsync, nameOf(stream));
  void *memory = reinterpret_cast<void *>(address);
  if (!unmade(memory))
    return kInvalidValue;
  // Work of a capture that fails is dropped, and never run.
  std::shared_ptr<void> owner(memory, free);
  return enqueue(stream, [owner]() mutable { owner.reset(); });
}

Result cuMemGetAllocationGranularity(size_t *out, const AllocationProperties *,
                                     int) {
  ENTER(cuMemGetAllocationGranularity);
  *out = 2 << 20;
  return kSuccess;
}
Result cuMemAddressReserve(Pointer *out, size_t bytes, size_t alignment,
                           Pointer, unsigned long long) {
  ENTER(cuMemAddressReserve);
  // Room to align in, kept with the region.
  char *room = static_cast<char *>(
      mmap(nullptr, bytes + alignment, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  const Pointer base = (reinterpret_cast<uintptr_t>(room) + alignment - 1) /
                       alignment * alignment;
  state().reserved[base] = bytes;
  *out = base;
  return kSuccess;
}
Result cuMemAddressFree(Pointer base, size_t bytes) {
  ENTER(cuMemAddressFree);
  auto it = state().reserved.find(base);
  if (it == state().reserved.end() || it->second != bytes)
    return kInvalidValue;
  for (auto &[at, size] : state().mapped)
    if (at >= base && at < base + bytes)
      return kInvalidValue; // still mapped
  munmap(reinterpret_cast<void *>(base), bytes);
  state().reserved.erase(it);
  return kSuccess;
}
Result cuMemCreate(Handle *out, size_t bytes, const AllocationProperties *p,
                   unsigned long long) {
  ENTER(cuMemCreate, std::to_string(bytes));
  if (bytes % (2 << 20) || p->location.type != kLocationDevice)
    return kInvalidValue;
  *out = state().nextHandle++;
  state().handles[*out] = bytes;
  return kSuccess;
}
Result cuMemRelease(Handle handle) {
  ENTER(cuMemRelease);
  return state().handles.erase(handle) ? kSuccess : kInvalidValue;
}
Result cuMemMap(Pointer at, size_t bytes, size_t offset, Handle handle,
                unsigned long long) {
  ENTER(cuMemMap);
  if (offset || !state().handles.count(handle) ||
      state().handles[handle] != bytes || state().mapped.count(at))
    return kInvalidValue;
  state().mapped[at] = bytes;
  return kSuccess;
}
Result cuMemUnmap(Pointer at, size_t bytes) {
  ENTER(cuMemUnmap);
  drainAll();
  auto it = state().mapped.find(at);
  if (it == state().mapped.end() || it->second != bytes)
    return kInvalidValue;
  state().mapped.erase(it);
  void *memory = reinterpret_cast<void *>(at);
  mprotect(memory, bytes, PROT_NONE);
  madvise(memory, bytes, MADV_DONTNEED);
  return kSuccess;
}
Result cuMemSetAccess(Pointer at, size_t bytes, const AccessDescription *access,
                      size_t count) {
  ENTER(cuMemSetAccess);
  if (count != 1 || access->flags != kAccessReadWrite ||
      !state().mapped.count(at))
    return kInvalidValue;
  void *memory = reinterpret_cast<void *>(at);
  mprotect(memory, bytes, PROT_READ | PROT_WRITE);
  memset(memory, 0xCD, bytes);
  return kSuccess;
}

Result cuMemcpyAsync(Pointer to, Pointer from, size_t bytes, Stream stream) {
  ENTER(cuMemcpyAsync, std::to_string(bytes) + " " + nameOf(stream));
  return enqueue(stream, [=] {
    memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
  });
}
Result cuMemcpy2DAsync_v2(const Copy2D *c, Stream stream) {
  ENTER(cuMemcpy2DAsync_v2, std::to_string(c->width) + "x" +
                                std::to_string(c->height) + " " +
                                nameOf(stream));
  if (c->srcType != kMemoryHost || c->dstType != kMemoryDevice)
    return kInvalidValue;
  return enqueue(stream, [copy = *c] {
    for (size_t row = 0; row < copy.height; ++row)
      memcpy(reinterpret_cast<char *>(copy.dstDevice) + row * copy.dstPitch,
             static_cast<const char *>(copy.srcHost) + row * copy.srcPitch,
             copy.width);
  });
}
Result cuMemsetD8Async(Pointer to, unsigned char value, size_t bytes,
                       Stream stream) {
  ENTER(cuMemsetD8Async, std::to_string(bytes) + " " + nameOf(stream));
  return enqueue(stream,
                 [=] { memset(reinterpret_cast<void *>(to), value, bytes); });
}

} // extern "C"
#pragma GCC visibility pop
