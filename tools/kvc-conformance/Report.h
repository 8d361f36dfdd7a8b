//===- Report.h - the table of the matrix -----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a cell that could not run counts as a failure.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_CONFORMANCE_REPORT_H
#define KVC_TOOLS_KVC_CONFORMANCE_REPORT_H

#include "Check.h"
#include "llvm/Support/raw_ostream.h"

namespace kvc::conformance {

struct CellReport {
  std::string batch, pool;
  Outcome outcome;
  bool onGpu = false;
};

struct VariantReport {
  Spec spec;
  std::string failure; // why it did not compile; empty when it did
  std::vector<CellReport> cells;
  double compileSeconds = 0;
  bool refused = false; // the engine says that it cannot run it: no failure
};

struct Summary {
  int64_t cells = 0, failures = 0, refused = 0;
};

/// What is wrong with a cell; empty when it agrees.
std::string problemOf(const Spec &spec, const CellReport &cell);
Summary summarize(const std::vector<VariantReport> &reports);

/// One line for the variant, and one for each cell that fails.
void printVariant(const VariantReport &report, llvm::raw_ostream &out);
/// False, after saying why on stderr, when the file cannot be written.
bool writeJson(const std::string &path,
               const std::vector<VariantReport> &reports,
               const std::string &engine, uint64_t seed);
bool writeMarkdown(const std::string &path,
                   const std::vector<VariantReport> &reports, uint64_t seed);

} // namespace kvc::conformance

#endif // KVC_TOOLS_KVC_CONFORMANCE_REPORT_H
