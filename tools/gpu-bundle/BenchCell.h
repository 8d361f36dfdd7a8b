//===- BenchCell.h - one shape of the benchmark ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_BENCHCELL_H
#define KVC_TOOLS_GPU_BUNDLE_BENCHCELL_H

#include "Probes.h"

namespace kvc::bundle {

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
};

/// The cells of `performance` that a bundle measures; `tiny`: shapes that the
/// simulator can run, to see that all of it works.
std::vector<BenchCell> benchCells(bool tiny);

struct BenchResult {
  BenchCell cell;
  std::string failure;    // empty when measured
  Times times;            // of one attend, or of the whole step
  double planSeconds = 0; // of begin, with the plan
  double bytes = 0;       // of keys, values and scales that must be read
  double flops = 0;       // of products of visible pairs
  int32_t layers = 0;     // that one replay runs through
};

/// Builds pool, sequences and step on the runtime, captures and replays.
BenchResult runBenchCell(const Machine &machine, const BenchCell &cell,
                         int repeats);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_BENCHCELL_H
