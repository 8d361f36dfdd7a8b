//===- Report.cpp - the table of the matrix -------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: console, JSON and Markdown show the same judgement, problemOf.
//
//===----------------------------------------------------------------------===//

#include "Report.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace kvc::conformance {

static Bounds boundsOf(const Spec &spec, bool onGpu) {
  return onGpu ? boundsForGpu(spec) : boundsFor(spec);
}

std::string problemOf(const Spec &spec, const CellReport &cell) {
  Bounds bounds = boundsOf(spec, cell.onGpu);
  std::string problem = cell.outcome.problem;
  auto judge = [&](const char *what, double error, double bound) {
    // Written so that NaN fails.
    if (!(error <= bound)) {
      raw_string_ostream(problem)
          << what << " differs by " << format("%.1e", error)
          << ", expected at most " << format("%.1e", bound) << "; ";
    }
  };
  judge("what append stored", cell.outcome.appendError, bounds.append);
  judge("out", cell.outcome.outError, bounds.out);
  judge("lse", cell.outcome.lseError, bounds.lse);
  return problem;
}

Summary summarize(const std::vector<VariantReport> &reports) {
  Summary summary;
  for (const VariantReport &report : reports) {
    if (report.refused) {
      ++summary.refused;
    } else if (!report.failure.empty()) {
      ++summary.cells;
      ++summary.failures;
    }
    for (const CellReport &cell : report.cells) {
      ++summary.cells;
      summary.failures += !problemOf(report.spec, cell).empty();
    }
  }
  return summary;
}

/// Largest errors over the cells of a variant.
static Outcome worstOf(const VariantReport &report) {
  Outcome worst;
  for (const CellReport &cell : report.cells) {
    const Outcome &o = cell.outcome;
    worst.appendError = std::max(worst.appendError, o.appendError);
    worst.outError = std::max(worst.outError, o.outError);
    worst.lseError = std::max(worst.lseError, o.lseError);
  }
  return worst;
}

static int64_t failuresOf(const VariantReport &report) {
  return summarize({report}).failures;
}

void printVariant(const VariantReport &report, raw_ostream &out) {
  Outcome worst = worstOf(report);
  int64_t failures = failuresOf(report);
  out << format("%-7s %-26s %2d cells  append %.1e  out %.1e  lse %.1e  "
                "compiled in %.2f s\n",
                report.refused ? "refused"
                : failures     ? "FAIL"
                               : "ok",
                report.spec.name.c_str(), int(report.cells.size()),
                worst.appendError, worst.outError, worst.lseError,
                report.compileSeconds);
  if (!report.failure.empty())
    out << "     does not compile: " << report.failure << "\n";
  for (const CellReport &cell : report.cells) {
    std::string problem = problemOf(report.spec, cell);
    if (!problem.empty())
      out << "     " << cell.batch << " " << cell.pool << ": " << problem
          << "\n";
  }
  out.flush();
}

static bool writeFile(const std::string &path,
                      function_ref<void(raw_ostream &)> write) {
  std::error_code error;
  raw_fd_ostream out(path, error);
  if (!error)
    write(out);
  if (error || out.has_error()) {
    errs() << "cannot write " << path << "\n";
    out.clear_error();
    return false;
  }
  return true;
}

bool writeJson(const std::string &path,
               const std::vector<VariantReport> &reports,
               const std::string &engine, uint64_t seed) {
  // JSON has no infinity.
  auto number = [](double value) {
    return std::isfinite(value) ? json::Value(value) : json::Value(nullptr);
  };
  json::Array cells, failed;
  for (const VariantReport &report : reports)
    if (!report.failure.empty() && !report.refused)
      failed.push_back(json::Object{{"variant", report.spec.name},
                                    {"problem", report.failure}});
  for (const VariantReport &report : reports)
    for (const CellReport &cell : report.cells)
      cells.push_back(
          json::Object{{"variant", report.spec.name},
                       {"batch", cell.batch},
                       {"pool", cell.pool},
                       {"append_error", number(cell.outcome.appendError)},
                       {"out_error", number(cell.outcome.outError)},
                       {"lse_error", number(cell.outcome.lseError)},
                       {"problem", problemOf(report.spec, cell)}});
  json::Array refused;
  for (const VariantReport &report : reports)
    if (report.refused)
      refused.push_back(report.spec.name);
  json::Object document{{"engine", engine},
                        {"seed", seed},
                        {"refused", std::move(refused)},
                        {"failed", std::move(failed)},
                        {"cells", std::move(cells)}};
  return writeFile(path, [&](raw_ostream &out) {
    out << formatv("{0:2}", json::Value(std::move(document))) << "\n";
  });
}

bool writeMarkdown(const std::string &path,
                   const std::vector<VariantReport> &reports, uint64_t seed) {
  return writeFile(path, [&](raw_ostream &out) {
    out << "| variant | cells | append | out | bound | lse | agrees |\n"
        << "|---|---|---|---|---|---|---|\n";
    for (const VariantReport &report : reports) {
      Outcome worst = worstOf(report);
      const bool onGpu = !report.cells.empty() && report.cells.front().onGpu;
      out << "| " << report.spec.name << " | " << report.cells.size()
          << format(" | %.1e | %.1e | %.1e | %.1e | ", worst.appendError,
                    worst.outError, boundsOf(report.spec, onGpu).out,
                    worst.lseError)
          << (failuresOf(report) ? "no" : "yes") << " |\n";
    }
    Summary summary = summarize(reports);
    out << "\n"
        << summary.cells - summary.failures << " of " << summary.cells
        << " cells agree (seed " << seed
        << "). Errors are norm(x - ref) / norm(ref) against the double "
           "precision reference, lse the largest difference; the worst cell of "
           "each variant is shown.\n";
  });
}

} // namespace kvc::conformance
