//===- kvc-conformance.cpp - the engine against the reference -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generates the matrix policy axes x shapes, compiles each variant once in this
// process, runs all its cells and prints a table. Inputs are new in each run
// unless --seed says otherwise; the seed is printed.
//
// Exit: 0 when every cell agrees, 1 otherwise, 2 when no cell was selected.
//
//===----------------------------------------------------------------------===//

#include "Check.h"
#include "MathCheck.h"
#include "Report.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <thread>

using namespace kvc::conformance;
using namespace llvm;

static cl::OptionCategory category("kvc-conformance options");
static cl::opt<uint64_t> seed("seed", cl::cat(category),
                              cl::desc("Of the inputs; 0 takes a new one"));
static cl::opt<std::string>
    only("only", cl::cat(category),
         cl::desc("Run the variant of this name, or those that hold it"));
static cl::list<std::string>
    onlyBatches("batch", cl::cat(category), cl::CommaSeparated,
                cl::desc("Run cells of these batches"));
static cl::opt<unsigned>
    vectorBits("vector-bits", cl::cat(category),
               cl::desc("128, 256 or 512; 0: what the host has"));
static cl::opt<bool>
    baseline("baseline", cl::cat(category),
             cl::desc("As for a CPU without FMA, F16C and SSE4.1"));
static cl::opt<std::string>
    engine("engine", cl::cat(category), cl::init("cpu"),
           cl::desc("cpu, or sim[:CHIP]: GPU kernels in the simulator"));
static cl::opt<int>
    mutation("mutate", cl::cat(category), cl::init(-1),
             cl::desc("Mistake to plant in the GPU kernels, see "
                      "kvc-sim-mutate"));
static cl::opt<unsigned> jobs("jobs", cl::cat(category),
                              cl::init(std::thread::hardware_concurrency()),
                              cl::desc("Variants at once"));
static cl::opt<std::string> json("json", cl::cat(category),
                                 cl::desc("Write the cells to this file"));
static cl::opt<std::string> markdown("markdown", cl::cat(category),
                                     cl::desc("Write the table to this file"));
static cl::opt<bool> math("math", cl::cat(category),
                          cl::desc("Check the elementary functions instead"));
static cl::opt<float> scaleFactor(
    "scale-factor", cl::cat(category), cl::init(1),
    cl::desc("Multiply the kernels' scale, to see the tool notice it"));
static cl::opt<bool> printMlir("print-mlir", cl::cat(category),
                               cl::desc("Print the variants and stop"));

static bool isWanted(StringRef batch) {
  return onlyBatches.empty() || is_contained(onlyBatches, batch);
}

/// All cells of one variant.
static VariantReport runVariant(const Spec &spec, const JitOptions &options) {
  VariantReport report{spec, {}, {}, 0};
  Expected<CompiledVariant> kernels = compileVariant(spec.toMlir(), options);
  if (!kernels) {
    report.failure = toString(kernels.takeError());
    report.refused = StringRef(report.failure).starts_with(kRefused);
    return report;
  }
  report.compileSeconds = kernels->seconds;
  bool onGpu = kernels->gpu.has_value();
  uint64_t variantSeed = seedOf(seed, spec.name);
  for (const Batch &batch :
       onGpu ? gpuBatches(spec, variantSeed) : cpuBatches(spec)) {
    if (!isWanted(batch.name))
      continue;
    report.cells.push_back(
        {batch.name, nameOf(batch.pool),
         runCell(spec, batch, *kernels, seedOf(variantSeed, batch.name),
                 scaleFactor),
         onGpu});
    // It is enough that a planted mistake is noticed once.
    if (mutation >= 0 && !problemOf(spec, report.cells.back()).empty())
      return report;
  }
  if ((!onGpu || kernels->gpu->merge) && isWanted("merge"))
    report.cells.push_back(
        {"merge", "", runMergeCell(spec, *kernels, variantSeed), onGpu});
  if (hasHardRows(spec) && isWanted("hard rows"))
    report.cells.push_back(
        {"hard rows", "", runHardRows(spec, *kernels, variantSeed), onGpu});
  if (!onGpu && isWanted("bad calls"))
    report.cells.push_back(
        {"bad calls", "", runBadCalls(spec, *kernels, variantSeed)});
  return report;
}

