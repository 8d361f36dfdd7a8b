//===- RaiseAttention.cpp - Find attention in linalg on tensors -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tries every contraction once, in program order, as the product of
// probabilities and values of an attention; each try looks at a bounded number
// of producers, so time grows linearly with the graph. Afterwards every softmax
// that no attention took is reported with the reason. Nothing that is used is
// erased: a score tensor with other users stays alive beside kvc.attention.
//
//===----------------------------------------------------------------------===//

#include "Build.h"
#include "FrontDoors.h"
#include "Report.h"
#include "kvc/Conversion/LinalgToKVC/LinalgToKVC.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <thread>

namespace kvc {
#define GEN_PASS_DEF_RAISEATTENTIONPASS
#include "kvc/Conversion/LinalgToKVC/Passes.h.inc"
} // namespace kvc

#define DEBUG_TYPE "kvc-raise-attention"

using namespace mlir;
using namespace kvc;
using namespace kvc::raise;

/// Where `op` stands in the source. The body of a named op has no text of its
/// own: it stands where that op does.
static Location locate(Operation *op) {
  while (isa<UnknownLoc>(op->getLoc()) && op->getParentOp())
    op = op->getParentOp();
  return op->getLoc();
}

namespace {
class Raiser {
public:
  explicit Raiser(func::FuncOp func) : func(func) {}

  /// Rewrites the function and says what was found.
  Report run();

private:
  void writeOutForeign(IRRewriter &rewriter);
  void settleForeign(IRRewriter &rewriter);
  void tryContraction(IRRewriter &rewriter, linalg::LinalgOp op);
  bool isSoftmax(Operation *exponential);
  void reportLeftovers();
  void refuse(Operation *anchor, const Refusal &refusal) {
    // where is noted now: the op may be erased before the report
    refused.try_emplace(anchor, Note{locate(refusal.op ? refusal.op : anchor),
                                     refusal.id.str(), refusal.why});
  }

  func::FuncOp func;
  Report report;
  PositionCache positions;
  LiteralTables tables;
  llvm::DenseSet<Operation *> taken;
  llvm::DenseMap<Operation *, Note> refused;
  SmallVector<WrittenOut> foreign;
  llvm::DenseSet<Operation *> raisedValues; // products that were replaced
};
} // namespace

void Raiser::tryContraction(IRRewriter &rewriter, linalg::LinalgOp op) {
  Attempt attempt = matchAttention(op, tables);
  if (!attempt.match) {
    if (attempt.anchor && attempt.refusal)
      refuse(attempt.anchor, attempt.refusal);
    return;
  }
  Reading reading = readMatch(*attempt.match, *attempt.axes);
  Operation *anchor = attempt.anchor;
  Location loc = op.getLoc();
  std::vector<Note> kept;
  auto keep = [&](ArrayRef<Refusal> list) {
    for (const Refusal &note : list)
      kept.push_back(
          {note.op ? locate(note.op) : loc, note.id.str(), note.why});
  };
  keep(attempt.match->mask.notes);
  keep(attempt.ropeRefusals);
  Refusal refusal;
  if (!build(rewriter, attempt, positions, refusal)) {
    refuse(anchor, refusal);
    return;
  }
  taken.insert(anchor);
  raisedValues.insert(op);
  report.addRaised(loc, std::move(reading), std::move(kept));
}

/// exp(x - max over an axis of x), which only a softmax computes.
bool Raiser::isSoftmax(Operation *exponential) {
  auto parent = dyn_cast<linalg::LinalgOp>(exponential->getParentOp());
  Axes axes(exponential->getContext());
  Scalars scalars(axes, tables);
  const Expr *argument = nullptr;
  auto axesFor = [&](ArrayRef<int64_t> shape) {
    Index index;
    for (int64_t size : shape)
      index.push_back(axes.add(size));
    return index;
  };
  if (parent && parent.hasPureTensorSemantics())
    argument = scalars.evaluateBody(parent, exponential->getOperand(0),
                                    axesFor(parent.getStaticLoopRanges()));
  else if (auto type =
               dyn_cast<RankedTensorType>(exponential->getOperand(0).getType()))
    argument =
        scalars.element(exponential->getOperand(0), axesFor(type.getShape()));
  if (!argument)
    return false;
  argument = scalars.look(argument);
  if (!argument->isApply<arith::SubFOp>())
    return false;
  auto max = matchReduction(scalars, scalars.look(argument->operands[1]));
  return max && max->kind == Reduction::Kind::Max;
}

