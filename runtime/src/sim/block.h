//===- block.h - one block of GPU threads on one worker -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread runs until it has to wait for others (a warp operation, a barrier)
// and then switches straight to one that can run; the last to arrive does the
// operation for all and goes on. So a warp operation costs one switch a lane,
// and a memory access none.
//
// Invariants
//  - ready_[w] holds exactly the lanes of warp w that could be switched to.
//  - A block runs on one worker from begin to end; blocks share nothing but
//    global memory, the report and publications.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SIM_BLOCK_H
#define KVCRT_SRC_SIM_BLOCK_H

#include "kvcrt/sim.h"

#include "clocks.h"
#include "fiber.h"
#include "global_memory.h"
#include "report.h"
#include "shared_memory.h"

#include <cstdarg>
#include <deque>

namespace kvcrt::sim {

constexpr uint32_t kWarp = 32;
constexpr uint32_t kMaxThreads = 1024;
/// Generic addresses of shared memory: a window where no process has memory.
constexpr uint64_t kSharedWindow = uint64_t(0x7fff) << 48;

class Block;

enum class WarpOp : uint8_t {
  Sync,
  Shuffle,
  Vote,
  Match,
  Reduce,
  Elect,
  LoadMatrix,
  StoreMatrix,
  Multiply
};

/// What one lane brings to a warp operation; lives on the lane's stack.
struct WarpCall {
  WarpOp op;
  bool aligned; // all lanes of the warp execute the very same instruction
  uint32_t mask;
  uint32_t detail; // mode or descriptor: the same in all lanes
  uint32_t location;
  uint64_t value = 0;  // operand or address
  uint32_t source = 0; // shuffle: lane operand
  uint32_t clamp = 0;  // shuffle: clamp operand
  const uint32_t *in = nullptr;
  uint32_t *out = nullptr;
  uint64_t result = 0;
};

struct BarrierCall {
  uint32_t id, expected, mode, predicate, location;
};

struct Copy {
  uint32_t shared, bytes, sourceBytes, location;
  const void *source;
};

struct Thread : kvcrt_sim_thread {
  enum State : uint8_t { Ready, AtWarp, AtBarrier, Done };
  Block *block;
  uint32_t id, lane, warp;
  uint32_t index[3];
  State state;
  Fiber fiber;
  uint32_t clock; // of its next release; >= 1
  View *view;
  WarpCall *call;      // at AtWarp
  BarrierCall barrier; // at AtBarrier
  uint32_t barrierResult;
  uint32_t location; // of the last synchronisation, for deadlock messages
  // cp.async, oldest first; groups: sizes of the committed ones.
  std::vector<Copy> copies;
  std::deque<uint32_t> groups;
  uint32_t committed; // sum of groups
  // fence then strong access, strong access then fence
  std::shared_ptr<const Publication> fenced;
  std::vector<Publication> observed;
  uint64_t yields;

  Epoch now() const { return epoch(id, clock); }
};

struct BarrierState {
  bool all = false; // of the block, whatever its size
  uint32_t arrived = 0;
  uint32_t expected = 0;
  uint32_t waiting[kMaxThreads / kWarp] = {}; // lanes that wait
  std::vector<uint32_t> passed;               // threads that only arrived
  uint32_t popc = 0, allTrue = 1, anyTrue = 0;
};

struct Launch {
  const kvcrt_env *env;
  const kvcrt_sim_kernel *kernel;
  uint32_t grid[3], threads[3];
  uint32_t numThreads;
  const void *params;
  uint64_t seed;
  GlobalMemory *memory;
  Report *report;
  std::atomic<bool> stop{false};
};

class Block {
public:
  explicit Block(uint32_t sharedCapacity);
  /// False when the launch does not fit; see kvcrt_sim_launch.
  bool prepare(Launch &launch, uint32_t dynamicShared);
  void run(uint64_t number);

