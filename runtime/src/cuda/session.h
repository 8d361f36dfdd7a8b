//===- cuda/session.h - one GPU's context, and calls with their errors ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Holds the primary context of one GPU (the one that CUDA's runtime, and so
// PyTorch, uses too). Every driver call goes through `call`, which turns a
// failure into a status, keeps its text and logs it; none is dropped.
//
// Threads: calls may come from any; the error text has a lock.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_CUDA_SESSION_H
#define KVCRT_SRC_CUDA_SESSION_H

#include "../device.h"
#include "driver.h"

#include <mutex>
#include <string>

namespace kvcrt::cuda {

class Session {
public:
  /// `env`: where its log is; outlives the session.
  explicit Session(const kvcrt_env &env) : env_(env) {}
  ~Session();
  Session(const Session &) = delete;

  kvcrt_status open(const char *path, int32_t ordinal, Message message);

  const Driver &driver() const { return *driver_; }
  Device device() const { return device_; }
  Context context() const { return context_; }

  /// The status of a driver call's result; `what` begins with the call's name.
  kvcrt_status check(Result result, const char *what) {
    return result == kSuccess ? KVCRT_OK : fail(result, what);
  }
  /// A failure that the driver has not seen.
  kvcrt_status refuse(kvcrt_status status, const std::string &text);
  std::string lastError();

private:
  kvcrt_status fail(Result result, const char *what);

  const kvcrt_env &env_;
  std::unique_ptr<Driver> driver_; // constant once open
  Device device_ = 0;              // constant once open
  Context context_ = nullptr;      // constant once open
  std::mutex mutex_;               // guards error_
  std::string error_;
};

/// Makes the session's context current while it lives.
class Current {
public:
  explicit Current(Session &session) : session_(session) {
    const Driver &d = session.driver();
    Context now = nullptr;
    status = session.check(d.ctxGetCurrent(&now), "cuCtxGetCurrent");
    if (!status && now != session.context()) {
      status = session.check(d.ctxPush(session.context()), "cuCtxPushCurrent");
      pushed_ = !status;
    }
  }
  ~Current() {
    Context old = nullptr;
    if (pushed_)
      (void)session_.check(session_.driver().ctxPop(&old), "cuCtxPopCurrent");
  }
  Current(const Current &) = delete;

  kvcrt_status status;

private:
  Session &session_;
  bool pushed_ = false;
};

inline Pointer pointer(const void *address) {
  return reinterpret_cast<uintptr_t>(address);
}

} // namespace kvcrt::cuda

#endif // KVCRT_SRC_CUDA_SESSION_H
