//===- report.h - what the simulator found --------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: each (kernel, kind, location) is kept once, with the first block
// and thread that met it; all occurrences are counted.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_SIM_REPORT_H
#define KVCRT_SRC_SIM_REPORT_H

#include "kvcrt/sim.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <tuple>

namespace kvcrt::sim {

struct Finding {
  kvcrt_sim_finding_kind kind;
  int32_t block[3];
  int32_t thread[3];
  std::string kernel, location, message;
};

class Report {
public:
  explicit Report(uint32_t limit) : limit_(limit) {}

  /// True when a text is wanted; counts in any case. From any worker.
  bool wants(const void *kernel, int32_t kind, uint32_t location);
  void add(Finding finding, const kvcrt_env *env);
  uint64_t count() const { return count_; }
  size_t kept() const { return findings_.size(); }
  const Finding &at(size_t index) const { return findings_[index]; }
  void clear();

private:
  const uint32_t limit_;
  std::atomic<uint64_t> count_{0};
  mutable std::mutex mutex_; // guards what follows
  std::set<std::tuple<const void *, int32_t, uint32_t>> seen_;
  std::deque<Finding> findings_; // addresses stay valid
};

} // namespace kvcrt::sim

#endif // KVCRT_SRC_SIM_REPORT_H
