//===- plan_steps.h - steps of every kind, drawn at random ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of any shape; batches of decode, of chunks of prompts and of both,
// even and skewed, with sequences of no tokens and of no keys.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_PLAN_STEPS_H
#define KVCRT_TEST_PLAN_STEPS_H

#include "kvcrt/plan.h"
#include "kvcrt/runtime.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace kvcrt_test {

struct Step {
  kvcrt_plan_desc desc;
  std::vector<int32_t> indptr{0}, kvLen;

  int32_t tokens(int32_t seq) const { return indptr[seq + 1] - indptr[seq]; }
  bool decodes(int32_t seq) const { return tokens(seq) <= desc.decode_tokens; }
  /// Keys that some row of a tile sees, from each of its rows; not rounded.
  std::pair<int64_t, int64_t> span(int32_t seq, int32_t tile) const {
    const int64_t rows = decodes(seq) ? desc.decode_rows : desc.prefill_rows;
    const int64_t all = int64_t(tokens(seq)) * desc.group;
    int64_t begin = INT64_MAX, end = 0;
    for (int64_t r = tile * rows; r < std::min((tile + 1) * rows, all); ++r) {
      const int64_t query = kvLen[seq] - tokens(seq) + r / desc.group;
      const int64_t first = desc.window ? query - desc.window + 1 : 0;
      begin = std::min(begin, std::max<int64_t>(first, 0));
      end = std::max(end, desc.causal ? query + 1 : kvLen[seq]);
    }
    return {begin, end};
  }
  /// Whether each new token is read by one task of each head.
  bool appends() const {
    for (int32_t s = 0; s < int32_t(kvLen.size()); ++s)
      if (!decodes(s) || tokens(s) * desc.group > desc.decode_rows)
        return false;
    return true;
  }
};

class Draw {
public:
  explicit Draw(uint32_t seed) : random_(seed) {}
  int upTo(int n) { return int(random_() % (uint32_t(n) + 1)); }
  bool oneIn(int n) { return upTo(n - 1) == 0; }

  kvcrt_plan_desc desc() {
    kvcrt_plan_desc d;
    kvcrt_struct_init(&d, sizeof(d));
    d.kv_heads = 1 + upTo(8);
    d.group = 1 + upTo(20);
    d.decode_rows = oneIn(2) ? 16 : 1 + upTo(40);
    d.prefill_rows = oneIn(2) ? 64 : 1 + upTo(100);
    d.tile_keys = oneIn(3) ? 1 + upTo(100) : 1 << upTo(7);
    d.decode_resident = 1 + upTo(oneIn(2) ? 3 : 300);
    d.prefill_resident = 1 + upTo(oneIn(2) ? 3 : 300);
    d.causal = !oneIn(4);
    d.window = oneIn(3) ? 1 + upTo(1 << upTo(14)) : 0;
    d.sink_tokens = d.window ? upTo(50) : 0;
    d.decode_tokens = upTo(10);
    d.split_keys = oneIn(4) ? d.tile_keys * (1 + upTo(1 << upTo(10))) : 0;
    return d;
  }
  Step step() {
    Step step{desc(), {0}, {}};
    const int kind = upTo(4), same = upTo(5000);
    for (int s = oneIn(50) ? 1500 + upTo(2000) : upTo(40); s > 0; --s) {
      const int tokens = kind == 0   ? 1
                         : kind == 1 ? upTo(2)
                         : kind == 2 ? upTo(12)
                         : kind == 3 ? (oneIn(20) ? upTo(900) : 1)
                                     : upTo(100);
      step.indptr.push_back(step.indptr.back() + tokens);
      const int lengths[] = {0,
                             upTo(20),
                             same,
                             tokens + upTo(100),
                             upTo(1 << upTo(14)),
                             oneIn(20) ? 200000 : 7};
      step.kvLen.push_back(lengths[upTo(5)]);
    }
    return step;
  }

private:
  std::mt19937 random_;
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_PLAN_STEPS_H
