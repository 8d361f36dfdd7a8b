//===- library.h - a compiled attention library on its device -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens the artefact and makes the device of its target: cpu, the simulator or
// a GPU.
//
// Invariant: one kernel at a time runs on the device's workspace (run's lock).
//
//===----------------------------------------------------------------------===//
#ifndef KVC_PYTHON_LIBRARY_H
#define KVC_PYTHON_LIBRARY_H

#include "status.h"

#include "kvcrt/artifact.h"

#include <memory>
#include <mutex>
#include <vector>

namespace kvcpy {

/// How a variant takes its mask, which the manifest does not say.
enum class MaskKind { None, Bool, Float, Packed };

/// What a score region captures, which the manifest does not say either.
struct Capture {
  std::string type; // f32, i32, ..
  int32_t rank;
};

class Library {
public:
  /// threads, ordinal: as kvcrt_device_desc has them.
  Library(const std::string &path, int32_t threads, int32_t ordinal,
          MaskKind mask, std::vector<Capture> captures);

  const kvcrt_policy &policy() const { return group->policy; }
  const kvcrt_manifest &manifest() const {
    return *kvcrt_artifact_manifest(artifact.get());
  }
  int32_t queryHeads() const { return manifest().variants[0].query_heads; }
  /// kvcrt_feature bits.
  uint32_t features() const { return manifest().variants[0].features; }
  MaskKind maskKind() const { return mask; }
  const std::vector<Capture> &captures() const { return captured; }
  const std::string &target() const { return targetName; }
  int32_t kind() const { return deviceKind; }
  int32_t ordinal() const { return deviceOrdinal; }
  kvcrt_device *device() const { return deviceHandle.get(); }
  /// Its kernels take a plan and want rows at multiples of 16 bytes.
  bool isGpuCode() const { return deviceKind != KVCRT_DEVICE_CPU; }
  /// Blocks of a kernel that the device runs at once, for plans.
  int32_t multiprocessors() const;

  /// Makes the workspace large enough for steps within `capacity`.
  void reserve(kvcrt_capacity capacity);
  /// Memory of the caller that a kernel may touch.
  struct Range {
    const char *data;
    uint64_t bytes;
  };
  /// Calls a kernel's host function on the stream, without the GIL. The
  /// simulator is told of `ranges` for the call; other devices need no word.
  void append(const kvcrt_params &params, void *stream,
              std::vector<Range> ranges);
  void attend(const kvcrt_params &params, void *stream,
              std::vector<Range> ranges);

private:
  struct Close {
    void operator()(kvcrt_artifact *p) const { kvcrt_artifact_close(p); }
    void operator()(kvcrt_device *p) const { kvcrt_device_destroy(p); }
  };
  template <typename Function> Function symbol(const char *name);
  void run(kvcrt_kernel_fn kernel, const char *what, const kvcrt_params &params,
           void *stream, std::vector<Range> ranges);

  std::unique_ptr<kvcrt_artifact, Close> artifact;
  std::unique_ptr<kvcrt_device, Close> deviceHandle; // goes before its code
  const kvcrt_manifest_group *group = nullptr;
  MaskKind mask;
  std::vector<Capture> captured;
  std::string targetName;
  int32_t deviceKind = KVCRT_DEVICE_CPU, deviceOrdinal = 0;
  kvcrt_kernel_fn appendKernel = nullptr, attendKernel = nullptr;
  kvcrt_workspace_fn workspace = nullptr;
  uint64_t workspaceBytes = 0;
  std::mutex mutex;
};

} // namespace kvcpy

#endif // KVC_PYTHON_LIBRARY_H
