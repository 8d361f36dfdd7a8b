//===- kvcref/attention.h - stateless attention and merge -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of kvc.attention and kvc.merge, and the two pieces that
// kvc.attend is made of as well: a score, and a softmax-weighted mean.
//
// Invariant: -inf is the one way to say "not visible". A value row whose score
// is -inf is never read, so it may hold anything.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_ATTENTION_H
#define KVCREF_ATTENTION_H

#include "kvcref/view.h"

#include <functional>
#include <limits>

namespace kvcref {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A score region: (score, batch, query head, query, key) -> score. In
/// attention query and key are row numbers of Q and K, in attend they are
/// indices in their sequence (and batch is the row of the step). Captured
/// tensors are what the function closes over. Answering -inf hides the key.
using ScoreEdit = std::function<double(
    double score, int64_t batch, int64_t head, int64_t query, int64_t key)>;

/// How q.k becomes a score, in this order:
///   s = scale * q.k
///   s = softcap * tanh(s / softcap)        when softcap > 0
///   s = edit(s, ...)                       when there is one
///   s = s + slope[head] * distance         when there are slopes (ALiBi)
struct ScoreRule {
  double scale = 1;
  double softcap = 0;
  ScoreEdit edit;
  View<const double, 1> alibiSlopes; // [q heads]
};

/// `distance` is key position minus query position: never positive when causal.
double computeScore(const ScoreRule &rule, double dot, int64_t batch,
                    int64_t head, int64_t query, int64_t key, double distance);

/// The slopes of Press et al. (Train Short, Test Long, 2021): 2^(-8 (h+1) / n)
/// for a power of two n; other head counts interleave the next power's.
std::vector<double> defaultAlibiSlopes(int64_t heads);

/// softmax(scores) . values -> out, and answers the natural log of the
/// denominator. `sink` is one more logit without a value: it enters the
/// denominator alone; -inf means none.
///   scores [n], values [n][D], out [D]
/// When nothing is visible, out = 0 and the answer is `sink`.
double weightedMean(View<const double, 1> scores, View<const double, 2> values,
                    double sink, View<double, 1> out);

/// What a row with nothing visible (and no sink logit) yields.
enum class FullyMasked {
  NaN,     // 0 / 0
  Uniform, // the mean of all value rows: what a finite mask gives
  Zero
};

struct AttentionOptions {
  ScoreRule score; // ALiBi's positions are the indices
  /// Query i of Sq has index Skv - Sq + i (bottom-right) and sees key j iff
  ///   causal: j <= index        window W > 0: 0 <= index - j < W
  bool causal = false;
  int64_t window = 0;
  /// [B][Hq][Sq][Skv], strides of 0 to broadcast: added to the score, or
  /// nonzero = visible.
  View<const double, 4> additiveMask;
  View<const uint8_t, 4> booleanMask;
  View<const double, 1> sinkLogits; // [Hq]
  FullyMasked fullyMasked = FullyMasked::NaN;
};

struct AttentionResult {
  Array<double, 4> out; // [B][Hq][Sq][Dv]
  Array<double, 3> lse; // [B][Hq][Sq], natural log, the sink logit included
};

/// kvc.attention: q [B][Hq][Sq][Dk], k [B][Hkv][Skv][Dk], v [B][Hkv][Skv][Dv].
/// Query head h reads kv head h / (Hq / Hkv). With a sink logit a row with
/// nothing visible is 0 whatever fullyMasked says: its denominator is
/// exp(sink).
AttentionResult attention(View<const double, 4> q, View<const double, 4> k,
                          View<const double, 4> v,
                          const AttentionOptions &options);

struct MergeResult {
  Array<double, 3> out; // [T][H][D]
  Array<double, 2> lse; // [T][H]
};

/// kvc.merge: partial results over disjoint keys become one, as if all keys had
/// been seen at once. A partial with lse -inf saw nothing and its out is never
/// read; when all are -inf, out = 0. The learned sink enters here, once.
///   partialOut [P][T][H][D], partialLse [P][T][H], sinkLogits [H] or absent
MergeResult merge(View<const double, 4> partialOut,
                  View<const double, 3> partialLse,
                  View<const double, 1> sinkLogits = {});

} // namespace kvcref

#endif // KVCREF_ATTENTION_H
