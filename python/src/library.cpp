//===- library.cpp - a compiled attention library on its device -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "library.h"

#include "kvcrt/gpu.h"
#include "kvcrt/sim.h"

#include <algorithm>

namespace kvcpy {

Library::Library(const std::string &path, int32_t threads, int32_t ordinal,
                 MaskKind mask, std::vector<Capture> captures)
    : mask(mask), captured(std::move(captures)) {
  Message message{};
  kvcrt_artifact *opened = nullptr;
  require(kvcrt_artifact_open(path.c_str(), &opened, message.data(),
                              message.size()),
          path, message.data());
  artifact.reset(opened);
  const kvcrt_manifest *manifest = kvcrt_artifact_manifest(opened);
  if (manifest->num_variants != 1 || manifest->num_groups != 1)
    refuse(path + ": expected an attention library of one variant, got " +
           std::to_string(manifest->num_variants) + " variants of " +
           std::to_string(manifest->num_groups) + " caches");
  group = &manifest->groups[0];
  targetName = manifest->target;
  if (targetName.compare(0, 4, "sim:") == 0)
    deviceKind = KVCRT_DEVICE_SIM;
  else if (targetName != "cpu")
    deviceKind = KVCRT_DEVICE_CUDA;
  const kvcrt_manifest_variant &variant = manifest->variants[0];
  if (bool(variant.features & KVCRT_FEATURE_MASK) != (mask != MaskKind::None))
    refuse(path + ": expected a library " +
           (mask == MaskKind::None ? "without a mask, got one with"
                                   : "with a mask, got one without"));
  appendKernel = symbol<kvcrt_kernel_fn>(variant.append);
  attendKernel = symbol<kvcrt_kernel_fn>(variant.attend);
  workspace = symbol<kvcrt_workspace_fn>(variant.workspace);

  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  desc.kind = deviceKind;
  desc.num_workers = threads;
  desc.ordinal = deviceOrdinal = ordinal;
  kvcrt_device *created = nullptr;
  require(kvcrt_device_create(&desc, &created, message.data(), message.size()),
          "device of target " + targetName, message.data());
  deviceHandle.reset(created);
}

template <typename Function> Function Library::symbol(const char *name) {
  void *address = nullptr;
  require(kvcrt_artifact_symbol(artifact.get(), name, &address), name);
  return reinterpret_cast<Function>(address);
}

int32_t Library::multiprocessors() const {
  kvcrt_device_info info;
  KVCRT_INIT(&info);
  // The simulator has no size of its own.
  if (kvcrt_device_get_info(device(), &info) != KVCRT_OK)
    return 8;
  return info.multiprocessors;
}

void Library::reserve(kvcrt_capacity capacity) {
  std::lock_guard<std::mutex> lock(mutex);
  capacity.num_workers = kvcrt_device_env(device())->num_workers;
  const uint64_t bytes = workspace(&capacity);
  if (bytes <= workspaceBytes)
    return;
  require(kvcrt_device_reserve_workspace(device(), bytes),
          "workspace of " + std::to_string(bytes) + " bytes");
  workspaceBytes = bytes;
}

void Library::append(const kvcrt_params &params, void *stream,
                     std::vector<Range> ranges) {
  run(appendKernel, "append", params, stream, std::move(ranges));
}
void Library::attend(const kvcrt_params &params, void *stream,
                     std::vector<Range> ranges) {
  run(attendKernel, "attend", params, stream, std::move(ranges));
}

/// Ranges that do not overlap: tensors may be slices of one.
static void unite(std::vector<Library::Range> &ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](auto &a, auto &b) { return a.data < b.data; });
  std::vector<Library::Range> out;
  for (const Library::Range &range : ranges) {
    if (out.empty() || range.data > out.back().data + out.back().bytes) {
      out.push_back(range);
      continue;
    }
    const char *end =
        std::max(out.back().data + out.back().bytes, range.data + range.bytes);
    out.back().bytes = uint64_t(end - out.back().data);
  }
  ranges = std::move(out);
}

void Library::run(kvcrt_kernel_fn kernel, const char *what,
                  const kvcrt_params &params, void *stream,
                  std::vector<Range> ranges) {
  int32_t status = KVCRT_OK;
  unite(ranges);
  kvcrt_sim *sim =
      deviceKind == KVCRT_DEVICE_SIM ? kvcrt_device_sim(device()) : nullptr;
  {
    nb::gil_scoped_release released;
    std::lock_guard<std::mutex> lock(mutex);
    kvcrt_env env = *kvcrt_device_env(device());
    env.stream = stream;
    size_t added = 0;
    for (; sim && !status && added < ranges.size(); ++added)
      status = kvcrt_sim_add_memory(sim, ranges[added].data,
                                    ranges[added].bytes, 0, "tensor");
    if (!status)
      status = kernel(&env, &params);
    while (added > 0)
      (void)kvcrt_sim_remove_memory(sim, ranges[--added].data);
  }
  Message message{};
  if (status != KVCRT_OK)
    (void)kvcrt_device_get_error(device(), message.data(), message.size());
  require(status, what, message.data());
}

} // namespace kvcpy
