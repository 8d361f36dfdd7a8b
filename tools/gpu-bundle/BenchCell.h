//===- BenchCell.h - one shape of the benchmark ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_BENCHCELL_H
#define KVC_TOOLS_GPU_BUNDLE_BENCHCELL_H

#include "BenchShapes.h"
#include "Probes.h"

namespace kvc::bundle {

struct BenchResult {
  BenchCell cell;
  std::string failure;    // empty when measured
  Times times;            // of one attend, or of the whole step
  double planSeconds = 0; // of begin, with the plan
  Work work;              // of what `times` is of
  int32_t layers = 0;     // that one replay runs through
  double consecutive = 0; // table entries whose block follows the one before
};

/// Builds pool, sequences and step on the runtime, captures and replays.
BenchResult runBenchCell(const Machine &machine, const BenchCell &cell,
                         int repeats);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_BENCHCELL_H
