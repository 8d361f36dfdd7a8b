//===- Probes.h - what a GPU can do at most, measured ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels in PTX, which the driver assembles: one that only reads, one that
// only multiplies matrices, and one that does so by the chip's own instruction:
// wgmma on Hopper, tcgen05 on the Blackwell of data centres. Results are
// measured as fractions of theirs.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_PROBES_H
#define KVC_TOOLS_GPU_BUNDLE_PROBES_H

#include "Artefacts.h"

#include <functional>
#include <string>

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

/// The matrix instruction that only GPUs of one kind have.
struct OwnProbe {
  std::string name; // wgmma, tcgen05; empty where mma.sync is all there is
  std::string chip; // sm_90a
  std::string ptx;  // of the kernel multiply_NAME, of 128 threads
  double flops = 0; // of one round of one block
};
/// For compute capability `sm` (90).
OwnProbe ownProbe(int32_t sm);

/// FLOP/s of this GPU's own instruction, bf16, f32 sums. In a call of its own,
/// since a GPU that refuses it has to be started anew. Throws a Failure.
double probeOwn(const Machine &machine);

/// Their PTX.
std::string probePtx();
std::string wgmmaPtx();
std::string tcgen05Ptx(const std::string &chip);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_PROBES_H