  // What the intrinsics use.
  void warpOperation(Thread &thread, WarpCall &call);
  uint32_t barrierOperation(Thread &thread, const BarrierCall &call);
  /// Lets others run; a thread that does so for ever is a finding.
  void yield(Thread &thread, uint32_t location);
  void advanceClock(Thread &thread, uint32_t location);
  View *ownView(Thread &thread);
  /// Clocks of `threads` become known to `wakened`.
  void join(const std::vector<Thread *> &threads);
  [[gnu::format(printf, 5, 6)]] void report(const Thread &thread,
                                            kvcrt_sim_finding_kind kind,
                                            uint32_t location,
                                            const char *format, ...);
  const char *locationText(uint32_t location) const;
  char *scratch() { return scratch_; }
  uint32_t liveLanes(uint32_t warp) const { return live_[warp]; }
  [[noreturn]] void abandon(Thread &thread);

  Launch *launch = nullptr;
  SharedMemory shared;
  uint32_t number = 0; // linear, in the order of the grid
  uint32_t index[3] = {};
  /// Where each op's last global access was, by location: mostly the same.
  Region *regions[64] = {};
  std::unique_ptr<Thread[]> threads; // [numThreads] at least

private:
  static void enter(void *thread);
  Thread *pick();
  void wait(Thread &thread);
  [[noreturn]] void finish(Thread &thread);
  void wake(Thread &thread);
  void completeWarp(uint32_t warp, uint32_t mask);
  void tryBarrier(uint32_t id);
  void completeBarrier(uint32_t id);
  void explainDeadlock();
  uint32_t random() {
    random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
    return uint32_t(random_ >> 32);
  }

  Stacks stacks_;
  uint32_t capacity_ = 0; // of threads
  ViewPool views_;
  Fiber machine_;
  Thread *current_ = nullptr;
  uint32_t ready_[kMaxThreads / kWarp];
  uint32_t atWarp_[kMaxThreads / kWarp];
  uint32_t live_[kMaxThreads / kWarp];
  uint32_t numWarps_ = 0, done_ = 0, currentWarp_ = 0;
  uint64_t random_ = 1;
  bool shuffle_ = false;
  BarrierState barriers_[16];
  std::vector<Thread *> joined_; // of the operation being completed
  char scratch_[4096] = {};
};

/// Runs a completed warp operation on the lanes of `calls` (null: not taking
/// part). warp_ops.cpp and matrix_ops.cpp.
void runWarpOperation(Block &block, Thread *const lanes[kWarp],
                      WarpCall *const calls[kWarp], uint32_t mask);
void runMatrixOperation(Block &block, Thread *const lanes[kWarp],
                        WarpCall *const calls[kWarp], uint32_t mask);

/// Reports a violation of an access to shared memory.
void reportShared(Block &block, Thread &thread, uint32_t location,
                  const Violation &violation, const char *what, uint32_t bytes,
                  uint64_t address);

/// The host's place of `bytes` at a global address after all checks, or the
/// scratch page.
char *accessGlobal(Thread &thread, uint32_t location, uint64_t address,
                   uint32_t access, bool isWrite, const char *what);
char *accessShared(Thread &thread, uint32_t location, uint64_t address,
                   uint32_t access, bool isWrite, const char *what);

/// cp.async: bytes arrive when they are waited for, not before.
void copyAsync(Thread &thread, uint32_t location, uint64_t shared,
               uint64_t global, uint32_t bytes, uint32_t sourceBytes);
/// The oldest `count` copies of the thread arrive.
void landCopies(Thread &thread, size_t count);

// order.cpp
uint64_t atomicOperation(Thread &thread, uint32_t location, uint64_t address,
                         uint64_t operand, uint64_t compare,
                         uint32_t descriptor);
void fence(Thread &thread, uint32_t scope, uint32_t order);

extern const kvcrt_sim_table kTable;

} // namespace kvcrt::sim

#endif // KVCRT_SRC_SIM_BLOCK_H
