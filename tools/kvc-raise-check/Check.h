//===- Check.h - a graph before and after raise -----------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_CHECK_H
#define KVC_TOOLS_KVC_RAISE_CHECK_CHECK_H

#include "Graph.h"

namespace kvc::raisecheck {

struct CheckOptions {
  /// Also compile both graphs and compare what the machine computes.
  bool compiles = true;
  /// Interpret both. Without it the machine alone decides, for graphs that the
  /// interpreter takes too long for.
  bool interprets = true;
  /// For graphs that nobody meant: the machine decides, since a double keeps
  /// apart what f32 absorbs (-1e9 + x); its noise is measured before raise.
  /// Only the first choice of sizes is run.
  bool isMutant = false;
  /// Instead of kvc-raise-attention, e.g. a wrong rule that must be found.
  std::string pipeline = "func.func(kvc-raise-attention)";
};

/// What became of one graph, or of one choice of sizes.
struct Report {
  enum class Verdict {
    Equal,     // raised, and no number changed
    NotRaised, // left alone
    Skipped,   // it cannot be run: `why`
    Wrong      // a number changed, or raise or a pass after it failed: `why`
  };
  Verdict verdict = Verdict::Skipped;
  std::string why;
  unsigned attentions = 0;
  /// Ids of the remarks, in their order.
  std::vector<std::string> remarks;
  std::vector<int64_t> sizes;
  size_t numbers = 0, nans = 0;
  /// norm(a - b) / norm(a): interpreted before against after; compiled before
  /// against after; interpreted against compiled, both before.
  double interpreted = 0, compiled = 0, engines = 0, bound = 0;
  /// A mutant's interpreted graphs agree as well.
  bool isExact = true;
};

/// What the narrowest float of the graph allows.
double defaultBound(mlir::ModuleOp module);

/// Raises a copy of `graph` and runs both, once for each of its sizes. One
/// report when it is not raised.
std::vector<Report> check(const Graph &graph, const CheckOptions &options,
                          std::mt19937_64 &random);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_CHECK_H
