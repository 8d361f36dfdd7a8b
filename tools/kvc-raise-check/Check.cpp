//===- Check.cpp - a graph before and after raise -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four runs on the same inputs: both graphs interpreted (kvc.attention by the
// double-precision reference) and both compiled (kvc.attention decomposed).
// Invariant: nothing is compiled that the interpreter has not run to its end,
// so that compiled code stays within its buffers.
//
//===----------------------------------------------------------------------===//

#include "Check.h"
#include "Execute.h"
#include "Sources.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "kvc/Interpreter/Interpreter.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using kvc::interpreter::Datum;
using kvc::interpreter::Tensor;
using Verdict = kvc::raisecheck::Report::Verdict;

namespace kvc::raisecheck {
namespace {

class RemarkCollector : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit RemarkCollector(std::vector<std::string> &ids) : ids(ids) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    ids.push_back(remark.getRemarkName().str());
  }

private:
  std::vector<std::string> &ids;
};

LogicalResult raise(ModuleOp module, const CheckOptions &options,
                    std::vector<std::string> &ids) {
  MLIRContext *context = module.getContext();
  remark::RemarkCategories categories;
  categories.passed = categories.missed = "kvc-raise-attention";
  if (failed(remark::enableOptimizationRemarks(
          *context, std::make_unique<RemarkCollector>(ids),
          std::make_unique<remark::RemarkEmittingPolicyAll>(), categories)))
    return failure();
  PassManager pm(context);
  LogicalResult result = parsePassPipeline(options.pipeline, pm);
  if (succeeded(result))
    result = pm.run(module);
  context->setRemarkEngine(nullptr);
  return result;
}

unsigned countAttentions(ModuleOp module) {
  unsigned count = 0;
  module.walk([&](AttentionOp) { ++count; });
  return count;
}

struct Difference {
  double error = 0;
  size_t numbers = 0, nans = 0;
  std::string why; // not empty: they differ whatever the bound
};

Difference compare(llvm::ArrayRef<Tensor> a, llvm::ArrayRef<Tensor> b) {
  Difference difference;
  if (a.size() != b.size())
    return {0, 0, 0, "another number of results"};
  double square = 0, norm = 0;
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    if (x.shape != y.shape)
      return {0, 0, 0, "another shape"};
    for (auto [p, q] : llvm::zip_equal(x.numbers, y.numbers)) {
      ++difference.numbers;
      difference.nans += std::isnan(p);
      if (std::isnan(p) != std::isnan(q))
        difference.why = "NaN on one side only";
      else if ((std::isinf(p) || std::isinf(q)) && p != q)
        difference.why = "an infinity on one side only";
      else if (std::isfinite(p)) {
        square += (p - q) * (p - q);
        norm += p * p;
      }
    }
  }
  difference.error = std::sqrt(square / (norm > 0 ? norm : 1));
  return difference;
}

bool hasNumbers(llvm::ArrayRef<Tensor> tensors) {
  return llvm::any_of(tensors, [](const Tensor &tensor) {
    return tensor.numbers.empty() || llvm::any_of(tensor.numbers, [](double x) {
             return !std::isnan(x);
           });
  });
}

std::optional<std::vector<Tensor>> toTensors(llvm::ArrayRef<Datum> data) {
  std::vector<Tensor> tensors;
  for (const Datum &datum : data) {
    const auto *tensor = std::get_if<Tensor>(&datum);
    if (!tensor)
      return std::nullopt;
    tensors.push_back(*tensor);
  }
  return tensors;
}

/// The graph's results, or nothing and `why`.
std::optional<std::vector<Tensor>> interpret(func::FuncOp function,
                                             llvm::ArrayRef<Datum> inputs,
                                             std::string &why) {
  ScopedDiagnosticHandler handler(function.getContext(),
                                  [&](Diagnostic &diagnostic) {
                                    if (why.empty())
                                      why = diagnostic.str();
                                    return success();
                                  });
  interpreter::Interpreter interpreter;
  auto results = interpreter.call(function, inputs);
  if (failed(results))
    return std::nullopt;
  auto tensors = toTensors(*results);
  if (!tensors)
    why = "a result is no tensor";
  return tensors;
}

/// Both functions in one module, so that one lowering does for both.
OwningOpRef<ModuleOp> join(const Graph &before, const Graph &after) {
  OwningOpRef<ModuleOp> module = before.module.get().clone();
  module->lookupSymbol<func::FuncOp>(before.name).setName("before");
  OwningOpRef<ModuleOp> other = after.module.get().clone();
  PassManager pm(module->getContext());
  pm.addNestedPass<func::FuncOp>(createDecomposeAttentionPass());
  if (failed(pm.run(*other)))
    return {};
  func::FuncOp raised = other->lookupSymbol<func::FuncOp>(after.name);
  raised.setName("after");
  raised->remove();
  module->push_back(raised);
  return module;
}

/// A graph whose masks leave each of two draws no number reaches one in a
/// million of these.
constexpr unsigned maxDrawsWithoutNumbers = 20;

class Checker {
public:
  Checker(const Graph &before, const Graph &after, const CheckOptions &options)
      : before(before), after(after), options(options) {}

