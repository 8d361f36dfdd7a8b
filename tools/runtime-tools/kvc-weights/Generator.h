//===- Generator.h - weights out of a counter -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random weights that are the same on every machine, for models that nobody
// trained. Element e of parameter P under a seed is
//
//   word  = Philox4x32-10(counter = {e / 4, XXH3-64(P)}, key = seed)[e % 4]
//   value = f32((2 * (word / 2^8 + 1/2) / 2^24 - 1) * std * sqrt(3))
//
// (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011):
// uniform around 0 with the standard deviation `std`. It depends on the name,
// the index and the seed alone, so order, threads and other parameters do not
// matter, and only correctly rounded operations are used (no libm beyond sqrt,
// which IEEE 754 rounds correctly).
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_WEIGHTS_GENERATOR_H
#define KVC_TOOLS_KVC_WEIGHTS_GENERATOR_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace kvctool {

/// Ten rounds of Philox4x32.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                   std::array<uint32_t, 2> key);

/// What a parameter is filled with, by its name (Hugging Face's names).
struct FillRule {
  bool constant; // every element is `value`
  double value;
  double std;
};

/// The rules, first match wins; fan_in is the last dimension:
///   *norm.weight                         1
///   *embed_tokens*                       std 1
///   *q_proj*, *k_proj*                   std 1.5 / sqrt(fan_in)
///   *lm_head*                            std 2 / sqrt(fan_in)
///   other tensors of rank 2 and more     std 1 / sqrt(fan_in)
///   others (biases, sinks)               std 0.1
/// They give peaked attention and logits of standard deviation 2, so that
/// greedy decoding is decided by wide margins (median about 0.4).
FillRule fillRule(const std::string &name, const std::vector<int64_t> &shape);

/// Elements [0, count) of a parameter.
std::vector<float> generate(const std::string &name, const FillRule &rule,
                            uint64_t seed, uint64_t count);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_WEIGHTS_GENERATOR_H
