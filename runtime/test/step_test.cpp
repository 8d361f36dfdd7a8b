//===- step_test.cpp - steps in flight -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

using namespace kvcrt_test;

extern "C" int kvcrt_test_step_from_c(void);

namespace {

class StepTest : public RuntimeTest {};

TEST(StepFromC, Runs) { EXPECT_EQ(kvcrt_test_step_from_c(), 0); }

TEST_F(StepTest, TwoInFlightThenBusy) {
  create();
  const kvcrt_sequence s = newSequence();
  ASSERT_EQ(begin({{s, 1, 0}}), KVCRT_OK);
  const uint64_t first = view.id;
  ASSERT_EQ(begin({{s, 1, 0}}), KVCRT_OK);
  EXPECT_EQ(list(view.step->kv_len, 1), Values({2}));
  EXPECT_EQ(begin({{s, 1, 0}}), KVCRT_BUSY);
  EXPECT_EQ(kvcrt_step_retire(runtime, first), KVCRT_INVALID_ARGUMENT);
  // in the order they began
  EXPECT_EQ(kvcrt_step_submit(runtime, view.id, nullptr),
            KVCRT_INVALID_ARGUMENT);
  submit(first);
  EXPECT_EQ(kvcrt_step_submit(runtime, first, nullptr), KVCRT_INVALID_ARGUMENT);
  submit(view.id);
  ASSERT_EQ(kvcrt_step_retire(runtime, first), KVCRT_OK);
  EXPECT_EQ(kvcrt_step_retire(runtime, first), KVCRT_NOT_FOUND);
  EXPECT_EQ(begin({{s, 1, 0}}), KVCRT_OK);
}

TEST_F(StepTest, QuarantineUntilEveryStepInFlightRetires) {
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence();
  run(a, 8);
  ASSERT_EQ(begin({{a, 1, 0}}), KVCRT_OK);
  const uint64_t first = view.id;
  submit(first);
  ASSERT_EQ(begin({{b, 1, 0}}), KVCRT_OK);
  const uint64_t second = view.id;
  submit(second);
  ASSERT_EQ(kvcrt_sequence_release(runtime, a), KVCRT_OK);
  EXPECT_EQ(stats().blocks_quarantined, 3);
  EXPECT_EQ(stats().blocks_used, 1);
  ASSERT_EQ(kvcrt_step_retire(runtime, first), KVCRT_OK);
  EXPECT_EQ(stats().blocks_quarantined, 3);
  // a step that begins after the release does not hold them
  ASSERT_EQ(begin({{b, 1, 0}}), KVCRT_OK);
  ASSERT_EQ(kvcrt_step_retire(runtime, second), KVCRT_OK);
  EXPECT_EQ(stats().blocks_quarantined, 0);
  EXPECT_EQ(stats().blocks_free, 7);
}

TEST_F(StepTest, CopyOnWriteMovesEveryPlane) {
  kvcrt_policy p = plainPolicy();
  p.key = tokenI8();
  groups.clear();
  addGroup(p, 8);
  create(KVCRT_DEVICE_CPU);
  const kvcrt_sequence a = newSequence();
  run(a, 2);
  const kvcrt_cache &c = view.caches[0];
  char *key = static_cast<char *>(c.key.payload);
  char *value = static_cast<char *>(c.value.payload);
  float *scale = static_cast<float *>(c.key.scale);
  key[c.key.token_stride + 3] = 11;
  value[c.value.head_stride + 5] = 12;
  scale[1] = 0.5f;
  kvcrt_sequence b;
  ASSERT_EQ(kvcrt_sequence_fork(runtime, a, &b), KVCRT_OK);
  ASSERT_EQ(begin({{b, 1, 0}}), KVCRT_OK);
  const int64_t to = blocks(b)[0];
  ASSERT_EQ(to, 1);
  EXPECT_EQ(key[to * c.key.block_stride + c.key.token_stride + 3], 0);
  submit(view.id); // the copy takes place here
  EXPECT_EQ(key[to * c.key.block_stride + c.key.token_stride + 3], 11);
  EXPECT_EQ(value[to * c.value.block_stride + c.value.head_stride + 5], 12);
  EXPECT_EQ(scale[to * c.key.scale_block_stride / 4 + 1], 0.5f);
}

TEST_F(StepTest, CommitAcceptsAPart) {
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence();
  ASSERT_EQ(begin({{a, 4, KVCRT_LOGITS_LAST}, {b, 3, KVCRT_LOGITS_LAST}}),
            KVCRT_OK);
  EXPECT_EQ(kvcrt_step_commit(runtime, view.id, nullptr),
            KVCRT_INVALID_ARGUMENT); // not submitted
  submit(view.id);
  const int32_t tooMany[] = {2, 4}, accepted[] = {2, 3};
  EXPECT_EQ(kvcrt_step_commit(runtime, view.id, tooMany),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(info(a).committed, 0);
  ASSERT_EQ(kvcrt_step_commit(runtime, view.id, accepted), KVCRT_OK);
  EXPECT_EQ(info(a).length, 2);
  EXPECT_EQ(info(a).committed, 2);
  EXPECT_EQ(info(b).committed, 3);
  EXPECT_EQ(kvcrt_step_commit(runtime, view.id, accepted),
            KVCRT_INVALID_ARGUMENT); // once
}

TEST_F(StepTest, CommitLeavesOutWhatWasTakenBack) {
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence();
  ASSERT_EQ(begin({{a, 4, 0}, {b, 3, 0}}), KVCRT_OK);
  const uint64_t first = view.id;
  submit(first);
  ASSERT_EQ(kvcrt_sequence_rollback(runtime, a, 4), KVCRT_OK);
  ASSERT_EQ(begin({{a, 2, 0}}), KVCRT_OK); // other tokens in their place
  ASSERT_EQ(kvcrt_step_commit(runtime, first, nullptr), KVCRT_OK);
  EXPECT_EQ(info(a).committed, 0);
  EXPECT_EQ(info(b).committed, 3);
}

TEST_F(StepTest, CommitPassesOverReleasedSequences) {
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence();
  ASSERT_EQ(begin({{a, 4, 0}, {b, 3, 0}}), KVCRT_OK);
  submit(view.id);
  ASSERT_EQ(kvcrt_sequence_release(runtime, a), KVCRT_OK);
  ASSERT_EQ(kvcrt_step_commit(runtime, view.id, nullptr), KVCRT_OK);
  EXPECT_EQ(info(b).committed, 3);
}

TEST_F(StepTest, CancelTakesTheNewestBack) {
  create();
  const kvcrt_sequence s = newSequence();
  run(s, 3);
  ASSERT_EQ(begin({{s, 2, 0}}), KVCRT_OK);
  const uint64_t first = view.id;
  ASSERT_EQ(begin({{s, 5, 0}}), KVCRT_OK);
  EXPECT_EQ(kvcrt_step_cancel(runtime, first), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_step_cancel(runtime, view.id), KVCRT_OK);
  EXPECT_EQ(info(s).length, 5);
  ASSERT_EQ(kvcrt_step_cancel(runtime, first), KVCRT_OK);
  EXPECT_EQ(info(s).length, 3);
  EXPECT_EQ(stats().blocks_used, 1);
  EXPECT_EQ(stats().blocks_quarantined, 0);
  EXPECT_EQ(kvcrt_step_submit(runtime, first, nullptr), KVCRT_NOT_FOUND);
}

} // namespace
