//===- Plan.cpp - cache groups and kernel variants ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides what is shared: caches of equal type share a block table (a group),
// attends of equal needs share kernels (a variant). Knows no target.
//
//===----------------------------------------------------------------------===//

#include "CacheArguments.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

namespace kvc {
#define GEN_PASS_DEF_PLANPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

using namespace mlir;
using namespace kvc;

namespace {

class PlanPass : public kvc::impl::PlanPassBase<PlanPass> {
public:
  void runOnOperation() override;

private:
  LogicalResult planFunction(func::FuncOp func, ArrayRef<BlockArgument> caches);
  VariantOp getVariant(SymbolTable &symbols, Location loc, CacheType cache,
                       AttendOp attend);
  DictionaryAttr describeLayer(BlockArgument cache, AttendOp attend,
                               VariantOp variant);
};

} // namespace

static MaskKind maskKindOf(AttendOp attend) {
  if (!attend.getMask())
    return MaskKind::none;
  auto type = cast<ShapedType>(attend.getMask().getType());
  return type.getElementType().isInteger(1) ? MaskKind::dense_i1
                                            : MaskKind::dense_f32;
}

/// Whether two variants say the same, names apart.
static bool sameVariant(VariantOp lhs, VariantOp rhs) {
  NamedAttrList left(lhs->getAttrs()), right(rhs->getAttrs());
  left.erase(lhs.getSymNameAttrName());
  right.erase(rhs.getSymNameAttrName());
  if (left.getDictionary(lhs.getContext()) !=
      right.getDictionary(rhs.getContext()))
    return false;
  return OperationEquivalence::isRegionEquivalentTo(
      &lhs.getScore(), &rhs.getScore(), OperationEquivalence::IgnoreLocations);
}

VariantOp PlanPass::getVariant(SymbolTable &symbols, Location loc,
                               CacheType cache, AttendOp attend) {
  OpBuilder builder(&getContext());
  OperationState state(loc, VariantOp::getOperationName());
  state.addRegion();
  VariantOp::Properties &fields =
      state.getOrAddProperties<VariantOp::Properties>();
  fields.sym_name = builder.getStringAttr("attention");
  fields.cache = TypeAttr::get(cache);
  // A cache that nothing attends to still needs an append.
  int64_t heads =
      attend ? cast<ShapedType>(attend.getQuery().getType()).getDimSize(1)
             : cache.getKvHeads();
  fields.query_heads = builder.getI64IntegerAttr(heads);
  UnitAttr present = builder.getUnitAttr();
  SmallVector<Type> captures;
  if (attend) {
    fields.causal = builder.getBoolAttr(attend.getCausal());
    fields.mask = MaskKindAttr::get(&getContext(), maskKindOf(attend));
    fields.softcap = attend.getSoftcap() ? present : UnitAttr();
    fields.sink_logits = attend.getSinkLogits() ? present : UnitAttr();
    fields.lse = attend.getLse() ? present : UnitAttr();
    fields.window = attend.getWindow() ? present : UnitAttr();
    for (Value capture : attend.getCaptures()) {
      auto type = cast<ShapedType>(capture.getType());
      captures.push_back(
          RankedTensorType::get(type.getShape(), type.getElementType()));
    }
  }
  fields.captures = builder.getTypeArrayAttr(captures);
  auto wanted = cast<VariantOp>(Operation::create(state));
  if (attend && !attend.getScore().empty()) {
    IRMapping mapping;
    attend.getScore().cloneInto(&wanted.getScore(), mapping);
  }
  for (auto present : getOperation().getOps<VariantOp>())
    if (sameVariant(present, wanted)) {
      wanted->destroy();
      return present;
    }
  symbols.insert(wanted, getOperation().getBody()->end());
  return wanted;
}

DictionaryAttr PlanPass::describeLayer(BlockArgument cache, AttendOp attend,
                                       VariantOp variant) {
  Builder builder(&getContext());
  NamedAttrList layer;
  layer.set("variant", FlatSymbolRefAttr::get(variant));
  layer.set("query_heads", variant.getQueryHeadsAttr());
  if (attend) {
    layer.set("scale", attend.getScaleAttr());
    if (attend.getSoftcap())
      layer.set("softcap", attend.getSoftcapAttr());
    if (attend.getWindow())
      layer.set("window", attend.getWindowAttr());
  }
  return layer.getDictionary(&getContext());
}

LogicalResult PlanPass::planFunction(func::FuncOp func,
                                     ArrayRef<BlockArgument> caches) {
  Builder builder(&getContext());
  SymbolTable symbols(getOperation());
  llvm::MapVector<CacheType, SmallVector<int64_t>> groups;
  SmallVector<Attribute> layers;
  for (auto [index, cache] : llvm::enumerate(caches)) {
    auto type = cast<CacheType>(cache.getType());
    SmallVector<int64_t> &members = groups[type];
    int64_t group = std::distance(groups.begin(), groups.find(type));
    auto mark = [&](Operation *op, VariantOp variant) {
      op->setAttr("kvc.group", builder.getI64IntegerAttr(group));
      op->setAttr("kvc.layer", builder.getI64IntegerAttr(members.size()));
      op->setAttr("kvc.variant", FlatSymbolRefAttr::get(variant));
    };
    // Users are listed newest first; the first attend in program order names
    // the layer's kernels.
    SmallVector<AttendOp> attends;
    SmallVector<AppendOp> appends;
    for (Operation *user : cache.getUsers()) {
      if (auto attend = dyn_cast<AttendOp>(user))
        attends.push_back(attend);
      else if (auto append = dyn_cast<AppendOp>(user))
        appends.push_back(append);
    }
    VariantOp first;
    for (AttendOp attend : llvm::reverse(attends)) {
      VariantOp variant = getVariant(symbols, attend.getLoc(), type, attend);
      first = first ? first : variant;
      mark(attend, variant);
    }
    if (!first)
      first = getVariant(symbols, cache.getLoc(), type, {});
    for (AppendOp append : appends)
      mark(append, first);
    layers.push_back(describeLayer(
        cache, attends.empty() ? AttendOp() : attends.back(), first));
    members.push_back(index);
  }

  int64_t total = 0, maxPositions = 0;
  SmallVector<Attribute> described;
  for (auto &[type, members] : groups) {
    int64_t bytes = type.getBytesPerToken() * int64_t(members.size());
    NamedAttrList group;
    group.set("cache", TypeAttr::get(type));
    group.set("layers", builder.getI64ArrayAttr(members));
    group.set("bytes_per_token", builder.getI64IntegerAttr(bytes));
    described.push_back(group.getDictionary(&getContext()));
    total += bytes;
    if (type.getMaxPositions() != 0 &&
        (maxPositions == 0 || type.getMaxPositions() < maxPositions))
      maxPositions = type.getMaxPositions();
  }
  NamedAttrList plan;
  plan.set("function", FlatSymbolRefAttr::get(func));
  plan.set("groups", builder.getArrayAttr(described));
  plan.set("layers", builder.getArrayAttr(layers));
  plan.set("bytes_per_token", builder.getI64IntegerAttr(total));
  plan.set("max_positions", builder.getI64IntegerAttr(maxPositions));
  getOperation()->setAttr("kvc.plan", plan.getDictionary(&getContext()));
  return success();
}

void PlanPass::runOnOperation() {
  func::FuncOp planned;
  for (auto func : getOperation().getOps<func::FuncOp>()) {
    WalkResult result = func.walk([&](Operation *op) {
      if (!isa<AppendOp, AttendOp>(op))
        return WalkResult::advance();
      Value cache = isa<AppendOp>(op) ? cast<AppendOp>(op).getCache()
                                      : cast<AttendOp>(op).getCache();
      auto argument = dyn_cast<BlockArgument>(cache);
      if (argument && argument.getOwner() == &func.getBody().front())
        return WalkResult::advance();
      op->emitError("expected `cache` to be an argument of the function, got "
                    "another value; pass caches in from outside");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    SmallVector<BlockArgument> caches = getCacheArguments(func);
    if (caches.empty())
      continue;
    if (planned) {
      func.emitError("expected one function with caches, got a second one")
              .attachNote(planned.getLoc())
          << "first one here";
      return signalPassFailure();
    }
    planned = func;
    if (failed(planFunction(func, caches)))
      return signalPassFailure();
  }
}
