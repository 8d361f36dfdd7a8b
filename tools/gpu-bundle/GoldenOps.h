//===- GoldenOps.h - instructions that are captured -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels use and PTX does not say to the last bit, and what it does say
// that the simulator might have read wrong. Each operation is written twice: as
// PTX for a GPU and as a call of the simulator's table, both for one warp that
// reads `inputs` words a lane and writes `outputs`.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_GOLDENOPS_H
#define KVC_TOOLS_GPU_BUNDLE_GOLDENOPS_H

#include "kvcrt/sim.h"

#include <random>
#include <string>
#include <vector>

namespace kvc::bundle {

constexpr uint32_t kLanes = 32;
/// Where a simulated operation has 512 bytes of shared memory.
constexpr uint32_t kGoldenShared = KVCRT_SIM_SHARED_BASE + 128;

/// How near two results of an operation must be.
struct Rule {
  enum Kind {
    Bits,     // equal
    Relative, // |a - b| <= bound * |b|, of f32; a NaN for a NaN
    Absolute, // |a - b| <= bound * max(1, |b|)
    Product,  // |a - b| <= bound * (sum of |products| + |c|)
  } kind = Bits;
  double bound = 0;
  /// Product: a word of A or B without signs.
  uint32_t magnitude = 0;
};

struct GoldenOp {
  std::string name;
  int32_t sm = 80;  // that has it first
  int32_t isa = 70; // PTX version that has it first
  uint32_t inputs = 1, outputs = 1;
  std::string body; // PTX: %a0.. to %d0..
  /// One lane: the words of `in` to those of `out`.
  void (*simulate)(kvcrt_sim_thread *, const uint32_t *in, uint32_t *out);
  /// Draws a warp's inputs, lane by lane.
  void (*draw)(std::mt19937 &, uint32_t *words, uint32_t perLane);
  Rule rule;
};

const std::vector<GoldenOp> &goldenOps();
/// A module with the operation as the kernel `golden`; parameters: inputs,
/// outputs; a block of one warp for each case.
std::string goldenPtx(const GoldenOp &op);

/// The largest distance of the results of a case (of all lanes) in units of the
/// rule's bound; at most 1 when they agree. `scale` of a product: what it makes
/// of its operands without signs.
double distanceOf(const GoldenOp &op, const uint32_t *a, const uint32_t *b,
                  const uint32_t *scale);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_GOLDENOPS_H
