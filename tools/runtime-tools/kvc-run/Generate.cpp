//===- Generate.cpp - continuous batching, greedily -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Generate.h"

#include "../common/Failure.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <unistd.h>

using namespace kvctool;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Progress::Progress(bool enabled)
    : enabled(enabled), terminal(isatty(STDERR_FILENO)),
      next(now() + (terminal ? 0.5 : 2.0)) {}

void Progress::show(const std::string &text, bool last) {
  // A run that is over by then needs no progress.
  if (!enabled || (last ? !shown : now() < next))
    return;
  fprintf(stderr, terminal ? "\r%s\033[K%s" : "%s%s", text.c_str(),
          terminal && !last ? "" : "\n");
  fflush(stderr);
  shown = true;
  next = now() + (terminal ? 0.1 : 2.0);
}

int32_t kvctool::argmax(const float *logits, int32_t count) {
  int32_t best = 0;
  for (int32_t i = 0; i < count; ++i) {
    if (logits[i] != logits[i])
      return -1;
    if (logits[i] > logits[best])
      best = i;
  }
  return best;
}

/// The newest token is never written back, so it takes no slot.
static int32_t cachedTokens(const Prompt &prompt) {
  return int32_t(prompt.tokens.size()) + prompt.newTokens - 1;
}

std::vector<int32_t> kvctool::planBlocks(const kvcrt_manifest &manifest,
                                         const std::vector<Prompt> &prompts,
                                         const GenerateOptions &options) {
  std::vector<int32_t> blocks;
  for (int32_t g = 0; g < manifest.num_groups; ++g) {
    std::vector<int64_t> needs;
    for (const Prompt &prompt : prompts)
      needs.push_back(Engine::blocksFor(
          manifest.groups[g].policy, cachedTokens(prompt), options.maxTokens));
    std::sort(needs.begin(), needs.end(), std::greater<>());
    int64_t sum = 0;
    for (size_t i = 0; i < needs.size() && i < size_t(options.maxSeqs); ++i)
      sum += needs[i];
    blocks.push_back(int32_t(std::min<int64_t>(sum, INT32_MAX)));
  }
  return blocks;
}

namespace {

/// A prompt that holds blocks.
struct Running {
  int32_t prompt;
  kvcrt_sequence sequence;
  int32_t fed = 0; // tokens in the cache
};

class Scheduler {
public:
  Scheduler(Model &model, Engine &engine, const std::vector<Prompt> &prompts,
            const GenerateOptions &options)
      : model(model), engine(engine), prompts(prompts), options(options),
        progress(options.progress) {
    const kvcrt_manifest &manifest = model.manifest();
    for (int32_t g = 0; g < manifest.num_groups; ++g)
      freeBlocks.push_back(engine.blocks(g));
    for (size_t p = 0; p < prompts.size(); ++p) {
      checkFits(prompts[p]);
      waiting.push_back(int32_t(p));
      wanted += prompts[p].newTokens;
    }
    result.sequences.resize(prompts.size());
  }

  GenerateResult run() {
    start = now();
    while (!running.empty() || !waiting.empty()) {
      planStep();
      runStep();
      progress.show(describeProgress());
    }
    result.seconds = now() - start;
    progress.show(describeProgress(), /*last=*/true);
    return std::move(result);
  }

private:
  int32_t need(const Prompt &prompt, int32_t group) const {
    return Engine::blocksFor(model.manifest().groups[group].policy,
                             cachedTokens(prompt), options.maxTokens);
  }

  void checkFits(const Prompt &prompt) const {
    for (size_t g = 0; g < freeBlocks.size(); ++g)
      if (need(prompt, int32_t(g)) > freeBlocks[g])
        fail("%s: prompt '%s': expected at most %d blocks of %d tokens (all "
             "that cache group %zu has), got %zu prompt and %d new tokens that "
             "need %d; raise --blocks or --memory, or lower --max-new-tokens",
             prompt.where.c_str(), prompt.name.c_str(), freeBlocks[g],
             model.manifest().groups[g].policy.block, g, prompt.tokens.size(),
             prompt.newTokens, need(prompt, int32_t(g)));
  }

  bool admit() {
    if (waiting.empty() || running.size() >= size_t(options.maxSeqs))
      return false;
    const Prompt &prompt = prompts[waiting.front()];
    for (size_t g = 0; g < freeBlocks.size(); ++g)
      if (need(prompt, int32_t(g)) > freeBlocks[g])
        return false;
    for (size_t g = 0; g < freeBlocks.size(); ++g)
      freeBlocks[g] -= need(prompt, int32_t(g));
    running.push_back({waiting.front(), engine.create()});
    waiting.pop_front();
    return true;
  }

  int32_t promptLeft(const Running &r) const {
    return int32_t(prompts[r.prompt].tokens.size()) - r.fed;
  }

  void addRow(Running &r, int32_t count) {
    const Prompt &prompt = prompts[r.prompt];
    Generated &out = result.sequences[r.prompt];
    const bool decoding = promptLeft(r) <= 0;
    const int32_t *tokens =
        decoding ? &out.tokens.back() : &prompt.tokens[r.fed];
    rows.push_back(
        {r.sequence, tokens, count, decoding || count == promptLeft(r)});
    scheduled.push_back({r.prompt, count});
    rowOwner.push_back(int32_t(&r - running.data()));
    budget -= count;
    prefills |= !decoding;
  }

