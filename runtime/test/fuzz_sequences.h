//===- fuzz_sequences.h - random calls on sequences, beside the model ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each operation picks its arguments at random, good and bad, says what the
// model answers, and compares.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_FUZZ_SEQUENCES_H
#define KVCRT_TEST_FUZZ_SEQUENCES_H

#include "model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace kvcrt_test {

inline kvcrt_policy makePolicy(const ModelGroup &group, bool quantised,
                               int rollback) {
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

/// Seeds from here on run on the cuda device over a driver that is not one.
constexpr int kFakeCuda = 1000;

/// Everything but steps.
class FuzzSequences : public testing::TestWithParam<int> {
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
    if (GetParam() >= kFakeCuda) {
      deviceDesc.kind = KVCRT_DEVICE_CUDA;
      deviceDesc.driver = KVCRT_TEST_FAKE_CUDA;
    }
    ASSERT_EQ(kvcrt_device_create(&deviceDesc, &device, nullptr, 0), KVCRT_OK);
    std::vector<kvcrt_group_desc> groups(model.groups.size());
    for (size_t g = 0; g < groups.size(); ++g) {
      groups[g].policy =
          makePolicy(model.groups[g], g == 2, std::max(0, model.rollback));
      groups[g].num_layers = g == 0 ? 2 : 1;
      groups[g].num_blocks = model.groups[g].total;
      groups[g].max_blocks = model.groups[g].total + 20;
      if (pick(0, 3)) {
        planDescs[g] = makePlan(groups[g].policy);
        groups[g].plan = &planDescs[g];
      }
    }
    kvcrt_runtime_desc desc;
    KVCRT_INIT(&desc);
    desc.device = device;
    desc.groups = groups.data();
    desc.num_groups = static_cast<int32_t>(groups.size());
    desc.max_live_seqs = model.maxLive;
    desc.max_steps_in_flight = model.maxSteps;
    // Now and then so many that step arrays are brought over one by one.
    desc.max_logit_rows = GetParam() % 2 ? model.maxTokens : 100000;
    desc.capacity.max_tokens = model.maxTokens;
    desc.capacity.max_seqs = model.maxSeqs;
    desc.capacity.max_kv_len = model.maxLength;
    char text[300];
    ASSERT_EQ(kvcrt_runtime_create(&desc, &runtime, text, sizeof(text)),
              KVCRT_OK)
        << text;
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
  /// What the runtime is told about the kernels that would run a group's plan.
  kvcrt_plan_desc makePlan(const kvcrt_policy &policy) {
    kvcrt_plan_desc plan;
    KVCRT_INIT(&plan);
    plan.kv_heads = policy.kv_heads;
    plan.group = pick(1, 9);
    plan.decode_rows = 16;
    plan.prefill_rows = 32;
    plan.tile_keys = 4 << pick(0, 3);
    plan.decode_resident = pick(1, 60);
    plan.prefill_resident = pick(1, 20);
    plan.causal = pick(0, 3) > 0;
    plan.window = policy.window;
    plan.sink_tokens = policy.sink_tokens;
    plan.split_keys = pick(0, 1) * plan.tile_keys * pick(1, 4);
    plan.decode_tokens = pick(0, 8);
    return plan;
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
  int grown[3] = {};
  kvcrt_plan_desc planDescs[3] = {}; // struct_size 0: the group has none
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_FUZZ_SEQUENCES_H
