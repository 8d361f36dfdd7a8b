//===- global_memory.cpp - the ranges that kernels may touch --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "global_memory.h"

#include <algorithm>
#include <new>
#include <sys/mman.h>

namespace kvcrt::sim {

LazyMapping::LazyMapping(uint64_t bytes)
    : bytes_((bytes + 4095) & ~uint64_t(4095)) {
  base_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base_ == MAP_FAILED)
    throw std::bad_alloc();
}
LazyMapping::~LazyMapping() { munmap(base_, bytes_); }
void LazyMapping::clear() { madvise(base_, bytes_, MADV_DONTNEED); }

Region::Region(uint64_t base, uint64_t bytes, uint32_t flags, std::string name)
    : begin(base), end(base + bytes), flags(flags), name(std::move(name)),
      cells(bytes * sizeof(Cell)),
      pages(((bytes >> 12) + 1) * sizeof(std::atomic<uint16_t>)) {
  if (flags & KVCRT_SIM_MEMORY_UNDEFINED)
    defined = std::make_unique<LazyMapping>(bytes / 8 + 1);
}

bool Region::isDefined(uint64_t address, uint32_t bytes) const {
  auto *bits = static_cast<std::atomic<uint8_t> *>(defined->get());
  for (uint64_t i = address - begin, last = i + bytes; i < last; ++i)
    if (!(bits[i >> 3].load(std::memory_order_relaxed) >> (i & 7) & 1))
      return false;
  return true;
}

void Region::setBytes(uint64_t address, uint32_t bytes) {
  auto *bits = static_cast<std::atomic<uint8_t> *>(defined->get());
  uint64_t i = address - begin, last = i + bytes;
  while (i < last) {
    const uint64_t upTo = std::min<uint64_t>(last, (i | 7) + 1);
    const uint8_t mask = uint8_t(((1u << (upTo - i)) - 1) << (i & 7));
    // Neighbours are set by other workers.
    if ((bits[i >> 3].load(std::memory_order_relaxed) & mask) != mask)
      bits[i >> 3].fetch_or(mask, std::memory_order_relaxed);
    i = upTo;
  }
}

void Region::setDefined(uint64_t address, uint64_t bytes, bool value) {
  if (address == begin && address + bytes == end && !value)
    return defined->clear();
  auto *bits = static_cast<std::atomic<uint8_t> *>(defined->get());
  for (uint64_t i = address - begin, last = i + bytes; i < last;) {
    if ((i & 7) == 0 && last - i >= 8) {
      bits[i >> 3].store(value ? 0xff : 0, std::memory_order_relaxed);
      i += 8;
      continue;
    }
    const uint8_t mask = uint8_t(1u << (i & 7));
    if (value)
      bits[i >> 3].fetch_or(mask, std::memory_order_relaxed);
    else
      bits[i >> 3].fetch_and(uint8_t(~mask), std::memory_order_relaxed);
    ++i;
  }
}

Region *GlobalMemory::find(uint64_t address) const {
  auto it = std::upper_bound(
      regions_.begin(), regions_.end(), address,
      [](uint64_t at, const auto &region) { return at < region->begin; });
  if (it == regions_.begin())
    return nullptr;
  Region *region = (--it)->get();
  return address < region->end ? region : nullptr;
}

const Region *GlobalMemory::before(uint64_t address) const {
  const Region *found = nullptr;
  for (const auto &region : regions_)
    if (region->end <= address)
      found = region.get();
  return found;
}

kvcrt_status GlobalMemory::add(uint64_t base, uint64_t bytes, uint32_t flags,
                               const char *name) {
  if (!base || !bytes || base + bytes < base)
    return KVCRT_INVALID_ARGUMENT;
  auto it = std::lower_bound(
      regions_.begin(), regions_.end(), base,
      [](const auto &region, uint64_t at) { return region->begin < at; });
  if ((it != regions_.end() && (*it)->begin < base + bytes) ||
      (it != regions_.begin() && (*std::prev(it))->end > base))
    return KVCRT_INVALID_ARGUMENT;
  try {
    regions_.insert(it, std::make_unique<Region>(base, bytes, flags,
                                                 name ? name : "memory"));
  } catch (const std::bad_alloc &) {
    return KVCRT_OUT_OF_MEMORY;
  }
  return KVCRT_OK;
}

kvcrt_status GlobalMemory::remove(uint64_t base) {
  auto it = std::lower_bound(
      regions_.begin(), regions_.end(), base,
      [](const auto &region, uint64_t at) { return region->begin < at; });
  if (it == regions_.end() || (*it)->begin != base)
    return KVCRT_NOT_FOUND;
  regions_.erase(it);
  return KVCRT_OK;
}

kvcrt_status GlobalMemory::mark(uint64_t address, uint64_t bytes,
                                bool defined) {
  Region *region = find(address);
  if (!region || bytes > region->end - address)
    return KVCRT_INVALID_ARGUMENT;
  if (region->defined && bytes)
    region->setDefined(address, bytes, defined);
  return KVCRT_OK;
}

void GlobalMemory::beginLaunch() {
  for (Stripe &stripe : stripes_)
    stripe.syncs.clear();
  if (++launch_ < LastWrite::kLaunches)
    return;
  // Numbers come again: forget what bore them.
  launch_ = 1;
  for (auto &region : regions_) {
    region->cells.clear();
    region->pages.clear();
  }
}

Sync &GlobalMemory::syncOf(uint64_t address) {
  return stripes_[(address >> 3) % kStripes].syncs[address];
}

} // namespace kvcrt::sim
