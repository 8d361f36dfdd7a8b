//===- bench.cpp - kvc-bench of the GPU bundle ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times prebuilt artefacts on a GPU by captured replays: median, 10th and 90th
// percentile, as fractions of the read-only bandwidth and of the bf16 matrix
// rate (mma.sync's, or the chip's own: wgmma's, tcgen05's) that the same run
// measures. Cells come in order of their value, so that a limit of time leaves
// out what says the least, and names it; they run in a child process
// (Worker.h), so that a kernel that faults or hangs costs its cell alone. With
// --serve another program (peers/) asks for one cell at a time, between its
// own.
//
// Exit: 0 when every cell was measured, 1 when one failed, 2 when nothing could
// run.
//
//===----------------------------------------------------------------------===//
#include "BenchCell.h"
#include "Options.h"
#include "Worker.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

using namespace kvc::bundle;

static const char *const kUsage =
    "kvc-bench: prebuilt kernels, timed\n"
    "  --device=cuda|sim   where they run (cuda); the simulator has no times\n"
    "  --artefacts=DIR     where they are (beside this program)\n"
    "  --only=TEXT         the cell \"name|variant\", or all that hold this "
    "text\n"
    "  --repeats=N         replays of each cell (30)\n"
    "  --seconds=N         begin no cell after so long (240)\n"
    "  --json=FILE         write all cells\n"
    "  --serve=1           answer each cell's \"name|variant\" that comes in "
    "by\n"
    "                      a line of JSON\n"
    "  --list=1            write the cells as lines of JSON, and stop\n"
    "  --print-ptx=FILE    write the probes' PTX (FILE.sm_90a and the like: "
    "of\n"
    "                      that chip alone), and stop\n";

/// Compute capabilities whose matrix instruction is theirs alone.
static constexpr int32_t kOwn[] = {90, 100, 103};

/// A machine's best, of what was measured.
static double matrixRate(const nlohmann::json &head) {
  return std::max(head.at("mma_flops_per_s").get<double>(),
                  head.at("own_flops_per_s").get<double>());
}

/// The least time that the machine's limits allow.
static double floorOf(const Work &work, const Limits &limits) {
  if (limits.readBytesPerSecond <= 0 || limits.matrixFlopsPerSecond <= 0)
    return 0;
  return std::max((work.kvBytes + work.ioBytes) / limits.readBytesPerSecond,
                  work.flops / limits.matrixFlopsPerSecond);
}

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
         "%5.1f %%  floor %8.1f us %5.1f %%  begin %6.1f us\n",
         r.times.median * 1e6, r.times.low * 1e6, r.times.high * 1e6,
         r.work.kvBytes / r.times.median * 1e-12,
         100 * r.work.kvBytes / r.times.median / limits.readBytesPerSecond,
         r.work.flops / r.times.median * 1e-12,
         100 * r.work.flops / r.times.median / limits.matrixFlopsPerSecond,
         floorOf(r.work, limits) * 1e6,
         100 * floorOf(r.work, limits) / r.times.median, r.planSeconds * 1e6);
  fflush(stdout);
}

static void printHead(const nlohmann::json &head) {
  printf("kvc-bench on %s", head.at("device").get<std::string>().c_str());
  const double rate = head.at("mma_flops_per_s");
  if (rate > 0)
    printf(", %d SMs, %.0f MHz, memory %.0f MHz x %d bit, L2 %d MiB, driver "
           "for CUDA %d.%d\nread-only bandwidth %.3f TB/s, mma.sync bf16 %.0f "
           "TFLOP/s",
           head.at("multiprocessors").get<int>(),
           head.at("clock_khz").get<double>() * 1e-3,
           head.at("memory_clock_khz").get<double>() * 1e-3,
           head.at("memory_bus_bits").get<int>(),
           head.at("l2_bytes").get<int>() >> 20,
           head.at("driver").get<int>() / 1000,
           head.at("driver").get<int>() % 1000 / 10,
           head.at("read_bytes_per_s").get<double>() * 1e-12, rate * 1e-12);
  if (const double own = head.at("own_flops_per_s"); own > 0)
    printf(", %s bf16 %.0f TFLOP/s",
           head.at("own_instruction").get<std::string>().c_str(), own * 1e-12);
  printf("\n");
  fflush(stdout);
}

/// Least squares of time = t0 + bytes / rate over the D3 cells of a variant.
struct Fit {
  std::string variant;
  double seconds, bytesPerSecond;
};

