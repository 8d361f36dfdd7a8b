//===- run_test.cpp - the reference's run of a policy, as kernel hooks ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys are 0, so an output is the mean of the visible values.
//===----------------------------------------------------------------------===//
#include "kvcref/run.h"
#include "paged_pool.h"
#include "test_support.h"

using namespace kvcref;
using namespace kvcref::test;

namespace {

struct Model {
  kvcrt_policy policy = makePolicy(1, 1, 1, KVCRT_F32);
  PagedPool pool{policy, 1};
  ReferenceRun run;

  Model() {
    EXPECT_EQ(run.addLayer({policy, 1, pool.params.cache.key.payload}),
              KVCRT_OK);
  }
  int32_t append() {
    return run.getHooks()->append(run.getHooks()->context, nullptr,
                                  &pool.params);
  }
  int32_t attend() {
    return run.getHooks()->attend(run.getHooks()->context, nullptr,
                                  &pool.params);
  }
  void expectStep(const std::vector<int32_t> &counts, std::vector<float> values,
                  std::vector<double> expected) {
    pool.step(counts);
    std::copy(values.begin(), values.end(), pool.newValue.begin());
    ASSERT_EQ(append(), KVCRT_OK) << run.getError();
    ASSERT_EQ(attend(), KVCRT_OK) << run.getError();
    expectNear({pool.out.begin(), pool.out.begin() + expected.size()}, expected,
               1e-6);
  }
};

TEST(ReferenceRun, rows_are_mapped_to_sequences) {
  Model model;
  model.run.setRows({10, 20});
  model.expectStep({2, 1}, {1, 2, 16}, {1, 1.5, 16});
  // The same two sequences in other rows.
  std::swap(model.pool.kvLen[0], model.pool.kvLen[1]);
  model.run.setRows({20, 10});
  model.expectStep({1, 1}, {32, 6}, {24, 3});
  // The pool was never written.
  for (uint8_t byte : model.pool.payload[0])
    ASSERT_EQ(byte, 0xff);
}

TEST(ReferenceRun, rollback_is_implicit) {
  Model model;
  model.run.setRows({1});
  model.expectStep({3}, {1, 2, 105}, {1, 1.5, 36});
  model.pool.kvLen[0] = 2; // one token is taken back
  model.expectStep({1}, {6}, {3});
}

TEST(ReferenceRun, fork_and_release) {
  Model model;
  model.run.setRows({1});
  model.expectStep({2}, {1, 2}, {1, 1.5});
  model.run.fork(1, 2);
  model.run.release(1);
  model.run.setRows({2});
  model.expectStep({1}, {6}, {3});
}

TEST(ReferenceRun, window_comes_from_policy_or_params) {
  Model model;
  model.run.setRows({1});
  model.pool.params.window = 1;
  model.expectStep({2}, {1, 2}, {1, 2});
}

TEST(ReferenceRun, mistakes_are_answers) {
  Model model;
  EXPECT_EQ(model.run.addLayer(
                {model.policy, 1, model.pool.params.cache.key.payload}),
            KVCRT_INVALID_ARGUMENT);
  model.run.setRows({1});
  model.pool.step({2});
  EXPECT_EQ(model.attend(), KVCRT_INVALID_ARGUMENT); // append first
  EXPECT_EQ(model.append(), KVCRT_OK);
  model.run.setRows({1, 2});
  EXPECT_EQ(model.append(), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(model.run.getError(),
            "expected a step of 2 sequences as given to setRows, got 1");
  model.run.setRows({5}); // holds nothing, though the step says 2 before it
  model.pool.step({1});
  EXPECT_EQ(model.append(), KVCRT_INVALID_ARGUMENT);
  model.pool.params.cache.key.payload = nullptr;
  EXPECT_EQ(model.append(), KVCRT_NOT_FOUND);
}

} // namespace
