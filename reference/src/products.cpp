//===- products.cpp - what rounding operands makes of a row ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "kvcref/products.h"

#include "kvcref/bounds.h"
#include "kvcref/formats.h"
#include "kvcref/rope.h"

#include <algorithm>
#include <cmath>

using namespace kvcref;

int32_t kvcref::productFormat(const kvcrt_policy &policy,
                              const kvcrt_storage &storage) {
  if (storage.format == KVCRT_F8E4M3FN)
    return KVCRT_F16;
  if (policy.element != KVCRT_F32)
    return policy.element;
  return storage.kind == KVCRT_STORAGE_QUANT ? int32_t(KVCRT_BF16)
                                             : storage.format;
}

bool kvcref::roundsOperands(const kvcrt_policy &policy) {
  const int32_t format = productFormat(policy, policy.key);
  return format != KVCRT_F32 &&
         (format != policy.element || policy.position == KVCRT_POSITION_ROPE);
}

double LseRange::distance(int64_t token, int64_t head, double lse) const {
  const double least = low(token, head), most = high(token, head);
  if (lse >= least && lse <= most)
    return 0;
  return std::min(lseDistance(lse, least), lseDistance(lse, most));
}

namespace {

/// A row whose elements are between middle - half and middle + half.
struct RowRange {
  std::vector<double> middle, half;

  void scale(double by) {
    for (std::vector<double> *numbers : {&middle, &half})
      for (double &number : *numbers)
        number *= by;
  }
};

/// The power of two that brings the largest of x into [2^13, 2^14), as far as
/// 2^-113 to 2^114 do.
double queryFactor(const std::vector<double> &x) {
  double largest = 0;
  for (double number : x)
    largest = std::max(largest, std::abs(number));
  // Zeros are as good with any factor.
  const int exponent = largest > 0 ? std::ilogb(largest) : -127;
  return std::ldexp(1.0, std::clamp(13 - exponent, -113, 114));
}

/// Of x, turned to `position` where `rope` is given, each rounded to `format`
/// (f32: kept whole) as a multiple of 1 / factor.
///
/// A turn is x cos - y sin in f32: each product has the rounding of its angle
/// (2^-24 of it) and one of its own at most, and so has their sum. That is less
/// than 3 x 2^-24 (|x cos| + |y sin|), to which a table of angles that are off
/// by another rounding adds one.
RowRange roundRow(std::vector<double> x, int32_t format,
                  const kvcrt_rope_params *rope, int64_t position,
                  double factor = 1) {
  std::vector<double> error(x.size());
  if (rope) {
    const int32_t half = rope->dim / 2;
    for (int32_t pair = 0; pair < half; ++pair) {
      const bool neox = rope->style == KVCRT_ROPE_NEOX;
      const int32_t a = neox ? pair : 2 * pair;
      const int32_t b = neox ? pair + half : a + 1;
      const double angle = double(position) * ropeFrequency(*rope, pair);
      const double c = std::abs(std::cos(angle)), s = std::abs(std::sin(angle));
      error[a] = 0x1p-22 * (std::abs(x[a]) * c + std::abs(x[b]) * s);
      error[b] = 0x1p-22 * (std::abs(x[a]) * s + std::abs(x[b]) * c);
    }
    rotate(*rope, position, {x.data(), {int64_t(x.size())}});
  }
  RowRange row{x, std::vector<double>(x.size())};
  for (size_t d = 0; d < x.size() && format != KVCRT_F32; ++d) {
    const double low = roundTo(format, (x[d] - error[d]) * factor) / factor,
                 high = roundTo(format, (x[d] + error[d]) * factor) / factor;
    row.middle[d] = (high + low) / 2;
    row.half[d] = (high - low) / 2;
  }
  return row;
}

/// A product of rows, and how far it may be from that.
std::pair<double, double> multiply(const RowRange &a, const RowRange &b) {
  double middle = 0, half = 0;
  for (size_t d = 0; d < a.middle.size(); ++d) {
    middle += a.middle[d] * b.middle[d];
    half += std::abs(a.middle[d]) * b.half[d] +
            a.half[d] * (std::abs(b.middle[d]) + b.half[d]);
  }
  return {middle, half};
}

double logSumExp(const std::vector<double> &scores, double sink) {
  const int64_t count = scores.size();
  return weightedMean({scores.data(), {count}}, {nullptr, {count, 0}}, sink,
                      {nullptr, {0}});
}

} // namespace

