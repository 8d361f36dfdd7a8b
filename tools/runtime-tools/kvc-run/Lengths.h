//===- Lengths.h - a new token with the cache, and without ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_LENGTHS_H
#define KVC_TOOLS_KVC_RUN_LENGTHS_H

#include "Engine.h"

namespace kvctool {

struct LengthTiming {
  int32_t length;
  double cached;    // seconds for the token that makes `length`, median
  double recompute; // seconds of a forward pass over `length` tokens
};

/// Tokens that a length must have for a decode step to be timed.
constexpr int32_t kLeastComparedLength = 2;

/// One sequence at a time; `maxTokens` per prompt chunk.
std::vector<LengthTiming> compareLengths(Model &model,
                                         const std::vector<int64_t> &lengths,
                                         int32_t maxTokens);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_LENGTHS_H
