//===- VerifyPlan.cpp - The border after plan -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/Transforms/Passes.h"

namespace kvc {
#define GEN_PASS_DEF_VERIFYPLANPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

using namespace mlir;
using namespace kvc;

static LogicalResult verifyGroup(Operation *op, CacheType cache,
                                 ArrayAttr groups) {
  auto group = op->getAttrOfType<IntegerAttr>("kvc.group");
  auto layer = op->getAttrOfType<IntegerAttr>("kvc.layer");
  if (!group || !layer)
    return op->emitOpError("expected kvc.group and kvc.layer; run kvc-plan");
  if (group.getInt() < 0 || group.getInt() >= int64_t(groups.size()))
    return op->emitOpError("expected kvc.group below ")
           << groups.size() << ", got " << group.getInt();
  auto entry = dyn_cast<DictionaryAttr>(groups[group.getInt()]);
  auto type = entry ? entry.getAs<TypeAttr>("cache") : TypeAttr();
  auto layers = entry ? entry.getAs<ArrayAttr>("layers") : ArrayAttr();
  if (!type || !layers)
    return op->emitOpError("expected group ")
           << group.getInt() << " of kvc.plan to have a cache and layers";
  if (type.getValue() != cache)
    return op->emitOpError("expected a cache of group ")
           << group.getInt() << "'s type " << type.getValue() << ", got "
           << cache;
  if (layer.getInt() < 0 || layer.getInt() >= int64_t(layers.size()))
    return op->emitOpError("expected kvc.layer below ")
           << layers.size() << ", got " << layer.getInt();
  return success();
}

static LogicalResult verifyOp(Operation *op, CacheType cache, ArrayAttr groups,
                              SymbolTable &symbols) {
  if (failed(verifyGroup(op, cache, groups)))
    return failure();
  auto name = op->getAttrOfType<FlatSymbolRefAttr>("kvc.variant");
  if (!name)
    return op->emitOpError("expected kvc.variant; run kvc-plan");
  auto variant = symbols.lookup<VariantOp>(name.getValue());
  if (!variant)
    return op->emitOpError("expected ") << name << " to be a kvc.variant";
  if (variant.getCacheType() != cache)
    return op->emitOpError("expected a variant of cache type ")
           << cache << ", got " << variant.getCacheType();
  return success();
}

namespace {
struct VerifyPlan : kvc::impl::VerifyPlanPassBase<VerifyPlan> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto plan = module->getAttrOfType<DictionaryAttr>("kvc.plan");
    auto groups = plan ? plan.getAs<ArrayAttr>("groups") : ArrayAttr();
    if (!groups) {
      module.emitError("expected kvc.plan with groups; run kvc-plan");
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    WalkResult result = module.walk([&](Operation *op) -> WalkResult {
      if (auto append = dyn_cast<AppendOp>(op))
        return verifyOp(op, append.getCache().getType(), groups, symbols);
      if (auto attend = dyn_cast<AttendOp>(op))
        return verifyOp(op, attend.getCache().getType(), groups, symbols);
      return success();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
