//===- thread_test.cpp - one runtime, many threads ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Threads own sequences of their own and share the pool and the steps; at the
// end everything is given back. Made for ThreadSanitizer as well.
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

#include <atomic>
#include <thread>

using namespace kvcrt_test;

namespace {

class ThreadTest : public RuntimeTest {};

TEST_F(ThreadTest, EveryCallTakesEffectAsAWhole) {
  kvcrt_policy window = plainPolicy();
  window.retention = KVCRT_RETAIN_WINDOW;
  window.window = 5;
  addGroup(window, 40);
  groups[0].num_blocks = 60;
  desc.max_live_seqs = 16;
  desc.max_steps_in_flight = 3;
  create();
  std::atomic<int> stepsRun{0};
  const auto work = [&](unsigned seed) {
    for (int round = 0; round < 300; ++round) {
      kvcrt_sequence s = 0, child = 0;
      ASSERT_EQ(kvcrt_sequence_create(runtime, &s), KVCRT_OK);
      for (int i = 0; i < 4; ++i) {
        const kvcrt_step_entry entry = {
            s, static_cast<int32_t>(1 + (seed + round + i) % 5), 0};
        kvcrt_step_view mine;
        const kvcrt_status status =
            kvcrt_step_begin(runtime, &entry, 1, &mine, nullptr, 0);
        if (status != KVCRT_OK) {
          ASSERT_TRUE(status == KVCRT_BUSY || status == KVCRT_OUT_OF_BLOCKS);
          continue;
        }
        ASSERT_EQ(mine.step->header->num_tokens, entry.new_tokens);
        // Another thread's older step may have to be submitted first.
        while (kvcrt_step_submit(runtime, mine.id, nullptr) != KVCRT_OK)
          std::this_thread::yield();
        int32_t errors = -1;
        ASSERT_EQ(kvcrt_step_get_errors(runtime, mine.id, &errors), KVCRT_OK);
        ASSERT_EQ(errors, 0);
        ASSERT_EQ(kvcrt_step_commit(runtime, mine.id, nullptr), KVCRT_OK);
        ASSERT_EQ(kvcrt_step_retire(runtime, mine.id), KVCRT_OK);
        ++stepsRun;
      }
      if (kvcrt_sequence_fork(runtime, s, &child) == KVCRT_OK) {
        ASSERT_EQ(kvcrt_sequence_release(runtime, child), KVCRT_OK);
      }
      ASSERT_EQ(kvcrt_sequence_release(runtime, s), KVCRT_OK);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back(work, t);
  char text[200] = "";
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(kvcrt_runtime_verify(runtime, text, sizeof(text)), KVCRT_OK)
        << text;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_GT(stepsRun, 300);
  for (int32_t g = 0; g < 2; ++g) {
    EXPECT_EQ(stats(g).blocks_used, 0);
    EXPECT_EQ(stats(g).blocks_free, stats(g).blocks_total);
  }
}

} // namespace
