//===- Report.h - what kvc-run prints -------------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_REPORT_H
#define KVC_TOOLS_KVC_RUN_REPORT_H

#include "Check.h"
#include "Lengths.h"

namespace kvctool {

struct Report {
  std::string model;
  std::vector<Prompt> prompts;
  GenerateResult run;
  MemoryUse memory;
  double bytesPerToken = 0;
  int32_t threads = 0;
  int32_t maxLength = 0; // what "contiguous at maximum" reserves
  std::vector<Comparison> comparisons;
  std::vector<LengthTiming> lengths;
  std::string attentionTarget; // "sim:sm_90a"; empty without a library
  int64_t attentionSteps = 0;
  std::vector<LayerAttention> attention;
};

/// The prompts, speed and memory, on stdout.
void printRun(const Report &report, bool bytes);
/// The equality line of one comparison and the numbers behind it.
void printComparison(const Comparison &comparison);
/// One line a layer.
void printAttention(const Report &report);
void printLengths(const std::vector<LengthTiming> &lengths);

/// Everything as one JSON object. Throws when the file cannot be written.
void writeJson(const Report &report, const std::string &path);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_REPORT_H
