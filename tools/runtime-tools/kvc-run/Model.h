//===- Model.h - a compiled model with its weights, ready to run ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens an artefact, checks that it is a model of one int token input and one
// f32 logits output, maps the weights, and runs kvc_model_init.
//
// Invariant: compiled code is called with arrays of exactly the shapes that the
// manifest promised it; whatever does not fit is refused before.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_MODEL_H
#define KVC_TOOLS_KVC_RUN_MODEL_H

#include "Handles.h"

#include <cstddef>

namespace kvctool {

class Model {
public:
  /// Verifies and loads the artefact.
  explicit Model(const std::string &path);
  /// Before anything else: a device of a kvcrt_device_kind whose memory
  /// compiled code for the cpu can use; `threads` 0 = all.
  void createDevice(int32_t kind, int32_t threads);

  /// Checks every parameter's name, type and shape, and makes the constants.
  void loadWeights(const std::string &path);

  const kvcrt_manifest &manifest() const { return *view; }
  int32_t vocab() const { return view->vocab; }
  int32_t threads() const;
  kvcrt_device *device() const { return deviceHandle.get(); }
  bool hasRecompute() const { return recomputeEntry != nullptr; }

  /// Makes the workspace large enough for steps within `capacity`.
  void reserveStep(const kvcrt_capacity &capacity);

  /// One call of kvc_model_step. `logits` [num_logit_rows][vocab]; `hooks` may
  /// be null.
  void step(const kvcrt_step_view &view, const std::vector<int32_t> &tokens,
            const kvcrt_hooks *hooks, float *logits);

  /// The original stateless graph over one sequence: logits of all positions
  /// [tokens][vocab].
  std::vector<float> recompute(const std::vector<int32_t> &tokens);

private:
  using StepEntry = int32_t (*)(const kvcrt_env *, const kvcrt_model_args *);
  using InitEntry = int32_t (*)(const kvcrt_env *, const kvcrt_init_args *);
  using RecomputeEntry = int32_t (*)(const kvcrt_env *,
                                     const kvcrt_recompute_args *);

  template <typename Function> Function symbol(const char *name);
  void checkSignature();
  void reserve(kvcrt_workspace_fn workspace, kvcrt_capacity capacity);
  const void *stage(const std::vector<int32_t> &tokens);

  std::string path;
  ArtifactHandle artifact;
  DeviceHandle deviceHandle;
  WeightsHandle weights;
  const kvcrt_manifest *view = nullptr;
  StepEntry stepEntry = nullptr;
  InitEntry initEntry = nullptr;
  RecomputeEntry recomputeEntry = nullptr;
  kvcrt_workspace_fn stepWorkspace = nullptr, initWorkspace = nullptr,
                     recomputeWorkspace = nullptr;
  std::vector<const void *> params; // in the manifest's order
  std::vector<std::vector<std::max_align_t>> aligned;
  std::vector<void *> constants; // the device's
  std::vector<int64_t> staging;  // token ids of one call
};

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_MODEL_H
