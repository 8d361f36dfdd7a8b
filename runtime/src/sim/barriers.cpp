//===- barriers.cpp - barrier.cta.* ---------------------------------------===//
//----------------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU counts whole warps and lets threads that have exited count as arrived;
// both hide divergence, so both are findings here before the barrier opens.
//
//===----------------------------------------------------------------------===//
#include "block.h"

namespace kvcrt::sim {

uint32_t Block::barrierOperation(Thread &thread, const BarrierCall &call) {
  thread.location = call.location;
  thread.barrier = call;
  if (call.id >= 16 || call.expected > launch->numThreads ||
      call.expected % kWarp != 0) {
    if (call.id >= 16 || call.expected != launch->numThreads) {
      report(thread, KVCRT_SIM_INVALID, call.location,
             "expected a barrier of 0 to 15 and a multiple of 32 threads up to "
             "%u, got barrier %u of %u threads",
             launch->numThreads, call.id, call.expected);
      return 0;
    }
  }
  BarrierState &barrier = barriers_[call.id];
  const uint32_t expected = call.expected ? call.expected : launch->numThreads;
  if (barrier.arrived && barrier.expected != expected)
    report(thread, KVCRT_SIM_DIVERGENT_BARRIER, call.location,
           "barrier %u is entered for %u threads while others wait in it for "
           "%u",
           call.id, expected, barrier.expected);
  barrier.expected = expected;
  barrier.all = call.expected == 0;
  ++barrier.arrived;
  barrier.popc += call.predicate != 0;
  barrier.allTrue &= call.predicate != 0;
  barrier.anyTrue |= call.predicate != 0;
  const uint32_t mode = call.mode & 0xff;
  if (mode == KVCRT_SIM_BARRIER_ARRIVE) {
    // What it has done so far becomes known to those who wait.
    barrier.passed.push_back(thread.id);
    barrier.passed.push_back(thread.clock);
    advanceClock(thread, call.location);
    tryBarrier(call.id);
    return 0;
  }
  barrier.waiting[thread.warp] |= 1u << thread.lane;
  thread.state = Thread::AtBarrier;
  tryBarrier(call.id);
  if (thread.state == Thread::AtBarrier)
    wait(thread);
  return thread.barrierResult;
}

void Block::tryBarrier(uint32_t id) {
  BarrierState &barrier = barriers_[id];
  if (!barrier.arrived)
    return;
  if (barrier.arrived >= barrier.expected)
    return completeBarrier(id);
  if (done_ && barrier.all && barrier.arrived + done_ == launch->numThreads) {
    for (uint32_t i = 0; i < launch->numThreads; ++i)
      if (threads[i].state == Thread::AtBarrier) {
        const Thread *gone = nullptr;
        for (uint32_t j = 0; j < launch->numThreads && !gone; ++j)
          if (threads[j].state == Thread::Done)
            gone = &threads[j];
        report(threads[i], KVCRT_SIM_DIVERGENT_BARRIER,
               threads[i].barrier.location,
               "%u of %u threads exited without reaching this barrier, the "
               "first is thread %u",
               done_, launch->numThreads, gone ? gone->id : 0);
        break;
      }
    completeBarrier(id);
  }
}

void Block::completeBarrier(uint32_t id) {
  BarrierState barrier = std::move(barriers_[id]);
  barriers_[id] = {};
  joined_.clear();
  for (uint32_t w = 0; w < numWarps_; ++w) {
    const Thread *first = nullptr;
    for (uint32_t left = barrier.waiting[w]; left; left &= left - 1) {
      Thread &thread = threads[w * kWarp + uint32_t(__builtin_ctz(left))];
      if (!first)
        first = &thread;
      if ((thread.barrier.mode & KVCRT_SIM_BARRIER_ALIGNED) &&
          thread.barrier.location != first->barrier.location)
        report(thread, KVCRT_SIM_DIVERGENT_BARRIER, thread.barrier.location,
               "lane %u of the same warp waits at another barrier, %s",
               first->lane, locationText(first->barrier.location));
      switch (thread.barrier.mode & 0xff) {
      case KVCRT_SIM_BARRIER_POPC:
        thread.barrierResult = barrier.popc;
        break;
      case KVCRT_SIM_BARRIER_AND:
        thread.barrierResult = barrier.allTrue;
        break;
      case KVCRT_SIM_BARRIER_OR:
        thread.barrierResult = barrier.anyTrue;
        break;
      default:
        thread.barrierResult = 0;
      }
      joined_.push_back(&thread);
    }
    if (first && barrier.waiting[w] != live_[w])
      report(*first, KVCRT_SIM_DIVERGENT_BARRIER, first->barrier.location,
             "barrier %u opens with lanes 0x%08x of a warp that has 0x%08x", id,
             barrier.waiting[w], live_[w]);
  }
  if (!joined_.empty()) {
    join(joined_);
    View &view = *joined_.front()->view;
    for (size_t i = 0; i < barrier.passed.size(); i += 2)
      view.clock[barrier.passed[i]] =
          std::max(view.clock[barrier.passed[i]], barrier.passed[i + 1]);
  }
  for (Thread *thread : joined_)
    wake(*thread);
}

} // namespace kvcrt::sim
