//===- shared_memory.cpp - one block's shared memory, byte by byte --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The usual access finds the same word in all of its bytes: those loops are
// written so that they vectorise, and everything else is left to slow paths.
//
//===----------------------------------------------------------------------===//
#include "shared_memory.h"

#include <algorithm>
#include <cstring>

namespace kvcrt::sim {

SharedMemory::SharedMemory(uint32_t capacity)
    : capacity_(capacity), storage_(new char[capacity + 8192]) {
  // The host's copy is aligned like the GPU's addresses, modulo a page.
  auto raw = reinterpret_cast<uintptr_t>(storage_.get());
  bytes_.pointer = reinterpret_cast<char *>(((raw + 4095) & ~uintptr_t(4095)) +
                                            KVCRT_SIM_SHARED_BASE);
}

bool SharedMemory::configure(const kvcrt_sim_kernel &kernel,
                             uint32_t dynamicBytes) {
  dynamicBytes_ = dynamicBytes;
  uint64_t end = KVCRT_SIM_SHARED_BASE;
  for (uint32_t i = 0; i < kernel.num_shared; ++i) {
    const kvcrt_sim_shared &variable = kernel.shared[i];
    const uint64_t bytes = variable.bytes ? variable.bytes : dynamicBytes;
    end = std::max(end, variable.address + bytes);
  }
  if (end - KVCRT_SIM_SHARED_BASE > capacity_)
    return false;
  end_ = uint32_t(end);
  layout_.assign(end - KVCRT_SIM_SHARED_BASE, kRedZone);
  for (uint32_t i = 0; i < kernel.num_shared; ++i) {
    const kvcrt_sim_shared &variable = kernel.shared[i];
    const uint32_t bytes = variable.bytes ? variable.bytes : dynamicBytes;
    std::fill_n(layout_.begin() + (variable.address - KVCRT_SIM_SHARED_BASE),
                bytes, kNoEpoch);
  }
  return true;
}

void SharedMemory::reset() {
  writer_ = layout_;
  reader_.assign(layout_.size(), kNoEpoch);
  location_.assign(layout_.size(), 0);
  lists_.clear();
  freeLists_.clear();
  // Whatever is used without being defined becomes a NaN, or -1.
  memset(bytes_.get(), 0xff, layout_.size());
}

static bool allEqual(const uint32_t *words, uint32_t count) {
  uint32_t difference = 0;
  for (uint32_t i = 1; i < count; ++i)
    difference |= words[i] ^ words[0];
  return difference == 0;
}

void SharedMemory::dropReader(uint32_t offset) {
  const uint32_t reader = reader_[offset];
  if (reader & kFlagBit)
    freeLists_.push_back(reader & ~kFlagBit);
  reader_[offset] = kNoEpoch;
}

void SharedMemory::addReader(uint32_t offset, uint32_t self, Epoch now,
                             const View &view) {
  uint32_t &reader = reader_[offset];
  if (reader == now)
    return;
  if (!(reader & kFlagBit)) {
    if (reader == kNoEpoch || ordered(reader, self, view)) {
      reader = now;
      return;
    }
    if (freeLists_.empty()) {
      freeLists_.push_back(uint32_t(lists_.size()));
      lists_.emplace_back();
    }
    const uint32_t index = freeLists_.back();
    freeLists_.pop_back();
    lists_[index].assign({reader, now});
    reader = kFlagBit | index;
    return;
  }
  std::vector<Epoch> &list = lists_[reader & ~kFlagBit];
  for (Epoch &e : list)
    if (threadOf(e) == self) {
      e = now;
      return;
    }
  list.erase(std::remove_if(list.begin(), list.end(),
                            [&](Epoch e) { return ordered(e, self, view); }),
             list.end());
  list.push_back(now);
}

Violation SharedMemory::read(uint32_t address, uint32_t bytes, uint32_t self,
                             Epoch now, const View &view) {
  const uint32_t offset = address - KVCRT_SIM_SHARED_BASE;
  const uint32_t *writer = &writer_[offset];
  uint32_t *reader = &reader_[offset];
  const uint32_t first = writer[0];
  if (allEqual(writer, bytes) && first != kNoEpoch && !(first & kFlagBit) &&
      ordered(first, self, view) && allEqual(reader, bytes) &&
      !(reader[0] & kFlagBit) &&
      (reader[0] == kNoEpoch || ordered(reader[0], self, view))) {
    if (reader[0] != now)
      for (uint32_t i = 0; i < bytes; ++i)
        reader[i] = now;
    return {};
  }
  return readSlow(offset, bytes, self, now, view);
}

Violation SharedMemory::readSlow(uint32_t offset, uint32_t bytes, uint32_t self,
                                 Epoch now, const View &view) {
  Violation found;
  for (uint32_t i = offset; i < offset + bytes; ++i) {
    const uint32_t writer = writer_[i];
    const uint32_t address = i + KVCRT_SIM_SHARED_BASE;
    if (writer == kRedZone)
      return {Violation::OutOfBounds, address, 0, 0};
    if (found.kind == Violation::None) {
      if (writer == kNoEpoch)
        found = {Violation::Undefined, address, 0, 0};
      else if (!ordered(writer, self, view))
        found = {Violation::RaceWrite, address, threadOf(writer), location_[i]};
      else if (writer & kFlagBit)
        found = {Violation::Pending, address, threadOf(writer), location_[i]};
    }
    addReader(i, self, now, view);
  }
  return found;
}

/// What a write of these bytes by `self` would run into.
Violation SharedMemory::conflict(uint32_t offset, uint32_t bytes, uint32_t self,
                                 const View &view) {
  const uint32_t *writer = &writer_[offset];
  const uint32_t *reader = &reader_[offset];
  if (allEqual(writer, bytes) && allEqual(reader, bytes) &&
      !(writer[0] & kFlagBit) && !(reader[0] & kFlagBit) &&
      (writer[0] == kNoEpoch || ordered(writer[0], self, view)) &&
      (reader[0] == kNoEpoch || ordered(reader[0], self, view)))
    return {};
  for (uint32_t i = 0; i < bytes; ++i) {
    const uint32_t address = offset + i + KVCRT_SIM_SHARED_BASE;
    if (writer[i] == kRedZone)
      return {Violation::OutOfBounds, address, 0, 0};
    if (writer[i] != kNoEpoch && !ordered(writer[i], self, view))
      return {Violation::RaceWrite, address, threadOf(writer[i]),
              location_[offset + i]};
    if (writer[i] & kFlagBit)
      return {Violation::Pending, address, threadOf(writer[i]),
              location_[offset + i]};
    if (reader[i] & kFlagBit) {
      for (Epoch e : lists_[reader[i] & ~kFlagBit])
        if (!ordered(e, self, view))
          return {Violation::RaceRead, address, threadOf(e), 0};
    } else if (reader[i] != kNoEpoch && !ordered(reader[i], self, view)) {
      return {Violation::RaceRead, address, threadOf(reader[i]), 0};
    }
  }
  return {};
}

Violation SharedMemory::write(uint32_t address, uint32_t bytes, uint32_t self,
                              Epoch now, const View &view, uint32_t location) {
  const uint32_t offset = address - KVCRT_SIM_SHARED_BASE;
  Violation found = conflict(offset, bytes, self, view);
  if (found.kind == Violation::OutOfBounds)
    return found;
  for (uint32_t i = offset; i < offset + bytes; ++i) {
    if (reader_[i] & kFlagBit)
      dropReader(i);
    reader_[i] = kNoEpoch;
    writer_[i] = now;
    location_[i] = location;
  }
  return found;
}

Violation SharedMemory::atomic(uint32_t address, uint32_t bytes, uint32_t self,
                               Epoch now, const View &view, uint32_t location) {
  const uint32_t offset = address - KVCRT_SIM_SHARED_BASE;
  for (uint32_t i = offset; i < offset + bytes; ++i) {
    const uint32_t writer = writer_[i], at = i + KVCRT_SIM_SHARED_BASE;
    if (writer == kRedZone)
      return {Violation::OutOfBounds, at, 0, 0};
    if (writer == kNoEpoch)
      return {Violation::Undefined, at, 0, 0};
    if (!ordered(writer, self, view))
      return {Violation::RaceWrite, at, threadOf(writer), location_[i]};
    if (writer & kFlagBit)
      return {Violation::Pending, at, threadOf(writer), location_[i]};
  }
  // A reader of its own kind: a later plain write has to be ordered after it.
  for (uint32_t i = offset; i < offset + bytes; ++i)
    addReader(i, self, now, view);
  return {};
}

Violation SharedMemory::beginCopy(uint32_t address, uint32_t bytes,
                                  uint32_t self, Epoch now, const View &view,
                                  uint32_t location) {
  Violation found = write(address, bytes, self, now, view, location);
  if (found.kind == Violation::OutOfBounds)
    return found;
  const uint32_t offset = address - KVCRT_SIM_SHARED_BASE;
  std::fill_n(writer_.begin() + offset, bytes, kFlagBit | now);
  memset(host(address), 0xff, bytes);
  return found;
}

void SharedMemory::land(uint32_t address, const void *source, uint32_t bytes,
                        uint32_t sourceBytes, uint32_t self, Epoch now) {
  const uint32_t offset = address - KVCRT_SIM_SHARED_BASE;
  memcpy(host(address), source, sourceBytes);
  memset(host(address) + sourceBytes, 0, bytes - sourceBytes);
  for (uint32_t i = offset; i < offset + bytes; ++i)
    if ((writer_[i] & kFlagBit) && writer_[i] != kRedZone &&
        threadOf(writer_[i]) == self)
      writer_[i] = now;
}

} // namespace kvcrt::sim
