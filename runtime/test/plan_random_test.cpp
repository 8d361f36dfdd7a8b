//===- plan_random_test.cpp - thousands of plans against a naive one ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a plan must be, said row by row: the span of a tile from what each of
// its rows sees, and the pieces of a span from the only free choice, the keys
// of a split. Batches are of every kind, some with more tiles than the planner
// makes at a time; arrays are exactly as large as needed, or one too small.
//
//===----------------------------------------------------------------------===//
#include "plan_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace kvcrt_test;

namespace {

/// Tasks of one tile of one head, by index.
typedef std::tuple<int32_t, int32_t, int32_t> Place; // seq, head, tile
typedef std::map<Place, std::map<int32_t, kvcrt_task>> Groups;

void expectGroup(const Step &step, const Place &place,
                 const std::map<int32_t, kvcrt_task> &tasks, int64_t split) {
  const auto [seq, head, tile] = place;
  const auto [begin, end] = step.span(seq, tile);
  const kvcrt_task &first = tasks.begin()->second;
  ASSERT_EQ(first.kv_begin, begin - begin % step.desc.tile_keys);
  const int64_t keys = end - first.kv_begin;
  const int64_t count = keys > split ? (keys + split - 1) / split : 1;
  ASSERT_EQ(int64_t(tasks.size()), count);
  int64_t at = first.kv_begin;
  for (int32_t k = 0; k < count; ++k) {
    const auto found = tasks.find(k);
    ASSERT_NE(found, tasks.end());
    const kvcrt_task &task = found->second;
    ASSERT_EQ(task.kv_begin, at);
    at = k + 1 < count ? at + split : end;
    ASSERT_EQ(task.kv_end, at);
    ASSERT_EQ(task.splits, count | k << 16);
  }
}

/// Slots and groups of a plan, each taken once.
struct Numbers {
  std::vector<char> slots, groups;
  explicit Numbers(const kvcrt_plan_sizes &used)
      : slots(used.slots), groups(used.groups) {}