  Report run(llvm::ArrayRef<int64_t> sizes, double bound,
             std::mt19937_64 &random) {
    report.sizes.assign(sizes.begin(), sizes.end());
    report.bound = bound;
    std::string why;
    // ids and positions index tables of unknown length: the largest that fit
    const std::array<int64_t, 5> integerBounds = {8, 8, 8, 3, 1};
    for (unsigned unfit = 0, empty = 0; unfit < integerBounds.size();) {
      auto made =
          makeInputs(before.function(), sizes, integerBounds[unfit], random);
      if (!made)
        return skip(llvm::toString(made.takeError()));
      inputs = std::move(*made);
      why.clear();
      if (!options.interprets)
        break;
      first = interpret(before.function(), inputs, why);
      // masks may have left no row a number: drawn again, but not for ever
      if (first && (hasNumbers(*first) || ++empty == maxDrawsWithoutNumbers))
        break;
      unfit += !first;
    }
    if (!first) {
      // The machine is asked about ops that the interpreter does not have; what
      // it refuses (a failed assertion, a division by zero) would end us.
      const bool isUnknown =
          llvm::StringRef(why).contains("an op that the interpreter knows");
      if (options.interprets && (options.isMutant || !isUnknown))
        return skip(why);
      if (options.compiles && !runCompiled())
        return report;
      return options.compiles ? settle() : skip(why);
    }
    // a mutant that reads what nobody wrote: the machine finds anything there
    if (options.isMutant && !hasNumbers(*first))
      return skip("no number to compare: every result is NaN");
    auto second = interpret(after.function(), inputs, why);
    if (!second)
      return wrong("the raised graph does not run: " + why);
    Difference exact = compare(*first, *second);
    if (options.isMutant && options.compiles) {
      report.interpreted = exact.error;
      report.isExact = exact.why.empty() && exact.error <= bound;
    } else if (!accept(exact, report.interpreted, "interpreted")) {
      return report;
    }
    if (options.compiles && !runCompiled())
      return report;
    return settle();
  }

private:
  Report settle() {
    if (report.numbers && report.numbers == report.nans)
      return skip("no number to compare: every result is NaN");
    report.verdict = Verdict::Equal;
    return report;
  }

  bool runCompiled() {
    OwningOpRef<ModuleOp> both = join(before, after);
    if (!both) {
      wrong("kvc-decompose-attention failed");
      return false;
    }
    std::string why;
    ScopedDiagnosticHandler handler(both->getContext(), [&](Diagnostic &said) {
      if (why.empty())
        why = said.str();
      return success();
    });
    auto results = execute(std::move(both), {"before", "after"}, inputs);
    if (!results) {
      // upstream does not lower every op
      skip(llvm::toString(results.takeError()) + ": " + why);
      return false;
    }
    // what differs between the engines before raise is not raise's doing
    Difference engines = first ? compare(*first, (*results)[0]) : Difference();
    report.engines = engines.error;
    if (!engines.why.empty() || !(engines.error < 1e-2)) {
      skip("interpreter and machine differ: " +
           (engines.why.empty() ? "rounding decides" : engines.why));
      return false;
    }
    if (options.isMutant)
      report.bound = std::max(report.bound, 30 * engines.error);
    return accept(compare((*results)[0], (*results)[1]), report.compiled,
                  "compiled");
  }

  bool accept(const Difference &difference, double &error, const Twine &what) {
    error = difference.error;
    report.numbers = difference.numbers;
    report.nans = difference.nans;
    if (!difference.why.empty())
      wrong(what + ": " + difference.why);
    else if (!(difference.error <= report.bound))
      wrong(what + ": error " + std::to_string(difference.error));
    return report.verdict != Verdict::Wrong;
  }
  Report skip(const Twine &why) {
    report.verdict = Verdict::Skipped;
    report.why = why.str();
    return report;
  }
  Report wrong(const Twine &why) {
    report.verdict = Verdict::Wrong;
    report.why = why.str();
    return report;
  }

  const Graph &before, &after;
  const CheckOptions &options;
  std::vector<Datum> inputs;
  std::optional<std::vector<Tensor>> first;
  Report report;
};

} // namespace

double defaultBound(ModuleOp module) {
  unsigned narrowest = 32;
  bool isBrain = false;
  auto see = [&](Type type) {
    if (auto real = dyn_cast<FloatType>(getElementTypeOrSelf(type))) {
      narrowest = std::min(narrowest, real.getWidth());
      isBrain |= real.isBF16();
    }
  };
  module.walk([&](Operation *op) {
    llvm::for_each(op->getOperandTypes(), see);
    llvm::for_each(op->getResultTypes(), see);
  });
  // a few units of the last place of what is rounded on the way
  return narrowest >= 32 ? 2e-5 : isBrain ? 3e-2 : 5e-3;
}

std::vector<Report> check(const Graph &graph, const CheckOptions &options,
                          std::mt19937_64 &random) {
  Report common;
  Graph after = graph.clone();
  std::string why;
  {
    ScopedDiagnosticHandler handler(graph.module.get().getContext(),
                                    [&](Diagnostic &diagnostic) {
                                      if (why.empty())
                                        why = diagnostic.str();
                                      return success();
                                    });
    if (failed(raise(*after.module, options, common.remarks))) {
      common.verdict = Verdict::Wrong;
      common.why = "raise failed: " + why;
      return {common};
    }
  }
  common.attentions = countAttentions(*after.module);
  if (common.attentions == countAttentions(*graph.module)) {
    common.verdict = Verdict::NotRaised;
    return {common};
  }
  // not in place: what raise sees is the graph as its maker wrote it
  Graph before = graph.clone();
  if (failed(lowerSources(*before.module))) {
    common.verdict = Verdict::Skipped;
    common.why = "expected ops that the checker can write out";
    return {common};
  }
  double bound = graph.bound ? graph.bound : defaultBound(*graph.module);
  if (options.isMutant)
    bound = std::max(bound, 1e-3);
  std::vector<Report> reports;
  for (llvm::ArrayRef<int64_t> sizes : chooseSizes(graph)) {
    Report report = Checker(before, after, options).run(sizes, bound, random);
    report.attentions = common.attentions;
    report.remarks = common.remarks;
    reports.push_back(std::move(report));
    if (options.isMutant)
      break;
  }
  return reports;
}

} // namespace kvc::raisecheck
