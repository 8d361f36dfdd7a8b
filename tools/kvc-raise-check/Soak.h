//===- Soak.h - mutants of graphs, before and after raise -------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_SOAK_H
#define KVC_TOOLS_KVC_RAISE_CHECK_SOAK_H

#include "Check.h"

namespace kvc::raisecheck {

struct SoakOptions {
  CheckOptions check;
  unsigned count = 500; // mutants that verify
  double seconds = 0;   // stop after so many; 0: after `count`
  uint64_t seed = 1;
  int64_t only = -1; // print and check this mutant alone
  bool showsProgress = false;
  bool listsSilent = false; // name mutants left alone without a remark
  std::string keepFolder;   // where failing mutants go, reduced; may be empty
};

/// Mutates those of `graphs` that raise changes, checks each mutant and prints
/// a summary. The number of mutants whose numbers changed, or that broke a
/// pass.
unsigned soak(const std::vector<Graph> &graphs, const SoakOptions &options);

/// `graph` with as few ops as still give a report of Wrong.
Graph reduce(const Graph &graph, const CheckOptions &options, uint64_t seed);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_SOAK_H
