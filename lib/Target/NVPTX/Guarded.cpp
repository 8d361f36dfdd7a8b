//===- Guarded.cpp - LLVM's aborts as errors ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NVPTX ends the process where it has no instruction for something ("Cannot
// select"). We generate nothing of the kind that we know of; should we, the
// user is to read an error with a place. Invariant: handlers are in place only
// while somebody is in here.
//
//===----------------------------------------------------------------------===//

#include "Guarded.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include <mutex>

namespace kvc::nvptx {

/// What LLVM said last in this thread.
static thread_local std::string reason;

namespace {
/// The handlers, which are the process's: the first one in installs them, the
/// last one out removes them.
class Handlers {
public:
  Handlers() {
    std::lock_guard<std::mutex> lock(mutex);
    if (users++ == 0) {
      llvm::CrashRecoveryContext::Enable();
      llvm::install_fatal_error_handler(
          [](void *, const char *text, bool) { reason = text; });
    }
  }
  ~Handlers() {
    std::lock_guard<std::mutex> lock(mutex);
    if (--users == 0) {
      llvm::remove_fatal_error_handler();
      llvm::CrashRecoveryContext::Disable();
    }
  }

private:
  static std::mutex mutex;
  static unsigned users;
};
std::mutex Handlers::mutex;
unsigned Handlers::users = 0;
} // namespace

std::optional<std::string> runGuarded(llvm::function_ref<void()> work) {
  Handlers handlers;
  reason.clear();
  llvm::CrashRecoveryContext context;
  if (context.RunSafely(work))
    return std::nullopt;
  return reason.empty()
             ? "a crash, signal " + std::to_string(context.RetCode - 128)
             : reason;
}

} // namespace kvc::nvptx
