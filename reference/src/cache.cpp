//===- cache.cpp - append, attend and gather on a cache -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: attendSequence reads rows of the history only at (query, key)
// pairs that isVisible allows.
//===----------------------------------------------------------------------===//
#include "kvcref/cache.h"

#include "kvcref/formats.h"
#include "kvcref/rope.h"
#include "kvcref/storage.h"

#include <algorithm>
#include <cmath>

using namespace kvcref;

kvcrt_status kvcref::checkPolicy(const kvcrt_policy &policy) {
  if (policy.kv_heads <= 0 || policy.key_dim <= 0 || policy.value_dim <= 0)
    return KVCRT_INVALID_ARGUMENT;
  const Format *element = findFormat(policy.element);
  if (!element || std::isfinite(element->largestCode))
    return KVCRT_INVALID_ARGUMENT;
  if (policy.layout != KVCRT_LAYOUT_PAGED &&
      policy.layout != KVCRT_LAYOUT_CONTIGUOUS)
    return KVCRT_UNSUPPORTED;
  for (const kvcrt_storage *storage : {&policy.key, &policy.value})
    if (kvcrt_status status = checkStorage(*storage))
      return status;
  if (policy.position == KVCRT_POSITION_ROPE) {
    if (kvcrt_status status = checkRope(policy.rope))
      return status;
    if (policy.rope.dim > policy.key_dim)
      return KVCRT_INVALID_ARGUMENT;
  }
  switch (policy.retention) {
  case KVCRT_RETAIN_ALL:
    return KVCRT_OK;
  case KVCRT_RETAIN_WINDOW:
  case KVCRT_RETAIN_STREAMING:
    return policy.window > 0 && policy.sink_tokens >= 0
               ? KVCRT_OK
               : KVCRT_INVALID_ARGUMENT;
  default:
    return KVCRT_UNSUPPORTED;
  }
}

kvcrt_policy kvcref::makePolicy(int32_t kvHeads, int32_t keyDim,
                                int32_t valueDim, int32_t element) {
  kvcrt_policy policy{};
  policy.kv_heads = kvHeads;
  policy.key_dim = keyDim;
  policy.value_dim = valueDim;
  policy.element = element;
  policy.layout = KVCRT_LAYOUT_PAGED;
  policy.block = 16;
  policy.order = KVCRT_HND;
  policy.position = KVCRT_POSITION_NONE;
  policy.key.kind = policy.value.kind = KVCRT_STORAGE_PLAIN;
  policy.key.format = policy.value.format = element;
  policy.retention = KVCRT_RETAIN_ALL;
  return policy;
}

static bool isInWindow(int64_t window, int64_t query, int64_t key) {
  return query - key >= 0 && query - key < window;
}

bool kvcref::isRetained(const kvcrt_policy &policy, int64_t query,
                        int64_t key) {
  switch (policy.retention) {
  case KVCRT_RETAIN_WINDOW:
    return isInWindow(policy.window, query, key);
  case KVCRT_RETAIN_STREAMING:
    return key < policy.sink_tokens || isInWindow(policy.window, query, key);
  default:
    return true;
  }
}

int64_t kvcref::queryPositionFor(const kvcrt_policy &policy, int64_t query,
                                 int64_t queryPosition, int64_t key) {
  if (policy.retention != KVCRT_RETAIN_STREAMING || key >= policy.sink_tokens)
    return queryPosition;
  const int64_t lastPlace = int64_t(policy.sink_tokens) + policy.window - 1;
  return queryPosition - std::max<int64_t>(0, query - lastPlace);
}

bool kvcref::isVisible(const kvcrt_policy &policy, const AttendOptions &options,
                       int64_t query, int64_t key) {
  if (options.causal && key > query)
    return false;
  if (options.window > 0 && !isInWindow(options.window, query, key))
    return false;
  return isRetained(policy, query, key);
}

bool kvcref::storedKey(const kvcrt_policy &policy, int64_t position,
                       View<double, 1> row) {
  if (policy.position == KVCRT_POSITION_ROPE &&
      policy.rope.at == KVCRT_ROPE_AT_APPEND)
    rotate(policy.rope, position, row);
  return storeAndLoadRow(policy.key, row);
}

bool kvcref::storedValue(const kvcrt_policy &policy, View<double, 1> row) {
  return storeAndLoadRow(policy.value, row);
}

static std::vector<double> copyRow(View<const double, 1> row) {
  std::vector<double> copy(row.shape[0]);
  for (int64_t d = 0; d < row.shape[0]; ++d)
    copy[d] = row(d);
  return copy;
}

static double dotProduct(const std::vector<double> &a,
                         View<const double, 1> b) {
  double sum = 0;
  for (size_t d = 0; d < a.size(); ++d)
    sum += a[d] * b(d);
  return sum;
}

