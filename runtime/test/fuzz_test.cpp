//===- fuzz_test.cpp - the runtime beside its model, thousands of calls ---===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The test plays the kernels: when a step runs (any time after submit, in
// order) it writes a number for every new token into every layer's key, value
// and scale slot, then reads all keys that its queries can see through the
// block table and compares with the numbers that the model has. A block that
// was shared wrongly, copied too late or given out too early shows as a wrong
// number.
//
// Each seed is a test of its own name; KVCRT_FUZZ_OPS sets the calls per seed.
//
//===----------------------------------------------------------------------===//
#include "fuzz_kernels.h"

#include <cstdlib>

using namespace kvcrt_test;

namespace {

class Fuzz : public FuzzKernels {
protected:
  std::vector<kvcrt_step_entry> anyEntries() {
    std::vector<kvcrt_step_entry> entries;
    const int count = pick(1, model.maxSeqs + 1);
    for (int i = 0; i < count; ++i)
      entries.push_back(
          {anyName(), pick(0, 3) ? pick(1, 2) : pick(0, 14), pick(0, 2)});
    if (pick(0, 3)) { // mostly without the error of naming one twice
      std::set<Name> seen;
      std::vector<kvcrt_step_entry> once;
      for (const kvcrt_step_entry &entry : entries)
        if (seen.insert(entry.sequence).second)
          once.push_back(entry);
      entries = once;
    }
    return entries;
  }

  kvcrt_status expectedBegin(const std::vector<kvcrt_step_entry> &entries,
                             std::vector<int> &needed) {
    if (int(model.steps.size()) == model.maxSteps)
      return KVCRT_BUSY;
    if (int(entries.size()) > model.maxSeqs)
      return KVCRT_CAPACITY_EXCEEDED;
    std::set<Name> seen;
    int tokens = 0;
    for (const kvcrt_step_entry &entry : entries) {
      if (!alive(entry.sequence))
        return KVCRT_NOT_FOUND;
      if (!seen.insert(entry.sequence).second || entry.new_tokens < 1)
        return KVCRT_INVALID_ARGUMENT;
      if (model.sequences[entry.sequence].computed() + entry.new_tokens >
          model.maxLength)
        return KVCRT_CAPACITY_EXCEEDED;
      tokens += entry.new_tokens;
    }
    if (tokens > model.maxTokens)
      return KVCRT_CAPACITY_EXCEEDED;
    // Try it on a copy, with blocks that know their owners in the copy only.
    Model trial = model;
    std::map<int *, Block> fresh;
    for (auto &[name, sequence] : trial.sequences)
      for (auto &list : sequence.blocks)
        for (Block &block : list)
          if (block) {
            Block &copy = fresh[block.get()];
            if (!copy)
              copy = std::make_shared<int>(0);
            block = copy;
          }
    fresh.clear();
    for (const kvcrt_step_entry &entry : entries) {
      ModelSequence &s = trial.sequences[entry.sequence];
      trial.unshare(s);
      trial.cover(s, s.computed() + entry.new_tokens);
    }
    needed.clear();
    bool fits = true;
    for (size_t g = 0; g < model.groups.size(); ++g) {
      needed.push_back(trial.used(g) - model.used(g));
      fits &= needed[g] <= model.free(g);
    }
    return fits ? KVCRT_OK : KVCRT_OUT_OF_BLOCKS;
  }

  void begin() {
    const std::vector<kvcrt_step_entry> entries = anyEntries();
    std::vector<int> needed;
    const kvcrt_status expected = expectedBegin(entries, needed);
    if (!needed.empty()) {
      std::vector<int32_t> asked(needed.size()), free(needed.size());
      ASSERT_EQ(kvcrt_step_query(runtime, entries.data(), entries.size(),
                                 asked.data(), free.data()),
                KVCRT_OK);
      for (size_t g = 0; g < needed.size(); ++g) {
        ASSERT_EQ(asked[g], needed[g]);
        ASSERT_EQ(free[g], model.free(g));
      }
    }
    kvcrt_step_view view;
    char text[300] = "";
    ASSERT_EQ(kvcrt_step_begin(runtime, entries.data(), entries.size(), &view,
                               text, sizeof(text)),
              expected)
        << text;
    ++answers[expected];
    ASSERT_EQ(text[0] != 0, expected != KVCRT_OK); // a failure says why
    if (expected)
      return;
    ModelStep &step = model.steps[view.id];
    views[view.id] = view;
    for (const kvcrt_step_entry &entry : entries) {
      ModelSequence &s = model.sequences[entry.sequence];
      const int start = s.computed();
      model.unshare(s);
      model.cover(s, start + entry.new_tokens);
      for (int t = 0; t < entry.new_tokens; ++t)
        s.values.push_back(++lastValue);
      step.entries.push_back({entry.sequence, start, entry.new_tokens,
                              entry.new_tokens, s.values});
    }
    checkArrays(view, entries, step);
  }

