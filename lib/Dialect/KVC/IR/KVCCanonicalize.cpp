//===- KVCCanonicalize.cpp - what an attention op says for nothing --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Drops score regions, captures, masks, windows and results that change
// nothing: each would cost a kernel variant of its own. No pattern changes a
// value, and none touches an attend that was given its variant already.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace kvc;

namespace {

/// score, batch, head, query, key come before the captures.
constexpr unsigned firstCapture = 5;

/// A planned op agrees with its kvc.variant, flag by flag.
bool isPlanned(Operation *op) { return op->hasAttr("kvc.variant"); }

/// `score { ^bb0(%s, ...): yield %s }` is no score region.
template <typename OpTy>
struct DropIdentityScore : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (isPlanned(op) || op.getScore().empty())
      return failure();
    Block &block = op.getScore().front();
    if (cast<YieldOp>(block.getTerminator()).getValue() != block.getArgument(0))
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      rewriter.eraseBlock(&block);
      op.getCapturesMutable().clear();
    });
    return success();
  }
};

/// Captures that the score region does not read.
template <typename OpTy>
struct DropUnusedCaptures : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (isPlanned(op) || op.getScore().empty())
      return failure();
    Block &block = op.getScore().front();
    bool changed = false;
    for (unsigned i = op.getCaptures().size(); i-- > 0;) {
      if (!block.getArgument(firstCapture + i).use_empty())
        continue;
      rewriter.modifyOpInPlace(op, [&] {
        block.eraseArgument(firstCapture + i);
        op.getCapturesMutable().erase(i);
      });
      changed = true;
    }
    return success(changed);
  }
};

/// A mask that is constant and hides nothing. Attend's stays: its columns
/// bound the length of a sequence.
struct DropVisibleMask : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    SplatElementsAttr mask;
    if (!op.getMask() || !matchPattern(op.getMask(), m_Constant(&mask)))
      return failure();
    bool hidesNothing = mask.getElementType().isInteger(1)
                            ? mask.getSplatValue<bool>()
                            : mask.getSplatValue<APFloat>().isZero();
    if (!hidesNothing)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().clear(); });
    return success();
  }
};

/// A window at least as long as all there can be.
struct DropWideWindow : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    auto key = cast<ShapedType>(op.getKey().getType());
    if (!op.getWindow() || key.isDynamicDim(2) ||
        int64_t(*op.getWindow()) < key.getDimSize(2))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.removeWindowAttr(); });
    return success();
  }
};

/// A window that max_positions implies. One that the retention implies stays:
/// retention is a policy, which a later pass may widen, the window is the
/// model's meaning.
struct DropImpliedWindow : public OpRewritePattern<AttendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttendOp op,
                                PatternRewriter &rewriter) const override {
    if (isPlanned(op) || !op.getWindow())
      return failure();
    CacheType cache = op.getCache().getType();
    int64_t positions = cache.getMaxPositions();
    if (positions == 0 || int64_t(*op.getWindow()) < positions)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.removeWindowAttr(); });
    return success();
  }
};

/// A log-sum-exp that nobody reads.
struct DropUnusedLse : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getLse() || !op.getLse().use_empty())
      return failure();
    auto without = AttentionOp::create(
        rewriter, op.getLoc(), op.getResult().getType(), /*lse=*/Type(),
        op.getQuery(), op.getKey(), op.getValue(), op.getMask(),
        op.getSinkLogits(), op.getCaptures(), op.getScaleAttr(),
        op.getCausalAttr(), op.getWindowAttr(), op.getSoftcapAttr(),
        op.getFullyMaskedAttr());
    without->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    rewriter.inlineRegionBefore(op.getScore(), without.getScore(),
                                without.getScore().end());
    rewriter.replaceAllUsesWith(op.getResult(), without.getResult());
    rewriter.eraseOp(op);
    return success();
  }
};

/// The same of attend, on tensors.
struct DropUnusedAttendLse : public OpRewritePattern<AttendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttendOp op,
                                PatternRewriter &rewriter) const override {
    if (isPlanned(op) || op.getNumResults() != 2 ||
        !op.getResult(1).use_empty())
      return failure();
    auto without = AttendOp::create(
        rewriter, op.getLoc(), op.getResult(0).getType(), op.getQuery(),
        op.getCache(), op.getStep(), op.getMask(), op.getSinkLogits(),
        op.getCaptures(), op.getOut(), /*lse=*/Value(), op.getScaleAttr(),
        op.getCausalAttr(), op.getWindowAttr(), op.getSoftcapAttr());
    without->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    rewriter.inlineRegionBefore(op.getScore(), without.getScore(),
                                without.getScore().end());
    rewriter.replaceAllUsesWith(op.getResult(0), without.getResult(0));
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<DropIdentityScore<AttentionOp>, DropUnusedCaptures<AttentionOp>,
               DropVisibleMask, DropWideWindow, DropUnusedLse>(context);
}

void AttendOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<DropIdentityScore<AttendOp>, DropUnusedCaptures<AttendOp>,
               DropImpliedWindow, DropUnusedAttendLse>(context);
}