/// What depends on `exponential` by elementwise ops, sums and views holds both
/// a sum over an axis and a product: weights that someone normalised, if not as
/// a softmax does. An activation's exponential reaches no sum.
static bool isNormalisedWeight(Operation *exponential) {
  // an activation's reach is a few ops, and so is a softmax's
  constexpr unsigned farthest = 64;
  Operation *first = exponential;
  while (first->getParentOp() && isa<linalg::LinalgOp>(first->getParentOp()))
    first = first->getParentOp();
  SmallVector<Operation *> todo{first};
  llvm::SmallPtrSet<Operation *, 16> seen{first};
  bool isSummed = false, isMultiplied = false;
  while (!todo.empty() && seen.size() < farthest) {
    Operation *op = todo.pop_back_val();
    for (Operation *user : op->getUsers()) {
      auto structured = dyn_cast<linalg::LinalgOp>(user);
      if (structured && isContractionLike(structured)) {
        isMultiplied = true;
        continue;
      }
      isSummed |= structured && structured.getNumReductionLoops() > 0;
      if (isPure(user) && seen.insert(user).second)
        todo.push_back(user);
    }
  }
  return isSummed && isMultiplied;
}

void Raiser::reportLeftovers() {
  func.walk([&](Operation *op) {
    if (!isa<math::ExpOp, math::Exp2Op, linalg::SoftmaxOp>(op) ||
        taken.contains(op))
      return;
    if (auto it = refused.find(op); it != refused.end()) {
      report.addMissed(it->second);
      return;
    }
    if (isa<linalg::SoftmaxOp>(op) || isSoftmax(op))
      report.addMissed({locate(op), "softmax-alone",
                        "no product of this softmax's probabilities and "
                        "values over its axis was found"});
    else if (isNormalisedWeight(op))
      report.addMissed({locate(op), "softmax-form",
                        "weights are exponentials that are summed and "
                        "multiplied, but not those of a score less its "
                        "maximum, over their sum"});
  });
}

/// Attention ops of other dialects are written out in linalg for the matcher.
void Raiser::writeOutForeign(IRRewriter &rewriter) {
  SmallVector<Operation *> met;
  func.walk([&](Operation *op) {
    if (isForeignAttention(op))
      met.push_back(op);
  });
  for (Operation *op : met) {
    // An op that nobody registered may be a terminator.
    if (op == &op->getBlock()->back()) {
      report.addMissed({locate(op), "foreign-op",
                        "the op ends its block, and nothing else would"});
      continue;
    }
    Refusal refusal;
    if (std::optional<WrittenOut> written = writeOut(rewriter, op, refusal))
      foreign.push_back(*written);
    else
      report.addMissed(Note{locate(op), refusal.id.str(), refusal.why});
  }
}

/// Those that raise took go; the others stand as they were.
void Raiser::settleForeign(IRRewriter &rewriter) {
  for (const WrittenOut &written : foreign) {
    if (!raisedValues.contains(written.values))
      rewriter.replaceAllUsesWith(written.result, written.op->getResult(0));
    else
      rewriter.eraseOp(written.op);
  }
}

Report Raiser::run() {
  IRRewriter rewriter(func.getContext());
  settleSizes(rewriter, func);
  writeOutForeign(rewriter);
  SmallVector<linalg::LinalgOp> candidates;
  func.walk([&](linalg::LinalgOp op) {
    if (isContractionLike(op))
      candidates.push_back(op);
  });
  for (linalg::LinalgOp op : candidates)
    tryContraction(rewriter, op);
  // what lost its last use goes; a score with other users stays
  if (!taken.empty())
    (void)runRegionDCE(rewriter, func->getRegions());
  reportLeftovers();
  if (!foreign.empty()) {
    settleForeign(rewriter);
    (void)runRegionDCE(rewriter, func->getRegions());
  }
  return std::move(report);
}