/// The variant that --only names, else those whose names hold it.
static std::vector<Spec> selectSpecs(std::vector<Spec> all) {
  std::vector<Spec> specs;
  for (Spec &spec : all)
    if (spec.name == only)
      return {spec};
  for (Spec &spec : all)
    if (spec.name.find(only) != std::string::npos)
      specs.push_back(std::move(spec));
  return specs;
}

/// A command that repeats each cell that fails.
static void printRepeats(const std::vector<VariantReport> &reports) {
  for (const VariantReport &report : reports)
    for (const CellReport &cell : report.cells)
      if (!problemOf(report.spec, cell).empty())
        outs() << "repeat: kvc-conformance --engine=" << engine << " --only='"
               << report.spec.name << "' --batch='" << cell.batch
               << "' --seed=" << seed
               << (mutation < 0 ? "" : " --mutate=" + std::to_string(mutation))
               << "\n";
}

int main(int argc, char **argv) {
  InitLLVM initialize(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv, "kvc-conformance: CPU kernels against the reference\n");
  initializeJit();
  JitOptions options;
  options.vectorBits = vectorBits;
  options.baseline = baseline;
  options.mutation = mutation;
  StringRef engineName = engine;
  if (engineName.consume_front("sim")) {
    options.simulate = engineName.consume_front(":") ? engineName.str()
                                                     : std::string("sm_90a");
  } else if (engine != "cpu") {
    errs() << "expected --engine=cpu or --engine=sim[:CHIP], got '" << engine
           << "'\n";
    return 2;
  }
  if (mutation >= 0 && options.simulate.empty()) {
    errs() << "expected --engine=sim with --mutate, got cpu; mistakes are "
              "planted in GPU kernels\n";
    return 2;
  }
  if (math)
    return checkMath(options, outs()) ? 0 : 1;
  if (seed == 0)
    seed = std::random_device()() | 1u;

  std::vector<Spec> specs =
      selectSpecs(options.simulate.empty() ? allSpecs() : gpuSpecs());
  if (specs.empty()) {
    errs() << "expected --only to name a variant, got '" << only << "'\n";
    return 2;
  }
  if (printMlir) {
    for (const Spec &spec : specs)
      outs() << "// " << spec.name << "\n" << spec.toMlir() << "\n// -----\n";
    return 0;
  }

  auto begin = std::chrono::steady_clock::now();
  std::vector<VariantReport> reports(specs.size());
  std::atomic<size_t> next{0};
  std::mutex printing;
  auto work = [&] {
    for (size_t i; (i = next++) < specs.size();) {
      reports[i] = runVariant(specs[i], options);
      std::lock_guard<std::mutex> lock(printing);
      printVariant(reports[i], outs());
    }
  };
  std::vector<std::thread> threads;
  for (unsigned j = 1; j < jobs; ++j)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();

  Summary summary = summarize(reports);
  outs() << summary.cells - summary.failures << " of " << summary.cells
         << " cells agree, " << specs.size() << " variants, "
         << format("%.1f s", seconds) << ", seed " << seed;
  if (summary.refused)
    outs() << ", " << summary.refused << " variants refused";
  outs() << "\n";
  printRepeats(reports);
  std::string engineLabel =
      options.simulate.empty() ? "cpu" : "sim:" + options.simulate;
  if (!json.empty() && !writeJson(json, reports, engineLabel, seed))
    return 1;
  if (!markdown.empty() && !writeMarkdown(markdown, reports, seed))
    return 1;
  if (summary.cells == 0) {
    if (summary.refused < int64_t(specs.size()))
      errs() << "expected --batch to name cells of these variants, got "
             << join(onlyBatches, ",") << "\n";
    else
      errs() << "expected a variant that the engine can run, got none\n";
    return 2;
  }
  return summary.failures == 0 ? 0 : 1;
}
