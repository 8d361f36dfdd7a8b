//===- cache.h - keys and values of all layers, and the step that runs ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kvcrt_runtime with one cache group (all layers have one policy), and at
// most one step that is open: begin .. append and attend of each layer .. end.
//
// Invariants
//  - A step is committed whole or not at all; what a failing step appended is
//    taken back (end(false)).
//  - On a GPU a step retires when the event behind its kernels has come, so
//    that nobody waits for the device but who needs a slot.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_PYTHON_CACHE_H
#define KVC_PYTHON_CACHE_H

#include "operands.h"

#include <deque>
#include <utility>

namespace kvcpy {

struct CacheOptions {
  int32_t layers, maxSeqs, maxTokens, maxLength, blocks;
  std::vector<float> slopes; // of ALiBi, one a query head
};

class Cache {
public:
  Cache(std::shared_ptr<Library> library, const CacheOptions &options);
  ~Cache();
  Cache(const Cache &) = delete;
  Cache &operator=(const Cache &) = delete;

  uint64_t create();
  void release(uint64_t sequence);
  uint64_t fork(uint64_t sequence);
  void rollback(uint64_t sequence, int32_t tokens);
  int32_t length(uint64_t sequence);
  std::vector<int32_t> blocks(uint64_t sequence);
  kvcrt_group_stats stats();

  /// Sequences with their numbers of new tokens. Rows of tensors follow in the
  /// order of the entries.
  void begin(const std::vector<std::pair<uint64_t, int32_t>> &entries,
             uintptr_t stream);
  void append(int32_t layer, const Input &key, const Input &value,
              uintptr_t stream);
  void attend(int32_t layer, const Input &query, const Output &out,
              const std::optional<Output> &lse, const Operands &operands,
              float scale, float softcap, uintptr_t stream);
  /// keep: the step's tokens become permanent; else they are taken back.
  void end(bool keep);
  bool isOpen() const { return open.has_value(); }

private:
  struct Pending {
    uint64_t step;
    void *event;
    const int32_t *errors; // copied there before the event
  };
  kvcrt_params paramsOf(int32_t layer, uintptr_t stream);
  Expected rows(const char *name, int32_t heads, int32_t dim) const;
  /// All of a checked tensor; dim = 1 for lse.
  Library::Range extent(const kvcrt_tensor &tensor, int32_t heads, int32_t dim,
                        int32_t bytes) const;
  void retire(uint64_t step);
  void report(int32_t errors) const;
  void reap(bool wait);
  void requireOnDevice(int32_t status, const char *what) const;
  /// The runtime and what the cache has of its own.
  void allocateOwn();
  void releaseAll();
  kvcrt_plan_desc plan() const;

  std::shared_ptr<Library> library;
  CacheOptions options;
  kvcrt_runtime *runtime = nullptr;
  std::optional<kvcrt_step_view> open;
  int32_t tokens = 0; // of the open step
  int32_t entries = 0;
  uintptr_t openStream = 0;
  std::deque<Pending> pending;
  float *slopes = nullptr;       // the device's; null without ALiBi
  int32_t *errorWords = nullptr; // CUDA: control memory, by slot
};

} // namespace kvcpy

#endif // KVC_PYTHON_CACHE_H
