//===- Evidence.cpp - what the machine code of a kernel does --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: an attend kernel without a loop that multiplies, or an
// instruction that is not known, is an error: no number here is a default.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/Sass/Evidence.h"
#include "Trips.h"

#include "llvm/ADT/StringSwitch.h"
#include <algorithm>

using llvm::StringRef;

namespace kvc::sass {

/// 64-bit integer arithmetic: a wide product, the upper half of a sum, or one
/// instruction that does both halves.
static bool isWide(const Instruction &i) {
  StringRef root = i.root();
  if (i.hasModifier("WIDE"))
    return true;
  bool adds = llvm::StringSwitch<bool>(root)
                  .Cases({"IADD3", "IADD", "IMAD", "LEA", "VIADD"}, true)
                  .Cases({"UIADD3", "UIADD", "UIMAD", "ULEA", "UVIADD"}, true)
                  .Default(false);
  return adds && (i.hasModifier("X") || i.hasModifier("64"));
}

/// 2 m n k of a tensor instruction of a warp; zero when its name does not say.
static double flopsOf(const Instruction &i) {
  llvm::SmallVector<StringRef> parts;
  StringRef(i.opcode).split(parts, '.');
  for (StringRef part : parts) {
    double flops = llvm::StringSwitch<double>(part)
                       .Case("1688", 2. * 16 * 8 * 8)
                       .Case("16816", 2. * 16 * 8 * 16)
                       .Case("16832", 2. * 16 * 8 * 32)
                       .Case("16864", 2. * 16 * 8 * 64)
                       .Default(0);
    if (flops)
      return flops;
  }
  return 0;
}

/// What a steady iteration must do, whatever the way: loads, copies, products.
static bool isWork(const Instruction &i) {
  return i.predicate != "!PT" &&
         llvm::StringSwitch<bool>(i.root())
             .Cases({"LDG", "LDS", "LDSM", "STS", "STSM", "LDGSTS"}, true)
             .Cases({"HMMA", "IMMA", "BMMA", "DMMA", "QMMA", "OMMA"}, true)
             .Default(false);
}

static bool isBarrier(const Instruction &i) { return i.root() == "BAR"; }
static bool isLocal(const Instruction &i) {
  return i.root() == "LDL" || i.root() == "STL";
}
static bool isGeneric(const Instruction &i) {
  return i.root() == "LD" || i.root() == "ST" || i.root() == "ATOM";
}

namespace {
/// Instructions from the header to the end of a block: as much work as there
/// can be with as few instructions as can be, and as many as can be.
struct Path {
  bool reached = false;
  unsigned work = 0, length = 0, longest = 0;
  unsigned from = 0; // the block before, on the steady path
  bool isSteadierThan(const Path &other) const {
    return !other.reached || work > other.work ||
           (work == other.work && length < other.length);
  }
};

/// How often a pass through the hot loop's body executes its blocks.
struct Repeats {
  struct Visit {
    unsigned block, times;
  };
  std::vector<llvm::SmallVector<Visit, 1>> visits; // with a path over a block
  std::vector<std::optional<unsigned>> trips;      // of the loops inside
};
} // namespace

static Repeats findRepeats(const Flow &flow, const Loop &loop,
                           const TripCounter &counter) {
  Repeats repeats;
  std::vector<unsigned> times(flow.blocks.size(), 1);
  repeats.visits.resize(flow.blocks.size());
  std::vector<Trips> known;
  for (const Loop &inner : flow.loops) {
    if (!flow.isInside(inner, loop))
      continue;
    std::optional<Trips> trips = counter.count(inner);
    repeats.trips.push_back(trips ? std::optional(trips->count) : std::nullopt);
    if (!trips)
      continue;
    for (unsigned i = 0; i < flow.blocks.size(); ++i)
      if (inner.holds[i])
        times[i] *= trips->count - llvm::is_contained(trips->tail, i);
    known.push_back(std::move(*trips));
  }
  for (auto [i, visits] : llvm::enumerate(repeats.visits))
    visits.push_back({unsigned(i), times[i]});
  // Paths leave a loop at its exit; what lies behind that is executed as well.
  for (const Trips &trips : known)
    for (unsigned i : trips.tail)
      repeats.visits[trips.exit].push_back({i, times[i]});
  return repeats;
}

/// Follows the loop's body from its header; back edges of loops inside are not
/// taken. Blocks stand in reverse postorder, so that one pass is enough.
static std::vector<Path> followBody(const Function &function, const Flow &flow,
                                    const Loop &loop, const Repeats &repeats) {
  std::vector<Path> paths(flow.blocks.size());
  std::vector<Path> entering(flow.blocks.size());
  entering[loop.header].reached = true;
  for (unsigned i = loop.header; i < flow.blocks.size(); ++i) {
    if (!loop.holds[i] || !entering[i].reached)
      continue;
    Path &path = paths[i] = entering[i];
    for (auto [visited, times] : repeats.visits[i]) {
      const Block &block = flow.blocks[visited];
      unsigned size = (block.end - block.begin) * times;
      path.length += size;
      path.longest += size;
      for (unsigned at = block.begin; at < block.end; ++at)
        path.work += isWork(function.instructions[at]) * times;
    }
    for (unsigned next : flow.blocks[i].successors) {
      if (next <= i || !loop.holds[next])
        continue;
      Path &to = entering[next];
      unsigned longest = std::max(to.longest, path.longest);
      if (path.isSteadierThan(to)) {
        to = path;
        to.from = i;
      }
      to.longest = longest;
    }
  }
  return paths;
}

/// Adds what `times` executions of an instruction of the steady path do.
static llvm::Error addSteady(const Instruction &i, unsigned times,
                             LoopEvidence &result) {
  llvm::Expected<Unit> unit = unitOf(i);
  if (!unit)
    return unit.takeError();
  result.mix[unsigned(*unit)] += times;
  if (*unit == Unit::control)
    return llvm::Error::success();
  result.wide += isWide(i) * times;
  if (i.root() == "LDGSTS")
    (i.hasModifier("128") ? result.copies16 : result.copiesNarrow) += times;
  if (*unit == Unit::tensor) {
    double flops = flopsOf(i);
    if (!flops)
      return llvm::createStringError(
          "expected a matrix shape that is known, got `" + i.opcode +
          "` in line " + llvm::Twine(i.line) + " of the disassembly");
    result.flops += flops * times;
  }
  return llvm::Error::success();
}

static llvm::Expected<LoopEvidence> gatherLoop(const Function &function,
                                               const Flow &flow,
                                               const Loop &loop,
                                               const TripCounter &counter) {
  const std::vector<Instruction> &code = function.instructions;
  Repeats repeats = findRepeats(flow, loop, counter);
  std::vector<Path> paths = followBody(function, flow, loop, repeats);
  LoopEvidence result;
  result.innerTrips = std::move(repeats.trips);
  unsigned latch = loop.latches.front();
  for (unsigned other : loop.latches) {
    if (paths[other].isSteadierThan(paths[latch]))
      latch = other;
    result.longest = std::max(result.longest, paths[other].longest);
  }
  result.steady = paths[latch].length;
  for (unsigned at = latch;; at = paths[at].from) {
    for (auto [visited, times] : repeats.visits[at])
      for (unsigned i = flow.blocks[visited].begin;
           i < flow.blocks[visited].end; ++i)
        if (llvm::Error error = addSteady(code[i], times, result))
          return error;
    if (at == loop.header)
      break;
  }
  for (auto [i, block] : llvm::enumerate(flow.blocks)) {
    if (!loop.holds[i])
      continue;
    for (unsigned at = block.begin; at < block.end; ++at) {
      result.barriers += isBarrier(code[at]);
      result.calls += isCall(code[at]);
      result.local += isLocal(code[at]);
      result.generic += isGeneric(code[at]);
    }
  }
  return result;
}

static unsigned countTensor(const Function &function, const Flow &flow,
                            const Loop &loop) {
  unsigned count = 0;
  for (auto [i, block] : llvm::enumerate(flow.blocks))
    if (loop.holds[i])
      for (unsigned at = block.begin; at < block.end; ++at)
        count += function.instructions[at].root().ends_with("MMA");
  return count;
}

llvm::Expected<KernelEvidence> gather(const Function &function) {
  KernelEvidence result;
  result.name = function.name;
  for (const Instruction &instruction : function.instructions) {
    if (llvm::Expected<Unit> unit = unitOf(instruction); !unit)
      return unit.takeError();
    result.calls += isCall(instruction);
    result.local += isLocal(instruction);
    result.generic += isGeneric(instruction);
  }
  result.instructions = function.instructions.size();
  while (result.instructions > 0 &&
         function.instructions[result.instructions - 1].root() == "NOP")
    --result.instructions;
  llvm::Expected<Flow> flow = Flow::of(function);
  if (!flow)
    return flow.takeError();
  // The innermost of the loops that multiply; of several, the one that
  // multiplies most. A fixed number of steps is a part of the loop around.
  const Loop *hot = nullptr;
  unsigned most = 0;
  TripCounter counter(function, *flow);
  auto isPart = [&](const Loop &loop) {
    return llvm::any_of(flow->loops,
                        [&](const Loop &around) {
                          return flow->isInside(loop, around);
                        }) &&
           counter.count(loop);
  };
  for (const Loop &loop : flow->loops) {
    unsigned count = countTensor(function, *flow, loop);
    if (count == 0 || isPart(loop))
      continue;
    if (!hot || flow->isInside(loop, *hot) ||
        (count > most && !flow->isInside(*hot, loop))) {
      hot = &loop;
      most = count;
    }
  }
  if (!hot)
    return result;
  llvm::Expected<LoopEvidence> loop =
      gatherLoop(function, *flow, *hot, counter);
  if (!loop)
    return loop.takeError();
  result.hot = *loop;
  return result;
}

llvm::Expected<std::vector<KernelEvidence>> gatherAll(StringRef text) {
  llvm::Expected<std::vector<Function>> functions = parse(text);
  if (!functions)
    return functions.takeError();
  std::vector<KernelEvidence> kernels;
  for (const Function &function : *functions) {
    llvm::Expected<KernelEvidence> kernel = gather(function);
    if (!kernel)
      return kernel.takeError();
    kernels.push_back(std::move(*kernel));
  }
  return kernels;
}

} // namespace kvc::sass