void kvcref::attendSequence(const kvcrt_policy &policy,
                            const AttendOptions &options, int64_t batch,
                            View<const double, 3> q,
                            View<const int64_t, 1> positions,
                            const History &history, View<double, 3> out,
                            View<double, 2> lse) {
  const int64_t queries = q.shape[0], heads = q.shape[1];
  const int64_t keys = history.key.shape[0];
  const int64_t groupSize = heads / policy.kv_heads;
  const bool rope = policy.position == KVCRT_POSITION_ROPE;
  const bool rotateKeys = rope && policy.rope.at == KVCRT_ROPE_AT_ATTEND;

  ScoreRule rule = options.score;
  if (policy.position != KVCRT_POSITION_ALIBI)
    rule.alibiSlopes = {};

  // Keys as the queries meet them. A key's rotation is its own position's, so
  // it is done once, not once per query.
  std::vector<std::vector<double>> rotatedKeys;
  auto keyRow = [&](int64_t j, int64_t kvHead) -> View<const double, 1> {
    if (!rotateKeys)
      return history.key[j][kvHead];
    std::vector<double> &row = rotatedKeys[j * policy.kv_heads + kvHead];
    if (row.empty()) {
      row = copyRow(history.key[j][kvHead]);
      rotate(policy.rope, history.positions(j),
             {row.data(), {int64_t(row.size())}});
    }
    return {row.data(), {int64_t(row.size())}};
  };
  if (rotateKeys)
    rotatedKeys.resize(keys * policy.kv_heads);

  Array<double, 1> scores({keys});
  for (int64_t i = 0; i < queries; ++i) {
    const int64_t index = keys - queries + i;
    // Under streaming the sinks are met from another position than the window.
    const int64_t position = positions(i);
    const int64_t sinkPosition = queryPositionFor(policy, index, position, 0);
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t kvHead = h / groupSize;
      auto rotatedQuery = [&](int64_t at) {
        std::vector<double> row = copyRow(q[i][h]);
        if (rope)
          rotate(policy.rope, at, {row.data(), {int64_t(row.size())}});
        return row;
      };
      const std::vector<double> query = rotatedQuery(position);
      const std::vector<double> sinkQuery = rotatedQuery(sinkPosition);

      for (int64_t j = 0; j < keys; ++j) {
        scores(j) = -kInfinity;
        if (!isVisible(policy, options, index, j))
          continue;
        if (options.booleanMask && !options.booleanMask(i, h, j))
          continue;
        const int64_t met = queryPositionFor(policy, index, position, j);
        const double dot =
            dotProduct(met == position ? query : sinkQuery, keyRow(j, kvHead));
        scores(j) = computeScore(rule, dot, batch, h, index, j,
                                 double(history.positions(j) - met));
        if (options.additiveMask)
          scores(j) += options.additiveMask(i, h, j);
      }

      View<const double, 2> values(
          keys ? &history.value(0, kvHead, 0) : nullptr,
          {keys, history.value.shape[2]},
          {history.value.stride[0], history.value.stride[2]});
      const double sink =
          options.sinkLogits ? options.sinkLogits(h) : -kInfinity;
      const double rowLse = weightedMean(scores, values, sink, out[i][h]);
      if (lse)
        lse(i, h) = rowLse;
    }
  }
}

int64_t Cache::length(int64_t sequence) const {
  auto found = sequences.find(sequence);
  return found == sequences.end() ? 0 : found->second.positions.size();
}

bool Cache::append(const std::vector<StepRow> &rows, View<const double, 3> k,
                   View<const double, 3> v, View<const int64_t, 1> positions) {
  bool notKept = false;
  auto store = [&](std::vector<double> row, std::vector<double> &held,
                   auto &&stored) {
    notKept |= stored(View<double, 1>(row.data(), {int64_t(row.size())}));
    held.insert(held.end(), row.begin(), row.end());
  };
  int64_t token = 0;
  for (const StepRow &step : rows) {
    Tokens &tokens = sequences[step.sequence];
    for (int64_t n = 0; n < step.newTokens; ++n, ++token) {
      const int64_t position = positions(token);
      for (int64_t h = 0; h < policy.kv_heads; ++h) {
        store(copyRow(k[token][h]), tokens.key, [&](View<double, 1> row) {
          return storedKey(policy, position, row);
        });
        store(copyRow(v[token][h]), tokens.value,
              [&](View<double, 1> row) { return storedValue(policy, row); });
      }
      tokens.positions.push_back(position);
    }
  }
  return notKept;
}

void Cache::attend(const AttendOptions &options,
                   const std::vector<StepRow> &rows, View<const double, 3> q,
                   View<const int64_t, 1> positions, View<double, 3> out,
                   View<double, 2> lse) const {
  int64_t token = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    const int64_t n = rows[row].newTokens;
    AttendOptions own = options;
    if (own.additiveMask)
      own.additiveMask = own.additiveMask.slice(token, n);
    if (own.booleanMask)
      own.booleanMask = own.booleanMask.slice(token, n);
    attendSequence(policy, own, row, q.slice(token, n),
                   positions.slice(token, n), gather(rows[row].sequence),
                   out.slice(token, n), lse ? lse.slice(token, n) : lse);
    token += n;
  }
}

History Cache::gather(int64_t sequence) const {
  auto found = sequences.find(sequence);
  if (found == sequences.end())
    return {};
  const Tokens &tokens = found->second;
  const int64_t held = tokens.positions.size();
  return {{tokens.key.data(), {held, policy.kv_heads, policy.key_dim}},
          {tokens.value.data(), {held, policy.kv_heads, policy.value_dim}},
          {tokens.positions.data(), {held}}};
}

void Cache::truncate(int64_t sequence, int64_t length) {
  auto found = sequences.find(sequence);
  if (found == sequences.end() || length >= this->length(sequence))
    return;
  Tokens &tokens = found->second;
  tokens.key.resize(length * policy.kv_heads * policy.key_dim);
  tokens.value.resize(length * policy.kv_heads * policy.value_dim);
  tokens.positions.resize(length);
}
