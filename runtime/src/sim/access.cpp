//===- access.cpp - loads, stores and asynchronous copies -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: what is returned can be read and written for as many bytes as
// asked for, whatever the address was.
//
//===----------------------------------------------------------------------===//
#include "block.h"

#include <cstring>

namespace kvcrt::sim {
namespace {

uint32_t bytesOf(uint32_t access) { return access & 0xffff; }
uint32_t alignmentOf(uint32_t access) {
  return 1u << (access >> KVCRT_SIM_ACCESS_ALIGN_SHIFT & 0xff);
}

[[gnu::noinline]] void reportMisaligned(Thread &thread, uint32_t location,
                                        uint64_t address, uint32_t access,
                                        const char *what) {
  thread.block->report(
      thread, KVCRT_SIM_MISALIGNED, location,
      "%s of %u bytes at 0x%llx, expected alignment %u", what, bytesOf(access),
      static_cast<unsigned long long>(address), alignmentOf(access));
}

[[gnu::noinline]] char *outsideGlobal(Thread &thread, uint32_t location,
                                      uint64_t address, uint32_t bytes,
                                      const char *what) {
  Block &block = *thread.block;
  GlobalMemory &memory = *block.launch->memory;
  const auto at = static_cast<unsigned long long>(address);
  if (const Region *region = memory.find(address))
    block.report(thread, KVCRT_SIM_OUT_OF_BOUNDS, location,
                 "%s of %u bytes at 0x%llx runs %llu bytes past the end of %s",
                 what, bytes, at,
                 static_cast<unsigned long long>(address + bytes - region->end),
                 region->name.c_str());
  else if (const Region *before = memory.before(address))
    block.report(thread, KVCRT_SIM_OUT_OF_BOUNDS, location,
                 "%s of %u bytes at 0x%llx, %llu bytes past the end of %s",
                 what, bytes, at,
                 static_cast<unsigned long long>(address - before->end),
                 before->name.c_str());
  else
    block.report(thread, KVCRT_SIM_OUT_OF_BOUNDS, location,
                 "%s of %u bytes at 0x%llx, which is in no memory of the "
                 "device",
                 what, bytes, at);
  // As undefined as it would be: a NaN, or -1.
  memset(block.scratch(), 0xff, bytes);
  return block.scratch();
}

/// Is the write in `cell` ordered before the thread's next access?
bool isOrdered(uint64_t cell, const Thread &thread) {
  const LastWrite last = LastWrite::unpack(cell);
  const Block &block = *thread.block;
  if (last.launch != block.launch->memory->launch())
    return true;
  if (last.block == (block.number & (LastWrite::kBlocks - 1)))
    return last.thread == thread.id ||
           last.clock <= thread.view->clock[last.thread];
  if (!thread.view->foreign)
    return false;
  auto it = thread.view->foreign->blocks.find(last.block);
  return it != thread.view->foreign->blocks.end() &&
         last.clock <= (*it->second)[last.thread];
}

[[gnu::noinline]] void raceGlobal(Thread &thread, uint32_t location,
                                  uint64_t address, uint64_t cell,
                                  const char *what, const Region &region) {
  const LastWrite last = LastWrite::unpack(cell);
  const auto at = static_cast<unsigned long long>(address);
  if (last.block == thread.block->number)
    thread.block->report(thread, KVCRT_SIM_RACE, location,
                         "%s at 0x%llx of %s, which thread %u of this block "
                         "wrote; no barrier or fence orders the two",
                         what, at, region.name.c_str(), last.thread);
  else
    thread.block->report(thread, KVCRT_SIM_RACE, location,
                         "%s at 0x%llx of %s, which thread %u of block number "
                         "%u wrote; no release and acquire at gpu scope order "
                         "the two",
                         what, at, region.name.c_str(), last.thread,
                         last.block);
}

void readGlobal(Thread &thread, uint32_t location, uint64_t address,
                uint32_t access, const char *what, Region &region) {
  const uint32_t bytes = bytesOf(access);
  Block &block = *thread.block;
  if (region.defined && !region.isDefined(address, bytes))
    block.report(thread, KVCRT_SIM_UNINITIALISED, location,
                 "%s of %u bytes at 0x%llx of %s, which nobody has written",
                 what, bytes, static_cast<unsigned long long>(address),
                 region.name.c_str());
  const uint16_t launch = uint16_t(block.launch->memory->launch());
  if (region.page(address).load(std::memory_order_relaxed) != launch &&
      region.page(address + bytes - 1).load(std::memory_order_relaxed) !=
          launch)
    return;
  uint64_t known = 0;
  for (uint32_t i = 0; i < bytes; ++i) {
    const uint64_t cell =
        region.cell(address + i)->load(std::memory_order_relaxed);
    if (cell == known)
      continue;
    known = cell;
    if (LastWrite::unpack(cell).launch != launch)
      continue;
    if (access & KVCRT_SIM_ACCESS_INVARIANT)
      return block.report(thread, KVCRT_SIM_RACE, location,
                          "%s through the non-coherent cache at 0x%llx of %s, "
                          "which this kernel writes",
                          what, static_cast<unsigned long long>(address + i),
                          region.name.c_str());
    if (!isOrdered(cell, thread))
      return raceGlobal(thread, location, address + i, cell, what, region);
  }
}

void writeGlobal(Thread &thread, uint32_t location, uint64_t address,
                 uint32_t access, const char *what, Region &region) {
  const uint32_t bytes = bytesOf(access);
  Block &block = *thread.block;
  if (region.flags & KVCRT_SIM_MEMORY_CONSTANT)
    block.report(thread, KVCRT_SIM_OUT_OF_BOUNDS, location,
                 "%s of %u bytes at 0x%llx of %s, which kernels may not write",
                 what, bytes, static_cast<unsigned long long>(address),
                 region.name.c_str());
  const uint32_t launch = block.launch->memory->launch();
  const uint64_t mine =
      LastWrite{launch, block.number & (LastWrite::kBlocks - 1), thread.id,
                thread.clock}
          .pack();
  uint64_t known = 0;
  bool racing = false;
  for (uint32_t i = 0; i < bytes; ++i) {
    Cell &cell = *region.cell(address + i);
    const uint64_t last = cell.load(std::memory_order_relaxed);
    if (last != known) {
      known = last;
      if (!racing && !isOrdered(last, thread)) {
        racing = true;
        raceGlobal(thread, location, address + i, last, what, region);
      }
    }
    cell.store(mine, std::memory_order_relaxed);
  }
  region.page(address).store(uint16_t(launch), std::memory_order_relaxed);
  region.page(address + bytes - 1)
      .store(uint16_t(launch), std::memory_order_relaxed);
  if (region.defined)
    region.setBytes(address, bytes);
}

} // namespace

char *accessGlobal(Thread &thread, uint32_t location, uint64_t address,
                   uint32_t access, bool isWrite, const char *what) {
  const uint32_t bytes = bytesOf(access);
  Region *&last = thread.block->regions[location % 64];
  Region *region = last;
  if (!region || address < region->begin || address >= region->end)
    region = thread.block->launch->memory->find(address);
  if (!region || bytes > region->end - address)
    return outsideGlobal(thread, location, address, bytes, what);
  last = region;
  if (address & (alignmentOf(access) - 1))
    reportMisaligned(thread, location, address, access, what);
  if (isWrite)
    writeGlobal(thread, location, address, access, what, *region);
  else
    readGlobal(thread, location, address, access, what, *region);
  return reinterpret_cast<char *>(address);
}

void reportShared(Block &block, Thread &thread, uint32_t location,
                  const Violation &violation, const char *what, uint32_t bytes,
                  uint64_t address) {
  const auto at = static_cast<unsigned long long>(address);
  const char *otherAt = block.locationText(violation.otherLocation);
  switch (violation.kind) {
  case Violation::None:
    return;
  case Violation::OutOfBounds:
    return block.report(thread, KVCRT_SIM_OUT_OF_BOUNDS, location,
                        "%s of %u bytes at shared 0x%llx leaves its variable "
                        "at 0x%x",
                        what, bytes, at, violation.address);
  case Violation::Undefined:
    return block.report(thread, KVCRT_SIM_UNINITIALISED, location,
                        "%s of %u bytes at shared 0x%llx, nobody has written "
                        "0x%x",
                        what, bytes, at, violation.address);
  case Violation::Pending:
    return block.report(thread, KVCRT_SIM_MISSING_WAIT, location,
                        "%s of %u bytes at shared 0x%llx, where the cp.async "
                        "of thread %u at %s has not been waited for",
                        what, bytes, at, violation.other, otherAt);
  case Violation::RaceWrite:
    return block.report(thread, KVCRT_SIM_RACE, location,
                        "%s of %u bytes at shared 0x%llx, which thread %u "
                        "wrote at %s; no barrier orders the two",
                        what, bytes, at, violation.other, otherAt);
  case Violation::RaceRead:
    return block.report(thread, KVCRT_SIM_RACE, location,
                        "%s of %u bytes at shared 0x%llx, which thread %u "
                        "reads; no barrier orders the two",
                        what, bytes, at, violation.other);
  }
}

char *accessShared(Thread &thread, uint32_t location, uint64_t address,
                   uint32_t access, bool isWrite, const char *what) {
  Block &block = *thread.block;
  const uint32_t bytes = bytesOf(access);
  if (!block.shared.contains(address, bytes)) {
    block.report(thread, KVCRT_SIM_OUT_OF_BOUNDS, location,
                 "%s of %u bytes at shared 0x%llx, the block has 0x%x to 0x%x",
                 what, bytes, static_cast<unsigned long long>(address),
                 KVCRT_SIM_SHARED_BASE,
                 KVCRT_SIM_SHARED_BASE + block.shared.totalBytes());
    memset(block.scratch(), 0xff, bytes);
    return block.scratch();
  }
  if (address & (alignmentOf(access) - 1))
    reportMisaligned(thread, location, address, access, what);
  const auto at = uint32_t(address);
  const Violation violation =
      isWrite
          ? block.shared.write(at, bytes, thread.id, thread.now(), *thread.view,
                               location)
          : block.shared.read(at, bytes, thread.id, thread.now(), *thread.view);
  if (violation.kind != Violation::None) {
    reportShared(block, thread, location, violation, what, bytes, address);
    if (violation.kind == Violation::OutOfBounds) {
      memset(block.scratch(), 0xff, bytes);
      return block.scratch();
    }
  }
  return block.shared.host(address);
}

void landCopies(Thread &thread, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const Copy &copy = thread.copies[i];
    thread.block->shared.land(copy.shared, copy.source, copy.bytes,
                              copy.sourceBytes, thread.id, thread.now());
  }
  thread.copies.erase(thread.copies.begin(),
                      thread.copies.begin() + ptrdiff_t(count));
}