static std::vector<Fit> fitAll(const std::vector<BenchResult> &results) {
  std::vector<Fit> fits;
  for (const char *variant :
       {"bench gqa4 d128", "bench i8", "bench f8E4M3FN"}) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (const BenchResult &r : results)
      if (r.failure.empty() && r.times.median > 0 &&
          r.cell.variant == variant && r.cell.name.rfind("D3", 0) == 0) {
        ++n;
        x += r.work.kvBytes;
        y += r.times.median;
        xx += r.work.kvBytes * r.work.kvBytes;
        xy += r.work.kvBytes * r.times.median;
      }
    if (n < 3)
      continue;
    const double slope = (n * xy - x * y) / (n * xx - x * x);
    fits.push_back({variant, (y - slope * x) / n, 1 / slope});
  }
  return fits;
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
          {"kv_bytes", r.work.kvBytes},
          {"io_bytes", r.work.ioBytes},
          {"flops", r.work.flops},
          {"layers", r.layers},
          {"in_order", r.cell.inOrder},
          {"consecutive_blocks", r.consecutive}};
}

static nlohmann::json toJson(const Machine &machine, const Limits &limits) {
  return {{"device", machine.title},
          {"sm", machine.info.sm},
          {"multiprocessors", machine.info.multiprocessors},
          {"driver", machine.info.driver_version},
          {"l2_bytes", machine.info.l2_bytes},
          {"clock_khz", machine.info.clock_khz},
          {"memory_clock_khz", machine.info.memory_clock_khz},
          {"memory_bus_bits", machine.info.memory_bus_bits},
          {"read_bytes_per_s", limits.readBytesPerSecond},
          {"mma_flops_per_s", limits.matrixFlopsPerSecond}};
}

static std::string keyOf(const BenchCell &cell) {
  return cell.name + "|" + cell.variant.substr(6);
}

/// A cell with its shape, for who times something else over it.
static nlohmann::json describe(const BenchCell &cell) {
  const Spec spec = specOf(cell);
  BenchResult untimed;
  untimed.cell = cell;
  untimed.work = workOf(spec, cell, 32);
  nlohmann::json out = toJson(untimed);
  out["key"] = keyOf(cell);
  out["value"] = cell.value;
  out["query_heads"] = spec.queryHeads;
  out["kv_heads"] = spec.policy.kv_heads;
  out["head_dim"] = spec.policy.key_dim;
  out["page"] = spec.policy.block;
  out["contiguous"] = spec.policy.layout == KVCRT_LAYOUT_CONTIGUOUS;
  out["causal"] = spec.causal;
  out["window"] = cell.window;
  out["sinks"] = cell.sinks;
  const bool quant = spec.policy.key.kind == KVCRT_STORAGE_QUANT;
  out["dtype"] = quant ? cell.variant.substr(cell.variant.rfind(' ') + 1)
                 : spec.policy.element == KVCRT_F16 ? "f16"
                                                    : "bf16";
  return out;
}

/// The child's side: a device, its limits, and a cell for each key.
static Worker::Serve startCells(const Options &options, int repeats) {
  auto machine = std::make_shared<Machine>(
      options.get("device", "cuda"),
      options.get("artefacts", besideProgram("artefacts")));
  const Limits limits = probe(*machine);
  const std::vector<BenchCell> cells = benchCells(!machine->onGpu());
  return [=](const std::string &line) -> Worker::Answer {
    for (const BenchCell &cell : cells)
      if (keyOf(cell) == line) {
        const BenchResult result = runBenchCell(*machine, cell, repeats);
        const bool lost = kvcrt_device_synchronize(machine->device,
                                                   machine->stream) != KVCRT_OK;
        return {toJson(result).dump(), lost};
      }
    if (line != "own rate")
      return {toJson(*machine, limits).dump()};
    try {
      return {nlohmann::json(probeOwn(*machine)).dump()};
    } catch (const Failure &failure) {
      return {nlohmann::json(failure.what()).dump(), /*last=*/true};
    }
  };
}

/// A cell's result; one that took its process along has a failure.
static BenchResult ask(Worker &worker, const BenchCell &cell, double seconds) {
  BenchResult result;
  result.cell = cell;
  try {
    const nlohmann::json row =
        nlohmann::json::parse(worker.ask(keyOf(cell), seconds));
    result.failure = row.at("failure").get<std::string>();
    result.times = {row.at("median_s"), row.at("p10_s"), row.at("p90_s")};
    result.planSeconds = row.at("begin_s");
    result.work = {row.at("kv_bytes"), row.at("io_bytes"), row.at("flops")};
    result.layers = row.at("layers");
    result.consecutive = row.at("consecutive_blocks");
  } catch (const Failure &failure) {
    result.failure = failure.what();
  }
  return result;
}

