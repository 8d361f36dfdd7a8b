//===- SimEngine.h - the device of cells that run in the simulator -*- C++ -*-//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One cell's view of a simulator: the memory that its kernels may touch, the
// plan of its steps, and what was found. Invariant: everything that it added is
// removed again; the simulator serves the thread's next cell.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_SIMENGINE_H
#define KVC_TOOLS_KVC_CONFORMANCE_SIMENGINE_H

#include "Fixture.h"
#include "kvcrt/plan.h"
#include "kvcrt/sim.h"

namespace kvc::conformance {

/// What the kernels that run a plan are (docs/decisions/0004-gpu-launch.md).
struct GpuKernels {
  bool decode = false, prefill = false, merge = false;
  unsigned sharedPerBlock = 0; // bytes that a block of their chip may have
};

class SimEngine {
public:
  /// `seed` chooses the order of threads and blocks.
  SimEngine(const Spec &spec, const Batch &batch, const GpuKernels &kernels,
            uint64_t seed);
  ~SimEngine();
  SimEngine(const SimEngine &) = delete;

  void add(const void *base, size_t bytes, const char *name,
           uint32_t flags = 0);
  void add(Fixture &fixture);
  void remove(const void *base);

  /// Plans the step of `params`, whose header is `header`, and points `params`
  /// at tasks and scratch that live until the next plan.
  kvcrt_status plan(kvcrt_params &params, kvcrt_step_header &header);
  /// Whether attend may append, by the last plan.
  bool mayAppend = false;

  /// For kvcrt_env.launch; `context` is the SimEngine.
  kvcrt_status launch(const kvcrt_launch &launch);
  /// The first finding since the last call; empty when there is none.
  std::string takeFindings();

private:
  const Spec &spec;
  const Batch &batch;
  const GpuKernels &kernels;
  kvcrt_sim *sim;
  std::vector<const void *> ranges;
  std::vector<kvcrt_task> tasks;
  std::vector<int32_t> counters;
  std::vector<float> splitOut, splitState;
};

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_SIMENGINE_H
