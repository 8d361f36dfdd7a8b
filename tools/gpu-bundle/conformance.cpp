//===- conformance.cpp - kvc-conformance of the GPU bundle ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs prebuilt artefacts of the matrix's variants on a GPU, or in the
// simulator, against the double-precision reference, which works here on the
// same inputs. Needs no LLVM and no CUDA: only a driver.
//
// Exit: 0 when every cell agrees, 1 when one does not, 2 when nothing could
// run.
//
//===----------------------------------------------------------------------===//
#include "Cell.h"
#include "Options.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <fstream>

using namespace kvc::bundle;
using namespace kvc::conformance;

static const char *const kUsage =
    "kvc-conformance: prebuilt kernels against the reference\n"
    "  --device=cuda|sim   where they run (cuda)\n"
    "  --artefacts=DIR     where they are (beside this program)\n"
    "  --only=TEXT         variants whose name holds this text\n"
    "  --batch=NAME        cells of this batch\n"
    "  --seed=N            of the inputs; else a new one, which is printed\n"
    "  --seconds=N         begin no variant after so long (240)\n"
    "  --json=FILE         write all cells\n"
    "  --write-specs=DIR   write what the artefacts are compiled of, and "
    "stop\n";

namespace {
struct Row {
  std::string variant, batch;
  Outcome outcome;
  Bounds bounds;
  std::string failure;
  bool agrees() const {
    return failure.empty() && outcome.problem.empty() &&
           outcome.appendError <= bounds.append &&
           outcome.outError <= bounds.out && outcome.lseError <= bounds.lse;
  }
};
} // namespace

/// All cells of a variant; a failure ends it, since a GPU that has failed once
/// answers nothing more.
static std::vector<Row> runVariant(const Machine &machine, const Spec &spec,
                                   const std::string &only, uint64_t seed) {
  std::vector<Row> rows;
  std::string batchName = "load";
  try {
    const Kernels kernels(machine.device, machine.folder, spec);
    // Long lengths, and the kernels' own boundaries.
    std::vector<Batch> batches = gpuBatches(spec, seed);
    for (Batch &batch : cpuBatches(spec)) {
      batch.name = "wide " + batch.name;
      batches.push_back(std::move(batch));
    }
    for (const Batch &batch : batches) {
      // A hidden NaN meets a weight of zero inside one matrix product; 64 GiB
      // of address space have no copy.
      if (batch.nanAtEnd || batch.pool == Pool::Sparse ||
          (!only.empty() && batch.name != only))
        continue;
      batchName = batch.name;
      rows.push_back({spec.name,
                      batch.name,
                      runCell(machine, kernels, spec, batch, seed),
                      boundsForGpu(spec),
                      {}});
    }
    batchName = "captured step";
    const bool plain = spec.mask == kvcref::MaskKind::None &&
                       spec.score == Score::None && !spec.sinkLogits &&
                       spec.policy.position != KVCRT_POSITION_ALIBI;
    if (plain && (only.empty() || only == batchName))
      rows.push_back({spec.name,
                      batchName,
                      runGraphCell(machine, kernels, spec, seed),
                      boundsForGpu(spec),
                      {}});
  } catch (const Failure &failure) {
    rows.push_back(
        {spec.name, batchName, {}, boundsForGpu(spec), failure.what()});
  }
  return rows;
}

static void print(const std::vector<Row> &rows) {
  double append = 0, out = 0, lse = 0;
  std::string problem;
  int agree = 0;
  for (const Row &row : rows) {
    append = std::max(append, row.outcome.appendError);
    out = std::max(out, row.outcome.outError);
    lse = std::max(lse, row.outcome.lseError);
    agree += row.agrees();
    if (!row.agrees())
      problem += "\n        " + row.batch + ": " +
                 (row.failure.empty()
                      ? row.outcome.problem + "errors beyond the bounds"
                      : row.failure);
  }
  printf("%-6s %-24s %2d of %2zu cells   append %.1e   out %.1e   lse %.1e%s\n",
         agree == int(rows.size()) ? "ok" : "WRONG", rows[0].variant.c_str(),
         agree, rows.size(), append, out, lse, problem.c_str());
  fflush(stdout);
}

static nlohmann::json toJson(const Row &row) {
  return {{"variant", row.variant},
          {"batch", row.batch},
          {"agrees", row.agrees()},
          {"append", row.outcome.appendError},
          {"out", row.outcome.outError},
          {"lse", row.outcome.lseError},
          {"problem", row.outcome.problem + row.failure}};
}

int main(int argc, char **argv) {
  const Options options(argc, argv, kUsage,
                        {"device", "artefacts", "only", "batch", "seed",
                         "seconds", "json", "write-specs"});
  if (!options.get("write-specs").empty())
    return writeSpecs(options.get("write-specs")) ? 0 : 2;
  uint64_t seed = strtoull(options.get("seed", "0").c_str(), nullptr, 10);
  if (!seed)
    seed =
        uint64_t(std::chrono::system_clock::now().time_since_epoch().count()) |
        1u;
  const double limit = atof(options.get("seconds", "240").c_str());
  const auto begin = std::chrono::steady_clock::now();
  auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         begin)
        .count();
  };
  std::vector<Row> all;
  std::string title;
  int skipped = 0;
  try {
    const Machine machine(options.get("device", "cuda"),
                          options.get("artefacts", besideProgram("artefacts")));
    title = machine.title;
    printf("kvc-conformance on %s, seed %" PRIu64 "\n", title.c_str(), seed);
    for (const Spec &spec : bundleSpecs()) {
      if (spec.name.find(options.get("only")) == std::string::npos)
        continue;
      if (elapsed() > limit) {
        ++skipped;
        continue;
      }
      const std::vector<Row> rows =
          runVariant(machine, spec, options.get("batch"), seed);
      if (rows.empty())
        continue;
      print(rows);
      all.insert(all.end(), rows.begin(), rows.end());
    }
  } catch (const Failure &failure) {
    fprintf(stderr, "kvc-conformance: %s\n", failure.what().c_str());
    return 2;
  }
  int agree = 0;
  nlohmann::json cells = nlohmann::json::array();
  for (const Row &row : all) {
    agree += row.agrees();
    cells.push_back(toJson(row));
  }
  printf("%d of %zu cells agree, %.0f s, seed %" PRIu64 "%s\n", agree,
         all.size(), elapsed(), seed,
         skipped ? (", " + std::to_string(skipped) +
                    " variants left out for "
                    "want of time")
                       .c_str()
                 : "");
  if (!options.get("json").empty()) {
    std::ofstream file(options.get("json"));
    file << nlohmann::json{{"device", title},
                           {"seed", seed},
                           {"skipped", skipped},
                           {"cells", cells}}
                .dump(1)
         << "\n";
    if (!file.good()) {
      fprintf(stderr, "kvc-conformance: cannot write %s\n",
              options.get("json").c_str());
      return 2;
    }
  }
  if (all.empty()) {
    fprintf(stderr, "kvc-conformance: expected a variant and a batch to run, "
                    "got none\n");
    return 2;
  }
  return agree == int(all.size()) && !skipped ? 0 : 1;
}
