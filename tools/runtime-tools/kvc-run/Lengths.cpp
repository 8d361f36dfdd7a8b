//===- Lengths.cpp - a new token with the cache, and without --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Lengths.h"

#include "../common/Failure.h"

#include <algorithm>
#include <chrono>

using namespace kvctool;

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Any tokens do: how long a step takes does not depend on them.
static std::vector<int32_t> makeTokens(int32_t length, int32_t vocab) {
  std::vector<int32_t> tokens(length);
  for (int32_t i = 0; i < length; ++i)
    tokens[i] = int32_t((int64_t(i) * 31 + 7) % vocab);
  return tokens;
}

/// Fills a sequence up to `length` tokens, the last of them one by one.
static double timeCached(Model &model, const std::vector<int32_t> &tokens,
                         int32_t maxTokens) {
  const kvcrt_manifest &manifest = model.manifest();
  const int32_t length = int32_t(tokens.size());
  Engine::Options options{maxTokens, 1, length, {}, 0};
  for (int32_t g = 0; g < manifest.num_groups; ++g)
    options.blocks.push_back(
        Engine::blocksFor(manifest.groups[g].policy, length, maxTokens));
  Engine engine(model, options);
  const kvcrt_sequence sequence = engine.create();
  const int32_t single = std::min(16, length / 2);
  std::vector<float> logits;
  int32_t fed = 0;
  while (fed < length - single) {
    const int32_t count = std::min(maxTokens, length - single - fed);
    engine.step({{sequence, &tokens[fed], count, false}}, logits);
    fed += count;
  }
  std::vector<double> times;
  for (; fed < length; ++fed)
    times.push_back(engine.step({{sequence, &tokens[fed], 1, true}}, logits));
  return median(times);
}

/// Three times, unless one takes longer than a second.
static double timeRecompute(Model &model, const std::vector<int32_t> &tokens) {
  std::vector<double> times;
  do {
    const auto begin = std::chrono::steady_clock::now();
    model.recompute(tokens);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count());
  } while (times.size() < 3 && times.back() < 1.0);
  return median(times);
}

std::vector<LengthTiming>
kvctool::compareLengths(Model &model, const std::vector<int64_t> &lengths,
                        int32_t maxTokens) {
  std::vector<LengthTiming> timings;
  for (int64_t length : lengths) {
    const std::vector<int32_t> tokens =
        makeTokens(int32_t(length), model.vocab());
    timings.push_back({int32_t(length), timeCached(model, tokens, maxTokens),
                       timeRecompute(model, tokens)});
  }
  return timings;
}
