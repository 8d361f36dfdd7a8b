//===- plan_attend_test.cpp - tasks cover each key of each row once -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A naive model says which (sequence, head, row, key) triples are visible; the
// tasks of a plan must cover each of them exactly once, whatever the batch.
// Times are not tested: the finish of a plan is computed from its tasks.
//
//===----------------------------------------------------------------------===//
#include "plan_model.h"

#include "kvcrt/runtime.h"

#include <algorithm>
#include <queue>
#include <random>
#include <tuple>
#include <vector>

using namespace kvcrt_test;

namespace {

kvcrt_plan_desc makeDesc() {
  kvcrt_plan_desc desc;
  kvcrt_struct_init(&desc, sizeof(desc));
  desc.kv_heads = 2;
  desc.group = 4;
  desc.decode_rows = 16;
  desc.prefill_rows = 64;
  desc.tile_keys = 16;
  desc.decode_resident = 264;
  desc.prefill_resident = 132;
  desc.causal = 1;
  desc.decode_tokens = 8;
  return desc;
}

struct Planned {
  kvcrt_status status;
  std::vector<kvcrt_task> tasks;
  kvcrt_plan plan;
};

Planned planBatch(const kvcrt_plan_desc &desc, const Batch &batch) {
  const std::vector<int32_t> indptr = batch.indptr();
  int32_t longest = 0;
  for (int32_t length : batch.kvLen)
    longest = std::max(longest, length);
  Planned p{};
  p.status = kvcrt_plan_attend_sizes(&desc, int32_t(batch.kvLen.size()),
                                     indptr.back(), longest, &p.plan.capacity);
  EXPECT_EQ(p.status, KVCRT_OK);
  p.tasks.assign(p.plan.capacity.tasks,
                 kvcrt_task{-7, -7, -7, -7, -7, -7, -7, -7});
  p.plan.tasks = p.tasks.data();
  p.status = kvcrt_plan_attend(&desc, int32_t(batch.kvLen.size()),
                               indptr.data(), batch.kvLen.data(), &p.plan);
  p.tasks.resize(p.status == KVCRT_OK ? p.plan.used.tasks : 0);
  return p;
}

void expectCover(const kvcrt_plan_desc &desc, const Batch &batch,
                 const Planned &p, int32_t shorter = 0) {
  ASSERT_EQ(p.plan.num_tasks + p.plan.num_prefill_tasks, p.plan.used.tasks);
  expectExactCover(desc, batch, p.tasks.data(), p.plan.num_tasks,
                   p.plan.num_prefill_tasks, p.plan.used, shorter);
}

/// When the last of `blocks` is done, tasks handed out in order; in keys.
int64_t finish(const std::vector<kvcrt_task> &tasks, int blocks) {
  std::priority_queue<int64_t, std::vector<int64_t>, std::greater<>> ends;
  for (int b = 0; b < blocks; ++b)
    ends.push(0);
  int64_t last = 0;
  for (const kvcrt_task &t : tasks) {
    const int64_t end = ends.top() + (t.kv_end - t.kv_begin);
    ends.pop();
    ends.push(end);
    last = std::max(last, end);
  }
  return last;
}

int64_t work(const std::vector<kvcrt_task> &tasks) {
  int64_t sum = 0;
  for (const kvcrt_task &t : tasks)
    sum += t.kv_end - t.kv_begin;
  return sum;
}

TEST(PlanAttend, CoversEachKeyOnce) {
  kvcrt_plan_desc desc = makeDesc();
  const Batch batch{{1, 1, 0, 8, 9, 1, 70, 3, 2},
                    {1, 5000, 12, 8, 9, 16, 333, 17, 2}};
  for (int32_t window : {0, 1, 16, 100}) {
    for (int32_t sinks : {0, 5, 40}) {
      desc.window = window;
      desc.sink_tokens = window ? sinks : 0;
      const Planned p = planBatch(desc, batch);
      ASSERT_EQ(p.status, KVCRT_OK);
      expectCover(desc, batch, p);
      // the device's lengths are lower than the host's bounds
      expectCover(desc, batch, p, 3);
    }
  }
}

TEST(PlanAttend, CoversRandomBatches) {
  std::random_device device;
  const uint32_t seed = device();
  std::mt19937 random(seed);
  auto upTo = [&](int n) { return int(random() % (n + 1)); };
  for (int round = 0; round < 60; ++round) {
    kvcrt_plan_desc desc = makeDesc();
    desc.kv_heads = 1 + upTo(3);
    desc.group = 1 + upTo(20);
    desc.tile_keys = 16 << upTo(2);
    desc.decode_resident = 1 + upTo(40);
    desc.prefill_resident = 1 + upTo(60);
    desc.causal = upTo(3) > 0;
    desc.window = upTo(2) ? 0 : 1 + upTo(200);
    desc.sink_tokens = desc.window ? upTo(50) : 0;
    if (upTo(2) == 0)
      desc.split_keys = desc.tile_keys * (1 + upTo(8)) + desc.tile_keys * 4;
    Batch batch;
    for (int s = upTo(12); s > 0; --s) {
      batch.newTokens.push_back(upTo(3) ? upTo(2) : upTo(40));
      batch.kvLen.push_back(
          std::max(batch.newTokens.back() + upTo(1 << upTo(12)) - upTo(9), 0));
    }
    const Planned p = planBatch(desc, batch);
    ASSERT_EQ(p.status, KVCRT_OK) << "seed " << seed << " round " << round;
    expectCover(desc, batch, p);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << " round " << round;
  }
}

TEST(PlanAttend, RowsWithoutKeysHaveATask) {
  kvcrt_plan_desc desc = makeDesc();
  for (int32_t window : {0, 7}) {
    desc.window = window;
    for (int32_t causal : {0, 1}) {
      desc.causal = causal;
      const Batch batch{{1, 3, 40, 2, 9}, {0, 0, 0, 1, 4}};
      const Planned p = planBatch(desc, batch);
      ASSERT_EQ(p.status, KVCRT_OK);
      expectCover(desc, batch, p);
      for (const kvcrt_task &task : p.tasks) {
        EXPECT_GE(task.kv_begin, 0);
        EXPECT_GE(task.kv_end, task.kv_begin);
      }
    }
  }
}

TEST(PlanAttend, ManyDifferentLengths) {
  // more than the planner keeps apart
  kvcrt_plan_desc desc = makeDesc();
  std::mt19937 random(7);
  Batch batch;
  for (int s = 0; s < 700; ++s) {
    batch.newTokens.push_back(1);
    batch.kvLen.push_back(1 + random() % 500);
  }
  batch.kvLen[300] = 60000;
  const Planned p = planBatch(desc, batch);
  ASSERT_EQ(p.status, KVCRT_OK);
  expectCover(desc, batch, p);
  const int64_t even = work(p.tasks) / desc.decode_resident;
  EXPECT_LE(finish(p.tasks, desc.decode_resident),
            std::max<int64_t>(even * 5 / 4, even + 128));
}

TEST(PlanAttend, SaysWhereAttendMayAppend) {
  const kvcrt_plan_desc desc = makeDesc(); // four heads a group, 16 rows
  auto appends = [&](std::vector<int32_t> newTokens) {
    Batch batch{newTokens, {}};
    for (int32_t n : newTokens)
      batch.kvLen.push_back(n + 100);
    return planBatch(desc, batch).plan.appends;
  };
  EXPECT_TRUE(appends({1, 1, 4, 0}));
  EXPECT_FALSE(appends({1, 5}));  // two tiles of rows read the new tokens
  EXPECT_FALSE(appends({1, 20})); // prefill
}

TEST(PlanAttend, EndsEvenly) {
  struct Case {
    const char *name;
    Batch batch;
  };
  auto repeat = [](std::vector<std::pair<int, int>> lengths) {
    Batch batch;
    for (auto [count, length] : lengths)
      for (int i = 0; i < count; ++i) {
        batch.newTokens.push_back(1);
        batch.kvLen.push_back(length);
      }
    return batch;
  };
  const Case cases[] = {
      {"one short", repeat({{1, 1024}})},
      {"one long", repeat({{1, 131072}})},
      {"a wave and a half", repeat({{50, 4096}})},
      {"skewed", repeat({{1, 131072}, {31, 4096}})},
      {"two long", repeat({{2, 32768}, {30, 4096}})},
      {"many", repeat({{900, 700}})},
  };
  kvcrt_plan_desc desc = makeDesc();
  desc.kv_heads = 8;
  for (const Case &c : cases) {
    const Planned p = planBatch(desc, c.batch);
    ASSERT_EQ(p.status, KVCRT_OK);
    const int64_t even = work(p.tasks) / desc.decode_resident;
    // A block cannot have less than the shortest useful split.
    const int64_t bound = std::max<int64_t>(even * 5 / 4, even + 128);
    EXPECT_LE(finish(p.tasks, desc.decode_resident), bound) << c.name;
  }
}

TEST(PlanAttend, CutsAnyLengthIntoFewEnoughSplits) {
  // One head on many blocks: as many splits as a group may have.
  kvcrt_plan_desc desc = makeDesc();
  desc.kv_heads = 1;
  desc.tile_keys = 64;
  for (int32_t tiles : {256, 1024, 2048})
    for (int32_t more : {-1, 0, 1, 5, 63}) {
      const int32_t length = tiles * desc.tile_keys + more;
      const Planned p = planBatch(desc, {{1}, {length}});
      ASSERT_EQ(p.status, KVCRT_OK) << length << " keys";
      expectCover(desc, {{1}, {length}}, p);
    }
}

TEST(PlanAttend, FixedSplitsDependOnTheSequenceAlone) {
  kvcrt_plan_desc desc = makeDesc();
  desc.split_keys = 512;
  const Batch alone{{2}, {3000}};
  const Batch crowd{{1, 2, 40, 1}, {9000, 3000, 40, 1}};
  auto cuts = [&](const Batch &batch, int seq) {
    std::vector<std::tuple<int, int, int, int>> out;
    const Planned p = planBatch(desc, batch);
    for (const kvcrt_task &t : p.tasks)
      if (t.seq == seq)
        out.push_back({t.kv_head, t.kv_begin, t.kv_end, t.splits});
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(cuts(alone, 0).size(), 2u * 6u);
  EXPECT_EQ(cuts(alone, 0), cuts(crowd, 1));
}

std::vector<kvcrt_task> prefillOf(const Planned &p) {
  return {p.tasks.begin() + p.plan.num_tasks, p.tasks.end()};
}

TEST(PlanAttend, CutsPrefillWhereBlocksWouldBeIdle) {
  kvcrt_plan_desc desc = makeDesc();
  desc.kv_heads = 8;
  desc.tile_keys = 64;
  for (int32_t newTokens : {16, 17, 64, 256})
    for (int32_t length : {2048, 32768, 131071}) {
      const Batch batch{{newTokens}, {length}};
      const Planned p = planBatch(desc, batch);
      ASSERT_EQ(p.status, KVCRT_OK);
      if (length * newTokens <
          200000) // the model counts every key of every row
        expectCover(desc, batch, p);
      const std::vector<kvcrt_task> tasks = prefillOf(p);
      const int64_t even = work(tasks) / desc.prefill_resident;
      EXPECT_LE(finish(tasks, desc.prefill_resident),
                std::max<int64_t>(even * 5 / 4, even + 512))
          << newTokens << " of " << length;
    }
}

TEST(PlanAttend, CutsPrefillBesideDecode) {
  kvcrt_plan_desc desc = makeDesc();
  desc.tile_keys = 64;
  const Batch batch{{1, 20, 2, 0, 100}, {9000, 5000, 3000, 40, 2500}};
  for (int32_t window : {0, 1000}) {
    desc.window = window;
    desc.sink_tokens = window ? 100 : 0;
    const Planned p = planBatch(desc, batch);
    ASSERT_EQ(p.status, KVCRT_OK);
    expectCover(desc, batch, p);
    expectCover(desc, batch, p, 3);
    int cutDecode = 0, cutPrefill = 0;
    for (size_t i = 0; i < p.tasks.size(); ++i)
      if ((p.tasks[i].splits & 0xffff) > 1)
        ++(int32_t(i) < p.plan.num_tasks ? cutDecode : cutPrefill);
    EXPECT_GT(cutDecode, 0);
    EXPECT_GT(cutPrefill, 0);
  }
}

TEST(PlanAttend, LeavesPrefillWholeWhereBlocksAreBusy) {
  kvcrt_plan_desc desc = makeDesc();
  auto whole = [&](const Batch &batch) {
    const Planned p = planBatch(desc, batch);
    EXPECT_EQ(p.status, KVCRT_OK);
    expectCover(desc, batch, p);
    for (const kvcrt_task &t : prefillOf(p))
      if (t.splits != 1)
        return false;
    return true;
  };
  // 69 tiles of 64 rows for each of two heads, 132 blocks.
  EXPECT_TRUE(whole({{1100}, {1100}}));
  EXPECT_FALSE(whole({{100}, {4000}}));
  // Nothing is gained by cutting a few tiles of keys.
  EXPECT_TRUE(whole({{20}, {60}}));
  // Results would depend on the batch.
  desc.split_keys = 512;
  EXPECT_TRUE(whole({{100}, {4000}}));
}

TEST(PlanAttend, LongTasksComeFirst) {
  kvcrt_plan_desc desc = makeDesc();
  Batch batch{{1, 1, 1}, {100, 20000, 3000}};
  const Planned p = planBatch(desc, batch);
  ASSERT_EQ(p.status, KVCRT_OK);
  const int longest = p.tasks[0].kv_end - p.tasks[0].kv_begin;
  // in classes of a sixteenth
  for (size_t i = 1; i < p.tasks.size(); ++i)
    EXPECT_LE(p.tasks[i].kv_end - p.tasks[i].kv_begin,
              p.tasks[i - 1].kv_end - p.tasks[i - 1].kv_begin + longest / 15 +
                  1);
}

TEST(PlanAttend, RefusesWhatItCannotPlan) {
  kvcrt_plan_desc desc = makeDesc();
  kvcrt_plan_sizes sizes;
  EXPECT_EQ(kvcrt_plan_attend_sizes(&desc, 1, 1, -1, &sizes),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_plan_attend_sizes(&desc, 1, 1, 1, nullptr),
            KVCRT_INVALID_ARGUMENT);
  desc.split_keys = 24; // no multiple of tile_keys
  EXPECT_EQ(kvcrt_plan_attend_sizes(&desc, 1, 1, 1, &sizes),
            KVCRT_INVALID_ARGUMENT);
  desc.split_keys = 16;
  EXPECT_EQ(kvcrt_plan_attend_sizes(&desc, 1, 1, 1 << 20, &sizes),
            KVCRT_CAPACITY_EXCEEDED);
  desc.split_keys = 0;
  // Products of these do not fit 64 bits.
  desc.decode_rows = desc.prefill_rows = 1;
  desc.kv_heads = 1 << 15;
  desc.group = 1 << 15;
  EXPECT_EQ(
      kvcrt_plan_attend_sizes(&desc, INT32_MAX, INT32_MAX, INT32_MAX, &sizes),
      KVCRT_CAPACITY_EXCEEDED);
  desc.kv_heads = desc.group = INT32_MAX;
  EXPECT_EQ(kvcrt_plan_attend_sizes(&desc, 1, 1, 1, &sizes),
            KVCRT_INVALID_ARGUMENT);
  desc = makeDesc();
  desc.abi_version = 1;
  EXPECT_EQ(kvcrt_plan_attend_sizes(&desc, 1, 1, 1, &sizes),
            KVCRT_VERSION_MISMATCH);

  desc = makeDesc();
  const int32_t indptr[] = {0, 1}, decreasing[] = {1, 0}, length[] = {4000},
                negative[] = {-1}, none[] = {0};
  kvcrt_task tasks[512];
  kvcrt_plan plan = {};
  plan.tasks = tasks;
  plan.capacity = {512, 512, 512, 0};
  EXPECT_EQ(kvcrt_plan_attend(&desc, 1, indptr, negative, &plan),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_plan_attend(&desc, 1, indptr, none, &plan), KVCRT_OK);
  EXPECT_EQ(plan.num_tasks, 2);
  EXPECT_EQ(kvcrt_plan_attend(&desc, 1, decreasing, length, &plan),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_plan_attend(&desc, 1, nullptr, length, &plan),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_plan_attend(&desc, 1, indptr, length, &plan), KVCRT_OK);
  EXPECT_GT(plan.num_tasks, 2); // split
  plan.capacity = {1, 512, 512, 0};
  EXPECT_EQ(kvcrt_plan_attend(&desc, 1, indptr, length, &plan),
            KVCRT_CAPACITY_EXCEEDED);
  plan.capacity = {512, 1, 512, 0};
  EXPECT_EQ(kvcrt_plan_attend(&desc, 1, indptr, length, &plan),
            KVCRT_CAPACITY_EXCEEDED);
  EXPECT_EQ(kvcrt_plan_attend(&desc, 0, nullptr, nullptr, &plan), KVCRT_OK);
  EXPECT_EQ(plan.num_tasks, 0);
  EXPECT_EQ(plan.decode_blocks, 0);
}

} // namespace
