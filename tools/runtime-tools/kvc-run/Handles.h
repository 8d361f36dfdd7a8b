//===- Handles.h - what kvc-run opens of the runtime ------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Owners of the C API's objects, and the calls that every run makes. Each
// throws a Failure that says what the runtime says.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_HANDLES_H
#define KVC_TOOLS_KVC_RUN_HANDLES_H

#include "kvcrt/artifact.h"
#include "kvcrt/runtime.h"
#include "kvcrt/safetensors.h"

#include <memory>
#include <string>
#include <vector>

namespace kvctool {

struct Close {
  void operator()(kvcrt_artifact *p) const { kvcrt_artifact_close(p); }
  void operator()(kvcrt_device *p) const { kvcrt_device_destroy(p); }
  void operator()(kvcrt_runtime *p) const { kvcrt_runtime_destroy(p); }
  void operator()(kvcrt_safetensors *p) const { kvcrt_safetensors_close(p); }
};
using ArtifactHandle = std::unique_ptr<kvcrt_artifact, Close>;
using DeviceHandle = std::unique_ptr<kvcrt_device, Close>;
using RuntimeHandle = std::unique_ptr<kvcrt_runtime, Close>;
using WeightsHandle = std::unique_ptr<kvcrt_safetensors, Close>;

/// Verified and loaded.
ArtifactHandle openArtifact(const std::string &path);
/// The manifest alone: of a library for any target.
ArtifactHandle inspectArtifact(const std::string &path);
/// kind: a kvcrt_device_kind; threads: 0 = all.
DeviceHandle createDevice(int32_t kind, int32_t threads);
RuntimeHandle createRuntime(const kvcrt_runtime_desc &desc);
WeightsHandle openWeights(const std::string &path);

/// Begins a step; after the caller has looked at it, `submit` follows.
kvcrt_step_view beginStep(kvcrt_runtime *runtime,
                          const std::vector<kvcrt_step_entry> &entries);
void submitStep(kvcrt_runtime *runtime, uint64_t step);
/// Commits and retires what ran; throws when a kernel raised an error.
void finishStep(kvcrt_runtime *runtime, uint64_t step);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_HANDLES_H