  void take(const Groups &tiles, int32_t slotsOfTask) {
    for (const auto &[place, tasks] : tiles) {
      const kvcrt_task &first = tasks.begin()->second;
      if (tasks.size() == 1) {
        ASSERT_EQ(first.partial_slot, -1);
        ASSERT_EQ(first.merge_group, -1);
        continue;
      }
      ASSERT_FALSE(groups.at(first.merge_group)++);
      for (const auto &[k, task] : tasks) {
        ASSERT_EQ(task.merge_group, first.merge_group);
        ASSERT_EQ(task.partial_slot, first.partial_slot + k * slotsOfTask);
        for (int32_t s = 0; s < slotsOfTask; ++s)
          ASSERT_FALSE(slots.at(task.partial_slot + s)++);
      }
    }
  }
  void expectAllTaken() const {
    for (const std::vector<char> *list : {&slots, &groups})
      EXPECT_EQ(std::count(list->begin(), list->end(), 1),
                int64_t(list->size()));
  }
};

void expectPart(const Step &step, const kvcrt_plan &plan, bool decode,
                Numbers &numbers) {
  const kvcrt_plan_desc &d = step.desc;
  const kvcrt_task *tasks = plan.tasks + (decode ? 0 : plan.num_tasks);
  const int32_t count = decode ? plan.num_tasks : plan.num_prefill_tasks;
  Groups groups;
  int64_t split = 0, longest = 1;
  for (int32_t i = 0; i < count; ++i) {
    const kvcrt_task &t = tasks[i];
    ASSERT_EQ(step.decodes(t.seq), decode);
    const Place place = {t.seq, t.kv_head, t.q_tile};
    ASSERT_TRUE(groups[place].emplace(t.splits >> 16, t).second);
    if (t.splits != 1 && t.splits >> 16 == 0)
      split = t.kv_end - t.kv_begin;
    longest = std::max<int64_t>(longest, t.kv_end - t.kv_begin);
  }
  if (decode && d.split_keys > 0)
    split = d.split_keys;
  else if (split == 0)
    split = longest; // nothing is cut
  ASSERT_TRUE(split == longest || split % d.tile_keys == 0);
  ASSERT_LE(longest, split);
  // In classes of a fifteenth, the longest first.
  for (int32_t i = 1; i < count; ++i)
    ASSERT_LE(tasks[i].kv_end - tasks[i].kv_begin,
              tasks[i - 1].kv_end - tasks[i - 1].kv_begin + longest / 15 + 1);
  size_t expected = 0;
  const int64_t rows = decode ? d.decode_rows : d.prefill_rows;
  for (int32_t s = 0; s < int32_t(step.kvLen.size()); ++s)
    if (step.decodes(s) == decode)
      expected += (int64_t(step.tokens(s)) * d.group + rows - 1) / rows *
                  size_t(d.kv_heads);
  ASSERT_EQ(groups.size(), expected);
  for (const auto &[place, list] : groups)
    ASSERT_NO_FATAL_FAILURE(expectGroup(step, place, list, split));
  ASSERT_NO_FATAL_FAILURE(numbers.take(
      groups,
      decode ? 1 : (d.prefill_rows + d.decode_rows - 1) / d.decode_rows));
}

kvcrt_status plan(const Step &step, const kvcrt_plan_sizes &capacity,
                  std::vector<kvcrt_task> &tasks, kvcrt_plan &out) {
  kvcrt_task poison;
  std::memset(&poison, 0xa5, sizeof(poison));
  tasks.assign(size_t(capacity.tasks) + 1, poison);
  out = {};
  out.tasks = tasks.data();
  out.capacity = capacity;
  const kvcrt_status status =
      kvcrt_plan_attend(&step.desc, int32_t(step.kvLen.size()),
                        step.indptr.data(), step.kvLen.data(), &out);
  EXPECT_EQ(std::memcmp(&tasks.back(), &poison, sizeof(poison)), 0)
      << "written beyond the capacity";
  return status;
}

TEST(PlanRandom, IsWhatRowsSay) {
  std::random_device device;
  const uint32_t seed = device();
  Draw draw(seed);
  int planned = 0;
  for (int round = 0; round < 2000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " +
                 std::to_string(round));
    const Step step = draw.step();
    kvcrt_plan_sizes sizes;
    const kvcrt_status sized =
        kvcrt_plan_attend_sizes(&step.desc, int32_t(step.kvLen.size()),
                                step.indptr.back(), 200000, &sizes);
    std::vector<kvcrt_task> tasks;
    kvcrt_plan out;
    if (sized == KVCRT_CAPACITY_EXCEEDED)
      continue; // more splits than a group may have
    ASSERT_EQ(sized, KVCRT_OK);
    if (sizes.tasks > 1 << 20)
      continue; // of a fixed split of a few keys
    ASSERT_EQ(plan(step, sizes, tasks, out), KVCRT_OK);
    ++planned;
    ASSERT_EQ(out.used.tasks, out.num_tasks + out.num_prefill_tasks);
    Numbers numbers(out.used);
    ASSERT_NO_FATAL_FAILURE(expectPart(step, out, true, numbers));
    ASSERT_NO_FATAL_FAILURE(expectPart(step, out, false, numbers));
    numbers.expectAllTaken();
    ASSERT_EQ(out.appends != 0, step.appends());
    // The room that was used is enough, and less is not.
    const kvcrt_plan_sizes used = out.used;
    const std::vector<kvcrt_task> first = tasks;
    ASSERT_EQ(plan(step, used, tasks, out), KVCRT_OK);
    ASSERT_EQ(std::memcmp(first.data(), tasks.data(),
                          used.tasks * sizeof(kvcrt_task)),
              0);
    for (int32_t kvcrt_plan_sizes::*field :
         {&kvcrt_plan_sizes::tasks, &kvcrt_plan_sizes::slots,
          &kvcrt_plan_sizes::groups}) {
      kvcrt_plan_sizes less = used;
      if (--(less.*field) >= 0) {
        ASSERT_EQ(plan(step, less, tasks, out), KVCRT_CAPACITY_EXCEEDED);
      }
    }
  }
  EXPECT_GT(planned, 1000);
}

} // namespace
