//===- Flow.h - blocks and loops of a function ------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: blocks stand in reverse postorder; code that is not reachable
// from the entry but by calls (padding, outlined functions) is in none.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_SASS_FLOW_H
#define KVC_LIB_TARGET_SASS_FLOW_H

#include "kvc/Target/Sass/Sass.h"

#include "llvm/ADT/SmallVector.h"

namespace kvc::sass {

struct Block {
  unsigned begin = 0, end = 0; // instructions [begin, end)
  llvm::SmallVector<unsigned, 2> successors;
  // Of these, where the last instruction jumps to, and the block behind it.
  std::optional<unsigned> taken, next;
  bool ends = false; // the last instruction may end the kernel
};

/// A natural loop: back edges latch -> header where header dominates latch.
struct Loop {
  unsigned header = 0;
  llvm::SmallVector<unsigned> latches;
  std::vector<bool> holds; // by block
};

struct Flow {
  std::vector<Block> blocks; // the entry first
  std::vector<Loop> loops;
  std::vector<unsigned> dominator; // immediate, of each block

  /// Whether `inner` lies inside `outer`.
  bool isInside(const Loop &inner, const Loop &outer) const {
    return &inner != &outer && outer.holds[inner.header];
  }
  /// Whether all ways to `below` lead over `above`, which may be `below`.
  bool dominates(unsigned above, unsigned below) const {
    while (below > above)
      below = dominator[below];
    return below == above;
  }
  /// Fails on jumps whose target the text does not tell, and on loops with
  /// more than one entry.
  static llvm::Expected<Flow> of(const Function &function);
};

/// A call that comes back. (ptxas also jumps out of loops by CALL to a label
/// of the same function.)
bool isCall(const Instruction &instruction);

} // namespace kvc::sass

#endif // KVC_LIB_TARGET_SASS_FLOW_H
