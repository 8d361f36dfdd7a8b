//===- attention_test.cpp - stateless attention and merge -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small cases by hand; the large ones by expected.py.
//===----------------------------------------------------------------------===//
#include "expected.h"
#include "kvcref/attention.h"
#include "test_support.h"

using namespace kvcref;
using namespace kvcref::test;

namespace {

const double nan = std::numeric_limits<double>::quiet_NaN();

/// One batch, one head, dimension 1: q [Sq], k [Skv], v [Skv].
AttentionResult tiny(std::vector<double> q, std::vector<double> k,
                     std::vector<double> v, const AttentionOptions &options) {
  const int64_t queries = q.size(), keys = k.size();
  return attention(Array<double, 4>({1, 1, queries, 1}, std::move(q)),
                   Array<double, 4>({1, 1, keys, 1}, std::move(k)),
                   Array<double, 4>({1, 1, keys, 1}, std::move(v)), options);
}

TEST(Attention, gqa_causal_bottom_right) {
  AttentionOptions options;
  options.score.scale = 0.5;
  options.causal = true;
  auto got = attention(ramp<4>(1, {2, 4, 3, 4}), ramp<4>(2, {2, 2, 5, 4}),
                       ramp<4>(3, {2, 2, 5, 3}), options);
  expectNear(got.out.elements, expected::gqaCausalOut);
  expectNear(got.lse.elements, expected::gqaCausalLse);
}

TEST(Attention, every_feature_in_its_order) {
  const Array<double, 1> slopes({4}, {0.5, 0.25, 0.125, 0.0625});
  const Array<double, 1> sinks({4}, {0.5, -1.0, 0.0, 2.0});
  const Array<double, 4> bias = ramp<4>(4, {2, 1, 3, 5});
  AttentionOptions options;
  options.score.scale = 1.5;
  options.score.softcap = 0.75;
  options.score.edit = [](double s, int64_t batch, int64_t head, int64_t query,
                          int64_t key) {
    return s * s + 0.25 * (head + 1) * (query - 2 * key) + 0.125 * batch;
  };
  options.score.alibiSlopes = slopes;
  options.window = 3;
  options.additiveMask = bias;
  options.additiveMask.shape[1] = 4; // the same for all heads
  options.additiveMask.stride[1] = 0;
  options.sinkLogits = sinks;
  auto got = attention(ramp<4>(1, {2, 4, 3, 4}), ramp<4>(2, {2, 2, 5, 4}),
                       ramp<4>(3, {2, 2, 5, 3}), options);
  expectNear(got.out.elements, expected::everythingOut);
  expectNear(got.lse.elements, expected::everythingLse);
}

// exp(ln 1), exp(ln 3): weights 1/4 and 3/4, denominator 4.
TEST(Attention, two_keys_by_hand) {
  auto got = tiny({1}, {0, std::log(3.0)}, {8, 4}, {});
  expectNear(got.out.elements, {5});
  expectNear(got.lse.elements, {std::log(4.0)});
}

// A sink logit of ln 4 doubles the denominator and adds no value.
TEST(Attention, sink_logit_by_hand) {
  const Array<double, 1> sink({1}, std::log(4.0));
  AttentionOptions options;
  options.sinkLogits = sink;
  auto got = tiny({1}, {0, std::log(3.0)}, {8, 4}, options);
  expectNear(got.out.elements, {2.5});
  expectNear(got.lse.elements, {std::log(8.0)});
}

TEST(Attention, fully_masked_rows) {
  // Query 0 sees nothing, query 1 sees key 1 alone.
  const Array<uint8_t, 4> mask({1, 1, 2, 2}, {0, 0, 0, 1});
  AttentionOptions options;
  options.booleanMask = mask;
  options.fullyMasked = FullyMasked::NaN;
  expectNear(tiny({1, 1}, {0, 5}, {2, 6}, options).out.elements, {nan, 6});
  options.fullyMasked = FullyMasked::Uniform;
  expectNear(tiny({1, 1}, {0, 5}, {2, 6}, options).out.elements, {4, 6});
  options.fullyMasked = FullyMasked::Zero;
  auto got = tiny({1, 1}, {0, 5}, {2, 6}, options);
  expectNear(got.out.elements, {0, 6});
  expectNear(got.lse.elements, {-kInfinity, 5});

  // With a sink logit there is a denominator, so none of the rules applies.
  const Array<double, 1> sink({1}, 1.5);
  options.sinkLogits = sink;
  options.fullyMasked = FullyMasked::NaN;
  got = tiny({1, 1}, {0, 5}, {2, 6}, options);
  EXPECT_EQ(got.out.elements[0], 0);
  EXPECT_EQ(got.lse.elements[0], 1.5);
}

// Uniform is what a finite mask gives: it takes in keys that causality hides.
TEST(Attention, more_queries_than_keys) {
  AttentionOptions options;
  options.causal = true;
  options.fullyMasked = FullyMasked::Uniform;
  auto got = tiny({1, 1, 1}, {0, 0}, {2, 6}, options);
  expectNear(got.out.elements, {4, 2, 4}); // indices -1, 0, 1
}

TEST(Attention, no_keys) {
  AttentionOptions options;
  options.fullyMasked = FullyMasked::Zero;
  auto got = attention(Array<double, 4>({1, 1, 1, 2}, 1.0),
                       Array<double, 4>({1, 1, 0, 2}),
                       Array<double, 4>({1, 1, 0, 2}), options);
  expectNear(got.out.elements, {0, 0});
  expectNear(got.lse.elements, {-kInfinity});
}

TEST(Attention, hidden_keys_may_be_nan) {
  const Array<uint8_t, 4> mask({1, 1, 1, 2}, {1, 0});
  AttentionOptions options;
  options.booleanMask = mask;
  auto got = tiny({1}, {0, nan}, {3, nan}, options);
  expectNear(got.out.elements, {3});
}

TEST(Attention, window_counts_the_query_itself) {
  AttentionOptions options;
  options.window = 1;
  expectNear(tiny({1, 1, 1}, {0, 0, 0}, {1, 2, 4}, options).out.elements,
             {1, 2, 4});
  options.window = 2;
  expectNear(tiny({1, 1, 1}, {0, 0, 0}, {1, 2, 4}, options).out.elements,
             {1, 1.5, 3});
}

TEST(Attention, large_scores_do_not_overflow) {
  auto got = tiny({1000}, {1, 1}, {3, 5}, {});
  expectNear(got.out.elements, {4});
  expectNear(got.lse.elements, {1000 + std::log(2.0)});
}

TEST(Alibi, slopes_of_press_et_al) {
  expectNear(defaultAlibiSlopes(8), {1.0 / 2, 1.0 / 4, 1.0 / 8, 1.0 / 16,
                                     1.0 / 32, 1.0 / 64, 1.0 / 128, 1.0 / 256});
  // 6 heads: the slopes of 4, then the first and third of 8.
  expectNear(defaultAlibiSlopes(6),
             {1.0 / 4, 1.0 / 16, 1.0 / 64, 1.0 / 256, 1.0 / 2, 1.0 / 8});
}

/// Partials [P], dimension 1.
MergeResult mergeTiny(std::vector<double> out, std::vector<double> lse,
                      View<const double, 1> sink = {}) {
  const int64_t partials = out.size();
  return merge(Array<double, 4>({partials, 1, 1, 1}, std::move(out)),
               Array<double, 3>({partials, 1, 1}, std::move(lse)), sink);
}

TEST(Merge, by_hand) {
  auto got = mergeTiny({8, 4}, {0, std::log(3.0)});
  expectNear(got.out.elements, {5});
  expectNear(got.lse.elements, {std::log(4.0)});
}

TEST(Merge, nothing_and_nothing) {
  auto got = mergeTiny({nan, nan}, {-kInfinity, -kInfinity});
  expectNear(got.out.elements, {0});
  expectNear(got.lse.elements, {-kInfinity});
}

TEST(Merge, an_empty_partial_is_never_read) {
  auto got = mergeTiny({nan, 7}, {-kInfinity, 2});
  expectNear(got.out.elements, {7});
  expectNear(got.lse.elements, {2});
}

TEST(Merge, sink_enters_once) {
  const Array<double, 1> sink({1}, std::log(4.0));
  auto got = mergeTiny({8, 4}, {0, std::log(3.0)}, sink);
  expectNear(got.out.elements, {2.5});
  expectNear(got.lse.elements, {std::log(8.0)});
  got = mergeTiny({nan}, {-kInfinity}, sink);
  expectNear(got.out.elements, {0});
  expectNear(got.lse.elements, {std::log(4.0)});
}

} // namespace
