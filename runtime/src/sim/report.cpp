//===- report.cpp - what the simulator found ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "report.h"

namespace kvcrt::sim {

bool Report::wants(const void *kernel, int32_t kind, uint32_t location) {
  ++count_;
  std::lock_guard<std::mutex> lock(mutex_);
  return findings_.size() < limit_ &&
         seen_.emplace(kernel, kind, location).second;
}

void Report::add(Finding finding, const kvcrt_env *env) {
  std::lock_guard<std::mutex> lock(mutex_);
  findings_.push_back(std::move(finding));
  // Under the lock, so that lines of two workers do not mix.
  if (env && env->log)
    env->log(env->context, /*level=*/2, findings_.back().message.c_str());
}

void Report::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  count_ = 0;
  seen_.clear();
  findings_.clear();
}

} // namespace kvcrt::sim

const char *kvcrt_sim_finding_name(int32_t kind) {
  switch (kind) {
  case KVCRT_SIM_OUT_OF_BOUNDS:
    return "out of bounds";
  case KVCRT_SIM_MISALIGNED:
    return "misaligned";
  case KVCRT_SIM_UNINITIALISED:
    return "uninitialised read";
  case KVCRT_SIM_MISSING_WAIT:
    return "missing wait";
  case KVCRT_SIM_RACE:
    return "race";
  case KVCRT_SIM_DIVERGENT_BARRIER:
    return "divergent barrier";
  case KVCRT_SIM_LANE_MASK:
    return "wrong lane mask";
  case KVCRT_SIM_DEADLOCK:
    return "deadlock";
  case KVCRT_SIM_INVALID:
    return "invalid operation";
  case KVCRT_SIM_LIMIT:
    return "simulator limit";
  }
  return "unknown finding";
}
