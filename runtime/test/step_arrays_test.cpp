//===- step_arrays_test.cpp - what a step's arrays say -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

using namespace kvcrt_test;

namespace {

class StepArraysTest : public RuntimeTest {};

TEST_F(StepArraysTest, ArraysOfARaggedBatch) {
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

TEST_F(StepArraysTest, LogitRowsOnRequest) {
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence(), c = newSequence();
  ASSERT_EQ(begin({{a, 3, KVCRT_LOGITS_ALL},
                   {b, 2, KVCRT_LOGITS_NONE},
                   {c, 2, KVCRT_LOGITS_LAST}}),
            KVCRT_OK);
  EXPECT_EQ(view.step->header->num_logit_rows, 4);
  EXPECT_EQ(list(view.step->logit_rows, 4), Values({0, 1, 2, 6}));
}

TEST_F(StepArraysTest, BeginRefusesAndChangesNothing) {
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

TEST_F(StepArraysTest, AddressesAreFixedPerSlot) {
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

TEST_F(StepArraysTest, GrowKeepsAddresses) {
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

TEST_F(StepArraysTest, ErrorWordIsTheSteps) {
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

/// A plan for decode tiles of 16 rows and splits of 8 keys.
kvcrt_plan_desc plainPlan() {
  kvcrt_plan_desc plan;
  KVCRT_INIT(&plan);
  plan.kv_heads = 2;
  plan.group = 4;
  plan.decode_rows = plan.prefill_rows = 16;
  plan.tile_keys = 8;
  plan.decode_resident = plan.prefill_resident = 4;
  plan.causal = 1;
  plan.split_keys = 8;
  plan.decode_tokens = 4;
  return plan;
}

TEST_F(StepArraysTest, StepsComeWithAPlanPerGroup) {
  kvcrt_plan_desc full = plainPlan(), window = plainPlan();
  kvcrt_policy p = plainPolicy();
  p.retention = KVCRT_RETAIN_WINDOW;
  p.window = window.window = 5;
  addGroup(p, 20);
  addGroup(plainPolicy(), 20);
  groups[0].plan = &full;
  groups[0].num_blocks = 20;
  groups[1].plan = &window; // the third group has none
  create();
  const kvcrt_sequence a = newSequence(), b = newSequence();
  run(a, 20);
  ASSERT_EQ(begin({{a, 1, 0}, {b, 5, 0}}), KVCRT_OK) << message;
  ASSERT_NE(view.plans, nullptr);
  EXPECT_EQ(view.host_step->qo_indptr, view.step->qo_indptr);
  const kvcrt_attend_plan &all = view.plans[0], &near = view.plans[1];
  // 21 keys are 3 splits per head; 5 keys of the window lie in [16, 21)
  EXPECT_EQ(all.header->num_tasks, 2 * 3);
  EXPECT_EQ(near.header->num_tasks, 2);
  EXPECT_EQ(near.tasks[0].kv_begin, 16);
  EXPECT_EQ(near.tasks[0].kv_end, 21);
  // b's 5 tokens x 4 heads are 2 tiles per head, prefilled
  EXPECT_EQ(all.header->num_prefill_tasks, 2 * 2);
  EXPECT_EQ(near.header->num_prefill_tasks, 2 * 2);
  EXPECT_EQ(all.header->num_tokens, 6);
  EXPECT_EQ(all.header->max_kv_len, 21);
  EXPECT_EQ(all.decode_blocks, 6);
  EXPECT_EQ(all.prefill_blocks, 4);
  EXPECT_EQ(view.step->header->num_tasks, 0);
  EXPECT_EQ(view.plans[2].tasks, nullptr);
  EXPECT_EQ(all.counters, near.counters);
  ASSERT_NE(all.split_out, nullptr);

  kvcrt_params params;
  KVCRT_INIT(&params);
  params.step = *view.step;
  kvcrt_attend_plan_apply(&near, &params);
  EXPECT_EQ(params.step.header, near.header);
  EXPECT_EQ(params.tasks, near.tasks);
  EXPECT_EQ(params.counters, near.counters);
  EXPECT_EQ(params.split_out, near.split_out);
  EXPECT_EQ(params.split_state, near.split_state);
  EXPECT_EQ(params.decode_blocks, 2);
  EXPECT_EQ(params.prefill_blocks, 4);
}

TEST_F(StepArraysTest, RefusesPlansOfOtherKernels) {
  kvcrt_plan_desc plan = plainPlan();
  groups[0].plan = &plan;
  plan.kv_heads = 3;
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(message, "group 0: expected a plan for the policy's 2 KV heads, "
                     "got one for 3");
  plan = plainPlan();
  plan.split_keys = 9;
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  EXPECT_NE(message.find("a multiple of tile_keys"), std::string::npos);
  plan = plainPlan();
  plan.abi_version = 1;
  EXPECT_EQ(tryCreate(), KVCRT_VERSION_MISMATCH);
  plan = plainPlan();
  desc.capacity.max_kv_len = 4096; // 512 splits of 8 keys
  EXPECT_EQ(tryCreate(), KVCRT_CAPACITY_EXCEEDED);
  EXPECT_NE(message.find("use longer split_keys"), std::string::npos);
  plan.split_keys = 0;
  groups[0].policy.retention = KVCRT_RETAIN_WINDOW;
  groups[0].policy.window = 6;
  EXPECT_EQ(tryCreate(), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(message, "group 0: expected a plan with the policy's window 6 and "
                     "0 sink tokens, got 0 and 0");
}

TEST_F(StepArraysTest, RopeTablesAreSharedAndFilled) {
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

} // namespace
