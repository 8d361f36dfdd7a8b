//===- order.cpp - atomics, fences and what they make known ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Release patterns: a releasing atomic, or a fence followed by any atomic,
// publishes what the thread knows at the release. Acquire patterns: an
// acquiring atomic, or any atomic followed by a fence, takes over what was
// published at that address. An atomic that does neither leaves the address's
// record alone, so that a release sequence goes on through it.
//
//===----------------------------------------------------------------------===//
#include "block.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace kvcrt::sim {
namespace {

std::shared_ptr<const Publication> publish(Thread &thread, uint32_t scope,
                                           uint32_t location) {
  auto clocks = std::make_shared<Clocks>(thread.view->clock);
  (*clocks)[thread.id] = thread.clock;
  auto result = std::make_shared<Publication>();
  *result = {thread.block->number, scope, std::move(clocks),
             thread.view->foreign};
  // What it does from now on is not part of it.
  thread.block->advanceClock(thread, location);
  return result;
}

void acquire(Thread &thread, const Publication &publication, uint32_t scope) {
  Block &block = *thread.block;
  if (publication.block == block.number) {
    View *view = block.ownView(thread);
    for (size_t i = 0; i < view->clock.size(); ++i)
      view->clock[i] = std::max(view->clock[i], (*publication.clocks)[i]);
    view->foreign = merge(view->foreign, publication.foreign);
    return;
  }
  if (scope == KVCRT_SIM_SCOPE_BLOCK ||
      publication.scope == KVCRT_SIM_SCOPE_BLOCK)
    return;
  View *view = block.ownView(thread);
  view->foreign = merge(view->foreign, publication.foreign);
  view->foreign =
      merge(view->foreign, publication.block & (LastWrite::kBlocks - 1),
            publication.clocks);
}

void addTo(Sync &sync, const Publication &publication) {
  for (Publication &known : sync.publications)
    if (known.block == publication.block && known.scope == publication.scope) {
      auto clocks = std::make_shared<Clocks>(*known.clocks);
      for (size_t i = 0; i < clocks->size(); ++i)
        (*clocks)[i] = std::max((*clocks)[i], (*publication.clocks)[i]);
      known.clocks = std::move(clocks);
      known.foreign = merge(known.foreign, publication.foreign);
      return;
    }
  sync.publications.push_back(publication);
}

template <typename Unsigned, typename Signed>
Unsigned apply(uint32_t operation, Unsigned old, Unsigned operand,
               Unsigned compare) {
  switch (operation) {
  case KVCRT_SIM_ATOMIC_STORE:
  case KVCRT_SIM_ATOMIC_EXCHANGE:
    return operand;
  case KVCRT_SIM_ATOMIC_COMPARE_EXCHANGE:
    return old == compare ? operand : old;
  case KVCRT_SIM_ATOMIC_ADD:
    return old + operand;
  case KVCRT_SIM_ATOMIC_SUB:
    return old - operand;
  case KVCRT_SIM_ATOMIC_AND:
    return old & operand;
  case KVCRT_SIM_ATOMIC_OR:
    return old | operand;
  case KVCRT_SIM_ATOMIC_XOR:
    return old ^ operand;
  case KVCRT_SIM_ATOMIC_SMIN:
    return Unsigned(std::min(Signed(old), Signed(operand)));
  case KVCRT_SIM_ATOMIC_SMAX:
    return Unsigned(std::max(Signed(old), Signed(operand)));
  case KVCRT_SIM_ATOMIC_UMIN:
    return std::min(old, operand);
  case KVCRT_SIM_ATOMIC_UMAX:
    return std::max(old, operand);
  case KVCRT_SIM_ATOMIC_INC:
    return old >= operand ? 0 : old + 1;
  case KVCRT_SIM_ATOMIC_DEC:
    return old == 0 || old > operand ? operand : old - 1;
  }
  return old;
}

template <typename Float, typename Bits> Bits addFloat(Bits old, Bits operand) {
  static_assert(sizeof(Float) == sizeof(Bits));
  Float a, b;
  memcpy(&a, &old, sizeof(a));
  memcpy(&b, &operand, sizeof(b));
  a += b;
  memcpy(&old, &a, sizeof(a));
  return old;
}

template <typename Unsigned, typename Signed, typename Float>
uint64_t perform(uint32_t operation, char *host, uint64_t operand,
                 uint64_t compare) {
  Unsigned old;
  memcpy(&old, host, sizeof(old));
  if (operation == KVCRT_SIM_ATOMIC_LOAD)
    return old;
  Unsigned next = apply<Unsigned, Signed>(operation, old, Unsigned(operand),
                                          Unsigned(compare));
  if constexpr (!std::is_void_v<Float>)
    if (operation == KVCRT_SIM_ATOMIC_FADD)
      next = addFloat<Float, Unsigned>(old, Unsigned(operand));
  memcpy(host, &next, sizeof(next));
  return old;
}

} // namespace

