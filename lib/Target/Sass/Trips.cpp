//===- Trips.cpp - how often a loop runs ----------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Trips.h"

#include "llvm/ADT/STLExtras.h"

namespace kvc::sass {

static void mergeInto(std::optional<Registers> &all, const Registers &one) {
  if (all)
    all->meet(one);
  else
    all = one;
}

Registers TripCounter::executed(unsigned block, Registers registers) const {
  for (unsigned i = flow.blocks[block].begin; i < flow.blocks[block].end; ++i)
    registers.execute(function.instructions[i]);
  return registers;
}

/// Constants behind every block, as all ways there leave them: blocks are
/// visited until no more of them is forgotten.
TripCounter::TripCounter(const Function &function, const Flow &flow)
    : function(function), flow(flow), behind(flow.blocks.size()) {
  std::vector<std::optional<Registers>> entering(flow.blocks.size());
  entering[0] = Registers();
  std::vector<bool> changed(flow.blocks.size());
  changed[0] = true;
  for (bool again = true; again;) {
    again = false;
    for (auto [i, block] : llvm::enumerate(flow.blocks)) {
      if (!changed[i])
        continue;
      changed[i] = false;
      behind[i] = executed(i, *entering[i]);
      for (unsigned next : block.successors) {
        std::optional<Registers> merged = entering[next];
        mergeInto(merged, *behind[i]);
        if (merged == entering[next])
          continue;
        entering[next] = std::move(merged);
        changed[next] = true;
        again |= next <= i;
      }
    }
  }
}

/// Whether `block` lies in no loop inside `loop`.
bool TripCounter::isAlone(const Loop &loop, unsigned block) const {
  return llvm::none_of(flow.loops, [&](const Loop &other) {
    return flow.isInside(other, loop) && other.holds[block];
  });
}

/// Executes the body once on what is known, over all ways that are possible.
TripCounter::Way TripCounter::pass(const Loop &loop, Registers &registers,
                                   unsigned &exit) const {
  std::vector<std::optional<Registers>> entering(flow.blocks.size());
  std::optional<Registers> again;
  entering[loop.header] = registers;
  for (unsigned i = loop.header; i < flow.blocks.size(); ++i) {
    if (!loop.holds[i] || !entering[i])
      continue;
    // A loop inside has written all that it writes, any number of times.
    for (const Loop &inner : flow.loops)
      if (inner.header == i && flow.isInside(inner, loop))
        for (auto [k, block] : llvm::enumerate(flow.blocks))
          for (unsigned at = block.begin; inner.holds[k] && at < block.end;
               ++at)
            entering[i]->forget(function.instructions[at]);
    const Block &block = flow.blocks[i];
    Registers after = executed(i, std::move(*entering[i]));
    std::optional<bool> taken = false;
    if (block.taken || block.ends)
      taken = after.isTaken(function.instructions[block.end - 1]);
    bool leaves = block.ends && taken != false, stays = false;
    auto follow = [&](std::optional<unsigned> next, bool possible) {
      if (!next || !possible)
        return;
      if (!loop.holds[*next]) {
        leaves = true;
        return;
      }
      stays = true;
      if (*next == loop.header)
        mergeInto(again, after);
      else if (*next > i)
        mergeInto(entering[*next], after);
    };
    follow(block.taken, taken != false);
    follow(block.next, taken != true);
    if (!leaves)
      continue;
    // Left here by some and not by others, or by some iterations alone.
    bool always = llvm::all_of(
        loop.latches, [&](unsigned latch) { return flow.dominates(i, latch); });
    if (stays || !always || !isAlone(loop, i))
      return Way::unknown;
    exit = i;
    return Way::leaves;
  }
  if (!again)
    return Way::unknown;
  registers = std::move(*again);
  return Way::stays;
}

std::optional<Trips> TripCounter::count(const Loop &loop) const {
  std::optional<Registers> registers;
  if (loop.header == 0)
    registers = Registers();
  for (auto [i, block] : llvm::enumerate(flow.blocks))
    if (!loop.holds[i] && llvm::is_contained(block.successors, loop.header))
      mergeInto(registers, *behind[i]);
  Trips trips;
  Way way = Way::stays;
  while (way == Way::stays && trips.count < kMost) {
    way = pass(loop, *registers, trips.exit);
    ++trips.count;
  }
  if (way != Way::leaves)
    return std::nullopt;
  // From the exit back to the header.
  for (unsigned at = trips.exit;;) {
    llvm::SmallVector<unsigned> inside;
    llvm::copy_if(flow.blocks[at].successors, std::back_inserter(inside),
                  [&](unsigned next) { return loop.holds[next]; });
    if (inside.size() != 1 || !isAlone(loop, at))
      return std::nullopt;
    at = inside.front();
    if (at == loop.header)
      return trips;
    trips.tail.push_back(at);
  }
}

} // namespace kvc::sass