/// The rate of the chip's own instruction, or why there is none.
static void addOwnRate(Worker &worker, nlohmann::json &head, double seconds) {
  const std::string name = ownProbe(head.at("sm")).name;
  head["own_instruction"] = name;
  head["own_flops_per_s"] = 0.0;
  if (name.empty())
    return;
  nlohmann::json answer;
  try {
    answer = nlohmann::json::parse(worker.ask("own rate", seconds));
  } catch (const Failure &failure) {
    answer = failure.what();
  }
  if (answer.is_number())
    head["own_flops_per_s"] = answer;
  else
    fprintf(stderr, "kvc-bench: %s was not measured: %s\n", name.c_str(),
            answer.get<std::string>().c_str());
}

static int serve(Worker &worker, const nlohmann::json &head, bool simulated,
                 double seconds) {
  std::cout << head.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    nlohmann::json answer = {{"failure", "expected a cell, got " + line}};
    for (const BenchCell &cell : benchCells(simulated))
      if (keyOf(cell) == line)
        answer = toJson(ask(worker, cell, seconds));
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}

int main(int argc, char **argv) {
  const Options options(argc, argv, kUsage,
                        {"device", "artefacts", "only", "repeats", "seconds",
                         "json", "serve", "list", "print-ptx"});
  if (const std::string path = options.get("print-ptx"); !path.empty()) {
    std::ofstream file(path);
    file << probePtx();
    bool good = file.good();
    for (int32_t sm : kOwn) {
      const OwnProbe own = ownProbe(sm);
      std::ofstream text(path + "." + own.chip);
      text << own.ptx;
      good &= text.good();
    }
    return good ? 0 : 2;
  }
  const bool simulated = options.get("device") == "sim";
  if (!options.get("list").empty()) {
    for (const BenchCell &cell : benchCells(simulated))
      std::cout << describe(cell).dump() << "\n";
    return 0;
  }
  const int repeats =
      simulated ? 1 : std::max(1, atoi(options.get("repeats", "30").c_str()));
  const double limit = atof(options.get("seconds", "240").c_str());
  const auto begin = std::chrono::steady_clock::now();
  auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         begin)
        .count();
  };
  std::vector<BenchResult> results;
  std::vector<std::string> leftOut;
  int failures = 0;
  try {
    Worker worker([&] { return startCells(options, repeats); });
    // What a cell may take before it is taken for one that hangs.
    const double patience = simulated ? 600 : 30;
    nlohmann::json head =
        nlohmann::json::parse(worker.ask("machine", patience));
    addOwnRate(worker, head, patience);
    if (!options.get("serve").empty())
      return serve(worker, head, simulated, patience);
    const Limits limits = {head.at("read_bytes_per_s"), matrixRate(head)};
    printHead(head);
    const std::vector<BenchCell> cells = benchCells(simulated);
    const std::string only = options.get("only");
    const bool exact =
        std::any_of(cells.begin(), cells.end(),
                    [&](const BenchCell &cell) { return keyOf(cell) == only; });
    for (const BenchCell &cell : cells) {
      if (exact ? keyOf(cell) != only
                : keyOf(cell).find(only) == std::string::npos)
        continue;
      if (elapsed() > limit) {
        leftOut.push_back(keyOf(cell));
        continue;
      }
      results.push_back(ask(worker, cell, patience));
      print(results.back(), limits);
      failures += !results.back().failure.empty();
    }
    nlohmann::json fits = nlohmann::json::array();
    for (const Fit &fit : fitAll(results)) {
      printf("fit D3 %-18s t0 %.1f us, %.3f TB/s (%.1f %% of the read-only "
             "bandwidth)\n",
             fit.variant.c_str() + 6, fit.seconds * 1e6,
             fit.bytesPerSecond * 1e-12,
             100 * fit.bytesPerSecond / limits.readBytesPerSecond);
      fits.push_back({{"variant", fit.variant},
                      {"t0_s", fit.seconds},
                      {"bytes_per_s", fit.bytesPerSecond}});
    }
    if (!options.get("json").empty()) {
      nlohmann::json out = head;
      out["left_out"] = leftOut;
      out["fits"] = fits;
      out["cells"] = nlohmann::json::array();
      for (const BenchResult &result : results) {
        out["cells"].push_back(toJson(result));
        out["cells"].back()["floor_s"] = floorOf(result.work, limits);
      }
      std::ofstream file(options.get("json"));
      file << out.dump(1) << "\n";
      if (!file.good())
        throw Failure("cannot write " + options.get("json"));
    }
  } catch (const Failure &failure) {
    fprintf(stderr, "kvc-bench: %s\n", failure.what().c_str());
    return 2;
  }
  printf("%zu cells, %d failed, %zu left out for want of time, %.0f s\n",
         results.size(), failures, leftOut.size(), elapsed());
  for (const std::string &name : leftOut)
    printf("  left out: %s\n", name.c_str());
  if (results.empty()) {
    fprintf(stderr, "kvc-bench: expected a cell to run, got none\n");
    return 2;
  }
  return failures || !leftOut.empty() ? 1 : 0;
}
