//===- Generator.cpp - weights out of a counter ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Generator.h"

#include <cmath>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace kvctool;

std::array<uint32_t, 4> kvctool::philox4x32(std::array<uint32_t, 4> counter,
                                            std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xD2511F53) * counter[0];
    const uint64_t b = uint64_t(0xCD9E8D57) * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b),
               uint32_t(a >> 32) ^ counter[3] ^ key[1], uint32_t(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

FillRule kvctool::fillRule(const std::string &name,
                           const std::vector<int64_t> &shape) {
  const auto contains = [&](const char *part) {
    return name.find(part) != std::string::npos;
  };
  const std::string norm = "norm.weight";
  if (name.size() >= norm.size() &&
      name.compare(name.size() - norm.size(), norm.size(), norm) == 0)
    return {true, 1.0, 0.0};
  if (contains("embed_tokens"))
    return {false, 0.0, 1.0};
  if (shape.size() < 2)
    return {false, 0.0, 0.1};
  const double unit = 1.0 / std::sqrt(double(shape.back()));
  if (contains("q_proj") || contains("k_proj"))
    return {false, 0.0, 1.5 * unit};
  if (contains("lm_head"))
    return {false, 0.0, 2.0 * unit};
  return {false, 0.0, unit};
}

std::vector<float> kvctool::generate(const std::string &name,
                                     const FillRule &rule, uint64_t seed,
                                     uint64_t count) {
  std::vector<float> values(count, float(rule.value));
  if (rule.constant)
    return values;
  const uint64_t hash = XXH3_64bits(name.data(), name.size());
  const double amplitude = rule.std * std::sqrt(3.0);
  std::array<uint32_t, 4> words{};
  for (uint64_t e = 0; e < count; ++e) {
    if (e % 4 == 0)
      words = philox4x32({uint32_t(e / 4), uint32_t(e / 4 >> 32),
                          uint32_t(hash), uint32_t(hash >> 32)},
                         {uint32_t(seed), uint32_t(seed >> 32)});
    const double unit = (double(words[e % 4] >> 8) + 0.5) * 0x1p-24;
    values[e] = float((2.0 * unit - 1.0) * amplitude);
  }
  return values;
}