  void planStep() {
    rows.clear();
    scheduled.clear();
    rowOwner.clear();
    budget = options.maxTokens;
    prefills = false;
    // Decoding first: a long prompt must not make others wait.
    for (Running &r : running)
      if (promptLeft(r) <= 0)
        addRow(r, 1);
    for (Running &r : running)
      if (promptLeft(r) > 0 && budget > 0)
        addRow(r, std::min(budget, promptLeft(r)));
    while (budget > 0 && admit())
      addRow(running.back(), std::min(budget, promptLeft(running.back())));
  }

  /// Steps that are left, when all sequences decode; many before.
  int64_t stepsLeft() const {
    int64_t left = waiting.empty() ? 0 : INT64_MAX;
    for (const Running &r : running) {
      if (promptLeft(r) > 0)
        return INT64_MAX;
      const Prompt &prompt = prompts[r.prompt];
      left =
          std::max(left, prompt.newTokens -
                             int64_t(result.sequences[r.prompt].tokens.size()));
    }
    return left;
  }

  void runStep() {
    const bool elsewhere = engine.runAttention(
        options.attentionSteps == 0 || stepsLeft() <= options.attentionSteps);
    const double seconds = engine.step(rows, logits);
    Phase &phase = elsewhere  ? result.attention
                   : prefills ? result.prefill
                              : result.decode;
    ++phase.steps;
    phase.tokens += options.maxTokens - budget;
    phase.seconds += seconds;
    if (options.keepLogits)
      result.schedule.push_back(scheduled);

    const float *next = logits.data();
    for (size_t i = 0; i < rows.size(); ++i) {
      Running &r = running[rowOwner[i]];
      r.fed += rows[i].count;
      if (!rows[i].logits)
        continue;
      take(r, next);
      next += model.vocab();
    }
    for (size_t i = running.size(); i-- > 0;)
      if (result.sequences[running[i].prompt].tokens.size() ==
          size_t(prompts[running[i].prompt].newTokens))
        leave(i);
  }

  void take(const Running &r, const float *row) {
    Generated &out = result.sequences[r.prompt];
    const int32_t token = argmax(row, model.vocab());
    if (token < 0)
      fail("prompt '%s', new token %zu: expected finite logits, got NaN; check "
           "the weights",
           prompts[r.prompt].name.c_str(), out.tokens.size());
    if (out.tokens.empty())
      out.firstToken = now() - start;
    out.tokens.push_back(token);
    ++made;
    if (options.keepLogits)
      out.logits.insert(out.logits.end(), row, row + model.vocab());
  }

  void leave(size_t index) {
    engine.release(running[index].sequence);
    for (size_t g = 0; g < freeBlocks.size(); ++g)
      freeBlocks[g] += need(prompts[running[index].prompt], int32_t(g));
    running.erase(running.begin() + index);
  }

  std::string describeProgress() const {
    return format("kvc-run: %.1f s, %lld of %lld tokens, %zu running, %zu "
                  "waiting",
                  now() - start, static_cast<long long>(made),
                  static_cast<long long>(wanted), running.size(),
                  waiting.size());
  }

  Model &model;
  Engine &engine;
  const std::vector<Prompt> &prompts;
  const GenerateOptions &options;
  Progress progress;
  GenerateResult result;
  std::vector<int32_t> freeBlocks; // not promised to a running sequence
  std::deque<int32_t> waiting;
  std::vector<Running> running;
  int64_t made = 0, wanted = 0;
  double start = 0;

  // The step that is being planned.
  std::vector<StepRow> rows;
  std::vector<ScheduledRow> scheduled;
  std::vector<int32_t> rowOwner; // index into running
  int32_t budget = 0;
  bool prefills = false;
  std::vector<float> logits;
};

} // namespace

GenerateResult kvctool::generate(Model &model, Engine &engine,
                                 const std::vector<Prompt> &prompts,
                                 const GenerateOptions &options) {
  return Scheduler(model, engine, prompts, options).run();
}

std::vector<std::vector<float>>
kvctool::replay(Model &model, Engine &engine,
                const std::vector<Prompt> &prompts, const GenerateResult &run,
                bool showProgress) {
  Progress progress(showProgress);
  size_t done = 0;
  struct State {
    std::vector<int32_t> tokens; // prompt and what was generated
    kvcrt_sequence sequence = 0;
    int32_t fed = 0;
  };
  std::vector<State> states(prompts.size());
  std::vector<std::vector<float>> all(prompts.size());
  for (size_t p = 0; p < prompts.size(); ++p) {
    const std::vector<int32_t> &made = run.sequences[p].tokens;
    states[p].tokens = prompts[p].tokens;
    states[p].tokens.insert(states[p].tokens.end(), made.begin(), made.end());
  }
  std::vector<float> logits;
  for (const std::vector<ScheduledRow> &step : run.schedule) {
    std::vector<StepRow> rows;
    for (const ScheduledRow &row : step) {
      State &state = states[row.prompt];
      if (!state.sequence)
        state.sequence = engine.create();
      const int32_t end = state.fed + row.count;
      rows.push_back({state.sequence, &state.tokens[state.fed], row.count,
                      end >= int32_t(prompts[row.prompt].tokens.size())});
      state.fed = end;
    }
    engine.step(rows, logits);
    const float *next = logits.data();
    for (size_t i = 0; i < rows.size(); ++i) {
      State &state = states[step[i].prompt];
      if (rows[i].logits) {
        all[step[i].prompt].insert(all[step[i].prompt].end(), next,
                                   next + model.vocab());
        next += model.vocab();
      }
      // The last generated token is never fed.
      if (state.fed == int32_t(state.tokens.size()) - 1)
        engine.release(state.sequence);
    }
    ++done;
    progress.show(format("kvc-run: the reference's run, step %zu of %zu", done,
                         run.schedule.size()),
                  done == run.schedule.size());
  }
  return all;
}
