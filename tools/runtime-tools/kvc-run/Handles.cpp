//===- Handles.cpp - what kvc-run opens of the runtime --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Handles.h"

#include "../common/Failure.h"

using namespace kvctool;

/// `open` makes an object; `where` begins what is said when it cannot.
template <typename Object, typename Open>
static std::unique_ptr<Object, Close> make(const std::string &where,
                                           Open &&open) {
  Message message;
  Object *made = nullptr;
  require(open(&made, message.data(), message.size()), where, message);
  return std::unique_ptr<Object, Close>(made);
}

ArtifactHandle kvctool::openArtifact(const std::string &path) {
  return make<kvcrt_artifact>(path, [&](auto... out) {
    return kvcrt_artifact_open(path.c_str(), out...);
  });
}

ArtifactHandle kvctool::inspectArtifact(const std::string &path) {
  return make<kvcrt_artifact>(path, [&](auto... out) {
    return kvcrt_artifact_inspect(path.c_str(), out...);
  });
}

DeviceHandle kvctool::createDevice(int32_t kind, int32_t threads) {
  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  desc.kind = kind;
  desc.num_workers = threads;
  return make<kvcrt_device>("device", [&](auto... out) {
    return kvcrt_device_create(&desc, out...);
  });
}

RuntimeHandle kvctool::createRuntime(const kvcrt_runtime_desc &desc) {
  return make<kvcrt_runtime>("cache pool", [&](auto... out) {
    return kvcrt_runtime_create(&desc, out...);
  });
}

WeightsHandle kvctool::openWeights(const std::string &path) {
  return make<kvcrt_safetensors>(path, [&](auto... out) {
    return kvcrt_safetensors_open(path.c_str(), out...);
  });
}

kvcrt_step_view
kvctool::beginStep(kvcrt_runtime *runtime,
                   const std::vector<kvcrt_step_entry> &entries) {
  Message message;
  kvcrt_step_view view;
  KVCRT_INIT(&view);
  require(kvcrt_step_begin(runtime, entries.data(), int32_t(entries.size()),
                           &view, message.data(), message.size()),
          "step", message);
  return view;
}

void kvctool::submitStep(kvcrt_runtime *runtime, uint64_t step) {
  require(kvcrt_step_submit(runtime, step, nullptr), "step submit");
}

void kvctool::finishStep(kvcrt_runtime *runtime, uint64_t step) {
  int32_t errors = 0;
  require(kvcrt_step_get_errors(runtime, step, &errors), "step errors");
  const auto name = [&](int32_t bit, const char *text) {
    return errors & bit ? text : "";
  };
  // Block ids are the runtime's and always in range: a kernel that meets
  // another reads what it was not given.
  if (errors)
    fail("step %llu: expected no kernel error, got%s%s%s; %s",
         static_cast<unsigned long long>(step),
         name(KVCRT_ERROR_NAN_INPUT, " a NaN among keys or values"),
         name(KVCRT_ERROR_POSITION_RANGE, " a position out of range"),
         name(KVCRT_ERROR_BLOCK_RANGE, " a block id out of range"),
         errors & KVCRT_ERROR_BLOCK_RANGE
             ? "these kernels were compiled for another policy or are wrong; "
               "compile them again"
             : "the weights or the prompt drive this model out of its range");
  require(kvcrt_step_commit(runtime, step, nullptr), "step commit");
  require(kvcrt_step_retire(runtime, step), "step retire");
}
