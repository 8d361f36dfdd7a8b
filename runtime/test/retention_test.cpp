//===- retention_test.cpp - which blocks a window frees, by hand ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

using namespace kvcrt_test;

namespace {

using Blocks = std::vector<int32_t>;

kvcrt_policy windowPolicy(int32_t window, int32_t rollback,
                          int32_t sinkTokens = 0) {
  kvcrt_policy p = plainPolicy();
  p.retention = sinkTokens ? KVCRT_RETAIN_STREAMING : KVCRT_RETAIN_WINDOW;
  p.window = window;
  p.sink_tokens = sinkTokens;
  p.rollback = rollback;
  return p;
}

class RetentionTest : public RuntimeTest {};

TEST_F(RetentionTest, WindowFreesWhatNoQuerySees) {
  // block 4, window 6, rollback 0: with n committed the next query is n and
  // sees n - 5 on. Block 0 (tokens 0..3) goes at n = 9, block 1 at n = 13.
  groups.clear();
  addGroup(windowPolicy(6, 0), 8);
  create();
  const kvcrt_sequence s = newSequence();
  run(s, 8);
  EXPECT_EQ(blocks(s), Blocks({0, 1}));
  run(s, 1);
  EXPECT_EQ(blocks(s), Blocks({-1, 1, 2}));
  run(s, 3);
  EXPECT_EQ(blocks(s), Blocks({-1, 1, 2}));
  run(s, 1); // claims block 3 of the table, then frees block 1
  EXPECT_EQ(blocks(s).size(), 4u);
  EXPECT_EQ(blocks(s)[1], -1);
  EXPECT_EQ(stats().blocks_used, 2);
  run(s, 1);
  EXPECT_EQ(view.caches[0].first_block[0], 2);
  EXPECT_EQ(view.caches[0].block_table[0], -1);
}

TEST_F(RetentionTest, RollbackBudgetHoldsBlocksBack) {
  // As above with rollback 3: block 0 goes at n - 3 = 9.
  groups.clear();
  addGroup(windowPolicy(6, 3), 8);
  create();
  const kvcrt_sequence s = newSequence();
  run(s, 11);
  EXPECT_EQ(blocks(s)[0], 0);
  EXPECT_EQ(info(s).shortest, 8);
  run(s, 1);
  EXPECT_EQ(blocks(s)[0], -1);
  EXPECT_EQ(info(s).shortest, 9);
  EXPECT_EQ(kvcrt_sequence_rollback(runtime, s, 4), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_sequence_rollback(runtime, s, 3), KVCRT_OK);
  // the floor does not follow the rollback
  EXPECT_EQ(info(s).shortest, 9);
  EXPECT_EQ(info(s).length, 9);
  run(s, 1);
  EXPECT_EQ(info(s).shortest, 9);
}

TEST_F(RetentionTest, ProvisionalTokensFreeNothing) {
  groups.clear();
  addGroup(windowPolicy(2, 0), 8);
  create();
  const kvcrt_sequence s = newSequence();
  ASSERT_EQ(begin({{s, 16, KVCRT_LOGITS_LAST}}), KVCRT_OK);
  ASSERT_EQ(kvcrt_step_submit(runtime, view.id, nullptr), KVCRT_OK);
  ASSERT_EQ(kvcrt_step_retire(runtime, view.id), KVCRT_OK);
  EXPECT_EQ(blocks(s), Blocks({0, 1, 2, 3}));
  ASSERT_EQ(kvcrt_sequence_commit(runtime, s, 8), KVCRT_OK);
  EXPECT_EQ(blocks(s), Blocks({-1, 1, 2, 3})); // query 8 sees 7 and 8
  EXPECT_EQ(kvcrt_sequence_commit(runtime, s, 9), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_sequence_commit(runtime, s, 8), KVCRT_OK);
  EXPECT_EQ(blocks(s), Blocks({-1, -1, -1, 3}));
}

TEST_F(RetentionTest, StreamingKeepsItsSinks) {
  // block 4, 5 sinks (blocks 0 and 1), window 4: at n = 15 query 15 sees 12..15
  // and 0..4, so block 2 (tokens 8..11) is free.
  groups.clear();
  addGroup(windowPolicy(4, 0, 5), 8);
  create();
  const kvcrt_sequence s = newSequence();
  run(s, 14);
  EXPECT_EQ(blocks(s), Blocks({0, 1, 2, 3}));
  run(s, 1);
  EXPECT_EQ(blocks(s), Blocks({0, 1, -1, 3}));
  run(s, 1);
  EXPECT_EQ(view.caches[0].first_block[0], 3);
  EXPECT_EQ(view.caches[0].block_table[0], 0);
  EXPECT_EQ(view.caches[0].block_table[2], -1);
}

} // namespace
