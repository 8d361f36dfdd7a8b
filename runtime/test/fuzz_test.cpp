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
#include "model.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>

using namespace kvcrt_test;

namespace {

kvcrt_policy makePolicy(const ModelGroup &group, bool quantised, int rollback) {
  kvcrt_policy p;
  memset(&p, 0, sizeof(p));
  p.kv_heads = 2;
  p.key_dim = 8;
  p.value_dim = 12;
  p.block = group.block;
  p.rollback = rollback;
  p.key.symmetric = p.value.symmetric = 1;
  if (quantised) {
    p.key.kind = KVCRT_STORAGE_QUANT;
    p.key.format = KVCRT_I8;
    p.key.axis = KVCRT_AXIS_TOKEN;
    p.order = KVCRT_NHD;
  }
  if (group.window) {
    p.retention = group.sinks ? KVCRT_RETAIN_STREAMING : KVCRT_RETAIN_WINDOW;
    p.window = group.window;
    p.sink_tokens = group.sinks;
  }
  return p;
}

class Fuzz : public testing::TestWithParam<int> {
protected:
  using Name = kvcrt_sequence;

  void SetUp() override {
    random.seed(GetParam());
    model.groups = {{4, 0, 0, pick(20, 60)}, {3, 7, 0, pick(20, 60)}};
    if (pick(0, 1))
      model.groups.push_back({4, 5, 6, pick(20, 60)});
    if (pick(0, 3) == 0) // a runtime in which nothing is ever freed
      model.groups.resize(1);
    model.maxLength = 90;
    model.rollback = model.groups.size() > 1 ? pick(0, 4) : -1;
    model.maxSteps = pick(1, 3);
    model.maxSeqs = 6;
    model.maxTokens = 40;
    model.maxLive = 9;

    kvcrt_device_desc deviceDesc;
    KVCRT_INIT(&deviceDesc);
    deviceDesc.num_workers = 1;
    ASSERT_EQ(kvcrt_device_create(&deviceDesc, &device, nullptr, 0), KVCRT_OK);
    std::vector<kvcrt_group_desc> groups(model.groups.size());
    for (size_t g = 0; g < groups.size(); ++g) {
      groups[g].policy =
          makePolicy(model.groups[g], g == 2, std::max(0, model.rollback));
      groups[g].num_layers = g == 0 ? 2 : 1;
      groups[g].num_blocks = model.groups[g].total;
      groups[g].max_blocks = model.groups[g].total + 20;
    }
    kvcrt_runtime_desc desc;
    KVCRT_INIT(&desc);
    desc.device = device;
    desc.groups = groups.data();
    desc.num_groups = static_cast<int32_t>(groups.size());
    desc.max_live_seqs = model.maxLive;
    desc.max_steps_in_flight = model.maxSteps;
    desc.max_logit_rows = model.maxTokens;
    desc.capacity.max_tokens = model.maxTokens;
    desc.capacity.max_seqs = model.maxSeqs;
    desc.capacity.max_kv_len = model.maxLength;
    char text[300];
    ASSERT_EQ(kvcrt_runtime_create(&desc, &runtime, text, sizeof(text)),
              KVCRT_OK)
        << text;
    layersOf = {{0, 1}, {2}, {3}};
  }
  void TearDown() override {
    kvcrt_runtime_destroy(runtime);
    kvcrt_device_destroy(device);
  }

  int pick(int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  }
  /// A live name, or now and then one that is not.
  Name anyName() {
    if (model.sequences.empty() || pick(0, 40) == 0)
      return pick(0, 1) ? 0 : (Name(1) << 60) + 1;
    auto it = model.sequences.begin();
    std::advance(it, pick(0, static_cast<int>(model.sequences.size()) - 1));
    return it->first;
  }
  bool alive(Name name) const { return model.sequences.count(name) != 0; }

  void create() {
    Name name = 0;
    const bool full = int(model.sequences.size()) == model.maxLive;
    ASSERT_EQ(kvcrt_sequence_create(runtime, &name),
              full ? KVCRT_CAPACITY_EXCEEDED : KVCRT_OK);
    if (full)
      return;
    ASSERT_FALSE(alive(name));
    model.sequences[name].blocks.resize(model.groups.size());
  }

  void extend() {
    const Name name = anyName();
    const int tokens = pick(0, 12);
    kvcrt_status expected = KVCRT_OK;
    if (tokens < 1)
      expected = KVCRT_INVALID_ARGUMENT;
    else if (!alive(name))
      expected = KVCRT_NOT_FOUND;
    else if (model.sequences[name].length + tokens > model.maxLength)
      expected = KVCRT_CAPACITY_EXCEEDED;
    else
      for (size_t g = 0; g < model.groups.size(); ++g) {
        const ModelSequence &s = model.sequences[name];
        if (model.blocksFor(g, s.length + tokens) - int(s.blocks[g].size()) >
            model.free(g))
          expected = KVCRT_OUT_OF_BLOCKS;
      }
    ASSERT_EQ(kvcrt_sequence_extend(runtime, name, tokens), expected);
    if (!expected)
      model.cover(model.sequences[name], model.sequences[name].length + tokens);
  }

