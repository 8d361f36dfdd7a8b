//===- Fuse.cpp - rotary embeddings into the position axis ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cache takes a rotation only when all of its appends and attends can: what
// is stored, and what every score is, stays the same.
//
//===----------------------------------------------------------------------===//

#include "CacheArguments.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"

namespace kvc {
#define GEN_PASS_DEF_FUSEPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

using namespace mlir;
using namespace kvc;

namespace {

/// A rope, and the views between it and its user, nearest the user first.
struct RotatedOperand {
  OpOperand *use;
  RopeOp rope;
  SmallVector<Operation *> views;
};

class FusePass : public kvc::impl::FusePassBase<FusePass> {
public:
  void runOnOperation() override {
    for (BlockArgument cache : getCacheArguments(getOperation()))
      fuse(cache);
  }

private:
  void fuse(BlockArgument cache);
};

} // namespace

/// The source of a view; null when `op` is not one.
static Value getViewSource(Operation *op) {
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op))
    return transpose.getInput();
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return collapse.getSrc();
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return expand.getSrc();
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return cast.getSource();
  return {};
}

/// Where the dimensions of a rope's result have gone: per dimension of a view,
/// the original one, or -1 for a unit dimension that carries none.
using DimOrigins = SmallVector<int64_t>;

static std::optional<DimOrigins>
collapseOrigins(const DimOrigins &origins, ArrayRef<int64_t> shape,
                ArrayRef<ReassociationIndices> groups) {
  DimOrigins result;
  for (const ReassociationIndices &group : groups) {
    int64_t origin = -1;
    for (int64_t dim : group) {
      if (shape[dim] == 1)
        continue;
      if (origin != -1)
        return std::nullopt; // two dimensions become one
      origin = origins[dim];
    }
    result.push_back(origin);
  }
  return result;
}

static std::optional<DimOrigins>
expandOrigins(const DimOrigins &origins, ArrayRef<int64_t> shape,
              ArrayRef<ReassociationIndices> groups) {
  DimOrigins result(shape.size(), -1);
  for (auto [source, group] : llvm::enumerate(groups)) {
    bool placed = false;
    for (int64_t dim : group) {
      if (shape[dim] == 1)
        continue;
      if (placed)
        return std::nullopt; // one dimension becomes two
      result[dim] = origins[source];
      placed = true;
    }
  }
  return result;
}

static std::optional<DimOrigins> mapOrigins(Operation *view,
                                            const DimOrigins &origins) {
  if (auto transpose = dyn_cast<linalg::TransposeOp>(view)) {
    DimOrigins result;
    for (int64_t dim : transpose.getPermutation())
      result.push_back(origins[dim]);
    return result;
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(view))
    return collapseOrigins(origins, collapse.getSrcType().getShape(),
                           collapse.getReassociationIndices());
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(view))
    return expandOrigins(origins, expand.getResultType().getShape(),
                         expand.getReassociationIndices());
  return origins; // tensor.cast
}

static constexpr const char *kNoRope = "operand is not the result of kvc.rope";

/// Walks from `use` back to a rope at `step`'s positions, whose rows arrive as
/// [T, H, D]. On failure `why` has the reason.
static std::optional<RotatedOperand> findRope(OpOperand &use, Value step,
                                              std::string &why) {
  RotatedOperand found{&use, {}, {}};
  Operation *op = use.get().getDefiningOp();
  while (op && getViewSource(op)) {
    found.views.push_back(op);
    op = getViewSource(op).getDefiningOp();
  }
  found.rope = dyn_cast_or_null<RopeOp>(op);
  if (!found.rope) {
    why = kNoRope;
    return std::nullopt;
  }
  auto positions = found.rope.getPositions().getDefiningOp<StepPositionsOp>();
  if (!positions || positions.getStep() != step) {
    why = "kvc.rope is not at this step's positions";
    return std::nullopt;
  }
  auto type = cast<ShapedType>(found.rope.getType());
  int64_t rank = type.getRank();
  DimOrigins origins = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  for (Operation *view : llvm::reverse(found.views)) {
    std::optional<DimOrigins> next = mapOrigins(view, origins);
    if (!next) {
      why = "a view between kvc.rope and its user mixes dimensions";
      return std::nullopt;
    }
    origins = *next;
  }
  // [T, H, D] or [B, H, S, D] with B = 1: tokens, heads, row.
  int64_t tokens = rank == 3 ? 0 : 2;
  bool batchIsOne = rank == 3 || type.getDimSize(0) == 1;
  // A unit dimension has no origin left, which is as good as its own.
  auto from = [&](int64_t got, int64_t wanted) {
    return got == wanted || (got == -1 && type.getDimSize(wanted) == 1);
  };
  if (!batchIsOne || origins.size() != 3 || !from(origins[0], tokens) ||
      !from(origins[1], 1) || !from(origins[2], rank - 1)) {
    why = "the rows of kvc.rope are not the rows of its user";
    return std::nullopt;
  }
  return found;
}

