//===- bench.cpp - kvc-bench of the GPU bundle ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times prebuilt artefacts on a GPU by captured replays: median, 10th and 90th
// percentile, as fractions of the read-only bandwidth and of the mma.sync rate
// that the same run measures. Peers are not in it: nothing here says "faster".
//
// Exit: 0 when every cell was measured, 1 when one failed, 2 when nothing could
// run.
//
//===----------------------------------------------------------------------===//
#include "BenchCell.h"
#include "Options.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>

using namespace kvc::bundle;

static const char *const kUsage =
    "kvc-bench: prebuilt kernels, timed\n"
    "  --device=cuda|sim   where they run (cuda); the simulator has no times\n"
    "  --artefacts=DIR     where they are (beside this program)\n"
    "  --only=TEXT         cells whose name holds this text\n"
    "  --repeats=N         replays of each cell (30)\n"
    "  --seconds=N         begin no cell after so long (240)\n"
    "  --json=FILE         write all cells\n"
    "  --print-ptx=FILE    write the probes' PTX, and stop\n";

static void print(const BenchResult &r, const Limits &limits) {
  printf("%-22s %-18s", r.cell.name.c_str(), r.cell.variant.c_str() + 6);
  if (!r.failure.empty()) {
    printf(" FAILED %s\n", r.failure.c_str());
    return;
  }
  if (r.times.median <= 0) {
    printf(" ran, %d layers (simulated: no time)\n", r.layers);
    return;
  }
  printf(" %9.1f us  p10 %9.1f  p90 %9.1f  %7.3f TB/s %5.1f %%  %7.1f TFLOP/s "
         "%5.1f %%  begin %6.1f us\n",
         r.times.median * 1e6, r.times.low * 1e6, r.times.high * 1e6,
         r.bytes / r.times.median * 1e-12,
         100 * r.bytes / r.times.median / limits.readBytesPerSecond,
         r.flops / r.times.median * 1e-12,
         100 * r.flops / r.times.median / limits.matrixFlopsPerSecond,
         r.planSeconds * 1e6);
  fflush(stdout);
}

/// Least squares of time = t0 + bytes / rate over the D3 cells of a variant.
static void printFit(const std::vector<BenchResult> &results,
                     const std::string &variant, const Limits &limits) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const BenchResult &r : results)
    if (r.failure.empty() && r.times.median > 0 && r.cell.variant == variant &&
        r.cell.name.rfind("D3", 0) == 0) {
      ++n;
      x += r.bytes;
      y += r.times.median;
      xx += r.bytes * r.bytes;
      xy += r.bytes * r.times.median;
    }
  if (n < 3)
    return;
  const double slope = (n * xy - x * y) / (n * xx - x * x);
  printf("fit D3 %-18s t0 %.1f us, %.3f TB/s (%.1f %% of the read-only "
         "bandwidth)\n",
         variant.c_str() + 6, (y - slope * x) / n * 1e6, 1e-12 / slope,
         100 / slope / limits.readBytesPerSecond);
}

static nlohmann::json toJson(const BenchResult &r) {
  nlohmann::json runs = nlohmann::json::array();
  for (const Run &run : r.cell.runs)
    runs.push_back({run.count, run.newTokens, run.kvLen});
  return {{"name", r.cell.name},
          {"variant", r.cell.variant},
          {"runs", runs},
          {"whole_step", r.cell.wholeStep},
          {"failure", r.failure},
          {"median_s", r.times.median},
          {"p10_s", r.times.low},
          {"p90_s", r.times.high},
          {"begin_s", r.planSeconds},
          {"bytes", r.bytes},
          {"flops", r.flops},
          {"layers", r.layers}};
}

int main(int argc, char **argv) {
  const Options options(argc, argv, kUsage,
                        {"device", "artefacts", "only", "repeats", "seconds",
                         "json", "print-ptx"});
  if (!options.get("print-ptx").empty()) {
    std::ofstream file(options.get("print-ptx"));
    file << probePtx();
    return file.good() ? 0 : 2;
  }
  const int repeats = std::max(1, atoi(options.get("repeats", "30").c_str()));
  const double limit = atof(options.get("seconds", "240").c_str());
  const auto begin = std::chrono::steady_clock::now();
  auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         begin)
        .count();
  };
  std::vector<BenchResult> results;
  int failures = 0, skipped = 0;
  try {
    const Machine machine(options.get("device", "cuda"),
                          options.get("artefacts", besideProgram("artefacts")));
    const kvcrt_device_info &info = machine.info;
    printf("kvc-bench on %s", machine.title.c_str());
    if (machine.onGpu())
      printf(", %d SMs, %.0f MHz, memory %.0f MHz x %d bit, L2 %d MiB, driver "
             "for CUDA %d.%d",
             info.multiprocessors, info.clock_khz * 1e-3,
             info.memory_clock_khz * 1e-3, info.memory_bus_bits,
             info.l2_bytes >> 20, info.driver_version / 1000,
             info.driver_version % 1000 / 10);
    printf("\n");
    const Limits limits = probe(machine);
    if (machine.onGpu())
      printf("read-only bandwidth %.3f TB/s, mma.sync bf16 %.0f TFLOP/s\n",
             limits.readBytesPerSecond * 1e-12,
             limits.matrixFlopsPerSecond * 1e-12);
    for (const BenchCell &cell : benchCells(!machine.onGpu())) {
      if (cell.name.find(options.get("only")) == std::string::npos)
        continue;
      if (elapsed() > limit) {
        ++skipped;
        continue;
      }
      results.push_back(
          runBenchCell(machine, cell, machine.onGpu() ? repeats : 1));
      print(results.back(), limits);
      failures += !results.back().failure.empty();
    }
    for (const char *variant :
         {"bench gqa4 d128", "bench i8", "bench f8E4M3FN"})
      printFit(results, variant, limits);
    if (!options.get("json").empty()) {
      nlohmann::json cells = nlohmann::json::array();
      for (const BenchResult &result : results)
        cells.push_back(toJson(result));
      std::ofstream file(options.get("json"));
      file << nlohmann::json{{"device", machine.title},
                             {"multiprocessors", info.multiprocessors},
                             {"driver", info.driver_version},
                             {"read_bytes_per_s", limits.readBytesPerSecond},
                             {"mma_flops_per_s", limits.matrixFlopsPerSecond},
                             {"skipped", skipped},
                             {"cells", cells}}
                  .dump(1)
           << "\n";
      if (!file.good())
        throw Failure("cannot write " + options.get("json"));
    }
  } catch (const Failure &failure) {
    fprintf(stderr, "kvc-bench: %s\n", failure.what().c_str());
    return 2;
  }
  printf("%zu cells, %d failed, %d left out for want of time, %.0f s\n",
         results.size(), failures, skipped, elapsed());
  if (results.empty()) {
    fprintf(stderr, "kvc-bench: expected a cell to run, got none\n");
    return 2;
  }
  return failures || skipped ? 1 : 0;
}
