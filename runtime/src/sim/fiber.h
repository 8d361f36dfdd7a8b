//===- fiber.h - stacks and switches of simulated threads -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Boost.Context's fcontext: a switch saves a dozen registers. A fiber is left
// for good by never switching to it again, so nothing on its stack may own
// anything. Each stack ends in a page that faults.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SIM_FIBER_H
#define KVCRT_SRC_SIM_FIBER_H

#include <cstddef>
#include <cstdint>

namespace kvcrt::sim {

/// The stacks of one worker; grows, never shrinks.
class Stacks {
public:
  Stacks() = default;
  Stacks(const Stacks &) = delete;
  Stacks &operator=(const Stacks &) = delete;
  ~Stacks();
  /// False when the system has no address space for `count` stacks.
  bool reserve(uint32_t count);
  /// Neighbours begin in different sets of a cache: all of them are in use.
  char *top(uint32_t index) const {
    return base_ + (index + 1) * kPitch - index * 1088 % kColours;
  }
  static constexpr size_t kBytes = 256 << 10; // usable, of each stack

private:
  static constexpr size_t kGuard = 4096, kColours = 4096;
  static constexpr size_t kPitch = kBytes + kColours + kGuard;
  char *base_ = nullptr;
  uint32_t count_ = 0;
};

/// A place to switch to: the machine's, or a fiber's between two switches.
struct Fiber {
  void *position = nullptr;
  Fiber *from = nullptr; // who switched to it last
  // AddressSanitizer's view of the stack; unused elsewhere.
  void *fakeStack = nullptr;
  const void *bottom = nullptr;
  size_t bytes = 0;
};

/// Makes `fiber` call entry(argument) on the stack when first switched to;
/// entry never returns.
void start(Fiber &fiber, char *stackTop, void (*entry)(void *), void *argument);
/// Leaves `from` (which is running) for `to`; returns when something switches
/// back. `last`: from is never resumed.
void switchTo(Fiber &from, Fiber &to, bool last = false);

} // namespace kvcrt::sim

#endif // KVCRT_SRC_SIM_FIBER_H
