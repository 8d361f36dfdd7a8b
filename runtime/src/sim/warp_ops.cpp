//===- warp_ops.cpp - shuffles, votes, matches and reductions -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Run when every lane of the mask that has not exited is there. None of them
// orders memory: only bar.warp.sync does.
//
//===----------------------------------------------------------------------===//
#include "block.h"

#include <algorithm>

namespace kvcrt::sim {
namespace {

template <typename Body> void each(uint32_t mask, Body body) {
  for (; mask; mask &= mask - 1)
    body(uint32_t(__builtin_ctz(mask)));
}

void shuffle(Block &block, Thread *const lanes[], WarpCall *const calls[],
             uint32_t mask) {
  each(mask, [&](uint32_t lane) {
    WarpCall &call = *calls[lane];
    const int32_t offset = int32_t(call.source & 31);
    const int32_t segment = int32_t(call.clamp >> 8 & 31);
    const int32_t least = int32_t(lane) & segment;
    const int32_t limit = least | (int32_t(call.clamp & 31) & ~segment);
    int32_t from = 0;
    bool valid = false;
    switch (call.detail) {
    case KVCRT_SIM_SHUFFLE_UP:
      from = int32_t(lane) - offset;
      valid = from >= limit;
      break;
    case KVCRT_SIM_SHUFFLE_DOWN:
      from = int32_t(lane) + offset;
      valid = from <= limit;
      break;
    case KVCRT_SIM_SHUFFLE_BFLY:
      from = int32_t(lane) ^ offset;
      valid = from <= limit;
      break;
    default:
      from = least | (offset & ~segment);
      valid = from <= limit;
    }
    if (!valid)
      from = int32_t(lane);
    uint32_t value = ~0u;
    if (from >= 0 && from < int32_t(kWarp) && (mask >> from & 1))
      value = uint32_t(calls[from]->value);
    else
      block.report(*lanes[lane], KVCRT_SIM_LANE_MASK, call.location,
                   "reads lane %d, which takes no part: mask 0x%08x, of which "
                   "0x%08x are there",
                   from, call.mask, mask);
    call.result = value | uint64_t(valid) << 32;
  });
}

void vote(WarpCall *const calls[], uint32_t mask, uint32_t mode) {
  uint32_t ballot = 0;
  each(mask, [&](uint32_t lane) {
    ballot |= uint32_t(calls[lane]->value != 0) << lane;
  });
  uint32_t result = ballot;
  if (mode == KVCRT_SIM_VOTE_ANY)
    result = ballot != 0;
  else if (mode == KVCRT_SIM_VOTE_ALL)
    result = ballot == mask;
  else if (mode == KVCRT_SIM_VOTE_UNI)
    result = ballot == mask || ballot == 0;
  each(mask, [&](uint32_t lane) { calls[lane]->result = result; });
}

void match(WarpCall *const calls[], uint32_t mask, uint32_t mode) {
  each(mask, [&](uint32_t lane) {
    uint32_t equal = 0;
    each(mask, [&](uint32_t other) {
      equal |= uint32_t(calls[other]->value == calls[lane]->value) << other;
    });
    if (mode == KVCRT_SIM_MATCH_ANY)
      calls[lane]->result = equal;
    else
      calls[lane]->result =
          equal == mask ? mask | uint64_t(1) << 32 : uint64_t(0);
  });
}

uint32_t combine(uint32_t mode, uint32_t a, uint32_t b) {
  switch (mode) {
  case KVCRT_SIM_REDUCE_ADD:
    return a + b;
  case KVCRT_SIM_REDUCE_AND:
    return a & b;
  case KVCRT_SIM_REDUCE_OR:
    return a | b;
  case KVCRT_SIM_REDUCE_XOR:
    return a ^ b;
  case KVCRT_SIM_REDUCE_SMIN:
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  case KVCRT_SIM_REDUCE_SMAX:
    return uint32_t(std::max(int32_t(a), int32_t(b)));
  case KVCRT_SIM_REDUCE_UMIN:
    return std::min(a, b);
  default:
    return std::max(a, b);
  }
}

void reduce(WarpCall *const calls[], uint32_t mask, uint32_t mode) {
  uint32_t result = uint32_t(calls[__builtin_ctz(mask)]->value);
  each(mask & (mask - 1), [&](uint32_t lane) {
    result = combine(mode, result, uint32_t(calls[lane]->value));
  });
  each(mask, [&](uint32_t lane) { calls[lane]->result = result; });
}

} // namespace

void runWarpOperation(Block &block, Thread *const lanes[kWarp],
                      WarpCall *const calls[kWarp], uint32_t mask) {
  const WarpCall &first = *calls[__builtin_ctz(mask)];
  switch (first.op) {
  case WarpOp::Shuffle:
    return shuffle(block, lanes, calls, mask);
  case WarpOp::Vote:
    return vote(calls, mask, first.detail);
  case WarpOp::Match:
    return match(calls, mask, first.detail);
  case WarpOp::Reduce:
    return reduce(calls, mask, first.detail);
  case WarpOp::Elect:
    return each(mask, [&](uint32_t lane) {
      calls[lane]->result = lane == uint32_t(__builtin_ctz(mask));
    });
  default:
    return;
  }
}

} // namespace kvcrt::sim
