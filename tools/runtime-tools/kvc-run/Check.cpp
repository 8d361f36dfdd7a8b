//===- Check.cpp - is the cached run the right one? -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Check.h"

#include "../common/Failure.h"

#include <algorithm>
#include <chrono>
#include <cmath>

using namespace kvctool;

bool kvctool::matchesRecompute(const kvcrt_manifest &manifest) {
  for (int32_t g = 0; g < manifest.num_groups; ++g) {
    const kvcrt_policy &policy = manifest.groups[g].policy;
    if (policy.retention != KVCRT_RETAIN_ALL ||
        policy.key.kind != KVCRT_STORAGE_PLAIN ||
        policy.value.kind != KVCRT_STORAGE_PLAIN)
      return false;
  }
  return true;
}

/// Largest relative error of one rounding into a floating-point format, or of
/// one code against the row's largest number.
static double unitRoundoff(int32_t format) {
  switch (format) {
  case KVCRT_F32:
    return 0x1p-24;
  case KVCRT_F16:
    return 0x1p-11;
  case KVCRT_BF16:
    return 0x1p-8;
  case KVCRT_I8:
    return 1.0 / 254;
  case KVCRT_I4:
    return 1.0 / 14;
  case KVCRT_I2:
    return 1.0 / 2;
  case KVCRT_F8E4M3FN:
    return 0x1p-4;
  default: // KVCRT_F8E5M2
    return 0x1p-3;
  }
}

namespace {

/// The numbers of the bound that are the model's: see Check.h.
struct Roundings {
  double element = 0;  // u
  double storage = 0;  // s
  double sequence = 0; // D
  double layers = 0;   // L

  double operands = 0; // w

  /// `onGpu`: attention ran on kernels that multiply matrices.
  Roundings(const kvcrt_manifest &manifest, int32_t longest, bool onGpu) {
    for (int32_t p = 0; p < manifest.num_params; ++p)
      if (manifest.params[p].rank >= 2)
        sequence += manifest.params[p].shape[manifest.params[p].rank - 1];
    for (int32_t g = 0; g < manifest.num_groups; ++g) {
      const kvcrt_policy &policy = manifest.groups[g].policy;
      const int32_t count = manifest.groups[g].num_layers;
      layers += count;
      sequence += double(count) * (policy.key_dim + longest);
      element = std::max(element, unitRoundoff(policy.element));
      if (onGpu)
        operands = std::max(operands, kvcref::gpuBounds(policy).roundoff);
      for (int32_t format : {policy.key.format, policy.value.format})
        if (format != policy.element)
          storage = std::max(storage, unitRoundoff(format));
    }
  }

  double arithmetic() const { return element * std::sqrt(sequence); }
  double againstExact() const {
    return 8 * (arithmetic() + (storage + operands) * std::sqrt(2 * layers));
  }
  double againstSameStorage() const {
    const double one = arithmetic() + operands;
    return 8 * (arithmetic() + operands * std::sqrt(2 * layers) +
                std::sqrt(2 * layers * one * 2 * storage));
  }
};

/// Collects rows; judges when all are there, since the bound is relative to the
/// largest logit of all.
class Comparer {
public:
  Comparer(std::string against, double factor, int32_t vocab) : vocab(vocab) {
    result.against = std::move(against);
    result.factor = factor;
  }

  void add(const Prompt &prompt, size_t index, const float *run,
           const float *expected, int32_t token) {
    Row row{};
    row.where =
        format("prompt '%s', new token %zu", prompt.name.c_str(), index);
    row.token = token;
    row.expected = argmax(expected, vocab);
    if (row.expected < 0) {
      row.error = INFINITY;
      rows.push_back(row);
      return;
    }
    double second = -INFINITY;
    for (int32_t i = 0; i < vocab; ++i) {
      const double difference = std::fabs(double(run[i]) - expected[i]);
      // A NaN must not hide behind a comparison that is false.
      if (!(difference <= row.error)) {
        row.error = std::isnan(difference) ? INFINITY : difference;
        row.at = i;
      }
      largest = std::max(largest, std::fabs(double(expected[i])));
      if (i != row.expected)
        second = std::max(second, double(expected[i]));
    }
    row.margin = expected[row.expected] - second;
    rows.push_back(row);
  }

