//===- conformance.cpp - kvc-conformance of the GPU bundle ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs prebuilt artefacts of the matrix's variants on a GPU, or in the
// simulator, against the double-precision reference, which works here on the
// same inputs. Needs no LLVM and no CUDA: only a driver. Cells run in a child
// process (Worker.h): a kernel that faults or hangs costs its cell alone.
//
// Exit: 0 when every cell agrees, 1 when one does not, 2 when nothing could
// run.
//
//===----------------------------------------------------------------------===//
#include "Cell.h"
#include "Options.h"
#include "Worker.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cmath>
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
    "  --apart=0           in this process, for compute-sanitizer and "
    "debuggers\n"
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

const char *const kCapturedStep = "captured step";
const char *const kLoad = "load"; // no cell: only the kernels

/// The child's side: a device, and the kernels of the variant that was asked
/// for last.
class Runner {
public:
  Runner(const std::string &kind, const std::string &artefacts, uint64_t seed)
      : machine(kind, artefacts), seed(seed) {}

  /// A cell's outcome as JSON.
  nlohmann::json run(const Spec &spec, const std::string &batch);
  /// Whether the GPU would still answer.
  bool alive() const {
    return kvcrt_device_synchronize(machine.device, machine.stream) == KVCRT_OK;
  }

  const Machine machine;

private:
  Outcome runOne(const Spec &spec, const std::string &name);

  uint64_t seed;
  std::string variant; // of the kernels
  std::unique_ptr<Kernels> kernels;
};
} // namespace

/// The cells of a variant: the kernels' own boundaries, long lengths, and a
/// captured step.
static std::vector<Batch> batchesOf(const Spec &spec, uint64_t seed) {
  std::vector<Batch> batches;
  for (Batch &batch : gpuBatches(spec, seed))
    batches.push_back(std::move(batch));
  for (Batch &batch : cpuBatches(spec)) {
    batch.name = "wide " + batch.name;
    batches.push_back(std::move(batch));
  }
  // A hidden NaN meets a weight of zero inside one matrix product; 64 GiB of
  // address space have no copy.
  batches.erase(std::remove_if(batches.begin(), batches.end(),
                               [](const Batch &batch) {
                                 return batch.nanAtEnd ||
                                        batch.pool == Pool::Sparse;
                               }),
                batches.end());
  if (spec.mask == kvcref::MaskKind::None && spec.score == Score::None &&
      !spec.sinkLogits && spec.policy.position != KVCRT_POSITION_ALIBI)
    batches.push_back({kCapturedStep, {}});
  return batches;
}

Outcome Runner::runOne(const Spec &spec, const std::string &name) {
  if (!kernels || variant != spec.name) {
    kernels.reset();
    kernels = std::make_unique<Kernels>(machine.device, machine.folder, spec);
    variant = spec.name;
  }
  if (name == kLoad)
    return {};
  if (name == kCapturedStep)
    return runGraphCell(machine, *kernels, spec, seed);
  for (const Batch &batch : batchesOf(spec, seed))
    if (batch.name == name)
      return runCell(machine, *kernels, spec, batch, seed);
  throw Failure("expected a batch, got " + name);
}

nlohmann::json Runner::run(const Spec &spec, const std::string &batch) {
  Outcome outcome;
  std::string failure;
  try {
    outcome = runOne(spec, batch);
  } catch (const Failure &thrown) {
    failure = thrown.what();
  }
  return {{"append", outcome.appendError},
          {"out", outcome.outError},
          {"lse", outcome.lseError},
          {"problem", outcome.problem},
          {"failure", failure}};
}

static Row parseRow(const Spec &spec, const std::string &batch,
                    const nlohmann::json &json) {
  // JSON has no infinity.
  auto number = [&](const char *name) {
    return json.at(name).is_number() ? json.at(name).get<double>() : INFINITY;
  };
  Row row{spec.name, batch, {}, boundsForGpu(spec), json.at("failure")};
  row.outcome.appendError = number("append");
  row.outcome.outError = number("out");
  row.outcome.lseError = number("lse");
  row.outcome.problem = json.at("problem").get<std::string>();
  return row;
}

/// All cells of a variant, or the one called `only`.
static std::vector<Row> runVariant(Worker &worker, const Spec &spec,
                                   const std::string &only, uint64_t seed,
                                   double seconds) {
  // A child that is lost costs a second; a variant that loses more is left.
  constexpr int kMostLost = 3;
  int lost = 0;
  auto ask = [&](const std::string &batch) {
    try {
      return parseRow(
          spec, batch,
          nlohmann::json::parse(worker.ask(spec.name + "|" + batch, seconds)));
    } catch (const Failure &failure) {
      ++lost;
      return Row{spec.name, batch, {}, boundsForGpu(spec), failure.what()};
    }
  };
  const Row loaded = ask(kLoad);
  if (!loaded.agrees())
    return {loaded};
  std::vector<Row> rows;
  for (const Batch &batch : batchesOf(spec, seed)) {
    if (!only.empty() && batch.name != only)
      continue;
    rows.push_back(ask(batch.name));
    if (lost == kMostLost) {
      rows.back().failure += "; the variant's other cells were left out";
      break;
    }
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
                         "seconds", "json", "apart", "write-specs"});
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
  std::vector<std::string> skipped;
  try {
    const std::string kind = options.get("device", "cuda");
    const std::vector<Spec> specs = bundleSpecs();
    Worker worker(
        [&]() -> Worker::Serve {
          auto runner = std::make_shared<Runner>(
              kind, options.get("artefacts", besideProgram("artefacts")), seed);
          return [runner, &specs](const std::string &line) -> Worker::Answer {
            const size_t bar = line.find('|');
            for (const Spec &spec : specs)
              if (spec.name == line.substr(0, bar))
                return {runner->run(spec, line.substr(bar + 1)).dump(),
                        !runner->alive()};
            return {runner->machine.title};
          };
        },
        options.get("apart", "1") != "0");
    const double patience = kind == "sim" ? 600 : 20;
    title = worker.ask("title", patience + 20);
    printf("kvc-conformance on %s, seed %" PRIu64 "\n", title.c_str(), seed);
    for (const Spec &spec : specs) {
      if (spec.name.find(options.get("only")) == std::string::npos)
        continue;
      if (elapsed() > limit) {
        skipped.push_back(spec.name);
        continue;
      }
      const std::vector<Row> rows =
          runVariant(worker, spec, options.get("batch"), seed, patience);
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
  printf("%d of %zu cells agree, %.0f s, seed %" PRIu64 "\n", agree, all.size(),
         elapsed(), seed);
  for (const std::string &name : skipped)
    printf("  left out for want of time: %s\n", name.c_str());
  if (!options.get("json").empty()) {
    std::ofstream file(options.get("json"));
    file << nlohmann::json{{"device", title},
                           {"seed", seed},
                           {"left_out", skipped},
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
  return agree == int(all.size()) && skipped.empty() ? 0 : 1;
}