  /// The oldest step in the given state, or 0.
  template <typename F> uint64_t first(F &&f) {
    for (auto &[id, step] : model.steps)
      if (f(step))
        return id;
    return 0;
  }

  void submit() {
    const uint64_t id = first([](ModelStep &s) { return !s.submitted; });
    if (!id) {
      ASSERT_EQ(kvcrt_step_submit(runtime, 0, nullptr), KVCRT_NOT_FOUND);
      return;
    }
    // The one stream: kernels of earlier steps come before this step's copies.
    while (uint64_t before =
               first([](ModelStep &s) { return s.submitted && !s.ran; }))
      runKernels(before);
    const uint64_t newest = model.steps.rbegin()->first;
    if (newest != id) {
      ASSERT_EQ(kvcrt_step_submit(runtime, newest, nullptr),
                KVCRT_INVALID_ARGUMENT);
    }
    ASSERT_EQ(kvcrt_step_submit(runtime, id, nullptr), KVCRT_OK);
    model.steps[id].submitted = true;
  }

  void cancel() {
    if (model.steps.empty())
      return;
    const uint64_t id = model.steps.rbegin()->first;
    ModelStep &step = model.steps[id];
    bool permitted = !step.submitted && !step.forked;
    for (const ModelEntry &entry : step.entries)
      if (alive(entry.name))
        permitted &= model.sequences[entry.name].committed <= entry.start;
    ASSERT_EQ(kvcrt_step_cancel(runtime, id),
              permitted ? KVCRT_OK : KVCRT_INVALID_ARGUMENT);
    if (!permitted)
      return;
    for (const ModelEntry &entry : std::vector<ModelEntry>(step.entries))
      if (alive(entry.name) &&
          model.sequences[entry.name].computed() > entry.start)
        model.truncate(entry.name, entry.start);
    model.stepEnded(id);
  }

  void commitStep() {
    const uint64_t id =
        first([](ModelStep &s) { return s.submitted && !s.committed; });
    if (!id)
      return;
    ModelStep &step = model.steps[id];
    std::vector<int32_t> accepted;
    kvcrt_status expected = KVCRT_OK;
    const bool all = pick(0, 1);
    for (const ModelEntry &entry : step.entries) {
      accepted.push_back(all ? entry.standing : pick(0, entry.standing));
      if (!alive(entry.name) || !entry.standing)
        continue;
      const ModelSequence &s = model.sequences[entry.name];
      if (s.committed != entry.start ||
          (accepted.back() < entry.standing &&
           s.computed() != entry.start + entry.standing))
        expected = KVCRT_INVALID_ARGUMENT;
    }
    ASSERT_EQ(kvcrt_step_commit(runtime, id, all ? nullptr : accepted.data()),
              expected);
    if (expected)
      return;
    step.committed = true;
    for (size_t row = 0; row < step.entries.size(); ++row) {
      const ModelEntry entry = step.entries[row];
      if (!alive(entry.name) || !entry.standing)
        continue;
      if (accepted[row] < entry.standing)
        model.truncate(entry.name, entry.start + accepted[row]);
      model.commit(model.sequences[entry.name], accepted[row]);
    }
  }

  void retire() {
    const uint64_t id = first([&](ModelStep &s) { return pick(0, 2) > 0; });
    if (!id)
      return;
    ModelStep &step = model.steps[id];
    if (step.submitted)
      while (uint64_t before =
                 first([](ModelStep &s) { return s.submitted && !s.ran; }))
        runKernels(before);
    ASSERT_EQ(kvcrt_step_retire(runtime, id),
              step.submitted ? KVCRT_OK : KVCRT_INVALID_ARGUMENT);
    if (step.submitted)
      model.stepEnded(id);
  }

  std::map<kvcrt_status, int> answers; // of begin
  uint32_t lastValue = 0;
};

TEST_P(Fuzz, AgreesWithTheModel) {
  const char *setting = getenv("KVCRT_FUZZ_OPS");
  const int operations = setting ? atoi(setting) : 1500;
  for (int operation = 0; operation < operations; ++operation) {
    SCOPED_TRACE(testing::Message()
                 << "seed " << GetParam() << " operation " << operation);
    const int choice = pick(0, 99);
    if (choice < 8)
      create();
    else if (choice < 14)
      extend();
    else if (choice < 22)
      commit();
    else if (choice < 30)
      rollback();
    else if (choice < 37)
      fork();
    else if (choice < 42)
      release();
    else if (choice < 43)
      grow();
    else if (choice < 63)
      begin();
    else if (choice < 77)
      submit();
    else if (choice < 80)
      cancel();
    else if (choice < 89)
      commitStep();
    else
      retire();
    if (!HasFatalFailure())
      compare();
    if (HasFatalFailure())
      return;
  }
  // A run that hardly began a step would prove little.
  EXPECT_GT(answers[KVCRT_OK], operations / 50);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Fuzz, testing::Range(1, 41));
INSTANTIATE_TEST_SUITE_P(FakeCudaSeeds, Fuzz,
                         testing::Range(kFakeCuda, kFakeCuda + 16));

} // namespace
