//===- Report.cpp - what kvc-run prints -----------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Report.h"

#include "../common/Failure.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace kvctool;
using nlohmann::json;

/// The beginning of what was generated, on one line of at most `width`
/// characters.
static std::string snippet(const std::vector<int32_t> &tokens, bool bytes,
                           size_t width) {
  std::string text;
  for (int32_t token : tokens) {
    std::string piece = std::to_string(token) + " ";
    if (bytes)
      piece = token == '\n' ? "\\n"
              : token >= 32 && token < 127 && token != '\\'
                  ? std::string(1, char(token))
                  : format("\\x%02x", token);
    if (text.size() + piece.size() > width)
      break;
    text += piece;
  }
  return text;
}

static void printPhase(const char *name, const Phase &phase) {
  if (!phase.tokens)
    return;
  printf("  %-9s %8lld tokens in %6lld steps  %8.3f ms a token  %10.1f "
         "tokens/s\n",
         name, static_cast<long long>(phase.tokens),
         static_cast<long long>(phase.steps),
         1e3 * phase.seconds / double(phase.tokens),
         double(phase.tokens) / phase.seconds);
}

static std::string binarySize(int64_t bytes) {
  return bytes < 1 << 20 ? format("%.1f KiB", bytes / 1024.0)
                         : format("%.1f MiB", bytes / 1048576.0);
}

void kvctool::printRun(const Report &report, bool bytes) {
  size_t width = strlen("prompt");
  for (const Prompt &prompt : report.prompts)
    width = std::min<size_t>(32, std::max(width, prompt.name.size()));
  printf("%-*s  %6s  %5s  %9s  text\n", int(width), "prompt", "length", "new",
         "first");
  int64_t made = 0;
  for (size_t p = 0; p < report.prompts.size(); ++p) {
    const Prompt &prompt = report.prompts[p];
    const Generated &out = report.run.sequences[p];
    printf("%-*s  %6zu  %5zu  %6.1f ms  %s\n", int(width), prompt.name.c_str(),
           prompt.tokens.size(), out.tokens.size(), 1e3 * out.firstToken,
           snippet(out.tokens, bytes, 40).c_str());
    made += int64_t(out.tokens.size());
  }

  printf("\nspeed, %d thread%s\n", report.threads,
         report.threads == 1 ? "" : "s");
  printPhase("prefill", report.run.prefill);
  printPhase("decode", report.run.decode);
  printPhase("simulated", report.run.attention);
  printf("  in all    %8lld new tokens in %.2f s\n",
         static_cast<long long>(made), report.run.seconds);

  const MemoryUse &memory = report.memory;
  printf("\ncache memory\n");
  printf("  bytes a token           %.0f\n", report.bytesPerToken);
  printf("  paged, at its peak      %s (%d sequences)\n",
         binarySize(memory.pagedPeak).c_str(), memory.livePeak);
  printf("  contiguous at maximum   %s (%d tokens reserved for each), %.1f "
         "times as much\n",
         binarySize(memory.contiguousPeak).c_str(), report.maxLength,
         memory.pagedPeak
             ? double(memory.contiguousPeak) / double(memory.pagedPeak)
             : 0.0);
}

void kvctool::printComparison(const Comparison &comparison) {
  printf("\ncheck against %s, %.1f s\n", comparison.against.c_str(),
         comparison.seconds);
  printf("  bound on a logit's error  %.2e (%.2e of the largest logit)\n",
         comparison.bound, comparison.factor);
  printf("  largest error             %.2e%s%s\n", comparison.largestError,
         comparison.largestAt.empty() ? "" : ", ",
         comparison.largestAt.c_str());
  printf("  tokens equal              %lld of %lld; a margin above twice the "
         "bound decides %lld of them\n",
         static_cast<long long>(comparison.equal),
         static_cast<long long>(comparison.tokens),
         static_cast<long long>(comparison.decided));
  printf("tokens equal to %s: %s\n", comparison.against.c_str(),
         comparison.passed ? "yes" : "no");
}

