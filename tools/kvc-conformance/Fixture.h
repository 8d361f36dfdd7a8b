//===- Fixture.h - memory of one cell ---------------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pools, tables, operands and outputs for one variant and one batch. Everything
// that a kernel must not read or must overwrite holds NaN; block tables are
// shuffled, and entries that must not be read are invalid ids.
//
// Invariant: the contents follow from (spec, batch, seed) alone.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_FIXTURE_H
#define KVC_TOOLS_KVC_CONFORMANCE_FIXTURE_H

#include "Batch.h"
#include "kvcrt/abi.h"
#include <functional>

namespace kvc::conformance {

/// A stream of its own for each name.
uint64_t seedOf(uint64_t seed, const std::string &name);

/// Counter-based numbers: the n-th does not depend on who asked before.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next();
  /// In [0, count).
  int64_t below(int64_t count) { return int64_t(next() % uint64_t(count)); }
  /// In [-1, 1).
  double uniform();

private:
  uint64_t state;
};

/// Bytes filled with 0xff, NaN in every float format. They end (up to 16 bytes)
/// at a page that cannot be touched, so that reading or writing past them ends
/// the process. Large ones lie on huge pages instead where the system grants
/// them, as a pool of ours does.
class Memory {
public:
  explicit Memory(size_t bytes = 0) { resize(bytes); }
  Memory(const Memory &) = delete;
  ~Memory() { release(); }
  void resize(size_t bytes);
  /// Address space alone, zeros until written; false when there is none.
  bool reserve(size_t bytes);
  char *data() { return base; }
  size_t size() const { return bytes; }
  template <typename T> T *as() { return reinterpret_cast<T *>(base); }

private:
  void release();

  char *base = nullptr;
  size_t bytes = 0;
  char *mapping = nullptr;
  size_t mapped = 0;
};

/// One worker that runs tasks in their order.
kvcrt_env serialEnv(Memory &workspace);

class Fixture {
public:
  Fixture(const Spec &spec, const Batch &batch, uint64_t seed);
  Fixture(const Fixture &) = delete;

  /// The step that appends and attends `batch`, on pool `which` (0 or 1).
  kvcrt_params attendParams(int which);
  kvcrt_step_header &attendHeader() { return current.header; }
  /// The step before it, which brings each sequence to kvLen - newTokens.
  kvcrt_params historyParams(int which);
  kvcref::Variant reference() const;

  /// What the system refused; empty when nothing.
  const std::string &problem() const { return problem_; }
  int64_t numTokens() const { return tokens; }
  kvcrt_capacity capacity(int32_t workers) const;
  /// What the policy frees before the step attends: table entries become
  /// invalid.
  void freeInvisibleBlocks();
  void poisonOutputs();
  /// The step's new keys and values become others, and themselves again when
  /// called once more.
  void swapSigns();

  /// Calls `each` with (base, bytes, name) for all memory that kernels of
  /// either step may touch; pool 1, the reference's, is not.
  template <typename Each> void forEachRange(Each each) {
    auto vector = [&](auto &v, const char *name) {
      each(v.data(), v.size() * sizeof(*v.data()), name);
    };
    for (Step *step : {&history, &current}) {
      each(&step->header, sizeof(step->header), "header");
      vector(step->indptr, "qo_indptr");
      vector(step->kvLen, "kv_len");
      vector(step->positions, "positions");
      vector(step->tokenSeq, "token_seq");
      vector(step->slots, "slot_mapping");
      each(step->key.data(), step->key.size(), "new_key");
      each(step->value.data(), step->value.size(), "new_value");
      each(step->query.data(), step->query.size(), "query");
    }
    vector(table, "block_table");
    vector(firstBlock, "first_block");
    vector(positionOffset, "position_offset");
    each(pools[0].data(), pools[0].size(), "pool");
    each(scales[0].data(), scales[0].size(), "scales");
    vector(ropeTable, "rope_table");
    vector(slopes, "alibi_slopes");
    vector(sinkLogits, "sink_logits");
    each(mask.data(), mask.size(), "mask");
    vector(maskIndptr, "mask_indptr");
    vector(maskFirst, "mask_first_column");
    vector(captured, "captures");
    each(out.data(), out.size(), "out");
    each(lse.data(), lse.size(), "lse");
    each(&errorWord, sizeof(errorWord), "error_word");
  }

  Memory out, lse;
  int32_t errorWord = 0;

private:
  struct Step {
    kvcrt_step_header header{};
    std::vector<int32_t> indptr, kvLen, positions, tokenSeq, slots;
    Memory key, value, query;
  };
  void makePool();
  void makeTable(int32_t needed);
  void makeSparsePool(int64_t poolBytes);
  void makeStep(Step &step, const std::vector<Sequence> &sequences);
  void makeMask();
  kvcrt_params params(Step &step, int which);
  kvcrt_plane plane(int which, bool value);
  /// `exponent(row, head)`: of the power of two that elements are multiplied
  /// by.
  void fillOperand(Memory &memory, int64_t rows, int64_t heads, int64_t dim,
                   const std::function<int(int64_t, int64_t)> &exponent);
  /// The same exponents for both steps' keys, and others for each token's
  /// values: all 0 where the batch has no wide ranges.
  void drawKeyExponents();
  std::vector<int> drawValueExponents(int64_t tokens);

  const Spec &spec;
  const Batch &batch;
  Random random;
  std::vector<int> keyExponents; // of KV heads
  std::string problem_;
  int64_t tokens = 0;
  int32_t numBlocks = 0, tableStride = 0;
  std::vector<int32_t> table, firstBlock, positionOffset;
  struct PlaneLayout {
    int64_t base, block, head, token; // bytes
    int64_t scaleBase, scaleBlock, scaleHead, scaleToken;
  } keyLayout{}, valueLayout{};
  Memory pools[2], scales[2];
  Step history, current;
  std::vector<float> ropeTable, slopes, sinkLogits;
  int32_t ropePositions = 0;
  Memory mask;
  int32_t maskColumns = 0;
  std::vector<int32_t> maskIndptr, maskFirst;
  std::vector<float> captured;
  int64_t capturedShape[2] = {0, 0};
};

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_FIXTURE_H
