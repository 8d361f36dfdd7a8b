//===- kvcref/run.h - the reference's run of a policy, as kernel hooks ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stands in for the kernels of a compiled model (kvcrt_env.hooks): append feeds
// a history of its own, attend computes params.out from it. The pool is never
// touched, so nothing that paging or a kernel gets wrong can reach it. This is
// what `kvc-run --check` compares with.
//
//   ReferenceRun run;
//   for each caching layer:  run.addLayer({policy, queryHeads, payload});
//   env.hooks = run.getHooks();
//   each step:               run.setRows({id of row 0, id of row 1, ...});
//                            kvc_model_step(&env, &args);
//
// A layer is known by the address of its key plane (kvcrt_cache.key.payload),
// which is fixed and differs between the layers of all groups.
//
// A hook reads presence from the values, as the compiled step fills fields that
// a variant does not use with zero: softcap 0, window 0 (retention all), null
// sink_logits, null mask and null lse mean "none".
//
// Rollback needs no call: when kv_len - n is less than the history's length,
// the surplus is forgotten. Not thread-safe; one step at a time.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_RUN_H
#define KVCREF_RUN_H

#include "kvcref/cache.h"
#include "kvcref/kernels.h"

#include <string>

namespace kvcref {

class ReferenceRun {
public:
  struct Layer {
    kvcrt_policy policy{};
    int32_t queryHeads = 0;
    const void *payload = nullptr; // kvcrt_cache.key.payload of the layer
    bool causal = true;
    MaskKind mask = MaskKind::DenseF32; // how a mask that is not null is read
    ScoreEdit edit{};
  };

  ReferenceRun();
  ReferenceRun(const ReferenceRun &) = delete;
  ReferenceRun &operator=(const ReferenceRun &) = delete;

  /// KVCRT_UNSUPPORTED or KVCRT_INVALID_ARGUMENT as checkPolicy says, or when
  /// the payload is taken.
  kvcrt_status addLayer(const Layer &layer);

  /// Sequence ids of the next step's rows.
  void setRows(std::vector<int64_t> sequences) { rows = std::move(sequences); }

  const kvcrt_hooks *getHooks() const { return &hooks; }

  /// In all layers.
  void release(int64_t sequence);
  void fork(int64_t from, int64_t to);

  /// Why a hook did not answer KVCRT_OK; empty when none failed.
  const std::string &getError() const { return error; }

private:
  struct Held {
    Layer layer;
    Cache cache;
  };
  kvcrt_status append(const kvcrt_params &params);
  kvcrt_status attend(const kvcrt_params &params);
  Held *find(const kvcrt_params &params);
  kvcrt_status fail(kvcrt_status status, std::string why);
  /// The rows of params.step with their sequence ids.
  kvcrt_status readRows(const kvcrt_params &params, std::vector<StepRow> &step);

  std::unordered_map<const void *, Held> layers;
  std::vector<int64_t> rows;
  kvcrt_hooks hooks;
  std::string error;
};

} // namespace kvcref

#endif // KVCREF_RUN_H
