//===- Engine.cpp - one runtime, and steps of a model on it ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Engine.h"

#include "../common/Failure.h"

#include <algorithm>
#include <chrono>

using namespace kvctool;

Engine::Engine(Model &model, const Options &options)
    : model(model), attention(options.attention) {
  const kvcrt_manifest &manifest = model.manifest();
  std::vector<kvcrt_group_desc> groups;
  for (int32_t g = 0; g < manifest.num_groups; ++g) {
    kvcrt_group_desc group{};
    group.policy = manifest.groups[g].policy;
    group.layers = manifest.groups[g].layers;
    group.num_layers = manifest.groups[g].num_layers;
    if (!options.blocks.empty())
      group.num_blocks = options.blocks[g];
    if (attention)
      group.plan = attention->plan(g);
    groups.push_back(group);
  }
  kvcrt_runtime_desc desc;
  KVCRT_INIT(&desc);
  desc.device = model.device();
  desc.groups = groups.data();
  desc.num_groups = int32_t(groups.size());
  desc.max_live_seqs = options.maxSeqs;
  desc.max_steps_in_flight = 1;
  desc.byte_budget = options.memory;
  KVCRT_INIT(&desc.capacity);
  desc.capacity.max_tokens = options.maxTokens;
  desc.capacity.max_seqs = options.maxSeqs;
  desc.capacity.max_kv_len = options.maxLength;
  desc.capacity.num_workers = model.threads();
  runtime = createRuntime(desc);
  model.reserveStep(desc.capacity);
}

void Engine::useReference() {
  reference = std::make_unique<kvcref::ReferenceRun>();
}

kvcrt_sequence Engine::create() {
  kvcrt_sequence sequence = 0;
  require(kvcrt_sequence_create(runtime.get(), &sequence), "a new sequence");
  return sequence;
}

void Engine::release(kvcrt_sequence sequence) {
  require(kvcrt_sequence_release(runtime.get(), sequence), "release");
  if (reference)
    reference->release(int64_t(sequence));
}

/// The reference knows a layer by the address of its keys, which the first
/// step's view tells.
void Engine::addLayers(const kvcrt_step_view &view) {
  const kvcrt_manifest &manifest = model.manifest();
  for (int32_t i = 0; i < view.num_caches; ++i) {
    const kvcrt_manifest_layer &layer = manifest.layers[i];
    kvcref::ReferenceRun::Layer added;
    added.policy = manifest.groups[layer.group].policy;
    added.queryHeads = layer.query_heads;
    added.payload = view.caches[i].key.payload;
    if (reference->addLayer(added))
      fail("layer %d (%s): %s", i, layer.name, reference->getError().c_str());
  }
  layersAdded = true;
}

double Engine::step(const std::vector<StepRow> &rows,
                    std::vector<float> &logits) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<kvcrt_step_entry> entries;
  std::vector<int32_t> tokens;
  std::vector<int64_t> names;
  size_t wanted = 0;
  for (const StepRow &row : rows) {
    entries.push_back({row.sequence, row.count,
                       row.logits ? KVCRT_LOGITS_LAST : KVCRT_LOGITS_NONE});
    tokens.insert(tokens.end(), row.tokens, row.tokens + row.count);
    names.push_back(int64_t(row.sequence));
    wanted += row.logits;
  }
  logits.resize(wanted * size_t(model.vocab()));

  const kvcrt_step_view view = beginStep(runtime.get(), entries);
  noteMemory();
  if (reference) {
    if (!layersAdded)
      addLayers(view);
    reference->setRows(names);
  }
  submitStep(runtime.get(), view.id);
  const kvcrt_hooks *hooks = reference ? reference->getHooks() : nullptr;
  if (attention && attentionRuns)
    hooks = attention->begin(model.device(), view);
  try {
    model.step(view, tokens, hooks, logits.data());
  } catch (const Failure &failure) {
    if (attention && !attention->getError().empty())
      fail("%s", attention->getError().c_str());
    if (reference && !reference->getError().empty())
      fail("the reference: %s", reference->getError().c_str());
    throw;
  }
  finishStep(runtime.get(), view.id);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

static kvcrt_runtime_stats statsOf(kvcrt_runtime *runtime) {
  kvcrt_runtime_stats stats;
  KVCRT_INIT(&stats);
  require(kvcrt_runtime_get_stats(runtime, &stats), "statistics");
  return stats;
}

void Engine::noteMemory() {
  const kvcrt_runtime_stats stats = statsOf(runtime.get());
  use.pagedPeak = std::max(use.pagedPeak, stats.bytes_used);
  use.contiguousPeak = std::max(use.contiguousPeak, stats.bytes_contiguous);
  use.livePeak = std::max(use.livePeak, stats.live_seqs);
}

double Engine::bytesPerToken() const {
  return statsOf(runtime.get()).bytes_per_token;
}

int32_t Engine::blocks(int32_t group) const {
  kvcrt_group_stats stats;
  KVCRT_INIT(&stats);
  require(kvcrt_group_get_stats(runtime.get(), group, &stats), "statistics");
  return stats.blocks_total;
}

int32_t Engine::blocksFor(const kvcrt_policy &policy, int32_t length,
                          int32_t chunk) {
  const int64_t block = policy.block;
  const int64_t all = (int64_t(length) + block - 1) / block;
  if (policy.retention == KVCRT_RETAIN_ALL)
    return int32_t(all);
  // What the oldest query of a step sees, through to its newest token: a run of
  // tokens that may begin and end anywhere within a block.
  const int64_t run =
      int64_t(policy.window) + std::min(chunk, length) + policy.rollback;
  const int64_t sinks = (int64_t(policy.sink_tokens) + block - 1) / block;
  return int32_t(std::min(all, sinks + (run + block - 1) / block + 1));
}
