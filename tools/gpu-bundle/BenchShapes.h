//===- BenchShapes.h - what the benchmark measures ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variants and cells, as data. Names are those of the suite: D decode, W
// windows, P prefill, S a step of 32 layers. Invariant: cells are in order of
// value, so that what a run has no time for is what says the least.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_BENCHSHAPES_H
#define KVC_TOOLS_GPU_BUNDLE_BENCHSHAPES_H

#include "Spec.h"

#include <string>
#include <vector>

namespace kvc::bundle {

using conformance::Spec;

struct Run {
  int32_t count;     // sequences
  int32_t newTokens; // of each
  int32_t kvLen;     // these included
};

struct BenchCell {
  std::string name; // D3 kv 4096
  std::string variant;
  std::vector<Run> runs;
  bool wholeStep = false; // append and attend of 32 layers, else attend
  int32_t value = 2;      // 1: headlines, 2: the suite, 3: what fills it up
  int32_t window = 0, sinks = 0; // of a variant with a window
  bool inOrder = false; // tables are runs of blocks, else in random order
};

/// The benchmark's variants, named after what is special.
std::vector<Spec> benchSpecs();
/// The variant of a cell, with the cell's window. Throws a Failure.
Spec specOf(const BenchCell &cell);

/// `tiny`: shapes that the simulator can run, to see that all of it works.
std::vector<BenchCell> benchCells(bool tiny);

/// What a cell cannot do without, for one layer (a whole step: for all).
struct Work {
  double kvBytes = 0; // keys, values and scales that some query sees
  double ioBytes = 0; // queries, outputs, block tables
  double flops = 0;   // of products of visible pairs
};
Work workOf(const Spec &spec, const BenchCell &cell, int32_t layers);
/// Of one layer's cache.
double tokenBytes(const Spec &spec);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_BENCHSHAPES_H
