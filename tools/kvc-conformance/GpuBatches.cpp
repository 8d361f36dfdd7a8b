//===- GpuBatches.cpp - shapes for kernels that are simulated -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A simulated token costs a millisecond, so each boundary is met by the fewest
// tokens that reach it. The kernels' boundaries: tiles of 16 keys that four
// warps take in turn (64), rings of up to four tiles a warp (256), tiles of 16
// and 64 rows of (query token, query head), splits of `splitKeys` keys.
//
//===----------------------------------------------------------------------===//

#include "Batch.h"
#include "Fixture.h"

#include <algorithm>

namespace kvc::conformance {

/// Sequences, pool, split and slack that nobody thought of.
static Batch drawn(std::string name, Random &random, int32_t longest) {
  Batch batch{std::move(name), {}};
  batch.pool = Pool(random.below(5));
  batch.workers = int32_t(1 + random.below(3));
  batch.positionOffset = int32_t(random.below(3) * random.below(40));
  batch.splitKeys = int32_t(64 << random.below(3));
  batch.boundSlack = int32_t(random.below(2) * random.below(100));
  for (int64_t i = 0, count = 2 + random.below(3); i < count; ++i) {
    // Mostly decode and speculative tokens, for these are cheap.
    const int64_t most = random.below(4) ? 8 : 40;
    const auto kvLen = int32_t(random.below(longest + 1));
    const auto tokens = int32_t(random.below(most + 1));
    // Queries without keys beside others is a case of its own (ragged).
    batch.sequences.push_back({std::min(tokens, kvLen), kvLen});
  }
  return batch;
}

std::vector<Batch> gpuBatches(const Spec &spec, uint64_t seed) {
  const int32_t block = std::min(spec.policy.block, 256);
  std::vector<Batch> batches;
  auto add = [&](Batch batch) -> Batch & {
    return batches.emplace_back(std::move(batch));
  };

  Batch &decode = add({"decode", {}, Pool::Hnd});
  for (int32_t kvLen : {1, 2, 15, 16, 17, 63, 64, 65})
    decode.sequences.push_back({1, kvLen});
  Batch &pages = add({"pages", {}, Pool::Nhd, 1, 7});
  for (int32_t kvLen : {block - 1, block, block + 1, 2 * block + 1})
    if (kvLen > 0)
      pages.sequences.push_back({1, kvLen});
  add({"speculative",
       {{2, 2}, {3, 17}, {4, 64}, {5, 65}, {7, 100}, {8, 8}},
       Pool::Vllm});
  // The ring of each warp comes round; the last split has one key.
  add({"long decode", {{1, 257}, {2, 513}}, Pool::FlashInfer});
  add({"split decode",
       {{1, 64}, {1, 65}, {2, 129}, {0, 77}, {1, 200}},
       Pool::Vllm,
       1,
       3})
      .splitKeys = 64;
  // The device knows a lower length than the host planned for.
  Batch &slack = add({"lower lengths", {{1, 3}, {1, 70}, {9, 90}}, Pool::Hnd});
  slack.splitKeys = 64;
  slack.boundSlack = 130;

  add({"prefill", {{9, 9}, {15, 15}, {16, 16}, {17, 17}}, Pool::Nhd, 1, 3});
  add({"prefill tiles", {{63, 63}, {65, 65}}, Pool::FlashInfer});
  add({"chunked prefill", {{33, 97}, {9, 130}, {10, 65}}, Pool::Vllm});
  // Fewer tiles than blocks: their keys are cut, at the edges of tiles, with
  // rows that end amid a tile, and below the host's bounds.
  add({"split prefill", {{9, 640}, {17, 577}}, Pool::Hnd}).splitKeys = 0;
  Batch &lower = add({"split prefill, lower lengths",
                      {{10, 513}, {1, 600}},
                      Pool::Vllm,
                      1,
                      5});
  lower.splitKeys = 0;
  lower.boundSlack = 70;

  // Chunked prefill beside decodes, sequences without new tokens and queries
  // without keys.
  add({"ragged",
       {{1, 90}, {0, 50}, {2, 64}, {3, 3}, {0, 0}, {1, 0}, {12, 0}, {1, 1}},
       Pool::Vllm,
       2});
  add({"no tokens", {{0, 33}, {0, 0}}, Pool::Nhd});
  add({"sparse pool", {{1, 1}, {2, 70}, {1, 35}, {12, 40}}, Pool::Sparse});

  Batch &wide = add({"wide ranges", {{1, 70}, {9, 40}, {2, 150}}, Pool::Nhd});
  wide.splitKeys = 64;
  wide.wideRanges = true;

  Random random(seed);
  add(drawn("drawn", random, 180));
  add(drawn("drawn long", random, 400));
  return batches;
}

} // namespace kvc::conformance
