//===- fiber.cpp - stacks and switches of simulated threads ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: whoever is resumed stores where the other stopped before it does
// anything else, so that a Fiber's position is right whenever it is not
// running.
//
//===----------------------------------------------------------------------===//
#include "fiber.h"

#include <boost/context/detail/fcontext.hpp>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define KVCRT_SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KVCRT_SIM_ASAN 1
#endif
#endif
#ifdef KVCRT_SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace kvcrt::sim {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

Stacks::~Stacks() {
  if (base_)
    munmap(base_, count_ * kPitch);
}

bool Stacks::reserve(uint32_t count) {
  if (count <= count_)
    return true;
  void *base = mmap(nullptr, count * kPitch, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return false;
  for (uint32_t i = 0; i < count; ++i)
    if (mprotect(static_cast<char *>(base) + i * kPitch, kGuard, PROT_NONE)) {
      munmap(base, count * kPitch);
      return false;
    }
  if (base_)
    munmap(base_, count_ * kPitch);
  base_ = static_cast<char *>(base);
  count_ = count;
  return true;
}

namespace {

/// What a switch hands to the one that is resumed.
struct Handover {
  Fiber *from;
  Fiber *to;
};

struct Start {
  void (*entry)(void *);
  void *argument;
};

void arrived(transfer_t transfer) {
  auto *handover = static_cast<Handover *>(transfer.data);
  handover->from->position = transfer.fctx;
#ifdef KVCRT_SIM_ASAN
  // The first switch away tells where the machine's own stack is.
  const void *bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(handover->to->fakeStack, &bottom, &bytes);
  if (!handover->from->bottom) {
    handover->from->bottom = bottom;
    handover->from->bytes = bytes;
  }
#endif
}

void enter(transfer_t transfer) {
  auto *handover = static_cast<Handover *>(transfer.data);
  // Written by start() below the first frame.
  auto *start = static_cast<Start *>(handover->to->fakeStack);
  handover->to->fakeStack = nullptr;
  Start copy = *start;
  arrived(transfer);
  copy.entry(copy.argument);
}

} // namespace

void start(Fiber &fiber, char *stackTop, void (*entry)(void *),
           void *argument) {
  auto *first = reinterpret_cast<Start *>(stackTop - 64);
  *first = {entry, argument};
  fiber.position = make_fcontext(stackTop - 64, Stacks::kBytes - 64, enter);
  fiber.fakeStack = first;
  fiber.bottom = stackTop - Stacks::kBytes;
  fiber.bytes = Stacks::kBytes;
}

void switchTo(Fiber &from, Fiber &to, bool last) {
  Handover handover{&from, &to};
#ifdef KVCRT_SIM_ASAN
  void *fakeStack = nullptr;
  __sanitizer_start_switch_fiber(last ? nullptr : &fakeStack, to.bottom,
                                 to.bytes);
  // A fiber not yet entered keeps its start there until it is.
  from.fakeStack = fakeStack;
#endif
  arrived(jump_fcontext(to.position, &handover));
}

} // namespace kvcrt::sim