namespace {
struct RaiseAttention
    : public kvc::impl::RaiseAttentionPassBase<RaiseAttention> {
  using RaiseAttentionPassBase::RaiseAttentionPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    RaiseAttentionPassBase::getDependentDialects(registry);
    OpPassManager tosa(func::FuncOp::getOperationName());
    buildTosaToLinalg(tosa);
    tosa.getDependentDialects(registry);
  }

  /// A TOSA graph that may hold attention goes through upstream's lowering; if
  /// that fails the graph stays as it was. Returns what went wrong.
  std::string lowerTosa() {
    func::FuncOp func = getOperation();
    if (!mayHoldTosaAttention(func))
      return {};
    OpPassManager pipeline(func::FuncOp::getOperationName());
    buildTosaToLinalg(pipeline);
    OwningOpRef<func::FuncOp> before = func.clone();
    std::string why;
    bool lowered = false;
    {
      // what goes wrong is a remark, not an error: nothing is lost
      std::thread::id self = std::this_thread::get_id();
      ScopedDiagnosticHandler quiet(&getContext(), [&](Diagnostic &diagnostic) {
        if (std::this_thread::get_id() != self)
          return failure();
        if (why.empty())
          why = diagnostic.str();
        return success();
      });
      lowered = succeeded(runPipeline(pipeline, func));
    }
    if (lowered) {
      remark::analysis(func.getLoc(), remark::RemarkOpts::name("tosa-lowered")
                                          .category(DEBUG_TYPE)
                                          .function(func.getName()))
          << "lowered from TOSA to linalg to look for attention";
      llvm::StringSet<> said;
      func.walk([&](Operation *op) {
        StringRef name = op->getName().getStringRef();
        if (name.starts_with("tosa.") && said.insert(name).second)
          remark::missed(op->getLoc(), remark::RemarkOpts::name("tosa-lowering")
                                           .category(DEBUG_TYPE)
                                           .function(func.getName()))
              << "upstream has no lowering of this `" + name.str() +
                     "` to linalg: it stays";
      });
      return {};
    }
    func->setAttrs((*before)->getAttrDictionary());
    func.getBody().takeBody(before->getBody());
    return why.empty() ? "no reason given" : why;
  }

  /// Once per pipeline, before its functions: empties the file that they are
  /// going to write to.
  LogicalResult initialize(MLIRContext *context) override {
    if (explainFile.empty() || explain == ExplainFormat::none)
      return success();
    std::error_code error;
    llvm::raw_fd_ostream file(explainFile, error);
    if (error)
      return emitError(UnknownLoc::get(context))
             << "expected a file that can be written as `explain-file`, got `"
             << explainFile << "`: " << error.message();
    return success();
  }

  void runOnOperation() override {
    // what a model computes without a cache stays as the exporter wrote it
    if (getOperation()->hasAttr("kvc.recompute"))
      return;
    std::string notLowered = lowerTosa();
    Report report = Raiser(getOperation()).run();
    if (!notLowered.empty())
      report.addMissed({getOperation().getLoc(), "tosa-lowering",
                        "upstream's lowering of TOSA failed: " + notLowered});
    StringRef function = getOperation().getName();
    report.emitRemarks(DEBUG_TYPE, function);
    if (report.empty() || explain == ExplainFormat::none)
      return;
    // functions run in parallel: one write each
    std::string text;
    llvm::raw_string_ostream os(text);
    if (explain == ExplainFormat::json)
      report.printJSON(os, function);
    else
      report.printTable(os, function);
    if (failed(tell(text)))
      signalPassFailure();
  }

  LogicalResult tell(StringRef text) {
    if (explainFile.empty()) {
      llvm::errs() << text;
      return success();
    }
    std::error_code error;
    llvm::raw_fd_ostream file(explainFile, error, llvm::sys::fs::OF_Append);
    if (!error) {
      file.SetUnbuffered(); // one write: other functions append as well
      file << text;
      file.close();
      error = file.error();
      file.clear_error();
    }
    if (error)
      return getOperation().emitError("expected room to write `")
             << explainFile << "`, got: " << error.message();
    return success();
  }
};
} // namespace
