//===- attend_test.cpp - what attend's own options and a cache's life mean ===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By hand: one head of one number, key 0 everywhere (so that all visible keys
// weigh the same) and values 1, 2, 4, 8, ...: an output is the mean of the
// visible ones and tells which they were.
//===----------------------------------------------------------------------===//
#include "kvcref/cache.h"
#include "test_support.h"

using namespace kvcref;
using namespace kvcref::test;

namespace {

kvcrt_policy tinyPolicy() { return makePolicy(1, 1, 1, KVCRT_F32); }

/// Appends `n` tokens with values 2^first, 2^(first+1), ...
void feed(Cache &cache, int64_t sequence, int64_t n, int64_t first = 0) {
  Array<double, 3> k({n, 1, 1}), v({n, 1, 1});
  for (int64_t i = 0; i < n; ++i)
    v(i, 0, 0) = std::exp2(first + i);
  cache.append({{sequence, n}}, k, v, iota(n, first));
}

/// The last `n` tokens' outputs, queries 1.
std::vector<double> ask(const Cache &cache, int64_t n,
                        const AttendOptions &options, int64_t sequence = 1,
                        std::vector<double> *lse = nullptr) {
  Array<double, 3> q({n, 1, 1}, 1.0), out({n, 1, 1});
  Array<double, 2> logs({n, 1});
  cache.attend(options, {{sequence, n}}, q, iota(n, cache.length(sequence) - n),
               out, logs);
  if (lse)
    *lse = logs.elements;
  return out.elements;
}

std::vector<double> askFour(const kvcrt_policy &policy,
                            const AttendOptions &options = {}) {
  Cache cache(policy);
  feed(cache, 1, 4);
  return ask(cache, 4, options);
}

TEST(Attend, causal_or_not) {
  expectNear(askFour(tinyPolicy()), {1, 1.5, 7.0 / 3, 3.75});
  AttendOptions options;
  options.causal = false;
  expectNear(askFour(tinyPolicy(), options), {3.75, 3.75, 3.75, 3.75});
}

TEST(Attend, queries_are_the_last_tokens) {
  Cache cache(tinyPolicy());
  feed(cache, 1, 4);
  expectNear(ask(cache, 2, {}), {7.0 / 3, 3.75});
}

TEST(Attend, own_window_and_retention_both_hold) {
  AttendOptions options;
  options.window = 2;
  expectNear(askFour(tinyPolicy(), options), {1, 1.5, 3, 6});
  kvcrt_policy policy = tinyPolicy();
  policy.retention = KVCRT_RETAIN_STREAMING;
  policy.sink_tokens = 1;
  policy.window = 1;
  expectNear(askFour(policy), {1, 1.5, 2.5, 4.5});
  expectNear(askFour(policy, options), {1, 1.5, 4, 8}); // token 3 lost the sink
}

TEST(Attend, boolean_mask_and_nothing_visible) {
  const Array<uint8_t, 3> mask({2, 1, 2}, {0, 1, 1, 0}); // [T][Hq][M]
  AttendOptions options;
  options.booleanMask = mask;
  Cache cache(tinyPolicy());
  feed(cache, 1, 2);
  std::vector<double> lse;
  // Query 0 may see key 1 by the mask but not by causality: nothing is left.
  expectNear(ask(cache, 2, options, 1, &lse), {0, 1});
  expectNear(lse, {-kInfinity, 0});

  const Array<double, 1> sink({1}, 0.5);
  options.sinkLogits = sink;
  ask(cache, 2, options, 1, &lse);
  expectNear(lse, {0.5, std::log(1 + std::exp(0.5))});
}

// Adding ln 3 to the score of key 0 triples its weight.
TEST(Attend, additive_mask) {
  const Array<double, 3> mask({2, 1, 2}, {0, 0, std::log(3.0), 0});
  AttendOptions options;
  options.additiveMask = mask;
  Cache cache(tinyPolicy());
  feed(cache, 1, 2);
  expectNear(ask(cache, 2, options), {1, (3 * 1 + 2) / 4.0});
}

// A mask has one row for every token of the step; rows follow the tokens.
TEST(Attend, mask_rows_follow_the_tokens_of_the_batch) {
  const Array<uint8_t, 3> mask({3, 1, 2}, {1, 0, 1, 0, 0, 1});
  AttendOptions options;
  options.booleanMask = mask;
  Cache cache(tinyPolicy());
  feed(cache, 1, 1);
  feed(cache, 2, 2);
  Array<double, 3> q({3, 1, 1}, 1.0), out({3, 1, 1});
  cache.attend(options, {{1, 1}, {2, 2}}, q, Array<int64_t, 1>({3}, {0, 0, 1}),
               out, {});
  expectNear(out.elements, {1, 1, 2});
}

TEST(Attend, score_edit_sees_batch_and_indices) {
  AttendOptions options;
  options.score.edit = [](double, int64_t batch, int64_t, int64_t query,
                          int64_t key) {
    return batch == 1 && query - key == 1 ? -kInfinity : 0.0;
  };
  Cache cache(tinyPolicy());
  feed(cache, 5, 2);
  feed(cache, 6, 3);
  Array<double, 3> q({5, 1, 1}, 1.0), out({5, 1, 1});
  cache.attend(options, {{5, 2}, {6, 3}}, q,
               Array<int64_t, 1>({5}, {0, 1, 0, 1, 2}), out, {});
  expectNear(out.elements, {1, 1.5, 1, 2, 2.5});
}

TEST(Attend, nothing_stored) {
  Cache cache(tinyPolicy());
  Array<double, 3> q({0, 1, 1}), out({0, 1, 1});
  cache.attend({}, {{1, 0}}, q, iota(0), out, {});

  // A query without any key, kv_len 0, as a foreign caller may ask.
  Array<double, 3> one({1, 1, 1}, 1.0), answer({1, 1, 1}, 9.0);
  Array<double, 2> lse({1, 1}, 9.0);
  const Array<double, 3> empty({0, 1, 1});
  attendSequence(tinyPolicy(), {}, 0, one, iota(1), {empty, empty, iota(0)},
                 answer, lse);
  expectNear(answer.elements, {0});
  expectNear(lse.elements, {-kInfinity});
}

TEST(CacheLife, rollback_fork_release) {
  Cache cache(tinyPolicy());
  feed(cache, 1, 4);
  cache.fork(1, 2);
  cache.truncate(1, 2);
  EXPECT_EQ(cache.length(1), 2);
  EXPECT_EQ(cache.length(2), 4);
  feed(cache, 1, 1, 5); // value 32 where 4 stood
  expectNear(ask(cache, 1, {}, 1), {(1 + 2 + 32) / 3.0});
  expectNear(ask(cache, 1, {}, 2), {3.75});
  cache.truncate(1, 9); // longer than it is: nothing to forget
  EXPECT_EQ(cache.length(1), 3);
  cache.release(1);
  EXPECT_EQ(cache.length(1), 0);
}

TEST(CacheLife, nan_is_reported_by_quantised_storage_alone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Array<double, 3> k({1, 1, 1}, nan), v({1, 1, 1}, 1.0);
  Cache plain(tinyPolicy());
  EXPECT_FALSE(plain.append({{1, 1}}, k, v, iota(1)));
  kvcrt_policy policy = tinyPolicy();
  policy.key = i8Storage();
  Cache quantised(policy);
  EXPECT_TRUE(quantised.append({{1, 1}}, k, v, iota(1)));
}

TEST(CheckPolicy, unsupported_is_said) {
  kvcrt_policy policy = tinyPolicy();
  EXPECT_EQ(checkPolicy(policy), KVCRT_OK);
  policy.retention = KVCRT_RETAIN_SNAP;
  EXPECT_EQ(checkPolicy(policy), KVCRT_UNSUPPORTED);
  policy = tinyPolicy();
  policy.layout = KVCRT_LAYOUT_RING;
  EXPECT_EQ(checkPolicy(policy), KVCRT_UNSUPPORTED);
  policy = tinyPolicy();
  policy.retention = KVCRT_RETAIN_WINDOW; // of no tokens
  EXPECT_EQ(checkPolicy(policy), KVCRT_INVALID_ARGUMENT);
  policy = tinyPolicy();
  policy.element = KVCRT_I8;
  EXPECT_EQ(checkPolicy(policy), KVCRT_INVALID_ARGUMENT);
}

} // namespace