  Comparison finish() {
    result.bound = result.factor * largest;
    result.passed = !rows.empty();
    for (const Row &row : rows) {
      ++result.tokens;
      result.equal += row.token == row.expected;
      const bool decided = row.margin > 2 * result.bound;
      result.decided += decided;
      if (row.error > result.largestError) {
        result.largestError = row.error;
        result.largestAt = row.where;
      }
      const bool within = row.error <= result.bound;
      const bool same = !decided || row.token == row.expected;
      if (within && same)
        continue;
      if (result.passed)
        result.firstDifference =
            same ? format("%s: expected logit %d within %.2e, got an error of "
                          "%.2e",
                          row.where.c_str(), row.at, result.bound, row.error)
                 : format("%s: expected token %d (by a margin of %.2e), got %d",
                          row.where.c_str(), row.expected, row.margin,
                          row.token);
      result.passed = false;
    }
    return std::move(result);
  }

private:
  struct Row {
    std::string where;
    int32_t token, expected, at;
    double error, margin;
  };
  int32_t vocab;
  std::vector<Row> rows;
  double largest = 0;
  Comparison result;
};

class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         begin)
        .count();
  }

private:
  std::chrono::steady_clock::time_point begin =
      std::chrono::steady_clock::now();
};

} // namespace

static int32_t longestSequence(const std::vector<Prompt> &prompts) {
  int32_t longest = 0;
  for (const Prompt &prompt : prompts)
    longest =
        std::max(longest, int32_t(prompt.tokens.size()) + prompt.newTokens - 1);
  return longest;
}

Comparison kvctool::checkRecompute(Model &model,
                                   const std::vector<Prompt> &prompts,
                                   const GenerateResult &run, bool onGpu,
                                   bool showProgress) {
  Stopwatch watch;
  const Roundings roundings(model.manifest(), longestSequence(prompts), onGpu);
  Comparer comparer("full recompute", roundings.againstExact(), model.vocab());
  Progress progress(showProgress);
  const size_t vocab = size_t(model.vocab());
  for (size_t p = 0; p < prompts.size(); ++p) {
    const Generated &made = run.sequences[p];
    std::vector<int32_t> tokens = prompts[p].tokens;
    // The last token's own logits were never asked for.
    tokens.insert(tokens.end(), made.tokens.begin(), made.tokens.end() - 1);
    const std::vector<float> logits = model.recompute(tokens);
    const size_t first = prompts[p].tokens.size() - 1;
    for (size_t i = 0; i < made.tokens.size(); ++i)
      comparer.add(prompts[p], i, &made.logits[i * vocab],
                   &logits[(first + i) * vocab], made.tokens[i]);
    progress.show(format("kvc-run: full recompute of %zu of %zu sequences",
                         p + 1, prompts.size()),
                  p + 1 == prompts.size());
  }
  Comparison result = comparer.finish();
  result.seconds = watch.seconds();
  return result;
}

Comparison kvctool::checkReference(Model &model, const Engine::Options &options,
                                   const std::vector<Prompt> &prompts,
                                   const GenerateResult &run,
                                   bool showProgress) {
  Stopwatch watch;
  const Roundings roundings(model.manifest(), longestSequence(prompts),
                            options.attention);
  Comparer comparer("the reference's run of this policy",
                    roundings.againstSameStorage(), model.vocab());
  Engine::Options plain = options;
  plain.attention = nullptr;
  Engine engine(model, plain);
  engine.useReference();
  const std::vector<std::vector<float>> logits =
      replay(model, engine, prompts, run, showProgress);
  const size_t vocab = size_t(model.vocab());
  for (size_t p = 0; p < prompts.size(); ++p) {
    const Generated &made = run.sequences[p];
    for (size_t i = 0; i < made.tokens.size(); ++i)
      comparer.add(prompts[p], i, &made.logits[i * vocab],
                   &logits[p][i * vocab], made.tokens[i]);
  }
  Comparison result = comparer.finish();
  result.seconds = watch.seconds();
  return result;
}
