//===- Generate.h - continuous batching, greedily -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs prompts as one ragged batch that grows and shrinks. Each step takes one
// token of every sequence that is decoding, then prompt chunks as far as
// max_batch_tokens allows; a waiting prompt joins when its blocks are free, a
// finished sequence leaves at once.
//
// The schedule and the logits of each generated token are kept on request, so
// that a second run can be compared with it, token by token.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_GENERATE_H
#define KVC_TOOLS_KVC_RUN_GENERATE_H

#include "Engine.h"
#include "Progress.h"
#include "Prompts.h"

namespace kvctool {

struct Generated {
  std::vector<int32_t> tokens;
  /// [tokens][vocab] when asked for: what each token was chosen from.
  std::vector<float> logits;
  double firstToken = 0; // seconds from the run's begin
};

/// Row of a step: the next `count` tokens of prompt `prompt`.
struct ScheduledRow {
  int32_t prompt;
  int32_t count;
};
using Schedule = std::vector<std::vector<ScheduledRow>>;

struct Phase {
  int64_t steps = 0;
  int64_t tokens = 0;
  double seconds = 0;
};

struct GenerateResult {
  std::vector<Generated> sequences; // in the prompts' order
  Schedule schedule;
  Phase prefill;   // steps with a chunk of a prompt
  Phase decode;    // steps of decoding sequences alone
  Phase attention; // steps of either kind that ran the attention library
  double seconds = 0;
};

struct GenerateOptions {
  int32_t maxTokens;
  int32_t maxSeqs;
  bool keepLogits;
  bool progress; // on stderr
  /// The last so many steps run the engine's attention library; 0 = all do.
  int32_t attentionSteps = 0;
};

/// Per group, the blocks that let the `maxSeqs` hungriest prompts run at once.
std::vector<int32_t> planBlocks(const kvcrt_manifest &manifest,
                                const std::vector<Prompt> &prompts,
                                const GenerateOptions &options);

/// Throws for a prompt that the pool cannot hold, before anything runs.
GenerateResult generate(Model &model, Engine &engine,
                        const std::vector<Prompt> &prompts,
                        const GenerateOptions &options);

/// The same steps with the same tokens again, on another engine; answers the
/// logits [tokens][vocab] of every prompt.
std::vector<std::vector<float>> replay(Model &model, Engine &engine,
                                       const std::vector<Prompt> &prompts,
                                       const GenerateResult &run,
                                       bool showProgress);

/// Index of the largest logit, the lowest among equals; -1 when one is NaN.
int32_t argmax(const float *logits, int32_t count);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_GENERATE_H