/// Replays the views on the unrotated tensor.
static void bypass(RotatedOperand &operand) {
  OpBuilder builder(operand.use->getOwner());
  Value value = operand.rope.getInput();
  for (Operation *view : llvm::reverse(operand.views)) {
    Value source = getViewSource(view);
    Operation *copy = builder.clone(*view);
    for (OpOperand &use : copy->getOpOperands())
      if (use.get() == source)
        use.set(value);
    value = copy->getResult(0);
  }
  operand.use->set(value);
}

void FusePass::fuse(BlockArgument cache) {
  auto type = cast<CacheType>(cache.getType());
  auto options = remark::RemarkOpts::name("kvc-fuse-rope-missed")
                     .category("kvc-fuse")
                     .function(getOperation().getName());
  if (!isa<NoneAttr>(type.getPosition()))
    return; // operands are unrotated already
  SmallVector<RotatedOperand> operands;
  RopeAttr rotation;
  bool attended = false, anyRope = false;
  std::optional<std::pair<Location, std::string>> missed; // the first
  auto miss = [&](Operation *user, std::string why) {
    if (!missed)
      missed.emplace(user->getLoc(), std::move(why));
  };
  for (Operation *user : cache.getUsers()) {
    OpOperand *use = nullptr;
    Value step;
    if (auto append = dyn_cast<AppendOp>(user)) {
      use = &append.getKeyMutable();
      step = append.getStep();
    } else if (auto attend = dyn_cast<AttendOp>(user)) {
      use = &attend.getQueryMutable();
      step = attend.getStep();
      attended = true;
    } else if (isa<GatherOp>(user)) {
      continue; // sees what is stored, which stays the same
    } else {
      remark::missed(user->getLoc(), options)
          << "cache escapes into " << user->getName().getStringRef();
      return;
    }
    std::string why;
    std::optional<RotatedOperand> found = findRope(*use, step, why);
    anyRope |= found || why != kNoRope;
    if (!found) {
      miss(user, why);
      continue;
    }
    RopeAttr here = found->rope.getRope().withAt(RopeAt::append);
    if (rotation && rotation != here)
      miss(user, "queries and keys of one cache are rotated differently");
    rotation = here;
    operands.push_back(std::move(*found));
  }
  if (missed) {
    // a layer without any rotation misses nothing
    if (anyRope)
      remark::missed(missed->first, options) << missed->second;
    return;
  }
  if (!rotation || !attended)
    return;
  std::string illegal;
  CacheType fused;
  {
    // What the verifier would say is the reason of a missed remark, no error.
    ScopedDiagnosticHandler quiet(&getContext(), [&](Diagnostic &diagnostic) {
      illegal = diagnostic.str();
      return success();
    });
    fused = type.getWithPolicy(
        PolicyAttr::get(&getContext(), {}, {}, {}, rotation, {}, std::nullopt),
        [&] { return getOperation().emitError(); });
  }
  if (!fused) {
    remark::missed(cache.getLoc(), options) << illegal;
    return;
  }
  for (RotatedOperand &operand : operands)
    bypass(operand);
  setCacheType(cache, fused);
  remark::passed(operands.front().use->getOwner()->getLoc(),
                 remark::RemarkOpts::name("kvc-fuse-rope")
                     .category("kvc-fuse")
                     .function(getOperation().getName()))
      << "rotation moved into append and attend";
}
