//===- block.cpp - one block of GPU threads on one worker -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Starting, switching and ending threads, and what they know of each other.
// Invariant: exactly one thread of the block runs; its ready bit is clear.
//
//===----------------------------------------------------------------------===//
#include "block.h"

#include <algorithm>
#include <cstdio>
#include <sched.h>

namespace kvcrt::sim {

Block::Block(uint32_t sharedCapacity) : shared(sharedCapacity) {}

bool Block::prepare(Launch &next, uint32_t dynamicShared) {
  launch = &next;
  if (!shared.configure(*next.kernel, dynamicShared) ||
      !stacks_.reserve(next.numThreads))
    return false;
  if (capacity_ < next.numThreads) {
    threads = std::make_unique<Thread[]>(next.numThreads);
    capacity_ = next.numThreads;
  }
  std::fill(std::begin(regions), std::end(regions), nullptr);
  numWarps_ = (next.numThreads + kWarp - 1) / kWarp;
  return true;
}

void Block::enter(void *argument) {
  auto *thread = static_cast<Thread *>(argument);
  Launch *launch = thread->block->launch;
  launch->kernel->function(thread, launch->params);
  thread->block->finish(*thread);
}

void Block::run(uint64_t linear) {
  number = uint32_t(linear);
  index[0] = uint32_t(linear % launch->grid[0]);
  index[1] = uint32_t(linear / launch->grid[0] % launch->grid[1]);
  index[2] = uint32_t(linear / launch->grid[0] / launch->grid[1]);
  shuffle_ = launch->seed != 0;
  random_ = (launch->seed + linear * 0x9e3779b97f4a7c15u) | 1;
  shared.reset();
  done_ = 0;
  currentWarp_ = 0;
  for (BarrierState &barrier : barriers_)
    barrier = {};
  for (uint32_t w = 0; w < numWarps_; ++w) {
    const uint32_t lanes = std::min(kWarp, launch->numThreads - w * kWarp);
    live_[w] = ready_[w] = lanes == kWarp ? ~0u : (1u << lanes) - 1;
    atWarp_[w] = 0;
  }
  View *view = views_.create(launch->numThreads);
  for (uint32_t i = 0; i < launch->numThreads; ++i) {
    Thread &thread = threads[i];
    thread.table = &kTable;
    thread.block = this;
    thread.id = i;
    thread.lane = i % kWarp;
    thread.warp = i / kWarp;
    thread.index[0] = i % launch->threads[0];
    thread.index[1] = i / launch->threads[0] % launch->threads[1];
    thread.index[2] = i / launch->threads[0] / launch->threads[1];
    thread.state = Thread::Ready;
    thread.clock = 1;
    thread.view = view;
    thread.call = nullptr;
    thread.location = 0;
    thread.copies.clear();
    thread.groups.clear();
    thread.committed = 0;
    thread.fenced.reset();
    thread.observed.clear();
    thread.yields = 0;
    start(thread.fiber, stacks_.top(i), &enter, &thread);
  }
  view->references = launch->numThreads;
  Thread *first = pick();
  current_ = first;
  switchTo(machine_, first->fiber);
  for (uint32_t i = 0; i < launch->numThreads; ++i)
    views_.release(threads[i].view);
}

Thread *Block::pick() {
  uint32_t warp = currentWarp_;
  if (!ready_[warp] || (shuffle_ && (random() & 7) == 0)) {
    const uint32_t begin = shuffle_ ? random() % numWarps_ : warp;
    uint32_t step = 0;
    while (step < numWarps_ && !ready_[(begin + step) % numWarps_])
      ++step;
    if (step == numWarps_)
      return nullptr;
    warp = (begin + step) % numWarps_;
  }
  uint32_t lane;
  if (shuffle_) {
    const uint32_t turn = random() & 31;
    const uint32_t rotated = ready_[warp] >> turn | ready_[warp]
                                                        << ((32 - turn) & 31);
    lane = (uint32_t(__builtin_ctz(rotated)) + turn) & 31;
  } else {
    lane = uint32_t(__builtin_ctz(ready_[warp]));
  }
  currentWarp_ = warp;
  ready_[warp] &= ~(1u << lane);
  return &threads[warp * kWarp + lane];
}

void Block::wait(Thread &thread) {
  if (launch->stop)
    abandon(thread);
  Thread *next = pick();
  if (!next) {
    explainDeadlock();
    abandon(thread);
  }
  if (next == &thread)
    return;
  current_ = next;
  switchTo(thread.fiber, next->fiber);
}

void Block::wake(Thread &thread) {
  thread.state = Thread::Ready;
  if (&thread != current_)
    ready_[thread.warp] |= 1u << thread.lane;
}

void Block::abandon(Thread &thread) {
  launch->stop = true;
  switchTo(thread.fiber, machine_, /*last=*/true);
  __builtin_unreachable();
}

void Block::finish(Thread &thread) {
  thread.state = Thread::Done;
  ++done_;
  live_[thread.warp] &= ~(1u << thread.lane);
  // Those that waited for this one alone can go on.
  for (uint32_t left = atWarp_[thread.warp]; left; left &= left - 1) {
    const uint32_t lane = uint32_t(__builtin_ctz(left));
    if (atWarp_[thread.warp] >> lane & 1)
      completeWarp(thread.warp, threads[thread.warp * kWarp + lane].call->mask);
  }
  for (uint32_t id = 0; id < 16; ++id)
    tryBarrier(id);
  Thread *next = pick();
  if (!next) {
    if (done_ != launch->numThreads) {
      explainDeadlock();
      launch->stop = true;
    }
    switchTo(thread.fiber, machine_, /*last=*/true);
    __builtin_unreachable();
  }
  current_ = next;
  switchTo(thread.fiber, next->fiber, /*last=*/true);
  __builtin_unreachable();
}

void Block::yield(Thread &thread, uint32_t location) {
  // A spinning thread of a block whose partner never runs spins for ever.
  constexpr uint64_t kLimit = 1 << 20;
  if (++thread.yields > kLimit || launch->stop) {
    if (!launch->stop)
      report(thread, KVCRT_SIM_DEADLOCK, location,
             "no progress after %llu polls",
             static_cast<unsigned long long>(kLimit));
    abandon(thread);
  }
  if (done_ + 1 == launch->numThreads)
    sched_yield(); // the partner may be a block on another worker
  ready_[thread.warp] |= 1u << thread.lane;
  wait(thread);
}

/*===-- Warp operations --===*/

void Block::warpOperation(Thread &thread, WarpCall &call) {
  thread.location = call.location;
  const uint32_t bit = 1u << thread.lane;
  if (!(call.mask & bit)) {
    report(thread, KVCRT_SIM_LANE_MASK, call.location,
           "executed under mask 0x%08x, which lacks its own lane %u", call.mask,
           thread.lane);
    return;
  }
  thread.call = &call;
  thread.state = Thread::AtWarp;
  atWarp_[thread.warp] |= bit;
  completeWarp(thread.warp, call.mask);
  if (thread.state == Thread::AtWarp)
    wait(thread);
}

void Block::completeWarp(uint32_t warp, uint32_t mask) {
  const uint32_t needed = mask & live_[warp];
  if ((atWarp_[warp] & needed) != needed)
    return;
  Thread *lanes[kWarp] = {};
  WarpCall *calls[kWarp] = {};
  WarpCall *first = nullptr;
  Thread *firstThread = nullptr;
  for (uint32_t left = needed; left; left &= left - 1) {
    const uint32_t lane = uint32_t(__builtin_ctz(left));
    lanes[lane] = &threads[warp * kWarp + lane];
    calls[lane] = lanes[lane]->call;
    // A lane may have to finish with another group first.
    if (calls[lane]->mask != mask)
      return;
    if (!first) {
      first = calls[lane];
      firstThread = lanes[lane];
    }
  }
  if (!first)
    return;
  bool same = true;
  for (uint32_t left = needed; left && same; left &= left - 1) {
    const uint32_t lane = uint32_t(__builtin_ctz(left));
    const WarpCall &call = *calls[lane];
    if (call.op == first->op && call.detail == first->detail &&
        (!call.aligned || call.location == first->location))
      continue;
    same = false;
    report(*lanes[lane], KVCRT_SIM_LANE_MASK, call.location,
           "lane %u executes this while lane %u of the same mask 0x%08x "
           "executes %s",
           lane, firstThread->lane, mask, locationText(first->location));
  }
  if (same) {
    if (first->op == WarpOp::Sync) {
      joined_.clear();
      for (uint32_t left = needed; left; left &= left - 1)
        joined_.push_back(lanes[__builtin_ctz(left)]);
      join(joined_);
    } else if (first->op >= WarpOp::LoadMatrix) {
      runMatrixOperation(*this, lanes, calls, needed);
    } else {
      runWarpOperation(*this, lanes, calls, needed);
    }
  }
  atWarp_[warp] &= ~needed;
  for (uint32_t left = needed; left; left &= left - 1)
    wake(*lanes[__builtin_ctz(left)]);
}

/*===-- Clocks --===*/

void Block::advanceClock(Thread &thread, uint32_t location) {
  if (thread.clock + 1 < kClockMask) {
    ++thread.clock;
    return;
  }
  // The caller may hold a lock: the thread ends where it next waits.
  report(thread, KVCRT_SIM_LIMIT, location,
         "expected at most %u synchronisations of a thread", kClockMask);
  launch->stop = true;
}

View *Block::ownView(Thread &thread) {
  if (thread.view->references > 1) {
    View *copy = views_.copy(*thread.view);
    views_.release(thread.view);
    thread.view = copy;
  }
  return thread.view;
}

void Block::join(const std::vector<Thread *> &joined) {
  View *base = joined.front()->view;
  const bool same = std::all_of(joined.begin(), joined.end(),
                                [&](Thread *t) { return t->view == base; });
  View *result = base;
  if (!same || base->references != joined.size()) {
    result = views_.copy(*base);
    const View *merged = base;
    for (Thread *thread : joined) {
      if (thread->view != merged) {
        merged = thread->view;
        for (size_t i = 0; i < result->clock.size(); ++i)
          result->clock[i] = std::max(result->clock[i], merged->clock[i]);
        result->foreign = merge(result->foreign, merged->foreign);
      }
    }
    for (Thread *thread : joined)
      views_.release(thread->view);
    result->references = uint32_t(joined.size());
  }
  for (Thread *thread : joined) {
    result->clock[thread->id] = thread->clock;
    thread->view = result;
    advanceClock(*thread, thread->location);
  }
}

/*===-- Findings --===*/

const char *Block::locationText(uint32_t location) const {
  const kvcrt_sim_kernel &kernel = *launch->kernel;
  return location < kernel.num_locations ? kernel.locations[location]
                                         : "an unknown location";
}

void Block::report(const Thread &thread, kvcrt_sim_finding_kind kind,
                   uint32_t location, const char *format, ...) {
  const kvcrt_sim_kernel &kernel = *launch->kernel;
  if (!launch->report->wants(&kernel, kind, location))
    return;
  char text[400], line[1200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  snprintf(line, sizeof(line),
           "%s: %s, kernel %s, block (%u, %u, %u), thread (%u, %u, %u): %s",
           locationText(location), kvcrt_sim_finding_name(kind), kernel.name,
           index[0], index[1], index[2], thread.index[0], thread.index[1],
           thread.index[2], text);
  Finding finding{kind, {}, {}, kernel.name, locationText(location), line};
  for (int i = 0; i < 3; ++i) {
    finding.block[i] = int32_t(index[i]);
    finding.thread[i] = int32_t(thread.index[i]);
  }
  launch->report->add(std::move(finding), launch->env);
}

void Block::explainDeadlock() {
  const Thread *waits = nullptr, *other = nullptr;
  for (uint32_t i = 0; i < launch->numThreads; ++i)
    if (threads[i].state == Thread::AtBarrier) {
      waits = &threads[i];
      break;
    }
  if (waits) {
    for (uint32_t i = 0; i < launch->numThreads && !other; ++i)
      if (threads[i].state != Thread::AtBarrier ||
          threads[i].barrier.id != waits->barrier.id)
        other = &threads[i];
    const BarrierState &barrier = barriers_[waits->barrier.id];
    report(*waits, KVCRT_SIM_DIVERGENT_BARRIER, waits->barrier.location,
           "barrier %u waits for ever: %u of %u threads arrived, thread %u %s "
           "%s",
           waits->barrier.id, barrier.arrived, barrier.expected,
           other ? other->id : 0,
           other && other->state == Thread::Done ? "exited after" : "is at",
           locationText(other ? other->location : 0));
    return;
  }
  for (uint32_t i = 0; i < launch->numThreads && !waits; ++i)
    if (threads[i].state == Thread::AtWarp)
      waits = &threads[i];
  if (!waits)
    return;
  const uint32_t missing = waits->call->mask & live_[waits->warp];
  for (uint32_t left = missing; left && !other; left &= left - 1) {
    const Thread &lane =
        threads[waits->warp * kWarp + uint32_t(__builtin_ctz(left))];
    if (!lane.call || lane.state != Thread::AtWarp ||
        lane.call->mask != waits->call->mask)
      other = &lane;
  }
  report(*waits, KVCRT_SIM_LANE_MASK, waits->call->location,
         "mask 0x%08x waits for ever: lane %u is at %s with mask 0x%08x",
         waits->call->mask, other ? other->lane : 0,
         locationText(other ? other->location : 0),
         other && other->call ? other->call->mask : 0);
}

} // namespace kvcrt::sim
