//===- cuda/modules.cpp - kernels of artefacts, loaded once ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "modules.h"

#include <algorithm>
#include <cstring>

namespace kvcrt::cuda {

/// A block has so much shared memory without asking.
static constexpr uint32_t kPlainSharedBytes = 48 << 10;

static std::string chipOf(const kvcrt_image &image) {
  return image.chip ? image.chip : "sm_" + std::to_string(image.sm);
}

int Modules::rank(const kvcrt_image &image) const {
  if (!image.data || image.size == 0)
    return 0;
  // sm_90a and the like run on that chip alone.
  const std::string chip = chipOf(image);
  const bool exactOnly = !chip.empty() && chip.back() >= 'a';
  const bool exact = image.sm == sm_;
  switch (image.kind) {
  case KVCRT_IMAGE_CUBIN:
    if (exact)
      return 3;
    return !exactOnly && image.sm / 10 == sm_ / 10 && image.sm < sm_ ? 2 : 0;
  case KVCRT_IMAGE_PTX:
    return exact || (!exactOnly && image.sm < sm_) ? 1 : 0;
  default:
    return 0;
  }
}

kvcrt_status Modules::load(const kvcrt_kernel &kernel, const kvcrt_image &image,
                           Module &out) {
  // The entry comes first: a module that cannot be kept would be lost.
  const auto [entry, fresh] = modules_.try_emplace(image.data, nullptr);
  if (!fresh) {
    out = entry->second;
    return KVCRT_OK;
  }
  char log[2048] = "";
  int options[] = {kJitErrorLog, kJitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  const Result result =
      session_.driver().moduleLoad(&out, image.data, 2, options, values);
  if (result == kSuccess) {
    entry->second = out;
    return KVCRT_OK;
  }
  modules_.erase(entry);
  const bool ptx = image.kind == KVCRT_IMAGE_PTX;
  kvcrt_status status = session_.check(
      result, ("cuModuleLoadDataEx of kernel `" + std::string(kernel.name) +
               "`, " + (ptx ? "PTX" : "machine code") + " for " + chipOf(image))
                  .c_str());
  log[sizeof(log) - 1] = 0;
  // The assembler's words, in one line.
  std::replace(log, log + strlen(log), '\n', ' ');
  std::string text = session_.lastError();
  if (log[0])
    text += ": " + std::string(log);
  if (result == kUnsupportedPtxVersion)
    text += "; update the driver, or compile with a ptxas so that the artefact "
            "holds machine code";
  if (log[0] || result == kUnsupportedPtxVersion)
    return session_.refuse(status, text);
  return status;
}

kvcrt_status Modules::make(const kvcrt_kernel &kernel, Function &out) {
  std::vector<const kvcrt_image *> images;
  std::string got;
  for (uint32_t i = 0; i < kernel.num_images; ++i) {
    const kvcrt_image &image = kernel.images[i];
    if (rank(image) > 0)
      images.push_back(&image);
    const char *kinds[] = {"PTX", "machine code", "code for the simulator"};
    got += (i ? ", " : "") + chipOf(image) + " " +
           (image.kind >= 0 && image.kind < 3 ? kinds[image.kind] : "?");
  }
  if (images.empty())
    return session_.refuse(
        KVCRT_UNSUPPORTED,
        "kernel `" + std::string(kernel.name) + "`: expected code for sm_" +
            std::to_string(sm_) + ", got " + (got.empty() ? "none" : got) +
            "; compile with --target=sm_" + std::to_string(sm_) +
            (sm_ == 90 || sm_ == 100 ? "a" : ""));
  // Of equals, the artefact's order.
  std::sort(images.begin(), images.end(),
            [&](const kvcrt_image *a, const kvcrt_image *b) {
              return rank(*a) != rank(*b) ? rank(*a) > rank(*b) : a < b;
            });
  kvcrt_status status = KVCRT_OK;
  Module module = nullptr;
  for (const kvcrt_image *image : images) {
    status = load(kernel, *image, module);
    // Another image may do where this driver does not know the code.
    if (status != KVCRT_UNSUPPORTED)
      break;
  }
  if (status)
    return status;
  const Driver &d = session_.driver();
  const std::string name = " `" + std::string(kernel.name) + "`";
  status = session_.check(d.moduleGetFunction(&out, module, kernel.name),
                          ("cuModuleGetFunction of" + name).c_str());
  if (!status && kernel.shared_bytes > kPlainSharedBytes)
    status = session_.check(
        d.functionSetAttribute(out, kFunctionMaxDynamicShared,
                               int(kernel.shared_bytes)),
        ("cuFuncSetAttribute of" + name + ", " +
         std::to_string(kernel.shared_bytes) + " bytes of shared memory")
            .c_str());
  return status;
}

kvcrt_status Modules::find(const kvcrt_kernel &kernel, Function &out) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (auto it = functions_.find(&kernel); it != functions_.end()) {
    out = it->second;
    return KVCRT_OK;
  }
  if (!kernel.name || (kernel.num_images && !kernel.images))
    return KVCRT_INVALID_ARGUMENT;
  if (kvcrt_status status = make(kernel, out))
    return status;
  functions_.emplace(&kernel, out);
  return KVCRT_OK;
}

kvcrt_status Modules::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  kvcrt_status status = KVCRT_OK;
  if (!modules_.empty()) {
    Current current(session_);
    for (auto &[data, module] : modules_) {
      const kvcrt_status one = session_.check(
          session_.driver().moduleUnload(module), "cuModuleUnload");
      status = status ? status : one;
    }
  }
  functions_.clear();
  modules_.clear();
  return status;
}

} // namespace kvcrt::cuda
