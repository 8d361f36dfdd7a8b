//===- Worker.h - a process that may die of what it is asked --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel that faults leaves a process without its GPU, and one that hangs
// leaves it waiting. So cells run in a child, which answers a line for each
// line; when it dies, hangs or has lost its device, the next question starts
// another. Invariant: the parent never touches a device.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_WORKER_H
#define KVC_TOOLS_GPU_BUNDLE_WORKER_H

#include <functional>
#include <string>
#include <sys/types.h>

namespace kvc::bundle {

class Worker {
public:
  struct Answer {
    std::string text;  // one line
    bool last = false; // the child is of no more use
  };
  using Serve = std::function<Answer(const std::string &)>;

  /// `start` runs in each new child; a Failure of it is every answer's.
  /// apart = false: there is no child, for tools that watch one process.
  explicit Worker(std::function<Serve()> start, bool apart = true)
      : start(std::move(start)), apart(apart) {}
  ~Worker() { stop(); }
  Worker(const Worker &) = delete;

  /// The child's answer to a line. Throws a Failure when it could not start,
  /// died, or did not answer within `seconds` (it is killed then).
  std::string ask(const std::string &line, double seconds);

private:
  void launch();
  void stop();
  std::string readLine(double seconds);

  std::function<Serve()> start;
  bool apart;
  Serve here;      // of no child
  pid_t child = 0; // 0: none
  int to = -1, from = -1;
};

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_WORKER_H
