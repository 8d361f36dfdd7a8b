//===- Soak.cpp - mutants of graphs, before and after raise ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: mutant number i is made and run by generators seeded with (seed,
// i) alone, so that one mutant can be made again without those before it.
//
//===----------------------------------------------------------------------===//

#include "Soak.h"
#include "Mutate.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <map>

using namespace mlir;
using Verdict = kvc::raisecheck::Report::Verdict;

namespace kvc::raisecheck {

/// Whether some op computes with elements that nobody wrote: what it finds
/// there is the machine's.
static bool readsUnwritten(ModuleOp module) {
  auto isUnwritten = [](Value value) {
    while (auto *op = value.getDefiningOp()) {
      if (isa<tensor::EmptyOp>(op))
        return true;
      if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp,
               tensor::ExtractSliceOp>(op))
        return false;
      value = op->getOperand(0);
    }
    return false;
  };
  WalkResult walked = module.walk([&](linalg::LinalgOp op) {
    for (OpOperand &init : op.getDpsInitsMutable())
      if (op.payloadUsesValueFromOperand(&init) && isUnwritten(init.get()))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return walked.wasInterrupted();
}

static bool isValid(ModuleOp module) {
  ScopedDiagnosticHandler silent(module.getContext(),
                                 [](Diagnostic &) { return success(); });
  return succeeded(verify(module)) && !readsUnwritten(module);
}

static bool isWrong(const Graph &graph, const CheckOptions &options,
                    uint64_t seed) {
  std::mt19937_64 random(seed);
  return llvm::any_of(check(graph, options, random), [](const Report &report) {
    return report.verdict == Verdict::Wrong;
  });
}

static void eraseDead(func::FuncOp function) {
  SmallVector<Operation *> ops;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->getParentOp() == function)
      ops.push_back(op);
  });
  // users stand behind what they use
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
}

static unsigned countOps(func::FuncOp function) {
  unsigned count = 0;
  function.walk([&](Operation *) { ++count; });
  return count;
}

Graph reduce(const Graph &graph, const CheckOptions &options, uint64_t seed) {
  Graph best = graph.clone();
  eraseDead(best.function());
  if (!isWrong(best, options, seed))
    best = graph.clone();
  // op by op from the end: what it computes becomes something that it reads
  for (bool changed = true; changed;) {
    changed = false;
    const unsigned count = countOps(best.function());
    for (unsigned at = count; at-- > 0;) {
      Graph tried = best.clone();
      Operation *op = nullptr;
      unsigned i = 0;
      tried.function().walk([&](Operation *other) {
        if (i++ == at)
          op = other;
      });
      if (!op || op->getNumResults() != 1)
        continue;
      auto fitting = llvm::find_if(op->getOperands(), [&](Value operand) {
        return operand.getType() == op->getResult(0).getType() &&
               !operand.getDefiningOp<tensor::EmptyOp>();
      });
      if (fitting == op->getOperands().end())
        continue;
      op->getResult(0).replaceAllUsesWith(*fitting);
      eraseDead(tried.function());
      // one that no use is left of may still not count as dead
      if (countOps(tried.function()) >= count || !isValid(*tried.module) ||
          !isWrong(tried, options, seed))
        continue;
      best = std::move(tried);
      changed = true;
      break;
    }
  }
  return best;
}

namespace {
class Soaker {
public:
  Soaker(const std::vector<Graph> &graphs, const SoakOptions &options)
      : options(options) {
    for (const Graph &graph : graphs)
      if (isRaised(graph))
        bases.push_back(&graph);
  }
  unsigned run();

private:
  /// Raise changes it, and both graphs run; whether they agree is no matter
  /// here.
  bool isRaised(const Graph &graph) {
    std::mt19937_64 random(options.seed);
    CheckOptions once = options.check;
    once.compiles = false;
    return llvm::any_of(check(graph, once, random), [](const Report &report) {
      return report.verdict == Verdict::Equal ||
             report.verdict == Verdict::Wrong;
    });
  }
  bool makeMutant(uint64_t number, Graph &mutant, std::vector<unsigned> &edits);
  void judge(const Graph &mutant, uint64_t number,
             llvm::ArrayRef<unsigned> edits);
  void printMutant(llvm::StringRef label, llvm::StringRef why,
                   llvm::ArrayRef<unsigned> edits);
  void keep(const Graph &mutant, uint64_t number);
  void printSummary();
  double elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         begin)
        .count();
  }

  const SoakOptions &options;
  std::vector<const Graph *> bases;
  std::chrono::steady_clock::time_point begin =
      std::chrono::steady_clock::now();
  unsigned made = 0, invalid = 0, raised = 0, equal = 0, exact = 0, left = 0,
           silent = 0, wrong = 0;
  std::map<std::string, unsigned> skipped, reasons;
  struct Tried {
    unsigned made = 0, raised = 0;
  };
  std::map<unsigned, Tried> byEdit;
};
} // namespace