void kvctool::printAttention(const Report &report) {
  printf("\nattention on %s: %lld step%s, against the double-precision "
         "reference\n",
         report.attentionTarget.c_str(),
         static_cast<long long>(report.attentionSteps),
         report.attentionSteps == 1 ? "" : "s");
  printf("  layer  %-14s  launches  keys  %9s  %7s  %9s  %7s  %9s  %7s  "
         "findings  seconds\n",
         "variant", "out error", "bound", "stored", "bound", "lse", "bound");
  for (size_t l = 0; l < report.attention.size(); ++l) {
    const LayerAttention &a = report.attention[l];
    const std::string lse =
        a.lseError < 0 ? format("%9s", "-") : format("%9.1e", a.lseError);
    printf("  %5zu  %-14s  %8lld  %4lld  %9.1e  %7.1e  %9.1e  %7.1e  %s  "
           "%7.1e  %8llu  %7.2f%s\n",
           l, a.variant.c_str(), static_cast<long long>(a.launches),
           static_cast<long long>(a.keys), a.outError, a.bounds.out,
           a.storedError, a.bounds.stored, lse.c_str(), a.bounds.lse,
           static_cast<unsigned long long>(a.findings), a.seconds,
           a.passed() ? "" : "  WRONG");
  }
}

void kvctool::printLengths(const std::vector<LengthTiming> &lengths) {
  printf("\ntime for one more token of one sequence\n");
  printf("  %8s  %12s  %14s  %8s\n", "length", "cached", "full recompute",
         "ratio");
  for (const LengthTiming &timing : lengths)
    printf("  %8d  %9.3f ms  %11.3f ms  %8.1f\n", timing.length,
           1e3 * timing.cached, 1e3 * timing.recompute,
           timing.recompute / timing.cached);
}

static json describe(const Phase &phase) {
  return {{"steps", phase.steps},
          {"tokens", phase.tokens},
          {"seconds", phase.seconds}};
}

/// JSON has no infinity.
static json number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

void kvctool::writeJson(const Report &report, const std::string &path) {
  json root;
  root["model"] = report.model;
  root["threads"] = report.threads;
  root["seconds"] = report.run.seconds;
  root["prefill"] = describe(report.run.prefill);
  root["decode"] = describe(report.run.decode);
  root["simulated"] = describe(report.run.attention);
  root["memory"] = {{"bytes_per_token", report.bytesPerToken},
                    {"paged_peak", report.memory.pagedPeak},
                    {"contiguous_at_maximum", report.memory.contiguousPeak},
                    {"live_peak", report.memory.livePeak}};
  root["prompts"] = json::array();
  for (size_t p = 0; p < report.prompts.size(); ++p)
    root["prompts"].push_back(
        {{"name", report.prompts[p].name},
         {"length", report.prompts[p].tokens.size()},
         {"first_token_seconds", report.run.sequences[p].firstToken},
         {"tokens", report.run.sequences[p].tokens}});
  root["checks"] = json::array();
  for (const Comparison &c : report.comparisons)
    root["checks"].push_back({{"against", c.against},
                              {"passed", c.passed},
                              {"bound", number(c.bound)},
                              {"largest_error", number(c.largestError)},
                              {"tokens", c.tokens},
                              {"decided", c.decided},
                              {"equal", c.equal}});
  root["attention"] = json::array();
  for (const LayerAttention &a : report.attention)
    root["attention"].push_back(
        {{"target", report.attentionTarget},
         {"variant", a.variant},
         {"steps", report.attentionSteps},
         {"launches", a.launches},
         {"out_error", number(a.outError)},
         {"out_bound", a.bounds.out},
         {"stored_error", number(a.storedError)},
         {"stored_bound", a.bounds.stored},
         {"lse_error", a.lseError < 0 ? json(nullptr) : number(a.lseError)},
         {"lse_bound", a.bounds.lse},
         {"findings", a.findings},
         {"seconds", a.seconds}});
  root["lengths"] = json::array();
  for (const LengthTiming &t : report.lengths)
    root["lengths"].push_back({{"length", t.length},
                               {"cached_seconds", t.cached},
                               {"recompute_seconds", t.recompute}});
  std::ofstream out(path);
  // Names may hold bytes that are no UTF-8.
  out << root.dump(1, ' ', false, json::error_handler_t::replace) << "\n";
  out.close();
  if (!out)
    fail("--json: expected a file that can be written, got '%s': %s",
         path.c_str(), strerror(errno));
}
