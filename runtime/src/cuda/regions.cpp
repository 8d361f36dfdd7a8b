//===- cuda/regions.cpp - address space that grows in place ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "regions.h"
#include "../host_memory.h"

#include <algorithm>
#include <new>
#include <numeric>

namespace kvcrt::cuda {

static AllocationProperties propertiesOn(Device device) {
  AllocationProperties properties = {};
  properties.type = kAllocationPinned;
  properties.location = {kLocationDevice, device};
  return properties;
}

kvcrt_status Regions::reserve(uint64_t bytes, void **out) {
  const Driver &d = session_.driver();
  const AllocationProperties properties = propertiesOn(session_.device());
  size_t granularity = 0;
  if (kvcrt_status status = session_.check(
          d.granularity(&granularity, &properties, kGranularityRecommended),
          "cuMemGetAllocationGranularity"))
    return status;
  // Pools are 2 MiB aligned by contract.
  granularity = std::max<size_t>(granularity, 2 << 20);
  const uint64_t reserved =
      uint64_t(roundUp(int64_t(bytes), int64_t(granularity)));
  Pointer base = 0;
  if (kvcrt_status status = session_.check(
          d.addressReserve(&base, reserved, granularity, 0, 0),
          ("cuMemAddressReserve of " + std::to_string(reserved) + " bytes")
              .c_str()))
    return status;
  try {
    std::lock_guard<std::mutex> lock(mutex_);
    regions_.emplace(reinterpret_cast<void *>(base),
                     Region{reserved, granularity, {}});
  } catch (const std::bad_alloc &) {
    (void)session_.check(d.addressFree(base, reserved), "cuMemAddressFree");
    return KVCRT_OUT_OF_MEMORY;
  }
  *out = reinterpret_cast<void *>(base);
  return KVCRT_OK;
}

/// Maps and zeroes `bytes` of new memory at `at`.
kvcrt_status Regions::map(Pointer at, uint64_t bytes) {
  const Driver &d = session_.driver();
  const AllocationProperties properties = propertiesOn(session_.device());
  const std::string size = " of " + std::to_string(bytes) + " bytes";
  Handle handle = 0;
  if (kvcrt_status status =
          session_.check(d.memCreate(&handle, bytes, &properties, 0),
                         ("cuMemCreate" + size).c_str()))
    return status;
  kvcrt_status status = session_.check(d.memMap(at, bytes, 0, handle, 0),
                                       ("cuMemMap" + size).c_str());
  const bool mapped = !status;
  // A mapping holds its memory by itself.
  const kvcrt_status released =
      session_.check(d.memRelease(handle), "cuMemRelease");
  status = status ? status : released;
  const AccessDescription access = {{kLocationDevice, session_.device()},
                                    kAccessReadWrite};
  if (!status)
    status = session_.check(d.memSetAccess(at, bytes, &access, 1),
                            ("cuMemSetAccess" + size).c_str());
  if (!status)
    status = session_.check(d.fillAsync(at, 0, bytes, nullptr),
                            ("cuMemsetD8Async" + size).c_str());
  if (!status)
    status =
        session_.check(d.streamSynchronize(nullptr), "cuStreamSynchronize");
  if (status && mapped)
    (void)session_.check(d.memUnmap(at, bytes), "cuMemUnmap");
  return status;
}

kvcrt_status Regions::commit(void *base, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = regions_.find(base);
  if (it == regions_.end() || bytes > it->second.reserved)
    return KVCRT_INVALID_ARGUMENT;
  Region &region = it->second;
  const uint64_t have =
      std::accumulate(region.pieces.begin(), region.pieces.end(), uint64_t(0));
  const uint64_t want =
      uint64_t(roundUp(int64_t(bytes), int64_t(region.granularity)));
  if (want <= have)
    return KVCRT_OK;
  region.pieces.reserve(region.pieces.size() + 1);
  if (kvcrt_status status = map(pointer(base) + have, want - have))
    return status;
  region.pieces.push_back(want - have);
  return KVCRT_OK;
}

void Regions::free(void *base, Region &region) {
  const Driver &d = session_.driver();
  Pointer at = pointer(base);
  for (uint64_t bytes : region.pieces) {
    (void)session_.check(d.memUnmap(at, bytes), "cuMemUnmap");
    at += bytes;
  }
  (void)session_.check(d.addressFree(pointer(base), region.reserved),
                       "cuMemAddressFree");
}

void Regions::release(void *base) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = regions_.find(base);
  if (it == regions_.end())
    return;
  free(base, it->second);
  regions_.erase(it);
}

void Regions::releaseAll() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto &[base, region] : regions_)
    free(base, region);
  regions_.clear();
}

} // namespace kvcrt::cuda
