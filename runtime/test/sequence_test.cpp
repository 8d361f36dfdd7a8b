//===- sequence_test.cpp - lengths and tables by hand ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

using namespace kvcrt_test;

namespace {

using Blocks = std::vector<int32_t>;

class SequenceTest : public RuntimeTest {};

TEST_F(SequenceTest, ExtendClaimsWholeBlocks) {
  create();
  const kvcrt_sequence s = newSequence();
  EXPECT_EQ(stats().blocks_used, 0);
  ASSERT_EQ(kvcrt_sequence_extend(runtime, s, 4), KVCRT_OK);
  EXPECT_EQ(blocks(s), Blocks({0}));
  ASSERT_EQ(kvcrt_sequence_extend(runtime, s, 1), KVCRT_OK);
  EXPECT_EQ(blocks(s), Blocks({0, 1}));
  EXPECT_EQ(info(s).length, 5);
  EXPECT_EQ(info(s).computed, 0);
  EXPECT_EQ(stats().tokens, 5);
  EXPECT_EQ(stats().bytes_used, 2 * 4096);
}

TEST_F(SequenceTest, OutOfBlocksChangesNoGroup) {
  addGroup(plainPolicy(), 2); // the second group is the smaller
  create();
  const kvcrt_sequence s = newSequence();
  EXPECT_EQ(kvcrt_sequence_extend(runtime, s, 9), KVCRT_OUT_OF_BLOCKS);
  EXPECT_EQ(info(s).length, 0);
  EXPECT_EQ(stats(0).blocks_used, 0);
  EXPECT_EQ(begin({{s, 9, KVCRT_LOGITS_LAST}}), KVCRT_OUT_OF_BLOCKS);
  EXPECT_EQ(
      message,
      "group 1: expected 3 free blocks, got 2 of 2 (0 wait for steps in "
      "flight); retire a step, release a sequence, or give the pool more");
  EXPECT_EQ(stats(0).blocks_used, 0);
  EXPECT_EQ(kvcrt_sequence_extend(runtime, s, 8), KVCRT_OK);
}

TEST_F(SequenceTest, LengthIsBoundedByTheLeastLimit) {
  kvcrt_policy limited = plainPolicy();
  limited.max_positions = 10;
  addGroup(limited, 8);
  create();
  const kvcrt_sequence s = newSequence();
  EXPECT_EQ(kvcrt_sequence_extend(runtime, s, 11), KVCRT_CAPACITY_EXCEEDED);
  EXPECT_EQ(begin({{s, 11, KVCRT_LOGITS_LAST}}), KVCRT_CAPACITY_EXCEEDED);
  EXPECT_EQ(message, "entry 0: 0 tokens and 11 new ones exceed the 10 that a "
                     "sequence can hold");
  EXPECT_EQ(kvcrt_sequence_extend(runtime, s, 10), KVCRT_OK);
}

TEST_F(SequenceTest, NamesAreNeverReused) {
  create();
  const kvcrt_sequence a = newSequence();
  ASSERT_EQ(kvcrt_sequence_release(runtime, a), KVCRT_OK);
  const kvcrt_sequence b = newSequence();
  EXPECT_NE(a, b);
  EXPECT_EQ(kvcrt_sequence_extend(runtime, a, 1), KVCRT_NOT_FOUND);
  EXPECT_EQ(kvcrt_sequence_release(runtime, a), KVCRT_NOT_FOUND);
  const kvcrt_sequence c = newSequence();
  kvcrt_sequence names[2];
  int32_t count = 0;
  ASSERT_EQ(kvcrt_sequence_list(runtime, names, 2, &count), KVCRT_OK);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(names[0], b);
  EXPECT_EQ(names[1], c);
  ASSERT_EQ(kvcrt_sequence_list(runtime, nullptr, 0, &count), KVCRT_OK);
  EXPECT_EQ(count, 2);
}

TEST_F(SequenceTest, LiveSequencesAreBounded) {
  desc.max_live_seqs = 2;
  create();
  newSequence();
  newSequence();
  kvcrt_sequence third;
  EXPECT_EQ(kvcrt_sequence_create(runtime, &third), KVCRT_CAPACITY_EXCEEDED);
}

TEST_F(SequenceTest, RollbackGivesBlocksBack) {
  create();
  const kvcrt_sequence s = newSequence();
  run(s, 6);
  ASSERT_EQ(kvcrt_sequence_extend(runtime, s, 7), KVCRT_OK); // 13: 4 blocks
  ASSERT_EQ(kvcrt_sequence_rollback(runtime, s, 8), KVCRT_OK);
  EXPECT_EQ(blocks(s).size(), 2u);
  EXPECT_EQ(info(s).length, 5);
  EXPECT_EQ(info(s).committed, 5); // retention all: commits can be taken back
  EXPECT_EQ(kvcrt_sequence_rollback(runtime, s, 6), KVCRT_INVALID_ARGUMENT);
}

TEST_F(SequenceTest, ForkSharesUntilTheFirstWrite) {
  create();
  const kvcrt_sequence a = newSequence();
  run(a, 6);
  kvcrt_sequence b;
  ASSERT_EQ(kvcrt_sequence_fork(runtime, a, &b), KVCRT_OK);
  EXPECT_EQ(blocks(b), Blocks({0, 1}));
  EXPECT_EQ(stats().blocks_used, 2);
  EXPECT_EQ(stats().blocks_shared, 2);
  run(b, 1); // writes into block 1, gets a copy
  EXPECT_EQ(blocks(b), Blocks({0, 2}));
  EXPECT_EQ(blocks(a), Blocks({0, 1}));
  EXPECT_EQ(stats().blocks_shared, 1);
  run(a, 1); // is the only owner by now
  EXPECT_EQ(blocks(a), Blocks({0, 1}));
  kvcrt_runtime_stats all;
  KVCRT_INIT(&all);
  ASSERT_EQ(kvcrt_runtime_get_stats(runtime, &all), KVCRT_OK);
  EXPECT_EQ(all.blocks_copied, 1u);
  EXPECT_EQ(all.live_seqs, 2);
}

TEST_F(SequenceTest, ForkOfWholeBlocksCopiesNothing) {
  create();
  const kvcrt_sequence a = newSequence();
  run(a, 8);
  kvcrt_sequence b;
  ASSERT_EQ(kvcrt_sequence_fork(runtime, a, &b), KVCRT_OK);
  run(b, 1);
  EXPECT_EQ(blocks(b), Blocks({0, 1, 2}));
}

TEST_F(SequenceTest, ContiguousHoldsOneBlockAndDoesNotFork) {
  kvcrt_policy p = plainPolicy();
  p.layout = KVCRT_LAYOUT_CONTIGUOUS;
  p.block = 40;
  groups.clear();
  addGroup(p, 2);
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence();
  EXPECT_EQ(kvcrt_sequence_extend(runtime, a, 41), KVCRT_CAPACITY_EXCEEDED);
  run(a, 40);
  run(b, 1);
  EXPECT_EQ(blocks(a), Blocks({0}));
  kvcrt_sequence child;
  EXPECT_EQ(kvcrt_sequence_fork(runtime, a, &child), KVCRT_UNSUPPORTED);
  EXPECT_EQ(begin({{newSequence(), 1, KVCRT_LOGITS_LAST}}),
            KVCRT_OUT_OF_BLOCKS);
}

TEST_F(SequenceTest, PagedAgainstContiguous) {
  create();
  run(newSequence(), 5);
  newSequence();
  // 2 sequences x 64 tokens x 1024 bytes against 2 blocks of 4096.
  EXPECT_EQ(stats().bytes_contiguous, 2 * 64 * 1024);
  EXPECT_EQ(stats().bytes_used, 2 * 4096);
  EXPECT_EQ(stats().bytes_per_token, 1024.0);
  EXPECT_EQ(stats().blocks_used_peak, 2);
}

} // namespace