  void commit() {
    const Name name = anyName();
    const int room = alive(name) ? model.sequences[name].computed() -
                                       model.sequences[name].committed
                                 : 1;
    const int accepted = pick(-1, room + 1);
    const kvcrt_status expected = !alive(name) ? KVCRT_NOT_FOUND
                                  : accepted < 0 || accepted > room
                                      ? KVCRT_INVALID_ARGUMENT
                                      : KVCRT_OK;
    ASSERT_EQ(kvcrt_sequence_commit(runtime, name, accepted), expected);
    if (!expected)
      model.commit(model.sequences[name], accepted);
  }

  void rollback() {
    const Name name = anyName();
    const int tokens = pick(-1, 7);
    kvcrt_status expected = KVCRT_OK;
    if (!alive(name))
      expected = KVCRT_NOT_FOUND;
    else if (tokens < 0 || tokens > model.sequences[name].length -
                                        model.shortest(model.sequences[name]))
      expected = KVCRT_INVALID_ARGUMENT;
    ASSERT_EQ(kvcrt_sequence_rollback(runtime, name, tokens), expected);
    if (!expected)
      model.truncate(name, model.sequences[name].length - tokens);
  }

  void fork() {
    const Name name = anyName();
    Name child = 0;
    const kvcrt_status expected = !alive(name) ? KVCRT_NOT_FOUND
                                  : int(model.sequences.size()) == model.maxLive
                                      ? KVCRT_CAPACITY_EXCEEDED
                                      : KVCRT_OK;
    ASSERT_EQ(kvcrt_sequence_fork(runtime, name, &child), expected);
    if (expected)
      return;
    ModelSequence copy = model.sequences[name];
    copy.length = copy.computed();
    for (size_t g = 0; g < model.groups.size(); ++g)
      copy.blocks[g].resize(model.blocksFor(g, copy.length));
    model.sequences[child] = copy;
    for (auto &[id, step] : model.steps)
      for (const ModelEntry &entry : step.entries)
        step.forked |= entry.name == name && entry.standing > 0;
  }

  void release() {
    const Name name = anyName();
    ASSERT_EQ(kvcrt_sequence_release(runtime, name),
              alive(name) ? KVCRT_OK : KVCRT_NOT_FOUND);
    if (!alive(name))
      return;
    for (size_t g = 0; g < model.groups.size(); ++g)
      for (Block &block : model.sequences[name].blocks[g])
        model.drop(g, block);
    model.sequences.erase(name);
  }

  void grow() {
    const int g = pick(0, static_cast<int>(model.groups.size()) - 1);
    if (grown[g] + 3 > 20)
      return;
    grown[g] += 3;
    model.groups[g].total += 3;
    ASSERT_EQ(kvcrt_runtime_grow(runtime, g, model.groups[g].total), KVCRT_OK);
  }

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

  void checkArrays(const kvcrt_step_view &view,
                   const std::vector<kvcrt_step_entry> &entries,
                   const ModelStep &step) {
    const kvcrt_step &s = *view.step;
    int token = 0, logit = 0, longestQuery = 0, longest = 0;
    for (size_t row = 0; row < entries.size(); ++row) {
      const ModelEntry &entry = step.entries[row];
      ASSERT_EQ(s.qo_indptr[row], token);
      ASSERT_EQ(s.kv_len[row], entry.start + entry.tokens);
      for (int t = 0; t < entry.tokens; ++t, ++token) {
        ASSERT_EQ(s.positions[token], entry.start + t);
        ASSERT_EQ(s.token_seq[token], int(row));
        if (entries[row].logits == KVCRT_LOGITS_ALL ||
            (entries[row].logits == KVCRT_LOGITS_LAST && t == entry.tokens - 1))
          ASSERT_EQ(s.logit_rows[logit++], token);
      }
      longestQuery = std::max(longestQuery, entry.tokens);
      longest = std::max(longest, entry.start + entry.tokens);
    }
    ASSERT_EQ(s.qo_indptr[entries.size()], token);
    ASSERT_EQ(s.header->num_seqs, int(entries.size()));
    ASSERT_EQ(s.header->num_tokens, token);
    ASSERT_EQ(s.header->num_logit_rows, logit);
    ASSERT_EQ(s.header->max_q_len, longestQuery);
    ASSERT_EQ(s.header->max_kv_len, longest);
  }

