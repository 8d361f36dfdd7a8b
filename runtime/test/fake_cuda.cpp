//===- fake_cuda.cpp - a stand-in for libcuda -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See fake_cuda.h. Here: devices, contexts, modules, launches, and what tests
// ask for; memory and streams have files of their own.
//
//===----------------------------------------------------------------------===//
#include "fake_cuda.h"
#include "fake_cuda_state.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

using namespace fake_cuda;
using kvcrt_test::FakeImage;

#pragma GCC visibility push(default)
extern "C" {

Result cuInit(unsigned) {
  ENTER(cuInit);
  return state().devices ? kSuccess : kNoDevice;
}
Result cuDriverGetVersion(int *out) {
  ENTER(cuDriverGetVersion);
  *out = state().version;
  return kSuccess;
}
Result cuGetErrorName(Result result, const char **out) {
  *out = result == kOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
         : result == kNoDevice  ? "CUDA_ERROR_NO_DEVICE"
                                : "CUDA_ERROR_OTHER";
  return kSuccess;
}
Result cuGetErrorString(Result result, const char **out) {
  *out = result == kOutOfMemory ? "out of memory" : "something else";
  return kSuccess;
}
Result cuDeviceGetCount(int *out) {
  ENTER(cuDeviceGetCount);
  *out = state().devices;
  return kSuccess;
}
Result cuDeviceGet(Device *out, int ordinal) {
  ENTER(cuDeviceGet);
  *out = 40 + ordinal;
  return kSuccess;
}
Result cuDeviceGetName(char *out, int size, Device) {
  ENTER(cuDeviceGetName);
  snprintf(out, size_t(size), "Fake GPU");
  return kSuccess;
}
Result cuDeviceGetAttribute(int *out, int attribute, Device) {
  ENTER(cuDeviceGetAttribute);
  *out = attribute == kAttributeMajor   ? state().major
         : attribute == kAttributeMinor ? state().minor
                                        : 1000 + attribute;
  return kSuccess;
}
Result cuDeviceTotalMem_v2(size_t *out, Device) {
  ENTER(cuDeviceTotalMem_v2);
  *out = size_t(80) << 30;
  return kSuccess;
}
Result cuDevicePrimaryCtxRetain(Context *out, Device) {
  ENTER(cuDevicePrimaryCtxRetain);
  ++state().retained;
  *out = reinterpret_cast<Context>(0x1000);
  return kSuccess;
}
Result cuDevicePrimaryCtxRelease_v2(Device) {
  ENTER(cuDevicePrimaryCtxRelease_v2);
  --state().retained;
  return kSuccess;
}
Result cuCtxGetCurrent(Context *out) {
  ENTER(cuCtxGetCurrent);
  *out = stack.empty() ? nullptr : stack.back();
  return kSuccess;
}
Result cuCtxPushCurrent_v2(Context context) {
  ENTER(cuCtxPushCurrent_v2);
  stack.push_back(context);
  return kSuccess;
}
Result cuCtxPopCurrent_v2(Context *out) {
  ENTER(cuCtxPopCurrent_v2);
  if (stack.empty())
    return 201;
  *out = stack.back();
  stack.pop_back();
  return kSuccess;
}

Result cuModuleLoadDataEx(Module *out, const void *data, unsigned count,
                          int *options, void **values) {
  ENTER(cuModuleLoadDataEx);
  const auto *image = static_cast<const FakeImage *>(data);
  // For programs with real images: kernels of any name that do nothing.
  static const FakeImage idle = {"", nullptr, 0, nullptr, 0, nullptr};
  if (getenv("KVC_FAKE_CUDA_ANY_IMAGE"))
    image = &idle;
  else if (memcmp(image->magic, "FAKECUDA", 8) != 0)
    return kInvalidImage;
  if (image->loadResult) {
    if (image->loadLog && count == 2 && options[0] == kJitErrorLog &&
        options[1] == kJitErrorLogBytes)
      snprintf(static_cast<char *>(values[0]),
               reinterpret_cast<uintptr_t>(values[1]), "%s", image->loadLog);
    return image->loadResult;
  }
  *out = reinterpret_cast<Module>(made(new const FakeImage *(image)));
  return kSuccess;
}
Result cuModuleUnload(Module module) {
  ENTER(cuModuleUnload);
  drainAll();
  if (!unmade(module))
    return kInvalidValue;
  delete reinterpret_cast<const FakeImage **>(module);
  return kSuccess;
}
Result cuModuleGetFunction(Function *out, Module module, const char *name) {
  ENTER(cuModuleGetFunction, name);
  const FakeImage *image = *reinterpret_cast<const FakeImage **>(module);
  if (image->kernel && strcmp(name, image->kernel) != 0)
    return 500;
  *out = reinterpret_cast<Function>(const_cast<FakeImage *>(image));
  return kSuccess;
}
Result cuFuncSetAttribute(Function, int attribute, int value) {
  ENTER(cuFuncSetAttribute,
        std::to_string(attribute) + "=" + std::to_string(value));
  return kSuccess;
}
Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int *out, Function,
                                                   int threads, size_t shared) {
  ENTER(cuOccupancyMaxActiveBlocksPerMultiprocessor,
        std::to_string(threads) + " " + std::to_string(shared));
  *out = 2;
  return kSuccess;
}
Result cuLaunchKernel(Function function, unsigned gx, unsigned gy, unsigned gz,
                      unsigned bx, unsigned by, unsigned bz, unsigned shared,
                      Stream stream, void **params, void **extra) {
  const auto *image = reinterpret_cast<const FakeImage *>(function);
  ENTER(cuLaunchKernel,
        std::string(image->kernel ? image->kernel : "any") +
            " grid=" + std::to_string(gx) + "," + std::to_string(gy) + "," +
            std::to_string(gz) + " block=" + std::to_string(bx) + "," +
            std::to_string(by) + "," + std::to_string(bz) +
            " shared=" + std::to_string(shared) + " " + nameOf(stream));
  if (extra || !params)
    return kInvalidValue;
  // By value: copied before the call returns.
  const char *bytes = static_cast<const char *>(params[0]);
  std::vector<char> copy(bytes, bytes + image->paramBytes);
  return enqueue(stream, [=] {
    if (image->run)
      image->run(copy.data(), gx);
  });
}
Result cuTensorMapEncodeTiled(void *out, int type, uint32_t rank, void *base,
                              const uint64_t *extent, const uint64_t *stride,
                              const uint32_t *box, const uint32_t *step,
                              int interleave, int swizzle, int promotion,
                              int fill) {
  std::string text =
      "type=" + std::to_string(type) + " rank=" + std::to_string(rank);
  for (uint32_t d = 0; d < rank; ++d)
    text += " " + std::to_string(extent[d]) + "/" +
            (d ? std::to_string(stride[d - 1]) : "-") + "/" +
            std::to_string(box[d]) + "/" + std::to_string(step[d]);
  text += " " + std::to_string(interleave) + std::to_string(swizzle) +
          std::to_string(promotion) + std::to_string(fill);
  ENTER(cuTensorMapEncodeTiled, text);
  if (!base || reinterpret_cast<uintptr_t>(out) % 64)
    return kInvalidValue;
  memset(out, 0x5A, 128);
  return kSuccess;
}

