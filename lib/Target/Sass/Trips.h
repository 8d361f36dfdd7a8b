//===- Trips.h - how often a loop runs --------------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Read from the code: a loop whose counter starts at a constant and is compared
// with one is executed on what is known until it is left.
//
// Invariant: a number is what every entry of the loop does; where the code does
// not tell, there is none.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_SASS_TRIPS_H
#define KVC_LIB_TARGET_SASS_TRIPS_H

#include "Constants.h"
#include "Flow.h"

#include <optional>

namespace kvc::sass {

struct Trips {
  unsigned count = 0; // executions of the header, at least one
  unsigned exit = 0;  // the one block that the loop is left from
  /// What follows the exit in the loop, a chain of blocks: executed once less.
  llvm::SmallVector<unsigned> tail;
};

class TripCounter {
public:
  TripCounter(const Function &function, const Flow &flow);
  /// None for a loop that depends on what is not in the code, that is left in
  /// several places, or that runs more than kMost times.
  std::optional<Trips> count(const Loop &loop) const;

private:
  static constexpr unsigned kMost = 1024;
  enum class Way { stays, leaves, unknown };

  Registers executed(unsigned block, Registers registers) const;
  Way pass(const Loop &loop, Registers &registers, unsigned &exit) const;
  bool isAlone(const Loop &loop, unsigned block) const;

  const Function &function;
  const Flow &flow;
  std::vector<std::optional<Registers>> behind; // each block; none: unreached
};

} // namespace kvc::sass

#endif // KVC_LIB_TARGET_SASS_TRIPS_H
