//===- cuda/driver.cpp - opening the driver, and what its errors mean -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "driver.h"

#include <cstdlib>
#include <dlfcn.h>

namespace kvcrt::cuda {

Driver::~Driver() {
  if (library_)
    dlclose(library_);
}

kvcrt_status Driver::load(const char *path, Message message) {
  library_ = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library_) {
    const char *reason = dlerror();
    return message.fail(
        KVCRT_NOT_FOUND,
        "expected the NVIDIA driver's library: %s; install the driver, or name "
        "its library in KVCRT_CUDA_DRIVER",
        reason ? reason : path);
  }
  // What says which driver this is comes before all else.
  auto find = [&](auto &member, const char *symbol) {
    member = reinterpret_cast<std::decay_t<decltype(member)>>(
        dlsym(library_, symbol));
    return member != nullptr;
  };
  if (!find(init, "cuInit") || !find(driverGetVersion, "cuDriverGetVersion") ||
      !find(getErrorName, "cuGetErrorName") ||
      !find(getErrorString, "cuGetErrorString"))
    return message.fail(KVCRT_NOT_FOUND,
                        "expected the NVIDIA driver's library, got %s, which "
                        "has no cuInit",
                        path);
  if (Result result = driverGetVersion(&version)) {
    char text[300];
    return message.fail(
        translate(*this, result, "cuDriverGetVersion", text, sizeof(text)),
        "%s", text);
  }
  if (version < kMinimumVersion)
    return message.fail(KVCRT_UNSUPPORTED,
                        "expected an NVIDIA driver for CUDA %d.%d or newer, "
                        "got one for %d.%d; update the driver",
                        kMinimumVersion / 1000, kMinimumVersion % 1000 / 10,
                        version / 1000, version % 1000 / 10);
#define KVCRT_CUDA_FIND(member, symbol, parameters)                            \
  if (!find(member, #symbol))                                                  \
    return message.fail(KVCRT_UNSUPPORTED,                                     \
                        "expected an NVIDIA driver with " #symbol              \
                        ", got one for CUDA %d.%d without; update the driver", \
                        version / 1000, version % 1000 / 10);
  KVCRT_CUDA_CALLS(KVCRT_CUDA_FIND)
#undef KVCRT_CUDA_FIND
  return KVCRT_OK;
}

kvcrt_status Driver::open(const char *path, std::unique_ptr<Driver> &out,
                          Message message) {
  if (!path || !*path)
    path = getenv("KVCRT_CUDA_DRIVER");
  if (!path || !*path)
    path = "libcuda.so.1";
  std::unique_ptr<Driver> driver(new Driver);
  if (kvcrt_status status = driver->load(path, message))
    return status;
  if (Result result = driver->init(0)) {
    char text[300];
    kvcrt_status status =
        translate(*driver, result, "cuInit", text, sizeof(text));
    return message.fail(status, "%s; expected a GPU that this driver can use",
                        text);
  }
  out = std::move(driver);
  return KVCRT_OK;
}

kvcrt_status translate(const Driver &driver, Result result, const char *what,
                       char *text, size_t textSize) {
  const char *name = nullptr, *description = nullptr;
  if (driver.getErrorName(result, &name) || !name)
    name = "an error without a name";
  if (driver.getErrorString(result, &description) || !description)
    description = "no description";
  snprintf(text, textSize, "%s: %s (%d): %s", what, name, result, description);
  switch (result) {
  case kOutOfMemory:
    return KVCRT_OUT_OF_MEMORY;
  case kNoDevice:
    return KVCRT_NOT_FOUND;
  case kNotReady:
    return KVCRT_BUSY;
  case kNoBinaryForGpu:
  case kUnsupportedPtxVersion:
  case kNotSupported:
  case kSystemDriverMismatch:
    return KVCRT_UNSUPPORTED;
  default:
    return KVCRT_DEVICE_ERROR;
  }
}

} // namespace kvcrt::cuda