  static uint32_t &payload(const kvcrt_plane &plane, int block, int head,
                           int slot) {
    return *reinterpret_cast<uint32_t *>(
        static_cast<char *>(plane.payload) + block * plane.block_stride +
        head * plane.head_stride + slot * plane.token_stride);
  }
  static uint32_t &scale(const kvcrt_plane &plane, int block, int head,
                         int slot) {
    return *reinterpret_cast<uint32_t *>(
        static_cast<char *>(plane.scale) + block * plane.scale_block_stride +
        head * plane.scale_head_stride + slot * plane.scale_token_stride);
  }

  /// Calls f(word, expected) on every word that holds a token's number.
  template <typename F>
  static void words(const kvcrt_cache &cache, int block, int slot,
                    uint32_t value, F &&f) {
    for (int head = 0; head < 2; ++head) {
      const uint32_t mixed = value * 16 + cache.layer * 4 + head * 2;
      f(payload(cache.key, block, head, slot), mixed);
      f(payload(cache.value, block, head, slot), mixed + 1);
      if (cache.key.scale)
        f(scale(cache.key, block, head, slot), ~mixed);
    }
  }

  void runKernels(uint64_t id) {
    ModelStep &step = model.steps[id];
    const kvcrt_step_view &view = views[id];
    step.ran = true;
    for (size_t g = 0; g < model.groups.size(); ++g)
      for (int layer : layersOf[g]) {
        const kvcrt_cache &cache = view.caches[layer];
        for (size_t row = 0; row < step.entries.size(); ++row)
          for (int t = 0; t < step.entries[row].tokens; ++t) {
            const int slot = cache.slot_mapping[view.step->qo_indptr[row] + t];
            words(cache, slot / cache.block_size, slot % cache.block_size,
                  step.entries[row].values[step.entries[row].start + t],
                  [](uint32_t &word, uint32_t value) { word = value; });
          }
        for (size_t row = 0; row < step.entries.size(); ++row)
          attend(g, cache, step.entries[row], row);
      }
  }

  void attend(int g, const kvcrt_cache &cache, const ModelEntry &entry,
              size_t row) {
    const int end = entry.start + entry.tokens;
    for (int key = 0; key < end; ++key) {
      bool seen = false;
      for (int query = entry.start; query < end; ++query)
        seen |= model.visible(g, query, key);
      if (!seen)
        continue;
      const int j = key / cache.block_size;
      const int block = cache.block_table[row * cache.block_table_stride + j];
      ASSERT_GE(block, 0);
      ASSERT_LT(block, cache.num_blocks);
      if (cache.first_block && key >= model.groups[g].sinks)
        ASSERT_GE(j, cache.first_block[row]);
      words(cache, block, key % cache.block_size, entry.values[key],
            [&](uint32_t &word, uint32_t value) {
              ASSERT_EQ(word, value) << "group " << g << " key " << key;
            });
    }
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
    if (newest != id)
      ASSERT_EQ(kvcrt_step_submit(runtime, newest, nullptr),
                KVCRT_INVALID_ARGUMENT);
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

  void compare() {
    char text[300] = "";
    ASSERT_EQ(kvcrt_runtime_verify(runtime, text, sizeof(text)), KVCRT_OK)
        << text;
    for (size_t g = 0; g < model.groups.size(); ++g) {
      kvcrt_group_stats stats;
      KVCRT_INIT(&stats);
      ASSERT_EQ(kvcrt_group_get_stats(runtime, g, &stats), KVCRT_OK);
      ASSERT_EQ(stats.blocks_total, model.groups[g].total);
      ASSERT_EQ(stats.blocks_used, model.used(g)) << "group " << g;
      ASSERT_EQ(stats.blocks_quarantined, model.quarantined(g));
      ASSERT_EQ(stats.blocks_free, model.free(g));
      ASSERT_EQ(stats.blocks_shared, model.shared(g));
    }
    for (const auto &[name, s] : model.sequences) {
      kvcrt_sequence_info info;
      KVCRT_INIT(&info);
      ASSERT_EQ(kvcrt_sequence_get_info(runtime, name, &info), KVCRT_OK);
      ASSERT_EQ(info.length, s.length);
      ASSERT_EQ(info.computed, s.computed());
      ASSERT_EQ(info.committed, s.committed);
      ASSERT_EQ(info.shortest, model.shortest(s));
    }
  }

  std::mt19937 random;
  Model model;
  kvcrt_device *device = nullptr;
  kvcrt_runtime *runtime = nullptr;
  std::vector<std::vector<int>> layersOf;
  std::map<uint64_t, kvcrt_step_view> views;
  std::map<kvcrt_status, int> answers;
  int grown[3] = {};
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

} // namespace
