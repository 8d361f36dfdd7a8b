//===- fuzz_kernels.h - stands for the kernels of a step -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a number for every new token into every layer's key, value and scale
// slot, then reads all keys that the step's queries can see through the block
// table and compares with the numbers that the model has.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_FUZZ_KERNELS_H
#define KVCRT_TEST_FUZZ_KERNELS_H

#include "fuzz_sequences.h"
#include "plan_model.h"

namespace kvcrt_test {

class FuzzKernels : public FuzzSequences {
protected:
  void checkArrays(const kvcrt_step_view &view,
                   const std::vector<kvcrt_step_entry> &entries,
                   const ModelStep &step) {
    const kvcrt_step &s = *view.host_step;
    int token = 0, logit = 0, longestQuery = 0, longest = 0;
    for (size_t row = 0; row < entries.size(); ++row) {
      const ModelEntry &entry = step.entries[row];
      ASSERT_EQ(s.qo_indptr[row], token);
      ASSERT_EQ(s.kv_len[row], entry.start + entry.tokens);
      for (int t = 0; t < entry.tokens; ++t, ++token) {
        ASSERT_EQ(s.positions[token], entry.start + t);
        ASSERT_EQ(s.token_seq[token], int(row));
        if (entries[row].logits == KVCRT_LOGITS_ALL ||
            (entries[row].logits == KVCRT_LOGITS_LAST &&
             t == entry.tokens - 1)) {
          ASSERT_EQ(s.logit_rows[logit++], token);
        }
      }
      longestQuery = std::max(longestQuery, entry.tokens);
      longest = std::max(longest, entry.start + entry.tokens);
    }
    ASSERT_EQ(s.qo_indptr[entries.size()], token);
    ASSERT_EQ(s.header->num_seqs, int(entries.size()));
    ASSERT_EQ(s.header->num_tokens, token);
    ASSERT_EQ(s.header->num_logit_rows, logit);
    ASSERT_EQ(s.header->max_q_len, longestQuery);
    ASSERT_EQ(s.header->max_kv_len, longest);
    ASSERT_EQ(s.header->num_tasks, 0);
  }

  void checkPlans(const kvcrt_step_view &view, const ModelStep &step) {
    Batch batch;
    for (const ModelEntry &entry : step.entries) {
      batch.newTokens.push_back(entry.tokens);
      batch.kvLen.push_back(entry.start + entry.tokens);
    }
    for (size_t g = 0; g < model.groups.size(); ++g) {
      if (!planDescs[g].struct_size)
        continue;
      ASSERT_NE(view.plans, nullptr);
      kvcrt_plan_sizes most;
      ASSERT_EQ(kvcrt_plan_attend_sizes(&planDescs[g], model.maxSeqs,
                                        model.maxTokens, model.maxLength,
                                        &most),
                KVCRT_OK);
      for (int layer : layersOf[g]) {
        const kvcrt_attend_plan &plan = view.plans[layer];
        ASSERT_EQ(plan.tasks, view.plans[layersOf[g][0]].tasks);
        ASSERT_EQ(plan.header->num_seqs, view.step->header->num_seqs);
        ASSERT_EQ(plan.header->num_tokens, view.step->header->num_tokens);
        ASSERT_EQ(plan.decode_blocks > 0, plan.header->num_tasks > 0);
        ASSERT_EQ(plan.prefill_blocks > 0, plan.header->num_prefill_tasks > 0);
      }
      const kvcrt_attend_plan &plan = view.plans[layersOf[g][0]];
      expectExactCover(planDescs[g], batch, plan.tasks, plan.header->num_tasks,
                       plan.header->num_prefill_tasks, most);
    }
  }

  static uint32_t &payload(const kvcrt_plane &plane, int block, int head,
                           int slot) {
    return *reinterpret_cast<uint32_t *>(
        static_cast<char *>(plane.payload) + block * plane.block_stride +
        head * plane.head_stride + slot * plane.token_stride);
  }
  static uint32_t &scale(const kvcrt_plane &plane, int block, int head,
                         int slot) {
    return *reinterpret_cast<uint32_t *>(
        static_cast<char *>(plane.scale) + block * plane.scale_block_stride +
        head * plane.scale_head_stride + slot * plane.scale_token_stride);
  }

  /// Calls f(word, expected) on every word that holds a token's number.
  template <typename F>
  static void words(const kvcrt_cache &cache, int block, int slot,
                    uint32_t value, F &&f) {
    for (int head = 0; head < 2; ++head) {
      const uint32_t mixed = value * 16 + cache.layer * 4 + head * 2;
      f(payload(cache.key, block, head, slot), mixed);
      f(payload(cache.value, block, head, slot), mixed + 1);
      if (cache.key.scale)
        f(scale(cache.key, block, head, slot), ~mixed);
    }
  }

  void runKernels(uint64_t id) {
    ModelStep &step = model.steps[id];
    const kvcrt_step_view &view = views[id];
    step.ran = true;
    // What was enqueued before the kernels has happened.
    ASSERT_EQ(kvcrt_device_synchronize(device, nullptr), KVCRT_OK);
    checkPlans(view, step);
    for (size_t g = 0; g < model.groups.size(); ++g)
      for (int layer : layersOf[g]) {
        const kvcrt_cache &cache = view.caches[layer];
        for (size_t row = 0; row < step.entries.size(); ++row)
          for (int t = 0; t < step.entries[row].tokens; ++t) {
            const int slot = cache.slot_mapping[view.step->qo_indptr[row] + t];
            words(cache, slot / cache.block_size, slot % cache.block_size,
                  step.entries[row].values[step.entries[row].start + t],
                  [](uint32_t &word, uint32_t value) { word = value; });
          }
        for (size_t row = 0; row < step.entries.size(); ++row)
          attend(g, cache, step.entries[row], row);
      }
  }

  void attend(int g, const kvcrt_cache &cache, const ModelEntry &entry,
              size_t row) {
    const int end = entry.start + entry.tokens;
    for (int key = 0; key < end; ++key) {
      bool seen = false;
      for (int query = entry.start; query < end; ++query)
        seen |= model.visible(g, query, key);
      if (!seen)
        continue;
      const int j = key / cache.block_size;
      const int block = cache.block_table[row * cache.block_table_stride + j];
      ASSERT_GE(block, 0);
      ASSERT_LT(block, cache.num_blocks);
      if (cache.first_block && key >= model.groups[g].sinks) {
        ASSERT_GE(j, cache.first_block[row]);
      }
      words(cache, block, key % cache.block_size, entry.values[key],
            [&](uint32_t &word, uint32_t value) {
              ASSERT_EQ(word, value) << "group " << g << " key " << key;
            });
    }
  }

  std::map<uint64_t, kvcrt_step_view> views;
  /// Caches of each group, as kvcrt_group_desc.layers = null numbers them.
  const std::vector<std::vector<int>> layersOf = {{0, 1}, {2}, {3}};
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_FUZZ_KERNELS_H