extern const kvcrt_test::FakeControls fake_cuda_controls;
const kvcrt_test::FakeControls fake_cuda_controls = {
    [] {
      State &s = state();
      drainAll();
      s.log.clear();
      s.failSymbol.clear();
      s.version = 13000;
      s.devices = 1;
      s.major = 9;
      s.minor = 0;
      stack.clear();
      // Left where a test lets the calls fail that would have freed it.
      for (auto [object, destroy] : s.live)
        destroy(object);
      s.live.clear();
      s.streams.clear();
      s.destroyed.clear();
      s.defaultStream.queue.clear();
      s.defaultStream.done = 0;
      s.mapped.clear();
      for (auto [base, bytes] : s.reserved)
        munmap(reinterpret_cast<void *>(base), bytes);
      s.reserved.clear();
      s.handles.clear();
      s.retained = 0;
    },
    [](const char *symbol, int nth, int result) {
      state().failSymbol = symbol;
      state().failNth = nth;
      state().failResult = result;
    },
    [](const char *property, int value) {
      const std::string name = property;
      State &s = state();
      (name == "version"   ? s.version
       : name == "devices" ? s.devices
       : name == "major"   ? s.major
                           : s.minor) = value;
    },
    [] { return state().log.c_str(); },
    [] {
      const State &s = state();
      return int(s.live.size() + s.mapped.size() + s.reserved.size() +
                 s.handles.size() + stack.size()) +
             s.retained;
    }};

} // extern "C"
#pragma GCC visibility pop
