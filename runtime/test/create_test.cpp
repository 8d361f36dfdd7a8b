//===- create_test.cpp - runtimes from descriptors, good and bad ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

using namespace kvcrt_test;

namespace {

class CreateTest : public RuntimeTest {};

TEST_F(CreateTest, ABudgetIsDividedByNeed) {
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

TEST_F(CreateTest, CreateSaysWhatIsWrong) {
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
