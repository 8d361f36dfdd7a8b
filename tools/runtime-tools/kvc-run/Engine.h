//===- Engine.h - one runtime, and steps of a model on it -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts a Model's step and the runtime's block pools together: a call of step()
// is begin, submit, kvc_model_step, commit, retire. The double-precision
// reference can stand in for the attention kernels.
//
// Invariant: a scheduler that admits a sequence only while the sums of
// blocksFor() stay within blocks() never meets KVCRT_OUT_OF_BLOCKS.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_ENGINE_H
#define KVC_TOOLS_KVC_RUN_ENGINE_H

#include "Attention.h"
#include "Model.h"

#include "kvcref/run.h"

namespace kvctool {

/// Tokens of one sequence within a step.
struct StepRow {
  kvcrt_sequence sequence;
  const int32_t *tokens;
  int32_t count;
  bool logits; // of the last of them
};

struct MemoryUse {
  int64_t pagedPeak = 0;      // bytes of blocks in use, at their most
  int64_t contiguousPeak = 0; // live sequences x longest sequence, at the most
  int32_t livePeak = 0;
};

class Engine {
public:
  struct Options {
    int32_t maxTokens; // of one step
    int32_t maxSeqs;   // of one step, and live
    int32_t maxLength; // tokens of one sequence in the cache
    /// Per group; empty: `memory` bytes are divided.
    std::vector<int32_t> blocks;
    uint64_t memory = 0;
    /// Kernels that stand in for the model's own; null = none.
    Attention *attention = nullptr;
  };
  Engine(Model &model, const Options &options);

  /// From now on the reference computes attention, in double precision.
  void useReference();

  /// Whether the next steps run the attention library; answers whether they
  /// will: only when there is one.
  bool runAttention(bool run) {
    attentionRuns = run;
    return attention && run;
  }

  kvcrt_sequence create();
  void release(kvcrt_sequence sequence);

  /// Runs one ragged batch; `logits` gets [rows that want logits][vocab].
  /// Answers the seconds it took.
  double step(const std::vector<StepRow> &rows, std::vector<float> &logits);

  /// Blocks that a sequence of `length` tokens in the cache holds at the most,
  /// if no step brings it more than `chunk` tokens.
  static int32_t blocksFor(const kvcrt_policy &policy, int32_t length,
                           int32_t chunk);
  /// The pool of a group, in blocks.
  int32_t blocks(int32_t group) const;

  const MemoryUse &memory() const { return use; }
  double bytesPerToken() const;

private:
  void addLayers(const kvcrt_step_view &view);
  void noteMemory();

  Model &model;
  RuntimeHandle runtime;
  std::unique_ptr<kvcref::ReferenceRun> reference;
  Attention *attention;
  bool attentionRuns = true;
  bool layersAdded = false;
  MemoryUse use;
};

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_ENGINE_H