void kvcref::sequenceLseRange(const kvcrt_policy &policy,
                              const AttendOptions &options, int64_t batch,
                              View<const double, 3> q,
                              View<const int64_t, 1> positions,
                              const History &history,
                              View<const double, 2> keyScales,
                              View<double, 2> low, View<double, 2> high) {
  const int64_t queries = q.shape[0], heads = q.shape[1], dim = q.shape[2];
  const int64_t keys = history.key.shape[0];
  const int64_t groupSize = heads / policy.kv_heads;
  const int32_t format = productFormat(policy, policy.key);
  const kvcrt_rope_params *rope =
      policy.position == KVCRT_POSITION_ROPE ? &policy.rope : nullptr;
  const bool turnKeys = rope && rope->at == KVCRT_ROPE_AT_ATTEND;
  ScoreRule rule = options.score;
  if (policy.position != KVCRT_POSITION_ALIBI)
    rule.alibiSlopes = {};

  // Codes are turned, and scaled in f32 afterwards. Rows that are not turned
  // are of the products' type already.
  std::vector<RowRange> keyRows(keys * policy.kv_heads);
  auto keyRow = [&](int64_t j, int64_t kvHead) -> const RowRange & {
    RowRange &row = keyRows[j * policy.kv_heads + kvHead];
    if (!row.middle.empty())
      return row;
    std::vector<double> x(dim);
    for (int64_t d = 0; d < dim; ++d)
      x[d] = history.key(j, kvHead, d);
    if (!turnKeys)
      return row = {x, std::vector<double>(dim)};
    const double scale = keyScales(j, kvHead);
    for (double &number : x)
      number = scale == 0 ? 0 : number / scale;
    row = roundRow(std::move(x), format, rope, history.positions(j));
    row.scale(scale);
    return row;
  };

  for (int64_t i = 0; i < queries; ++i)
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t index = keys - queries + i, position = positions(i);
      auto queryRow = [&](int64_t at) {
        std::vector<double> x(dim);
        for (int64_t d = 0; d < dim; ++d)
          x[d] = q(i, h, d);
        // A row of wider range has a factor of its own.
        const double factor = format == KVCRT_F16 && policy.element != KVCRT_F16
                                  ? queryFactor(x)
                                  : 1;
        return roundRow(std::move(x), format, rope, at, factor);
      };
      const RowRange query = queryRow(position);
      const RowRange sinkQuery =
          queryRow(queryPositionFor(policy, index, position, 0));
      std::vector<double> least(keys, -kInfinity), most = least;
      for (int64_t j = 0; j < keys; ++j) {
        if (!isVisible(policy, options, index, j) ||
            (options.booleanMask && !options.booleanMask(i, h, j)))
          continue;
        const int64_t met = queryPositionFor(policy, index, position, j);
        auto [dot, half] = multiply(met == position ? query : sinkQuery,
                                    keyRow(j, h / groupSize));
        auto score = [&](double of) {
          const double sum =
              options.additiveMask ? options.additiveMask(i, h, j) : 0;
          return computeScore(rule, of, batch, h, index, j,
                              double(history.positions(j) - met)) +
                 sum;
        };
        // A negative scale turns them round.
        const double a = score(dot - half), b = score(dot + half);
        least[j] = std::min(a, b);
        most[j] = std::max(a, b);
      }
      const double sink =
          options.sinkLogits ? options.sinkLogits(h) : -kInfinity;
      low(i, h) = logSumExp(least, sink);
      high(i, h) = logSumExp(most, sink);
    }
}
