//===- CostModel.h - times that evidence predicts ---------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Predictions, to be held against measurement later. A launch takes
//
//   at least  t0 + max(memory, issue, tensor, chain)     all else hidden
//   at most   t0 + memory + max(issue + tensor, chain)   nothing hidden
//
//   memory  bytes of keys, values, scales, rows and partial results over the
//           chip's bandwidth
//   issue   instructions of all warps over the slots of all schedulers: four an
//           SM, one instruction a cycle each
//   tensor  floating point operations over the rate of mma.sync
//   chain   iterations of one warp times the latency of an iteration whose
//           results wait for each other
//   t0      launch, first loads (block table, then keys), and the meeting of
//           splits; for few keys it is all there is
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TARGET_SASS_COSTMODEL_H
#define KVC_TARGET_SASS_COSTMODEL_H

#include "kvc/Support/GpuChip.h"
#include "kvc/Target/Sass/Evidence.h"

namespace kvc::sass {

/// What a launch attends to.
struct Workload {
  std::string name; // "D3", of the suite in docs/results
  unsigned heads; // sequences times KV heads: rows that read keys of their own
  unsigned keys;  // of each
  unsigned queries; // new tokens of each: 1 is decode
  bool causal = true;
};

struct Prediction {
  double bytes = 0;                                    // of memory
  double memory = 0, issue = 0, tensor = 0, chain = 0; // seconds
  double start = 0;                                    // t0, seconds
  double atLeast() const;
  double atMost() const;
};

/// Of one query token a sequence: `kernel` is an attend_decode. Needs facts and
/// a hot loop.
Prediction predictDecode(const GpuChip &chip, const ExplainedKernel &kernel,
                         const Workload &work);
/// Of `queries` tokens a sequence with a query head for each KV head, as their
/// own keys: `kernel` is an attend_prefill.
Prediction predictPrefill(const GpuChip &chip, const ExplainedKernel &kernel,
                          const Workload &work);

/// Shapes of the decode suite (32 query heads on 4 or 8), and of prefill
/// (16,384 tokens, 16 heads).
llvm::ArrayRef<Workload> decodeWorkloads();
llvm::ArrayRef<Workload> prefillWorkloads();

/// Tables of both, for the kernels whose hot loops are counted as a whole.
void printPredictions(const GpuChip &chip,
                      llvm::ArrayRef<ExplainedKernel> kernels,
                      llvm::raw_ostream &os);
/// Of one kernel, for programs; times in microseconds.
llvm::json::Array predictionsToJSON(const GpuChip &chip,
                                    const ExplainedKernel &kernel);

} // namespace kvc::sass

#endif // KVC_TARGET_SASS_COSTMODEL_H
