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

struct Start {
  void (*entry)(void *);
  void *argument;
};

void arrived(transfer_t transfer) {
  auto *self = static_cast<Fiber *>(transfer.data);
  self->from->position = transfer.fctx;
#ifdef KVCRT_SIM_ASAN
  // The first switch away tells where the machine's own stack is.
  const void *bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(self->fakeStack, &bottom, &bytes);
  if (!self->from->bottom) {
    self->from->bottom = bottom;
    self->from->bytes = bytes;
  }
#endif
}

void enter(transfer_t transfer) {
  auto *self = static_cast<Fiber *>(transfer.data);
  // Written by start() below the first frame.
  auto *start = static_cast<Start *>(self->fakeStack);
  self->fakeStack = nullptr;
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

#ifdef KVCRT_SIM_ASAN
// Its frame must not lie on the fake stack that it gives back.
__attribute__((no_sanitize("address")))
#endif
void switchTo(Fiber &from, Fiber &to, bool last) {
  // Not on the stack: a fiber that is left for good has none any more.
  to.from = &from;
#ifdef KVCRT_SIM_ASAN
  void *fakeStack = nullptr;
  __sanitizer_start_switch_fiber(last ? nullptr : &fakeStack, to.bottom,
                                 to.bytes);
  // A fiber not yet entered keeps its start there until it is.
  from.fakeStack = fakeStack;
#endif
  arrived(jump_fcontext(to.position, &to));
}

} // namespace kvcrt::sim
