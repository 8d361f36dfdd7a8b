//===- Batch.h - shapes and pools of the matrix -----------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariants: a batch is data alone; every batch of an engine runs on every
// variant; batches follow from (variant, seed).
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_BATCH_H
#define KVC_TOOLS_KVC_CONFORMANCE_BATCH_H

#include "Spec.h"

namespace kvc::conformance {

/// Where rows lie in a pool; all are strides of kvcrt_plane.
enum class Pool {
  Hnd,        // ours: [block][K, V][head][token][row], rows padded to 16 bytes
  Nhd,        // [block][K, V][token][head][row]
  Vllm,       // K and V apart: [block][token][head][row], rows unpadded
  FlashInfer, // [block][K, V][token][head][row], rows unpadded, between the
              // planes of three other layers
  Sparse      // as Hnd in 64 GiB, blocks anywhere in it: 32-bit arithmetic on
              // offsets goes wrong
};

struct Sequence {
  int32_t newTokens;
  int32_t kvLen; // these included
};

struct Batch {
  std::string name;
  std::vector<Sequence> sequences;
  Pool pool = Pool::Hnd;
  int32_t workers = 1;
  int32_t positionOffset = 0;
  /// The last token of each sequence is NaN. What does not see it must not
  /// notice. Only for storages that can hold a NaN.
  bool nanAtEnd = false;
  /// Heads' keys, and tokens' values, have magnitudes far apart, and queries
  /// such that scores are near one: rows are judged one by one.
  bool wideRanges = false;
  /// Of engines that plan: keys of a split, and by how much the host's bound
  /// of each length is too high.
  int32_t splitKeys = 256;
  int32_t boundSlack = 0;
};

/// Lengths around every boundary of blocks, tiles and splits.
std::vector<Batch> cpuBatches(const Spec &spec);
/// The same for kernels that are simulated thread by thread: each boundary with
/// as few tokens as reach it, and two batches that `seed` draws.
std::vector<Batch> gpuBatches(const Spec &spec, uint64_t seed);

/// Upper bounds of the lengths of a step over some of the batch's sequences, as
/// a host that plans knows them: that of a sequence holds its new tokens.
std::vector<int32_t> hostBounds(const Batch &batch, const kvcrt_params &step,
                                int32_t numSeqs);

const char *nameOf(Pool pool);

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_BATCH_H
