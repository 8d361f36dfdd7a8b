//===- shared_memory.h - one block's shared memory, byte by byte ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two words a byte:
//
//   writer   0             never written (its value is undefined)
//            thread, clock who wrote it last
//            pending bit   a cp.async, issued by that thread at that clock, is
//                          in flight
//            ~0            between two variables, or behind the last
//   reader   0             not read since the last write
//            thread, clock the one reader that matters
//            list bit      index of a set of readers that are not ordered
//
// An epoch is thread << 21 | clock, clock >= 1. Invariants: a reader that is
// ordered before a later reader is dropped, because whoever is ordered after
// the later one is ordered after both; a set of readers counts the bytes that
// refer to it, and what is not in touched_ is as reset() leaves it.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SIM_SHARED_MEMORY_H
#define KVCRT_SRC_SIM_SHARED_MEMORY_H

#include "kvcrt/sim.h"

#include "clocks.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace kvcrt::sim {

using Epoch = uint32_t;
constexpr Epoch kNoEpoch = 0;
constexpr uint32_t kFlagBit = 1u << 31; // pending (writer), list (reader)
constexpr uint32_t kRedZone = ~0u;
constexpr unsigned kClockBits = 21;
constexpr uint32_t kClockMask = (1u << kClockBits) - 1;

constexpr Epoch epoch(uint32_t thread, uint32_t clock) {
  return thread << kClockBits | clock;
}
constexpr uint32_t threadOf(Epoch e) { return (e & ~kFlagBit) >> kClockBits; }
constexpr uint32_t clockOf(Epoch e) { return e & kClockMask; }

/// Is the access of epoch `e` ordered before the holder of `view`, thread
/// `self`?
inline bool ordered(Epoch e, uint32_t self, const View &view) {
  return threadOf(e) == self || clockOf(e) <= view.clock[threadOf(e)];
}

/// What is wrong with an access; the first byte of it that is.
struct Violation {
  enum Kind { None, OutOfBounds, Undefined, Pending, RaceWrite, RaceRead };
  Kind kind = None;
  uint32_t address = 0;
  uint32_t other = 0;         // the other thread
  uint32_t otherLocation = 0; // of its write
};

class SharedMemory {
public:
  explicit SharedMemory(uint32_t capacity);

  /// Lays out `kernel`'s variables; false when they do not fit.
  bool configure(const kvcrt_sim_kernel &kernel, uint32_t dynamicBytes);
  /// A new block: nothing is defined.
  void reset();

  bool contains(uint64_t address, uint32_t bytes) const {
    return address >= KVCRT_SIM_SHARED_BASE && address < end_ &&
           bytes <= end_ - address;
  }
  char *host(uint64_t address) {
    return bytes_.get() + (address - KVCRT_SIM_SHARED_BASE);
  }

  /// Checks and records accesses; contains(address, bytes) holds. `write` is
  /// also what a landing copy records.
  Violation read(uint32_t address, uint32_t bytes, uint32_t self, Epoch now,
                 const View &view);
  Violation write(uint32_t address, uint32_t bytes, uint32_t self, Epoch now,
                  const View &view, uint32_t location);
  /// An atomic: neither races with others of its kind nor is it undefined
  /// afterwards.
  Violation atomic(uint32_t address, uint32_t bytes, uint32_t self, Epoch now,
                   const View &view, uint32_t location);
  Violation beginCopy(uint32_t address, uint32_t bytes, uint32_t self,
                      Epoch now, const View &view, uint32_t location);
  void land(uint32_t address, const void *source, uint32_t bytes,
            uint32_t sourceBytes, uint32_t self, Epoch now);

  uint32_t dynamicBytes() const { return dynamicBytes_; }
  uint32_t totalBytes() const { return end_ - KVCRT_SIM_SHARED_BASE; }

private:
  /// Epochs of readers that are not ordered among each other.
  struct ReaderSet {
    uint32_t bytes; // that refer to it
    std::vector<Epoch> epochs;
  };
  struct Variable {
    uint32_t begin, end; // offsets
    bool operator==(const Variable &other) const {
      return begin == other.begin && end == other.end;
    }
  };
  static constexpr unsigned kChunkShift = 10; // what reset() restores at once

  Violation conflict(uint32_t offset, uint32_t bytes, uint32_t self,
                     const View &view);
  Violation readSlow(uint32_t offset, uint32_t bytes, uint32_t self, Epoch now,
                     const View &view);
  void addReaders(uint32_t offset, uint32_t bytes, uint32_t self, Epoch now,
                  const View &view);
  void dropReaders(uint32_t offset, uint32_t bytes);
  uint32_t newSet(uint32_t bytes);
  void touch(uint32_t offset, uint32_t bytes) {
    touched_[offset >> kChunkShift] = true;
    touched_[(offset + bytes - 1) >> kChunkShift] = true;
  }

  const uint32_t capacity_;
  uint32_t end_ = KVCRT_SIM_SHARED_BASE; // first address behind all variables
  uint32_t dynamicBytes_ = 0;
  std::unique_ptr<char[]> storage_;
  struct Aligned {
    char *pointer;
    char *get() const { return pointer; }
  } bytes_;
  std::vector<Variable> variables_;
  std::vector<uint32_t> writer_, reader_, location_, layout_;
  std::vector<char> touched_; // by chunk
  std::vector<ReaderSet> sets_;
  std::vector<uint32_t> freeSets_;
};

} // namespace kvcrt::sim

#endif // KVCRT_SRC_SIM_SHARED_MEMORY_H
