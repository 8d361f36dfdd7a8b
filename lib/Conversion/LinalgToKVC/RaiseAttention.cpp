//===- RaiseAttention.cpp - Find attention in linalg on tensors
//------------===//
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
#include "kvc/Conversion/LinalgToKVC/LinalgToKVC.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

namespace kvc {
#define GEN_PASS_DEF_RAISEATTENTIONPASS
#include "kvc/Conversion/LinalgToKVC/Passes.h.inc"
} // namespace kvc

#define DEBUG_TYPE "kvc-raise-attention"

using namespace mlir;
using namespace kvc;
using namespace kvc::raise;

namespace {
/// One row of the report: an attention, or a near miss.
struct Row {
  Location loc;
  bool raised;
  std::string id, what;
};

class Raiser {
public:
  explicit Raiser(func::FuncOp func) : func(func) {}

  void run();
  void emitRemarks();
  void print(llvm::raw_ostream &os);

private:
  void tryContraction(IRRewriter &rewriter, linalg::LinalgOp op);
  bool isSoftmax(Operation *exponential);
  void reportLeftovers();
  void refuse(Operation *anchor, const Refusal &refusal) {
    // where is noted now: the op may be erased before the report
    Operation *at = refusal.op ? refusal.op : anchor;
    refused.try_emplace(
        anchor, Row{at->getLoc(), false, refusal.id.str(), refusal.why});
  }

  func::FuncOp func;
  SmallVector<Row> rows;
  PositionCache positions;
  LiteralTables tables;
  llvm::DenseSet<Operation *> taken;
  llvm::DenseMap<Operation *, Row> refused;
};
} // namespace

static std::string describe(const Match &match) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "softmax " << match.softmax.form << ", mask ";
  const MaskPlan &mask = match.mask;
  bool any = false;
  auto add = [&](const Twine &part) {
    os << (any ? " + " : "") << part;
    any = true;
  };
  if (mask.causal)
    add("causal");
  if (mask.window)
    add("window " + Twine(*mask.window));
  if (!mask.kept.empty())
    add("boolean operand");
  if (!mask.dense.empty())
    add("additive operand");
  if (!any)
    os << "none";
  os << llvm::format(", scale %g", match.scale);
  if (!match.runtimeScales.empty())
    os << " times a runtime factor";
  if (match.score.softcap != 0)
    os << llvm::format(", softcap %g", match.score.softcap);
  if (match.softmax.sink)
    os << ", sink logits";
  if (match.score.edit)
    os << (mask.alibi ? ", alibi in the score region" : ", a score region");
  os << ", rope "
     << (match.q.rope && match.k.rope ? "q and k"
         : match.q.rope               ? "q only"
         : match.k.rope               ? "k only"
                                      : "none");
  os << ", fully masked rows " << stringifyFullyMasked(mask.fullyMasked);
  if (!mask.why.empty())
    os << " (" << mask.why << ")";
  return text;
}

static std::string describeSizes(const Match &match, const Axes &axes) {
  auto size = [&](const AxisList &list) {
    int64_t product = 1;
    for (AffineExpr axis : list) {
      if (ShapedType::isDynamic(axes.extent(axis)))
        return std::string("?");
      product *= axes.extent(axis);
    }
    return std::to_string(product);
  };
  const Roles &r = match.roles;
  return llvm::formatv("batch {0}, query heads {1}, kv heads {2}, queries {3}, "
                       "keys {4}, head dim {5}:{6}, ",
                       size(r.batch), size(r.heads()), size(r.kvHeads),
                       size(r.query), size(r.key), size(r.headDim),
                       size(r.valueDim));
}

void Raiser::tryContraction(IRRewriter &rewriter, linalg::LinalgOp op) {
  Attempt attempt = matchAttention(op, tables);
  if (!attempt.match) {
    if (attempt.anchor && attempt.refusal)
      refuse(attempt.anchor, attempt.refusal);
    return;
  }
  std::string what =
      describeSizes(*attempt.match, *attempt.axes) + describe(*attempt.match);
  Operation *anchor = attempt.anchor;
  Location loc = op.getLoc();
  // where is noted now: the op may be erased before the report
  struct Note {
    Location loc;
    std::string id, why;
  };
  SmallVector<Note> notes;
  auto keep = [&](ArrayRef<Refusal> list) {
    for (const Refusal &note : list)
      notes.push_back(
          {note.op ? note.op->getLoc() : loc, note.id.str(), note.why});
  };
  keep(attempt.match->mask.notes);
  keep(attempt.ropeRefusals);
  Refusal refusal;
  if (!build(rewriter, attempt, positions, refusal)) {
    refuse(anchor, refusal);
    return;
  }
  taken.insert(anchor);
  rows.push_back({loc, true, "raise-attention", what});
  for (const Note &note : notes)
    rows.push_back({note.loc, false, note.id, note.why});
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

void Raiser::reportLeftovers() {
  func.walk([&](Operation *op) {
    if (!isa<math::ExpOp, math::Exp2Op, linalg::SoftmaxOp>(op) ||
        taken.contains(op))
      return;
    if (auto it = refused.find(op); it != refused.end()) {
      rows.push_back(it->second);
      return;
    }
    if (isa<linalg::SoftmaxOp>(op) || isSoftmax(op))
      rows.push_back({op->getLoc(), false, "softmax-alone",
                      "no product of this softmax's probabilities and values "
                      "over its axis was found"});
  });
}

void Raiser::run() {
  SmallVector<linalg::LinalgOp> candidates;
  func.walk([&](linalg::LinalgOp op) {
    if (isContractionLike(op))
      candidates.push_back(op);
  });
  IRRewriter rewriter(func.getContext());
  for (linalg::LinalgOp op : candidates)
    tryContraction(rewriter, op);
  // what lost its last use goes; a score with other users stays
  if (!taken.empty())
    (void)runRegionDCE(rewriter, func->getRegions());
  reportLeftovers();
}

void Raiser::emitRemarks() {
  for (const Row &row : rows) {
    auto options = remark::RemarkOpts::name(row.id)
                       .category(DEBUG_TYPE)
                       .function(func.getName());
    if (row.raised)
      remark::passed(row.loc, options) << row.what;
    else
      remark::missed(row.loc, options) << row.what;
  }
}

void Raiser::print(llvm::raw_ostream &os) {
  if (rows.empty())
    return;
  os << "attention in @" << func.getName() << "\n";
  for (auto [i, row] : llvm::enumerate(rows))
    os << llvm::formatv("  {0,3} {1,-6} {2,-20} {3}\n", i,
                        row.raised ? "raised" : "missed", row.id, row.what);
}

namespace {
struct RaiseAttention
    : public kvc::impl::RaiseAttentionPassBase<RaiseAttention> {
  using RaiseAttentionPassBase::RaiseAttentionPassBase;

  void runOnOperation() override {
    // what a model computes without a cache stays as the exporter wrote it
    if (getOperation()->hasAttr("kvc.recompute"))
      return;
    Raiser raiser(getOperation());
    raiser.run();
    raiser.emitRemarks();
    if (explain) {
      // functions run in parallel: one write each
      std::string table;
      llvm::raw_string_ostream os(table);
      raiser.print(os);
      llvm::errs() << table;
    }
  }
};
} // namespace
