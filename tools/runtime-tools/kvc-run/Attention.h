//===- Attention.h - a model's attention on a device of its own -*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of an attention library that was compiled from the model's graph
// and policy for another target, in the place of the model's own, layer by
// layer. Each launch is compared with the double-precision reference on the
// very operands and cache that the kernels got.
//
// Invariant: what append stored and attend wrote is the library's: rows are
// poisoned before, so that a kernel that writes nothing is noticed.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_ATTENTION_H
#define KVC_TOOLS_KVC_RUN_ATTENTION_H

#include "Handles.h"
#include "Progress.h"

#include "kvcref/bounds.h"
#include "kvcref/kernels.h"
#include "kvcrt/sim.h"

namespace kvctool {

/// What one layer's kernels did in all steps that they ran in.
struct LayerAttention {
  std::string variant;
  int64_t launches = 0, keys = 0; // keys: the longest sequence
  double outError = 0, storedError = 0;
  double lseError = -1; // relative above 1; negative: there was none
  kvcref::GpuBounds bounds{};
  uint64_t findings = 0;
  double seconds = 0; // in the kernels
  bool passed() const {
    return launches > 0 && outError <= bounds.out &&
           storedError <= bounds.stored && lseError <= bounds.lse &&
           findings == 0;
  }
};

class Attention {
public:
  /// Opens the library and checks that it is for the simulator and that it was
  /// compiled for `model`: a variant of the same name, query heads and policy
  /// for every layer.
  Attention(const std::string &path, const kvcrt_manifest &model,
            bool progress);
  /// The library by itself: a layer for each variant, in their order.
  Attention(const std::string &path, bool progress);

  /// The device that its kernels need (kvcrt_device_kind).
  int32_t deviceKind() const { return KVCRT_DEVICE_SIM; }
  const char *target() const { return view->target; }
  const kvcrt_manifest &manifest() const { return *view; }
  /// For the cache group's descriptor.
  const kvcrt_plan_desc *plan(int32_t group) const { return &plans[group]; }

  /// Hooks for one step on `device`.
  const kvcrt_hooks *begin(kvcrt_device *device, const kvcrt_step_view &step);
  /// Why a hook failed; empty when none did.
  const std::string &getError() const { return error; }

  int64_t steps() const { return numSteps; }
  const std::vector<LayerAttention> &layers() const { return results; }
  /// The first failure in words; empty when all layers passed.
  std::string firstProblem() const;

private:
  using KernelEntry = int32_t (*)(const kvcrt_env *, const kvcrt_params *);
  struct Layer {
    KernelEntry append, attend;
    kvcref::Variant variant;
  };
  void open();
  void addLayer(const kvcrt_manifest_variant &variant,
                const kvcrt_policy &policy);
  void addPlan(const kvcrt_policy &policy, int32_t group);
  kvcrt_status append(const kvcrt_env &env, const kvcrt_params &params);
  kvcrt_status attend(const kvcrt_env &env, const kvcrt_params &params);
  /// The layer that `params` belong to; -1 and an error when there is none.
  int32_t find(const kvcrt_params &params);
  /// Calls a kernel on memory that the device need not know, times it and
  /// collects the findings.
  kvcrt_status call(int32_t layer, KernelEntry entry, const kvcrt_env &env,
                    const kvcrt_params &params, const char *what);

  std::string path;
  ArtifactHandle artifact;
  const kvcrt_manifest *view = nullptr;
  std::vector<Layer> kernels;         // by layer of the model
  std::vector<kvcrt_plan_desc> plans; // by group of the model
  std::vector<LayerAttention> results;
  kvcrt_hooks hooks{};
  const kvcrt_step_view *step = nullptr; // of the step that runs
  kvcrt_sim *sim = nullptr;
  int64_t numSteps = 0;
  Progress progress;
  std::string error, finding;
};

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_ATTENTION_H
