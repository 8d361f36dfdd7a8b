//===- Progress.h - what a long run is at -----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_PROGRESS_H
#define KVC_TOOLS_KVC_RUN_PROGRESS_H

#include <string>

namespace kvctool {

/// A line on stderr now and then, one that overwrites itself on a terminal.
class Progress {
public:
  explicit Progress(bool enabled);
  void show(const std::string &text, bool last = false);

private:
  bool enabled, terminal, shown = false;
  double next = 0;
};

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_PROGRESS_H
