//===- global_memory.h - the ranges that kernels may touch ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shadow of global memory, a mapping per registered range that costs nothing
// until touched, so that a 64 GiB pool of which a test uses ten pages is cheap:
//
//   cell  [bytes] 64 bits  last write: launch 12 | block 20 | thread 10 |
//                          clock 22; 0 = none
//   page  [bytes / 4 KiB]  launch that last wrote in the page: reads skip the
//                          cells of pages that this launch has not written
//   defined [bytes / 8]    one bit a byte; only with KVCRT_SIM_MEMORY_UNDEFINED
//
// Invariant: the set of ranges does not change while a launch runs. Cells are
// written by several workers, relaxed: a race between two of them is what the
// cells are there to show, whichever wins.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SIM_GLOBAL_MEMORY_H
#define KVCRT_SRC_SIM_GLOBAL_MEMORY_H

#include "kvcrt/sim.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "clocks.h"

namespace kvcrt::sim {

using Cell = std::atomic<uint64_t>;

/// Fields of a cell.
struct LastWrite {
  uint32_t launch, block, thread, clock;
  static constexpr uint32_t kBlocks = 1 << 20;
  static constexpr uint32_t kLaunches = 1 << 12;

  uint64_t pack() const {
    return uint64_t(launch) << 52 | uint64_t(block) << 32 |
           uint64_t(thread) << 22 | clock;
  }
  static LastWrite unpack(uint64_t cell) {
    return {uint32_t(cell >> 52), uint32_t(cell >> 32) & (kBlocks - 1),
            uint32_t(cell >> 22) & 1023, uint32_t(cell) & ((1 << 22) - 1)};
  }
};

/// Zero pages on demand.
class LazyMapping {
public:
  explicit LazyMapping(uint64_t bytes);
  LazyMapping(const LazyMapping &) = delete;
  LazyMapping &operator=(const LazyMapping &) = delete;
  ~LazyMapping();
  void *get() const { return base_; }
  void clear();

private:
  void *base_;
  uint64_t bytes_;
};

struct Region {
  uint64_t begin, end;
  uint32_t flags;
  std::string name;
  LazyMapping cells, pages;
  std::unique_ptr<LazyMapping> defined;

  Region(uint64_t base, uint64_t bytes, uint32_t flags, std::string name);
  Cell *cell(uint64_t address) {
    return static_cast<Cell *>(cells.get()) + (address - begin);
  }
  std::atomic<uint16_t> &page(uint64_t address) {
    return static_cast<std::atomic<uint16_t> *>(
        pages.get())[(address - begin) >> 12];
  }
  bool isDefined(uint64_t address, uint32_t bytes) const;
  void setDefined(uint64_t address, uint64_t bytes, bool value);
  void setBytes(uint64_t address, uint32_t bytes);
};

/// What atomics at one address have made known.
struct Sync {
  std::vector<Publication> publications; // one per (block, scope)
};

class GlobalMemory {
public:
  kvcrt_status add(uint64_t base, uint64_t bytes, uint32_t flags,
                   const char *name);
  kvcrt_status remove(uint64_t base);
  kvcrt_status mark(uint64_t address, uint64_t bytes, bool defined);

  /// The range that holds `address`, or null.
  Region *find(uint64_t address) const;
  /// The last range that ends at or before `address`, or null.
  const Region *before(uint64_t address) const;
  /// Begins a launch: everything before it is ordered before its threads.
  void beginLaunch();
  uint32_t launch() const { return launch_; }

  /// Atomics at one address exclude each other and are ordered with what they
  /// publish: the lock and the record of `address`.
  std::mutex &lockOf(uint64_t address) {
    return stripes_[(address >> 3) % kStripes].mutex;
  }
  Sync &syncOf(uint64_t address);

private:
  static constexpr unsigned kStripes = 64;
  struct Stripe {
    std::mutex mutex; // guards syncs and the bytes that atomics touch
    std::unordered_map<uint64_t, Sync> syncs;
  };
  std::vector<std::unique_ptr<Region>> regions_; // by begin
  uint32_t launch_ = 0;                          // in a cell; never 0 in one
  Stripe stripes_[kStripes];
};

} // namespace kvcrt::sim

#endif // KVCRT_SRC_SIM_GLOBAL_MEMORY_H
