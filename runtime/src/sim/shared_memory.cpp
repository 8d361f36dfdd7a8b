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
  std::vector<Variable> variables;
  uint64_t end = 0;
  for (uint32_t i = 0; i < kernel.num_shared; ++i) {
    const kvcrt_sim_shared &variable = kernel.shared[i];
    const uint32_t begin = variable.address - KVCRT_SIM_SHARED_BASE;
    const uint64_t bytes = variable.bytes ? variable.bytes : dynamicBytes;
    end = std::max(end, begin + bytes);
    if (end > capacity_)
      return false;
    variables.push_back({begin, uint32_t(begin + bytes)});
  }
  if (variables == variables_ && layout_.size() == end)
    return true;
  variables_ = std::move(variables);
  end_ = uint32_t(end) + KVCRT_SIM_SHARED_BASE;
  layout_.assign(end, kRedZone);
  for (const Variable &variable : variables_)
    std::fill(layout_.begin() + variable.begin, layout_.begin() + variable.end,
              kNoEpoch);
  writer_.resize(end);
  reader_.resize(end);
  location_.resize(end);
  touched_.assign((end >> kChunkShift) + 1, true);
  return true;
}

void SharedMemory::reset() {
  constexpr size_t chunk = size_t(1) << kChunkShift;
  for (size_t begin = 0; begin < layout_.size(); begin += chunk) {
    if (!touched_[begin >> kChunkShift])
      continue;
    touched_[begin >> kChunkShift] = false;
    const size_t count = std::min(chunk, layout_.size() - begin);
    std::copy_n(layout_.begin() + ptrdiff_t(begin), count,
                writer_.begin() + ptrdiff_t(begin));
    std::fill_n(reader_.begin() + ptrdiff_t(begin), count, kNoEpoch);
    // Whatever is used without being defined becomes a NaN, or -1.
    memset(bytes_.get() + begin, 0xff, count);
  }
  freeSets_.clear();
  for (uint32_t i = 0; i < sets_.size(); ++i)
    freeSets_.push_back(i);
}

template <uint32_t kCount> static bool allEqual(const uint32_t *words) {
  uint32_t difference = 0;
  for (uint32_t i = 1; i < kCount; ++i)
    difference |= words[i] ^ words[0];
  return difference == 0;
}

static bool allEqual(const uint32_t *words, uint32_t count) {
  switch (count) {
  case 16:
    return allEqual<16>(words);
  case 8:
    return allEqual<8>(words);
  case 4:
    return allEqual<4>(words);
  default:
    return std::all_of(words + 1, words + count,
                       [&](uint32_t word) { return word == words[0]; });
  }
}

/// Calls body(begin, end) for each run of equal words in [begin, end).
template <typename Body>
static void eachRun(const std::vector<uint32_t> &words, uint32_t begin,
                    uint32_t end, Body body) {
  while (begin < end) {
    uint32_t next = begin + 1;
    while (next < end && words[next] == words[begin])
      ++next;
    body(begin, next);
    begin = next;
  }
}

uint32_t SharedMemory::newSet(uint32_t bytes) {
  if (freeSets_.empty()) {
    freeSets_.push_back(uint32_t(sets_.size()));
    sets_.push_back({0, {}});
  }
  const uint32_t index = freeSets_.back();
  freeSets_.pop_back();
  sets_[index].bytes = bytes;
  sets_[index].epochs.clear();
  return index;
}

void SharedMemory::dropReaders(uint32_t offset, uint32_t bytes) {
  eachRun(reader_, offset, offset + bytes, [&](uint32_t begin, uint32_t end) {
    const uint32_t reader = reader_[begin];
    if (!(reader & kFlagBit))
      return;
    uint32_t &uses = sets_[reader & ~kFlagBit].bytes;
    uses -= end - begin;
    if (uses == 0)
      freeSets_.push_back(reader & ~kFlagBit);
  });
}

void SharedMemory::addReaders(uint32_t offset, uint32_t bytes, uint32_t self,
                              Epoch now, const View &view) {
  eachRun(reader_, offset, offset + bytes, [&](uint32_t begin, uint32_t end) {
    const uint32_t reader = reader_[begin], count = end - begin;
    if (reader == now)
      return;
    uint32_t next = now;
    if (reader & kFlagBit) {
      uint32_t index = reader & ~kFlagBit;
      const auto &known = sets_[index].epochs;
      if (std::find(known.begin(), known.end(), now) != known.end())
        return;
      if (sets_[index].bytes != count) {
        sets_[index].bytes -= count;
        const uint32_t copy = newSet(count);
        sets_[copy].epochs = sets_[index].epochs;
        index = copy;
      }
      std::vector<Epoch> &epochs = sets_[index].epochs;
      epochs.erase(
          std::remove_if(epochs.begin(), epochs.end(),
                         [&](Epoch e) { return ordered(e, self, view); }),
          epochs.end());
      if (epochs.empty()) {
        freeSets_.push_back(index);
      } else {
        epochs.push_back(now);
        next = kFlagBit | index;
      }
    } else if (reader != kNoEpoch && !ordered(reader, self, view)) {
      const uint32_t index = newSet(count);
      sets_[index].epochs = {reader, now};
      next = kFlagBit | index;
    }
    std::fill(reader_.begin() + begin, reader_.begin() + end, next);
  });
}

Violation SharedMemory::read(uint32_t address, uint32_t bytes, uint32_t self,
                             Epoch now, const View &view) {
  const uint32_t offset = address - KVCRT_SIM_SHARED_BASE;
  const uint32_t *writer = &writer_[offset];
  uint32_t *reader = &reader_[offset];
  const uint32_t first = writer[0];
  if (allEqual(writer, bytes) && first != kNoEpoch && !(first & kFlagBit) &&
      ordered(first, self, view)) {
    if (allEqual(reader, bytes) && !(reader[0] & kFlagBit) &&
        (reader[0] == kNoEpoch || ordered(reader[0], self, view))) {
      if (reader[0] != now)
        std::fill_n(reader, bytes, now);
      return {};
    }
    addReaders(offset, bytes, self, now, view);
    return {};
  }
  return readSlow(offset, bytes, self, now, view);
}

Violation SharedMemory::readSlow(uint32_t offset, uint32_t bytes, uint32_t self,
                                 Epoch now, const View &view) {
  Violation found;
  touch(offset, bytes);
  for (uint32_t i = offset; i < offset + bytes; ++i) {
    const uint32_t writer = writer_[i];
    const uint32_t address = i + KVCRT_SIM_SHARED_BASE;
    if (writer == kRedZone)
      return {Violation::OutOfBounds, address, 0, 0};
    if (found.kind != Violation::None)
      continue;
    if (writer == kNoEpoch)
      found = {Violation::Undefined, address, 0, 0};
    else if (!ordered(writer, self, view))
      found = {Violation::RaceWrite, address, threadOf(writer), location_[i]};
    else if (writer & kFlagBit)
      found = {Violation::Pending, address, threadOf(writer), location_[i]};
  }
  addReaders(offset, bytes, self, now, view);
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
      for (Epoch e : sets_[reader[i] & ~kFlagBit].epochs)
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
  touch(offset, bytes);
  dropReaders(offset, bytes);
  std::fill_n(reader_.begin() + offset, bytes, kNoEpoch);
  std::fill_n(writer_.begin() + offset, bytes, now);
  std::fill_n(location_.begin() + offset, bytes, location);
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
  addReaders(offset, bytes, self, now, view);
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
