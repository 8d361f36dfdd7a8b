//===- cache_test.cpp - append, attend and gather under a policy ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// expected.py has eight tokens, 4 query and 2 KV heads of 4, scale 1/2.
//===----------------------------------------------------------------------===//
#include "expected.h"
#include "kvcref/cache.h"
#include "test_support.h"

using namespace kvcref;
using namespace kvcref::test;

namespace {

constexpr int64_t T = 8;

kvcrt_policy basePolicy() { return makePolicy(2, 4, 4, KVCRT_F32); }

kvcrt_policy ropePolicy(kvcrt_rope_style style, kvcrt_rope_at at) {
  kvcrt_policy policy = basePolicy();
  policy.position = KVCRT_POSITION_ROPE;
  policy.rope.theta = 100;
  policy.rope.dim = 4;
  policy.rope.style = style;
  policy.rope.at = at;
  return policy;
}

void makeStreaming(kvcrt_policy &policy) {
  policy.retention = KVCRT_RETAIN_STREAMING;
  policy.sink_tokens = 2;
  policy.window = 3;
}

struct Outputs {
  std::vector<double> out, lse;
};

const Array<double, 1> slopes({4}, {0.5, 0.25, 0.125, 0.0625});

/// Feeds the eight tokens in chunks; all chunkings must answer the same.
Outputs run(const kvcrt_policy &policy, const std::vector<int64_t> &chunks,
            int64_t offset = 0) {
  EXPECT_EQ(checkPolicy(policy), KVCRT_OK);
  const auto q = ramp<3>(6, {T, 4, 4}), k = ramp<3>(7, {T, 2, 4}),
             v = ramp<3>(8, {T, 2, 4});
  const auto positions = iota(T, offset);
  Array<double, 3> out({T, 4, 4});
  Array<double, 2> lse({T, 4});
  AttendOptions options;
  options.score.scale = 0.5;
  options.score.alibiSlopes = slopes;
  Cache cache(policy);
  int64_t token = 0;
  for (int64_t n : chunks) {
    std::vector<StepRow> rows = {{7, n}};
    auto at = positions.view().slice(token, n);
    cache.append(rows, k.view().slice(token, n), v.view().slice(token, n), at);
    cache.attend(options, rows, q.view().slice(token, n), at,
                 out.view().slice(token, n), lse.view().slice(token, n));
    token += n;
  }
  return {out.elements, lse.elements};
}

TEST(Cache, rope_at_append) {
  auto got = run(ropePolicy(KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND), {T});
  // expected.py does not round keys to f32 after rotating them.
  expectNear(got.out, expected::cacheRopeOut, 1e-7);
  expectNear(got.lse, expected::cacheRopeLse, 1e-7);
}

TEST(Cache, rope_at_attend_is_the_same_without_rounding) {
  kvcrt_policy policy = ropePolicy(KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_ATTEND);
  expectNear(run(policy, {T}).out, expected::cacheRopeOut);
}

TEST(Cache, f16_rounds_what_was_rotated) {
  kvcrt_policy policy = ropePolicy(KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
  policy.key.format = policy.value.format = KVCRT_F16;
  expectNear(run(policy, {T}).out, expected::cacheRopeF16Out);
}

TEST(Cache, gather_answers_what_is_stored) {
  kvcrt_policy policy = ropePolicy(KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
  policy.key.format = KVCRT_BF16;
  Cache cache(policy);
  const auto k = ramp<3>(7, {T, 2, 4}), v = ramp<3>(8, {T, 2, 4});
  cache.append({{1, T}}, k, v, iota(T));
  History held = cache.gather(1);
  ASSERT_EQ(held.key.shape, (std::array<int64_t, 3>{T, 2, 4}));
  expectNear({held.key.data, held.key.data + T * 8}, expected::cacheRopeBF16Key,
             0);
  expectNear({held.value.data, held.value.data + T * 8}, v.elements, 0);
  EXPECT_FALSE(cache.gather(2).key);
}

TEST(Cache, i8) {
  kvcrt_policy policy = basePolicy();
  policy.key = i8Storage();
  policy.value = i8Storage();
  expectNear(run(policy, {T}).out, expected::cacheI8Out);
}

TEST(Cache, i8_rounds_before_rope_at_attend) {
  kvcrt_policy policy = ropePolicy(KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_ATTEND);
  policy.key = i8Storage();
  expectNear(run(policy, {T}).out, expected::cacheRopeAtAttendI8Out);
}

TEST(Cache, window) {
  kvcrt_policy policy = ropePolicy(KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
  policy.retention = KVCRT_RETAIN_WINDOW;
  policy.window = 4;
  expectNear(run(policy, {T}).out, expected::cacheWindowOut, 1e-7);
}

TEST(Cache, alibi) {
  kvcrt_policy policy = basePolicy();
  policy.position = KVCRT_POSITION_ALIBI;
  expectNear(run(policy, {T}).out, expected::cacheAlibiOut);
}

// Kept tokens re-numbered and rotated anew, against two rotated queries.
TEST(Cache, streaming_is_in_cache_positions) {
  for (auto at : {KVCRT_ROPE_AT_APPEND, KVCRT_ROPE_AT_ATTEND}) {
    kvcrt_policy policy = ropePolicy(KVCRT_ROPE_INTERLEAVED, at);
    makeStreaming(policy);
    auto got = run(policy, {T});
    expectNear(got.out, expected::streamingRopeOut, 1e-7);
    expectNear(got.lse, expected::streamingRopeLse, 1e-7);
  }
}

TEST(Cache, streaming_alibi) {
  kvcrt_policy policy = basePolicy();
  policy.position = KVCRT_POSITION_ALIBI;
  makeStreaming(policy);
  expectNear(run(policy, {T}).out, expected::streamingAlibiOut);
}

TEST(Cache, a_position_offset_changes_nothing_relative) {
  kvcrt_policy policy =
      ropePolicy(KVCRT_ROPE_INTERLEAVED, KVCRT_ROPE_AT_ATTEND);
  makeStreaming(policy);
  expectNear(run(policy, {T}, 100).out, expected::streamingRopeOut);
}

TEST(Cache, any_chunking_of_the_prompt) {
  for (int retention :
       {KVCRT_RETAIN_ALL, KVCRT_RETAIN_WINDOW, KVCRT_RETAIN_STREAMING})
    for (auto at : {KVCRT_ROPE_AT_APPEND, KVCRT_ROPE_AT_ATTEND}) {
      kvcrt_policy policy = ropePolicy(KVCRT_ROPE_NEOX, at);
      makeStreaming(policy);
      policy.retention = retention;
      policy.key = i8Storage();
      policy.value.format = KVCRT_F16;
      const Outputs whole = run(policy, {T});
      for (auto chunks : std::vector<std::vector<int64_t>>{
               {1, 1, 1, 1, 1, 1, 1, 1}, {3, 0, 5}, {7, 1}, {2, 4, 2}}) {
        Outputs got = run(policy, chunks);
        expectNear(got.out, whole.out, 0);
        expectNear(got.lse, whole.lse, 0);
      }
    }
}

// A batch is as its sequences alone, and rows may be empty.
TEST(Cache, sequences_do_not_know_each_other) {
  const kvcrt_policy policy = ropePolicy(KVCRT_ROPE_NEOX, KVCRT_ROPE_AT_APPEND);
  const auto q = ramp<3>(6, {T, 4, 4}), k = ramp<3>(7, {T, 2, 4}),
             v = ramp<3>(8, {T, 2, 4});
  AttendOptions options;
  options.score.scale = 0.5;
  auto solo = [&](int64_t first, int64_t n) {
    Cache cache(policy);
    Array<double, 3> out({n, 4, 4});
    cache.append({{1, n}}, k.view().slice(first, n), v.view().slice(first, n),
                 iota(n));
    cache.attend(options, {{1, n}}, q.view().slice(first, n), iota(n), out, {});
    return out.elements;
  };
  Cache cache(policy);
  const std::vector<StepRow> rows = {{1, 3}, {2, 0}, {3, 5}};
  const Array<int64_t, 1> positions({T}, {0, 1, 2, 0, 1, 2, 3, 4});
  Array<double, 3> out({T, 4, 4});
  cache.append(rows, k, v, positions);
  cache.attend(options, rows, q, positions, out, {});
  EXPECT_EQ(cache.length(1), 3);
  EXPECT_EQ(cache.length(2), 0);
  EXPECT_EQ(cache.length(3), 5);
  std::vector<double> together = solo(0, 3), second = solo(3, 5);
  together.insert(together.end(), second.begin(), second.end());
  expectNear(out.elements, together, 0);
}

} // namespace
