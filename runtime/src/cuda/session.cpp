//===- cuda/session.cpp - one GPU's context, and calls with their errors --===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "session.h"

#include <new>

namespace kvcrt::cuda {

kvcrt_status Session::open(const char *path, int32_t ordinal, Message message) {
  if (kvcrt_status status = Driver::open(path, driver_, message))
    return status;
  auto fails = [&](Result result, const char *what) {
    const kvcrt_status status = check(result, what);
    return status ? message.fail(status, "%s", lastError().c_str()) : status;
  };
  int count = 0;
  if (kvcrt_status status =
          fails(driver_->deviceGetCount(&count), "cuDeviceGetCount"))
    return status;
  if (ordinal < 0 || ordinal >= count)
    return message.fail(count ? KVCRT_INVALID_ARGUMENT : KVCRT_NOT_FOUND,
                        "expected a GPU with ordinal %d, got %d GPUs%s",
                        ordinal, count,
                        count ? "" : "; is CUDA_VISIBLE_DEVICES empty?");
  if (kvcrt_status status =
          fails(driver_->deviceGet(&device_, ordinal), "cuDeviceGet"))
    return status;
  return fails(driver_->primaryRetain(&context_, device_),
               "cuDevicePrimaryCtxRetain");
}

Session::~Session() {
  if (context_)
    (void)check(driver_->primaryRelease(device_), "cuDevicePrimaryCtxRelease");
}

kvcrt_status Session::fail(Result result, const char *what) {
  char text[600];
  const kvcrt_status status =
      translate(*driver_, result, what, text, sizeof(text));
  try {
    return refuse(status, text);
  } catch (const std::bad_alloc &) { // the status is said, its words are not
    return status;
  }
}

kvcrt_status Session::refuse(kvcrt_status status, const std::string &text) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    error_ = text;
  }
  if (env_.log)
    env_.log(env_.context, /*level=*/2, text.c_str());
  return status;
}

std::string Session::lastError() {
  std::lock_guard<std::mutex> lock(mutex_);
  return error_;
}

} // namespace kvcrt::cuda
