//===- Batch.cpp - shapes and pools of the matrix -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lengths stand around the block size of the variant, the engine's tile of 64
// keys and its split of 1024; a batch holds many of them at once.
//
//===----------------------------------------------------------------------===//

#include "Batch.h"

#include <algorithm>

namespace kvc::conformance {

const char *nameOf(Pool pool) {
  switch (pool) {
  case Pool::Hnd:
    return "hnd";
  case Pool::Nhd:
    return "nhd";
  case Pool::Vllm:
    return "vllm";
  case Pool::FlashInfer:
    return "flashinfer";
  case Pool::Sparse:
    return "sparse";
  }
  return "";
}

std::vector<int32_t> hostBounds(const Batch &batch, const kvcrt_params &step,
                                int32_t numSeqs) {
  std::vector<int32_t> bounds;
  for (int32_t i = 0; i < numSeqs; ++i) {
    const int32_t *indptr = step.step.qo_indptr + i;
    bounds.push_back(batch.boundSlack +
                     std::max(step.step.kv_len[i], indptr[1] - indptr[0]));
  }
  return bounds;
}

std::vector<Batch> cpuBatches(const Spec &spec) {
  int32_t block = std::min(spec.policy.block, 256);
  std::vector<Batch> batches;

  Batch decode{"decode", {}, Pool::Hnd, 1, 0};
  for (int32_t kvLen : {1, 2, block - 1, block, block + 1, 63, 64, 65, 127, 128,
                        129, 2 * block + 1, 200})
    if (kvLen > 0)
      decode.sequences.push_back({1, kvLen});
  batches.push_back(decode);

  // Two workers and one sequence: its keys are split.
  batches.push_back({"long decode", {{1, 1025}}, Pool::Nhd, 3, 7});
  batches.push_back(
      {"split decode", {{2, 1024}, {0, 77}, {1, 2049}}, Pool::Vllm, 4, 0});

  Batch prefill{"prefill", {}, Pool::FlashInfer, 2, 3};
  for (int32_t n : {1, 3, 15, 16, 17, 64, 65})
    prefill.sequences.push_back({n, n});
  prefill.sequences.push_back({130, 130});
  batches.push_back(prefill);

  // Chunked prefill beside decodes, speculative tokens, sequences without new
  // tokens and queries without keys.
  batches.push_back({"ragged",
                     {{1, 90},
                      {0, 50},
                      {33, 150},
                      {2, 64},
                      {3, 3},
                      {0, 0},
                      {1, 0},
                      {5, 129},
                      {20, 0},
                      {1, 1}},
                     Pool::Vllm,
                     2,
                     0});

  batches.push_back(
      {"sparse pool", {{1, 1}, {2, 70}, {1, 130}, {30, 40}}, Pool::Sparse, 2});

  batches.push_back({"wide ranges", {{1, 70}, {9, 40}}, Pool::Nhd, 2});
  batches.back().wideRanges = true;

  if (spec.policy.key.kind == KVCRT_STORAGE_PLAIN &&
      spec.policy.value.kind == KVCRT_STORAGE_PLAIN)
    batches.push_back({"nan at end",
                       {{1, 70}, {40, 40}, {6, 150}},
                       Pool::Nhd,
                       1,
                       0,
                       /*nanAtEnd=*/true});
  return batches;
}

} // namespace kvc::conformance
