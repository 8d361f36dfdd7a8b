//===- Probes.h - what a GPU can do at most, measured ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels in PTX, which the driver assembles: one that only reads, one that
// only multiplies matrices, and on Hopper one that does so by wgmma. Results
// are measured as fractions of theirs.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_PROBES_H
#define KVC_TOOLS_GPU_BUNDLE_PROBES_H

#include "Artefacts.h"

#include <functional>

namespace kvc::bundle {

struct Times {
  double median = 0, low = 0, high = 0; // seconds; 10th and 90th percentile
};

/// Runs `enqueue` once, captures it, and replays it `repeats` times.
Times measure(const Machine &machine, int repeats,
              const std::function<void()> &enqueue);

struct Limits {
  double readBytesPerSecond = 0;
  double matrixFlopsPerSecond = 0; // mma.sync, bf16, f32 sums
};
/// Zeros on the simulator.
Limits probe(const Machine &machine);

/// FLOP/s of wgmma, bf16, f32 sums, of an sm_90. In a call of its own, since a
/// GPU that refuses it has to be started anew. Throws a Failure.
double probeWgmma(const Machine &machine);

/// The PTX of both, for a test that assembles it.
const char *probePtx();
std::string wgmmaPtx();

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_PROBES_H
