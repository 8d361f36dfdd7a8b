//===- plan_model.h - what a plan of attention must cover -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A naive model says which (sequence, head, row, key) are visible; the tasks of
// a plan cover each of them exactly once.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_PLAN_MODEL_H
#define KVCRT_TEST_PLAN_MODEL_H

#include "kvcrt/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace kvcrt_test {

struct Batch {
  std::vector<int32_t> newTokens, kvLen;

  std::vector<int32_t> indptr() const {
    std::vector<int32_t> out{0};
    for (int32_t n : newTokens)
      out.push_back(out.back() + n);
    return out;
  }
};

inline bool visible(const kvcrt_plan_desc &desc, int64_t query, int64_t key) {
  if (desc.causal && key > query)
    return false;
  return desc.window == 0 || key < desc.sink_tokens ||
         query - key < desc.window;
}

/// Counts how often the tasks visit each visible key of each row. `shorter`:
/// the device's kv_len is that much below the host's bound.
inline void expectExactCover(const kvcrt_plan_desc &desc, const Batch &batch,
                             const kvcrt_task *tasks, int32_t numDecode,
                             int32_t numPrefill, const kvcrt_plan_sizes &most,
                             int32_t shorter = 0) {
  std::map<std::tuple<int, int, int>, std::vector<int>> counts;
  std::map<std::pair<int, int>, int> groups; // (list, group) -> arrivals
  std::map<int, int> slotUses;
  std::map<int, int64_t> firstSlots; // of each group
  for (size_t i = 0; i < size_t(numDecode + numPrefill); ++i) {
    const kvcrt_task &t = tasks[i];
    ASSERT_GE(t.seq, 0);
    ASSERT_LT(t.seq, int(batch.kvLen.size()));
    ASSERT_LT(t.kv_head, desc.kv_heads);
    const int64_t n = batch.newTokens[t.seq];
    const bool decode = n <= desc.decode_tokens;
    ASSERT_EQ(decode, int(i) < numDecode);
    const int64_t rows = decode ? desc.decode_rows : desc.prefill_rows;
    const int64_t kvLen = std::max<int64_t>(batch.kvLen[t.seq] - shorter, 0);
    ASSERT_EQ(t.kv_begin % desc.tile_keys, 0);
    const int splits = t.splits & 0xffff, index = t.splits >> 16;
    ASSERT_LT(index, splits);
    if (splits == 1) {
      ASSERT_EQ(t.partial_slot, -1);
    } else {
      const int64_t slots = (rows + desc.decode_rows - 1) / desc.decode_rows;
      ASSERT_LE(t.partial_slot + slots, most.slots);
      ASSERT_LT(t.merge_group, most.groups);
      for (int64_t k = 0; k < slots; ++k)
        ++slotUses[int(t.partial_slot + k)];
      // The last to arrive finds the others' slots from its own.
      const int64_t firstSlot = t.partial_slot - index * slots;
      ASSERT_EQ(firstSlots.try_emplace(t.merge_group, firstSlot).first->second,
                firstSlot);
      ++groups[{t.merge_group, splits}];
    }
    const int64_t first = t.q_tile * rows;
    ASSERT_LT(first, n * desc.group);
    for (int64_t r = first; r < std::min(first + rows, n * desc.group); ++r) {
      std::vector<int> &row = counts[{t.seq, t.kv_head, int(r)}];
      row.resize(kvLen);
      const int64_t query = kvLen - n + r / desc.group;
      const int64_t begin = index == 0 ? 0 : t.kv_begin;
      for (int64_t key = begin; key < std::min<int64_t>(t.kv_end, kvLen); ++key)
        if (visible(desc, query, key))
          ++row[key];
    }
  }
  for (auto [slot, uses] : slotUses)
    EXPECT_EQ(uses, 1) << "slot " << slot;
  for (auto &[key, arrivals] : groups)
    EXPECT_EQ(arrivals, key.second);
  for (size_t s = 0; s < batch.kvLen.size(); ++s) {
    const int64_t n = batch.newTokens[s];
    const int64_t kvLen = std::max<int64_t>(batch.kvLen[s] - shorter, 0);
    for (int h = 0; h < desc.kv_heads; ++h)
      for (int64_t r = 0; r < n * desc.group; ++r) {
        auto it = counts.find({int(s), h, int(r)});
        ASSERT_NE(it, counts.end()) << "sequence " << s << " row " << r;
        const int64_t query = kvLen - n + r / desc.group;
        for (int64_t key = 0; key < kvLen; ++key)
          ASSERT_EQ(it->second[key], int(visible(desc, query, key)))
              << "sequence " << s << " head " << h << " row " << r << " key "
              << key;
      }
  }
}

} // namespace kvcrt_test

#endif // KVCRT_TEST_PLAN_MODEL_H