bool Soaker::makeMutant(uint64_t number, Graph &mutant,
                        std::vector<unsigned> &edits) {
  std::seed_seq sequence{options.seed, options.seed >> 32, number};
  std::mt19937_64 random(sequence);
  mutant = bases[random() % bases.size()]->clone();
  if (random() % 2)
    generalize(mutant.function());
  const unsigned wanted = 1 + random() % 3;
  for (unsigned tries = 0; tries < 20 && edits.size() < wanted; ++tries) {
    Graph next = mutant.clone();
    std::optional<unsigned> edit = mutate(next.function(), random);
    if (!edit)
      continue;
    if (!isValid(*next.module)) {
      ++invalid;
      continue;
    }
    mutant = std::move(next);
    edits.push_back(*edit);
  }
  return !edits.empty();
}

void Soaker::keep(const Graph &mutant, uint64_t number) {
  if (options.keepFolder.empty())
    return;
  (void)llvm::sys::fs::create_directories(options.keepFolder);
  std::string path = llvm::formatv("{0}/{1}-{2}-{3}.mlir", options.keepFolder,
                                   mutant.name, options.seed, number);
  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  if (error) {
    llvm::errs() << "kvc-raise-check: error: expected to write " << path << ": "
                 << error.message() << "\n";
    return;
  }
  reduce(mutant, options.check, number).module.get().print(os);
  os << "\n";
  llvm::outs() << "  reduced: " << path << "\n";
}

void Soaker::printMutant(llvm::StringRef label, llvm::StringRef why,
                         llvm::ArrayRef<unsigned> edits) {
  llvm::outs() << "\n" << label << ": " << why << "; edits:";
  for (unsigned edit : edits)
    llvm::outs() << " " << editNames[edit];
  llvm::outs() << "\n";
  llvm::outs().flush();
}

void Soaker::judge(const Graph &mutant, uint64_t number,
                   llvm::ArrayRef<unsigned> edits) {
  std::string label = llvm::formatv("mutant {0} of seed {1}, of {2}", number,
                                    options.seed, mutant.label());
  // a crash names the mutant
  llvm::PrettyStackTraceString trace(label.c_str());
  std::mt19937_64 random(number);
  Report report = check(mutant, options.check, random).front();
  for (unsigned edit : edits) {
    ++byEdit[edit].made;
    byEdit[edit].raised += report.attentions > 0;
  }
  raised += report.attentions > 0;
  switch (report.verdict) {
  case Verdict::Equal:
    ++equal;
    exact += !report.isExact;
    return;
  case Verdict::Skipped:
    ++skipped[report.why.substr(0, 70)];
    return;
  case Verdict::NotRaised: {
    ++left;
    for (const std::string &id : report.remarks)
      ++reasons[id];
    if (report.remarks.empty()) {
      ++silent;
      if (options.listsSilent)
        printMutant(label, "no remark", edits);
    }
    return;
  }
  case Verdict::Wrong:
    break;
  }
  ++wrong;
  printMutant(label, report.why, edits);
  keep(mutant, number);
}

void Soaker::printSummary() {
  unsigned total = 0;
  for (const auto &[why, count] : skipped)
    total += count;
  llvm::outs() << llvm::formatv(
      "{0} mutants of {1} functions in {2:F1} s, seed {3}: {4} raised ({5} "
      "equal, {6} not run, {7} wrong), {8} left alone\n",
      made, bases.size(), elapsed(), options.seed, raised, equal, total, wrong,
      left);
  llvm::outs() << llvm::formatv(
      "  {0} edits gave no valid graph; {1} equal when compiled, but apart in "
      "exact arithmetic; {2} left without a remark\n",
      invalid, exact, silent);
  llvm::outs() << "  raised of made, by edit:";
  for (const auto &[edit, tried] : byEdit)
    llvm::outs() << " " << editNames[edit] << " " << tried.raised << "/"
                 << tried.made;
  llvm::outs() << "\n  left alone:";
  for (const auto &[id, count] : reasons)
    llvm::outs() << " " << id << " " << count;
  llvm::outs() << "\n";
  for (const auto &[why, count] : skipped)
    llvm::outs() << "  not run, " << count << " x " << why << "\n";
}

unsigned Soaker::run() {
  if (bases.empty()) {
    llvm::outs() << "expected a function that raise changes, got none\n";
    return 1;
  }
  if (options.only >= 0) {
    Graph mutant;
    std::vector<unsigned> edits;
    made = makeMutant(options.only, mutant, edits);
    if (made) {
      mutant.module.get().print(llvm::outs());
      llvm::outs().flush();
      judge(mutant, options.only, edits);
    }
    printSummary();
    return wrong;
  }
  for (uint64_t number = 0;
       options.seconds > 0 ? elapsed() < options.seconds : made < options.count;
       ++number) {
    Graph mutant;
    std::vector<unsigned> edits;
    if (!makeMutant(number, mutant, edits))
      continue;
    ++made;
    judge(mutant, number, edits);
    if (options.showsProgress && made % 20 == 0)
      llvm::errs() << llvm::formatv("\r{0} mutants, {1} raised, {2} wrong, "
                                    "{3:F0} s ",
                                    made, raised, wrong, elapsed());
  }
  if (options.showsProgress)
    llvm::errs() << "\n";
  printSummary();
  return wrong;
}

unsigned soak(const std::vector<Graph> &graphs, const SoakOptions &options) {
  return Soaker(graphs, options).run();
}

} // namespace kvc::raisecheck
