//===- attention.cpp - stateless attention and merge ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: the largest exponent is 0, so nothing overflows, and a row with
// nothing visible divides nothing by zero unless its caller asks for NaN.
//===----------------------------------------------------------------------===//
#include "kvcref/attention.h"

#include <cmath>

using namespace kvcref;

double kvcref::computeScore(const ScoreRule &rule, double dot, int64_t batch,
                            int64_t head, int64_t query, int64_t key,
                            double distance) {
  double score = rule.scale * dot;
  if (rule.softcap > 0)
    score = rule.softcap * std::tanh(score / rule.softcap);
  if (rule.edit)
    score = rule.edit(score, batch, head, query, key);
  if (rule.alibiSlopes)
    score += rule.alibiSlopes(head) * distance;
  return score;
}

std::vector<double> kvcref::defaultAlibiSlopes(int64_t heads) {
  int64_t power = 1;
  while (power * 2 <= heads)
    power *= 2;
  std::vector<double> slopes;
  for (int64_t h = 0; h < power; ++h)
    slopes.push_back(std::exp2(-8.0 * (h + 1) / power));
  // The rest are the odd ones of the next power of two.
  for (int64_t h = power; h < heads; ++h)
    slopes.push_back(std::exp2(-8.0 * (2 * (h - power) + 1) / (2 * power)));
  return slopes;
}

double kvcref::weightedMean(View<const double, 1> scores,
                            View<const double, 2> values, double sink,
                            View<double, 1> out) {
  for (int64_t d = 0; d < out.shape[0]; ++d)
    out(d) = 0;

  double largest = sink;
  for (int64_t j = 0; j < scores.shape[0]; ++j)
    if (scores(j) > largest || std::isnan(scores(j)))
      largest = scores(j);
  if (largest == -kInfinity)
    return -kInfinity;

  double denominator = std::exp(sink - largest);
  for (int64_t j = 0; j < scores.shape[0]; ++j) {
    if (scores(j) == -kInfinity)
      continue;
    const double weight = std::exp(scores(j) - largest);
    denominator += weight;
    for (int64_t d = 0; d < out.shape[0]; ++d)
      out(d) += weight * values(j, d);
  }
  for (int64_t d = 0; d < out.shape[0]; ++d)
    out(d) /= denominator;
  return largest + std::log(denominator);
}

static void fillFullyMasked(FullyMasked rule, View<const double, 2> values,
                            View<double, 1> out) {
  for (int64_t d = 0; d < out.shape[0]; ++d) {
    double sum = 0;
    for (int64_t j = 0; j < values.shape[0]; ++j)
      sum += values(j, d);
    if (rule == FullyMasked::NaN)
      out(d) = std::numeric_limits<double>::quiet_NaN();
    else
      out(d) = rule == FullyMasked::Uniform ? sum / double(values.shape[0]) : 0;
  }
}

AttentionResult kvcref::attention(View<const double, 4> q,
                                  View<const double, 4> k,
                                  View<const double, 4> v,
                                  const AttentionOptions &options) {
  const int64_t batches = q.shape[0], heads = q.shape[1], queries = q.shape[2];
  const int64_t keyDim = q.shape[3], valueDim = v.shape[3];
  // without heads there is no group to divide
  const int64_t keys = k.shape[2],
                groupSize = k.shape[1] ? heads / k.shape[1] : 1;

  AttentionResult result{Array<double, 4>({batches, heads, queries, valueDim}),
                         Array<double, 3>({batches, heads, queries})};
  Array<double, 1> scores({keys});

  auto isVisible = [&](int64_t b, int64_t h, int64_t i, int64_t j) {
    const int64_t index = keys - queries + i;
    if (options.causal && j > index)
      return false;
    if (options.window > 0 && !(index - j >= 0 && index - j < options.window))
      return false;
    return !options.booleanMask || options.booleanMask(b, h, i, j) != 0;
  };

  for (int64_t b = 0; b < batches; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < queries; ++i) {
        const int64_t kvHead = h / groupSize, index = keys - queries + i;
        for (int64_t j = 0; j < keys; ++j) {
          scores(j) = -kInfinity;
          if (!isVisible(b, h, i, j))
            continue;
          double dot = 0;
          for (int64_t d = 0; d < keyDim; ++d)
            dot += q(b, h, i, d) * k(b, kvHead, j, d);
          scores(j) =
              computeScore(options.score, dot, b, h, i, j, double(j - index));
          if (options.additiveMask)
            scores(j) += options.additiveMask(b, h, i, j);
        }
        const double sink =
            options.sinkLogits ? options.sinkLogits(h) : -kInfinity;
        View<double, 1> out = result.out.view()[b][h][i];
        double lse = weightedMean(scores, v[b][kvHead], sink, out);
        result.lse(b, h, i) = lse;
        if (lse == -kInfinity)
          fillFullyMasked(options.fullyMasked, v[b][kvHead], out);
      }
  return result;
}

MergeResult kvcref::merge(View<const double, 4> partialOut,
                          View<const double, 3> partialLse,
                          View<const double, 1> sinkLogits) {
  const int64_t partials = partialOut.shape[0], tokens = partialOut.shape[1],
                heads = partialOut.shape[2], dim = partialOut.shape[3];
  MergeResult result{Array<double, 3>({tokens, heads, dim}),
                     Array<double, 2>({tokens, heads})};
  // A partial mean weighs as much as the denominator it was divided by:
  // exp(lse). So merging is the weighted mean of the partial means, with their
  // lse as scores.
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      View<const double, 1> scores(&partialLse(0, t, h), {partials},
                                   {partialLse.stride[0]});
      View<const double, 2> means(&partialOut(0, t, h, 0), {partials, dim},
                                  {partialOut.stride[0], partialOut.stride[3]});
      const double sink = sinkLogits ? sinkLogits(h) : -kInfinity;
      result.lse(t, h) =
          weightedMean(scores, means, sink, result.out.view()[t][h]);
    }
  return result;
}