void copyAsync(Thread &thread, uint32_t location, uint64_t shared,
               uint64_t global, uint32_t bytes, uint32_t sourceBytes) {
  Block &block = *thread.block;
  if (sourceBytes > bytes) {
    block.report(thread, KVCRT_SIM_INVALID, location,
                 "cp.async of %u source bytes into %u", sourceBytes, bytes);
    sourceBytes = bytes;
  }
  const uint32_t alignment = uint32_t(__builtin_ctz(bytes))
                             << KVCRT_SIM_ACCESS_ALIGN_SHIFT;
  const void *source = block.scratch();
  if (sourceBytes) {
    source = accessGlobal(thread, location, global, sourceBytes | alignment,
                          /*isWrite=*/false, "cp.async from global memory");
    if (source == block.scratch())
      sourceBytes = 0;
  }
  if (!block.shared.contains(shared, bytes)) {
    block.report(thread, KVCRT_SIM_OUT_OF_BOUNDS, location,
                 "cp.async of %u bytes to shared 0x%llx, the block has 0x%x to "
                 "0x%x",
                 bytes, static_cast<unsigned long long>(shared),
                 KVCRT_SIM_SHARED_BASE,
                 KVCRT_SIM_SHARED_BASE + block.shared.totalBytes());
    return;
  }
  if (shared & (bytes - 1))
    reportMisaligned(thread, location, shared, bytes | alignment,
                     "cp.async to shared memory");
  const Violation violation = block.shared.beginCopy(
      uint32_t(shared), bytes, thread.id, thread.now(), *thread.view, location);
  reportShared(block, thread, location, violation, "cp.async", bytes, shared);
  if (violation.kind != Violation::OutOfBounds)
    thread.copies.push_back(
        {uint32_t(shared), bytes, sourceBytes, location, source});
}

} // namespace kvcrt::sim