uint64_t atomicOperation(Thread &thread, uint32_t location, uint64_t address,
                         uint64_t operand, uint64_t compare,
                         uint32_t descriptor) {
  Block &block = *thread.block;
  const uint32_t operation = descriptor & 0xff;
  const uint32_t logBytes = descriptor >> KVCRT_SIM_ATOMIC_SIZE_SHIFT & 0xf;
  const uint32_t bytes = 1u << logBytes;
  uint32_t space = descriptor >> KVCRT_SIM_ATOMIC_SPACE_SHIFT & 0xf;
  const uint32_t scope = descriptor >> KVCRT_SIM_ATOMIC_SCOPE_SHIFT & 0xf;
  const uint32_t order = descriptor >> KVCRT_SIM_ATOMIC_ORDER_SHIFT & 0xf;
  const uint32_t access = bytes | logBytes << KVCRT_SIM_ACCESS_ALIGN_SHIFT |
                          KVCRT_SIM_ACCESS_STRONG;
  // A poll lets those run that it waits for.
  if (operation == KVCRT_SIM_ATOMIC_LOAD ||
      operation == KVCRT_SIM_ATOMIC_COMPARE_EXCHANGE)
    block.yield(thread, location);
  if (space == KVCRT_SIM_GENERIC) {
    space = address >= kSharedWindow ? KVCRT_SIM_SHARED : KVCRT_SIM_GLOBAL;
    if (space == KVCRT_SIM_SHARED)
      address -= kSharedWindow;
  }
  if (address & (bytes - 1)) {
    block.report(thread, KVCRT_SIM_MISALIGNED, location,
                 "atomic of %u bytes at 0x%llx", bytes,
                 static_cast<unsigned long long>(address));
    return 0;
  }
  char *host;
  // Blocks never share the name of a shared address.
  const uint64_t key =
      space == KVCRT_SIM_SHARED
          ? address | uint64_t(block.number) << 32 | uint64_t(1) << 63
          : address;
  std::unique_lock<std::mutex> lock(block.launch->memory->lockOf(key));
  if (space == KVCRT_SIM_SHARED) {
    if (!block.shared.contains(address, bytes))
      return accessShared(thread, location, address, access, true, "atomic"), 0;
    const Violation violation =
        operation == KVCRT_SIM_ATOMIC_STORE
            ? block.shared.write(uint32_t(address), bytes, thread.id,
                                 thread.now(), *thread.view, location)
            : block.shared.atomic(uint32_t(address), bytes, thread.id,
                                  thread.now(), *thread.view, location);
    reportShared(block, thread, location, violation, "atomic", bytes, address);
    host = violation.kind == Violation::OutOfBounds
               ? block.scratch()
               : block.shared.host(address);
  } else {
    // Reads its bytes; a strong store defines them without a weak write's mark.
    const Region *region = block.launch->memory->find(address);
    if (operation == KVCRT_SIM_ATOMIC_STORE && region && region->defined)
      block.launch->memory->mark(address, bytes, true);
    host = accessGlobal(thread, location, address, access, false, "atomic");
  }
  Sync &sync = block.launch->memory->syncOf(key);
  const bool writes = operation != KVCRT_SIM_ATOMIC_LOAD;
  if (operation != KVCRT_SIM_ATOMIC_STORE) {
    for (const Publication &publication : sync.publications) {
      if (order & KVCRT_SIM_ACQUIRE)
        acquire(thread, publication, scope);
      else
        thread.observed.push_back(publication);
    }
  }
  if (writes) {
    if (operation == KVCRT_SIM_ATOMIC_STORE)
      sync.publications.clear();
    if (order & KVCRT_SIM_RELEASE) {
      auto publication = publish(thread, scope, location);
      addTo(sync, *publication);
    } else if (thread.fenced) {
      Publication publication = *thread.fenced;
      publication.scope = std::min(publication.scope, scope);
      addTo(sync, publication);
    }
  }
  return bytes == 8   ? perform<uint64_t, int64_t, double>(operation, host,
                                                           operand, compare)
         : bytes == 4 ? perform<uint32_t, int32_t, float>(operation, host,
                                                          operand, compare)
                      : perform<uint16_t, int16_t, void>(operation, host,
                                                         operand, compare);
}

void fence(Thread &thread, uint32_t scope, uint32_t order) {
  // The observed come first: the fence is cumulative.
  if (order & KVCRT_SIM_ACQUIRE) {
    for (const Publication &publication : thread.observed)
      acquire(thread, publication, scope);
    thread.observed.clear();
  }
  if (order & KVCRT_SIM_RELEASE)
    thread.fenced = publish(thread, scope, thread.location);
}

} // namespace kvcrt::sim
