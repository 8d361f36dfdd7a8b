//===- model.h - a naive model of pools, sequences and steps --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kvcrt/runtime.h promises, written down in the simplest way: sets and
// maps, everything recomputed from definitions. The fuzz test runs it beside
// the runtime and compares answers, lengths, counts of blocks and the bytes
// that a step's kernels would read.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_MODEL_H
#define KVCRT_TEST_MODEL_H

#include "kvcrt/runtime.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace kvcrt_test {

struct ModelGroup {
  int block;
  int window; // 0 = retention all
  int sinks;
  int total; // blocks
};

using Block = std::shared_ptr<int>; // null = freed by retention

struct ModelSequence {
  std::vector<uint32_t> values; // of computed tokens, by index
  int length = 0, committed = 0, floor = 0;
  std::vector<std::vector<Block>> blocks; // [group][j]
  int computed() const { return static_cast<int>(values.size()); }
};

struct ModelEntry {
  kvcrt_sequence name;
  int start, tokens;
  int standing;                 // tokens not taken back since
  std::vector<uint32_t> values; // of the whole sequence, when the step began
};

struct ModelStep {
  std::vector<ModelEntry> entries;
  bool submitted = false, ran = false, committed = false, forked = false;
};

class Model {
public:
  std::vector<ModelGroup> groups;
  int maxLength = 0, rollback = -1, maxSteps = 0, maxSeqs = 0, maxTokens = 0;
  int maxLive = 0;
  std::map<kvcrt_sequence, ModelSequence> sequences;
  std::map<uint64_t, ModelStep> steps; // in flight
  struct Quarantined {
    int group;
    std::set<uint64_t> waitsFor;
  };
  std::vector<Quarantined> quarantine;

  int used(int group) const {
    std::set<int *> blocks;
    for (const auto &[name, sequence] : sequences)
      for (const Block &block : sequence.blocks[group])
        if (block)
          blocks.insert(block.get());
    return static_cast<int>(blocks.size());
  }
  int quarantined(int group) const {
    return static_cast<int>(
        std::count_if(quarantine.begin(), quarantine.end(),
                      [&](const Quarantined &q) { return q.group == group; }));
  }
  int free(int group) const {
    return groups[group].total - used(group) - quarantined(group);
  }
  int shared(int group) const {
    std::map<int *, int> owners;
    for (const auto &[name, sequence] : sequences)
      for (const Block &block : sequence.blocks[group])
        if (block)
          ++owners[block.get()];
    return static_cast<int>(
        std::count_if(owners.begin(), owners.end(),
                      [](const auto &owner) { return owner.second > 1; }));
  }
  int shortest(const ModelSequence &s) const {
    return rollback < 0 ? 0 : s.floor;
  }

  /// Lets go of a block; the last owner's goes to quarantine or is free.
  void drop(int group, Block &block) {
    if (block && block.use_count() == 1 && !steps.empty()) {
      std::set<uint64_t> waits;
      for (const auto &[id, step] : steps)
        waits.insert(id);
      quarantine.push_back({group, waits});
    }
    block.reset();
  }
  void stepEnded(uint64_t id) {
    steps.erase(id);
    for (Quarantined &q : quarantine)
      q.waitsFor.erase(id);
    quarantine.erase(
        std::remove_if(quarantine.begin(), quarantine.end(),
                       [](const Quarantined &q) { return q.waitsFor.empty(); }),
        quarantine.end());
  }

  int blocksFor(int group, int tokens) const {
    return (tokens + groups[group].block - 1) / groups[group].block;
  }
  void cover(ModelSequence &s, int end) {
    for (size_t g = 0; g < groups.size(); ++g)
      while (static_cast<int>(s.blocks[g].size()) < blocksFor(g, end))
        s.blocks[g].push_back(std::make_shared<int>(0));
    s.length = std::max(s.length, end);
  }
  /// Gives the sequence a block of its own where its next token goes.
  void unshare(ModelSequence &s) {
    for (size_t g = 0; g < groups.size(); ++g) {
      if (s.computed() % groups[g].block == 0)
        continue;
      Block &block = s.blocks[g][s.computed() / groups[g].block];
      if (block.use_count() > 1)
        block = std::make_shared<int>(0);
    }
  }

  void truncate(kvcrt_sequence name, int length) {
    ModelSequence &s = sequences[name];
    s.length = length;
    if (s.computed() > length)
      s.values.resize(length);
    s.committed = std::min(s.committed, length);
    for (size_t g = 0; g < groups.size(); ++g)
      while (static_cast<int>(s.blocks[g].size()) > blocksFor(g, length)) {
        drop(g, s.blocks[g].back());
        s.blocks[g].pop_back();
      }
    for (auto &[id, step] : steps)
      for (ModelEntry &entry : step.entries)
        if (entry.name == name)
          entry.standing =
              std::max(0, std::min(entry.standing, length - entry.start));
  }

  bool visible(int group, int query, int key) const {
    const ModelGroup &g = groups[group];
    return key <= query &&
           (g.window == 0 || query - key < g.window || key < g.sinks);
  }
  void commit(ModelSequence &s, int accepted) {
    s.committed += accepted;
    if (rollback < 0)
      return;
    s.floor = std::max(s.floor, s.committed - rollback);
    // Queries to come have index floor or more, and the first sees the most.
    for (size_t g = 0; g < groups.size(); ++g)
      for (size_t j = 0; j < s.blocks[g].size(); ++j) {
        bool seen = false;
        for (int k = 0; k < groups[g].block; ++k) {
          const int key = static_cast<int>(j) * groups[g].block + k;
          seen |= key >= s.floor || visible(g, s.floor, key);
        }
        // A block with a sink in it stays whole.
        seen |= static_cast<int>(j) * groups[g].block < groups[g].sinks;
        if (!seen)
          drop(g, s.blocks[g][j]);
      }
  }
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_MODEL_H
