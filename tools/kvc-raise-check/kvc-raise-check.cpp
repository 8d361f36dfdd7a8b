//===- kvc-raise-check.cpp - proof by running that raise keeps meaning ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs every function of the files that raise changes, before and after, and
// prints a table. Exits with 0 only when each was run with at least one choice
// of sizes, and no number changed.
//
//===----------------------------------------------------------------------===//

#include "Check.h"
#include "Execute.h"
#include "Soak.h"
#include "TestPasses.h"
#include "kvc/InitAll.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"

using namespace mlir;
using namespace kvc::raisecheck;
namespace cl = llvm::cl;
using Verdict = Report::Verdict;

static cl::list<std::string> files(cl::Positional, cl::OneOrMore,
                                   cl::desc("<file.mlir>..."));
static cl::opt<uint64_t> seed("seed", cl::init(0),
                              cl::desc("of the inputs; 0: a fresh one"));
static cl::opt<bool> noCompile("interpret-only",
                               cl::desc("do not compile the graphs"));
static cl::opt<bool> noInterpret("compile-only",
                                 cl::desc("do not interpret the graphs, which "
                                          "takes long where they are large"));
static cl::opt<std::string>
    pipeline("raise-pipeline", cl::init("func.func(kvc-raise-attention)"),
             cl::desc("what to check instead of kvc-raise-attention"));

static cl::opt<unsigned>
    mutants("mutants", cl::init(0),
            cl::desc("check so many mutants of the functions instead"));
static cl::opt<int64_t>
    onlyMutant("only-mutant", cl::init(-1),
               cl::desc("print and check this one of the --mutants"));
static cl::opt<double>
    seconds("seconds", cl::init(0),
            cl::desc("check mutants for so long instead of --mutants"));
static cl::opt<bool>
    listSilent("list-silent",
               cl::desc("name mutants that are left alone without a remark"));
static cl::opt<std::string>
    keepFolder("keep", cl::desc("where mutants that fail go, reduced"));
static cl::opt<bool> progress("progress", cl::desc("show a line of progress"));
static cl::opt<unsigned>
    largest("largest", cl::init(400),
            cl::desc("mutate only functions of at most so many ops"));

static int runMutants(std::vector<Graph> graphs, uint64_t first) {
  llvm::erase_if(graphs, [](const Graph &graph) {
    unsigned count = 0;
    graph.function().walk([&](Operation *) { ++count; });
    return count > largest;
  });
  SoakOptions options;
  options.check = {!noCompile, !noInterpret, /*isMutant=*/true, pipeline};
  options.count = mutants;
  options.seconds = seconds;
  options.seed = first;
  options.only = onlyMutant;
  options.showsProgress = progress;
  options.listsSilent = listSilent;
  options.keepFolder = keepFolder;
  return soak(graphs, options) != 0;
}

static void printRow(const std::string &label, const Report &report) {
  std::string sizes =
      llvm::join(llvm::map_range(report.sizes,
                                 [](int64_t n) { return std::to_string(n); }),
                 ",");
  llvm::outs() << llvm::formatv("{0,-62} {1,-10} {2,4} {3,8} {4,6} ", label,
                                sizes, report.attentions, report.numbers,
                                report.nans)
               << llvm::format("%9.1e %9.1e %9.1e %8.0e  ", report.interpreted,
                               report.compiled, report.engines, report.bound);
  switch (report.verdict) {
  case Verdict::Equal:
    llvm::outs() << "equal\n";
    break;
  case Verdict::NotRaised:
    llvm::outs() << "not raised\n";
    break;
  case Verdict::Skipped:
    llvm::outs() << "skipped: " << report.why << "\n";
    break;
  case Verdict::Wrong:
    llvm::outs() << "WRONG: " << report.why << "\n";
  }
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  kvc::registerAllPasses();
  kvc::test::registerTestPasses();
  initializeExecution();
  cl::ParseCommandLineOptions(
      argc, argv, "runs graphs before and after raise and compares\n");
  DialectRegistry registry;
  registerExecutionDialects(registry);
  kvc::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  // attention ops of other compilers
  context.allowUnregisteredDialects();

  const uint64_t first = seed ? seed : std::random_device()();
  if (mutants || seconds > 0) {
    std::vector<Graph> all;
    for (const std::string &file : files) {
      auto graphs = loadGraphs(context, file);
      if (!graphs) {
        llvm::errs() << "kvc-raise-check: error: "
                     << llvm::toString(graphs.takeError()) << "\n";
        return 1;
      }
      llvm::move(*graphs, std::back_inserter(all));
    }
    return runMutants(std::move(all), first);
  }
  llvm::outs() << "seed " << first << "\n"
               << llvm::formatv("{0,-62} {1,-10} {2,4} {3,8} {4,6} {5,9} {6,9} "
                                "{7,9} {8,8}\n",
                                "function", "sizes", "att", "numbers", "nan",
                                "reference", "compiled", "engines", "bound");
  std::mt19937_64 random(first);
  CheckOptions options{!noCompile, !noInterpret, /*isMutant=*/false, pipeline};
  unsigned raised = 0, left = 0, bad = 0, notRun = 0;
  for (const std::string &file : files) {
    auto graphs = loadGraphs(context, file);
    if (!graphs) {
      llvm::errs() << "kvc-raise-check: error: "
                   << llvm::toString(graphs.takeError()) << "\n";
      return 1;
    }
    for (const Graph &graph : *graphs) {
      bool ran = false;
      for (const Report &report : check(graph, options, random)) {
        if (report.verdict == Verdict::NotRaised) {
          ++left;
          ran = true;
          continue;
        }
        ran |= report.verdict == Verdict::Equal;
        bad += report.verdict == Verdict::Wrong;
        printRow(graph.label(), report);
      }
      if (!ran)
        ++notRun;
      else
        ++raised;
    }
  }
  llvm::outs() << raised - left << " raised functions run, " << left
               << " not raised, " << notRun << " raised and not run, " << bad
               << " wrong\n";
  return bad || notRun || raised == left;
}
