//===- step_test.cpp - steps in flight and their arrays -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

using namespace kvcrt_test;

extern "C" int kvcrt_test_step_from_c(void);

namespace {

using Values = std::vector<int32_t>;

Values list(const int32_t *data, int count) { return {data, data + count}; }

class StepTest : public RuntimeTest {
protected:
  void submit(uint64_t id) {
    ASSERT_EQ(kvcrt_step_submit(runtime, id, nullptr), KVCRT_OK);
  }
};

TEST(StepFromC, Runs) { EXPECT_EQ(kvcrt_test_step_from_c(), 0); }

TEST_F(StepTest, ArraysOfARaggedBatch) {
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence();
  run(b, 5);
  ASSERT_EQ(begin({{a, 6, KVCRT_LOGITS_LAST}, {b, 1, KVCRT_LOGITS_LAST}}),
            KVCRT_OK);
  const kvcrt_step &s = *view.step;
  EXPECT_EQ(s.header->num_seqs, 2);
  EXPECT_EQ(s.header->num_tokens, 7);
  EXPECT_EQ(s.header->num_logit_rows, 2);
  EXPECT_EQ(s.header->max_q_len, 6);
  EXPECT_EQ(s.header->max_kv_len, 6);
  EXPECT_EQ(list(s.qo_indptr, 3), Values({0, 6, 7}));
  EXPECT_EQ(list(s.kv_len, 2), Values({6, 6}));
  EXPECT_EQ(list(s.positions, 7), Values({0, 1, 2, 3, 4, 5, 5}));
  EXPECT_EQ(list(s.token_seq, 7), Values({0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(list(s.logit_rows, 2), Values({5, 6}));
  // b holds blocks 0 and 1, a got 2 and 3; blocks have 4 slots
  const kvcrt_cache &c = view.caches[0];
  EXPECT_EQ(list(c.slot_mapping, 7), Values({8, 9, 10, 11, 12, 13, 5}));
  EXPECT_EQ(list(c.block_table, 2), Values({2, 3}));
  EXPECT_EQ(list(c.block_table + c.block_table_stride, 2), Values({0, 1}));
}

TEST_F(StepTest, LogitRowsOnRequest) {
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence(), c = newSequence();
  ASSERT_EQ(begin({{a, 3, KVCRT_LOGITS_ALL},
                   {b, 2, KVCRT_LOGITS_NONE},
                   {c, 2, KVCRT_LOGITS_LAST}}),
            KVCRT_OK);
  EXPECT_EQ(view.step->header->num_logit_rows, 4);
  EXPECT_EQ(list(view.step->logit_rows, 4), Values({0, 1, 2, 6}));
}

TEST_F(StepTest, BeginRefusesAndChangesNothing) {
  desc.max_logit_rows = 4;
  create();
  const kvcrt_sequence s = newSequence(), t = newSequence();
  EXPECT_EQ(begin({}), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(begin({{s, 0, 0}}), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(begin({{s, 1, 0}, {s, 1, 0}}), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(message, "entry 1: expected each sequence once in a step");
  EXPECT_EQ(begin({{s, 1, 7}}), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(begin({{s, 1, 0}, {s + 1, 1, 0}}), KVCRT_NOT_FOUND);
  EXPECT_EQ(begin({{s, 40, 0}, {t, 30, 0}}), KVCRT_CAPACITY_EXCEEDED);
  EXPECT_EQ(message, "expected at most 64 new tokens (max_tokens), got 70");
  EXPECT_EQ(begin({{s, 5, KVCRT_LOGITS_ALL}}), KVCRT_CAPACITY_EXCEEDED);
  EXPECT_EQ(begin({{s, 1, 0}, {t, 1, 0}, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}}),
            KVCRT_CAPACITY_EXCEEDED);
  EXPECT_EQ(stats().blocks_used, 0);
  EXPECT_EQ(info(s).length, 0);
  EXPECT_EQ(begin({{s, 4, KVCRT_LOGITS_ALL}}), KVCRT_OK);
}

TEST_F(StepTest, AddressesAreFixedPerSlot) {
  create();
  const kvcrt_sequence s = newSequence();
  std::vector<const kvcrt_step *> steps;
  std::vector<const int32_t *> tables;
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(begin({{s, 1, 0}}), KVCRT_OK);
    steps.push_back(view.step);
    tables.push_back(view.caches[0].block_table);
    submit(view.id);
    if (i % 2) { // two in flight, then both retire
      ASSERT_EQ(kvcrt_step_retire(runtime, view.id - 1), KVCRT_OK);
      ASSERT_EQ(kvcrt_step_retire(runtime, view.id), KVCRT_OK);
    }
  }
  EXPECT_NE(steps[0], steps[1]);
  EXPECT_EQ(steps[0], steps[2]);
  EXPECT_EQ(steps[1], steps[3]);
  EXPECT_EQ(tables[0], tables[2]);
  EXPECT_EQ(tables[1], tables[3]);
}

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

TEST_F(StepTest, GrowKeepsAddresses) {
  groups[0].max_blocks = 100;
  create(KVCRT_DEVICE_CPU);
  const kvcrt_sequence s = newSequence();
  run(s, 32);
  const void *base = view.caches[0].key.payload;
  EXPECT_EQ(begin({{s, 1, 0}}), KVCRT_OUT_OF_BLOCKS);
  EXPECT_EQ(kvcrt_runtime_grow(runtime, 0, 101), KVCRT_CAPACITY_EXCEEDED);
  EXPECT_EQ(kvcrt_runtime_grow(runtime, 0, 7), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_runtime_grow(runtime, 1, 9), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_runtime_grow(runtime, 0, 100), KVCRT_OK);
  ASSERT_EQ(begin({{s, 1, 0}}), KVCRT_OK);
  EXPECT_EQ(view.caches[0].key.payload, base);
  EXPECT_EQ(view.caches[0].num_blocks, 100);
  EXPECT_EQ(view.caches[0].block_table[8], 8);
}

TEST_F(StepTest, ErrorWordIsTheSteps) {
  create();
  ASSERT_EQ(begin({{newSequence(), 1, 0}}), KVCRT_OK);
  *view.caches[0].error_word |= KVCRT_ERROR_NAN_INPUT;
  int32_t errors = -1;
  ASSERT_EQ(kvcrt_step_get_errors(runtime, view.id, &errors), KVCRT_OK);
  EXPECT_EQ(errors, KVCRT_ERROR_NAN_INPUT);
  submit(view.id);
  ASSERT_EQ(kvcrt_step_retire(runtime, view.id), KVCRT_OK);
  ASSERT_EQ(begin({{newSequence(), 1, 0}}), KVCRT_OK);
  ASSERT_EQ(kvcrt_step_get_errors(runtime, view.id, &errors), KVCRT_OK);
  EXPECT_EQ(errors, 0);
}

TEST_F(StepTest, RopeTablesAreSharedAndFilled) {
  kvcrt_policy p = plainPolicy();
  p.position = KVCRT_POSITION_ROPE;
  p.rope.theta = 1e4;
  p.rope.dim = 64;
  addGroup(p, 8);
  p.block = 8;
  addGroup(p, 8);
  create(KVCRT_DEVICE_CPU);
  ASSERT_EQ(begin({{newSequence(), 1, 0}}), KVCRT_OK);
  EXPECT_EQ(view.caches[0].rope_table, nullptr);
  ASSERT_NE(view.caches[1].rope_table, nullptr);
  EXPECT_EQ(view.caches[1].rope_table, view.caches[2].rope_table);
  EXPECT_EQ(view.caches[1].rope_positions, 64);
  EXPECT_FLOAT_EQ(view.caches[1].rope_table[64], 0.5403023059f); // cos 1
}

TEST_F(StepTest, ABudgetIsDividedByNeed) {
  // 64 tokens: 16 blocks of the first group; the second keeps a window of 8, so
  // min(16, 8 / 4 + 2) = 4 blocks a sequence and 64 / 4 = 16 for one step.
  kvcrt_policy p = plainPolicy();
  p.retention = KVCRT_RETAIN_WINDOW;
  p.window = 8;
  addGroup(p, 0);
  groups[0].num_blocks = 0;
  desc.byte_budget = (16 + 10 * (16 + 4)) * 4096;
  create();
  EXPECT_EQ(stats(0).blocks_total, 160);
  EXPECT_EQ(stats(1).blocks_total, 56);
}

TEST_F(StepTest, CreateSaysWhatIsWrong) {
  groups[0].num_blocks = 0;
  desc.byte_budget = 4095;
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(message, "group 0: expected num_blocks or a byte_budget with room "
                     "for one block of 4096 bytes, got a budget of 4095 bytes "
                     "for all groups");
  groups[0].num_blocks = 4;
  groups[0].policy.kv_heads = 0;
  EXPECT_EQ(tryCreate(), KVCRT_ILLEGAL_POLICY);
  EXPECT_EQ(message.substr(0, 28), "group 0: geometry_positive: ");
  groups[0].policy = plainPolicy();
  const int32_t twice[] = {0, 0};
  groups[0].layers = twice;
  groups[0].num_layers = 2;
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  groups[0].layers = nullptr;
  desc.capacity.max_kv_len = 0;
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  desc.capacity.max_kv_len = 8;
  desc.max_steps_in_flight = 9;
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  desc.max_steps_in_flight = 0;
  groups[0].num_blocks = 1 << 30; // slots would not fit int32
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  groups[0].num_blocks = 4;
  desc.struct_size -= 8;
  EXPECT_EQ(tryCreate(), KVCRT_VERSION_MISMATCH);
  EXPECT_EQ(runtime, nullptr);
}

} // namespace
