//===- ApplyPolicy.cpp - per-layer policies onto cache types --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes cache types and nothing else. A module is left untouched when any
// entry of the policies is wrong.
//
//===----------------------------------------------------------------------===//

#include "CacheArguments.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/Parser/Parser.h"

namespace kvc {
#define GEN_PASS_DEF_APPLYPOLICYPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

using namespace mlir;
using namespace kvc;

static constexpr llvm::StringLiteral kPolicies = "kvc.policies";

namespace {

/// One entry of `kvc.policies`; no layers means all.
struct Entry {
  std::optional<SmallVector<int64_t>> layers;
  PolicyAttr policy;
};

class ApplyPolicyPass : public kvc::impl::ApplyPolicyPassBase<ApplyPolicyPass> {
public:
  using ApplyPolicyPassBase::ApplyPolicyPassBase;

  void runOnOperation() override {
    SmallVector<Entry> entries;
    if (failed(readPolicies(entries)) || failed(apply(entries)))
      signalPassFailure();
  }

private:
  LogicalResult readPolicies(SmallVectorImpl<Entry> &entries);
  LogicalResult readEntry(Operation *at, Attribute attr,
                          SmallVectorImpl<Entry> &entries);
  LogicalResult apply(ArrayRef<Entry> entries);
};

} // namespace

LogicalResult ApplyPolicyPass::readEntry(Operation *at, Attribute attr,
                                         SmallVectorImpl<Entry> &entries) {
  auto dictionary = dyn_cast<DictionaryAttr>(attr);
  if (!dictionary)
    return at->emitError() << "expected entries of `" << kPolicies
                           << "` to be dictionaries {layers, policy}, got "
                           << attr;
  Entry entry;
  for (NamedAttribute field : dictionary) {
    if (field.getName() == "policy") {
      entry.policy = dyn_cast<PolicyAttr>(field.getValue());
      if (!entry.policy)
        return at->emitError() << "expected `policy` to be #kvc.policy<...>, "
                                  "got "
                               << field.getValue();
    } else if (field.getName() == "layers") {
      auto layers = dyn_cast<ArrayAttr>(field.getValue());
      entry.layers.emplace();
      for (Attribute layer :
           layers ? layers.getValue() : ArrayRef<Attribute>()) {
        auto index = dyn_cast<IntegerAttr>(layer);
        if (!index)
          layers = {};
        else
          entry.layers->push_back(index.getInt());
      }
      if (!layers)
        return at->emitError() << "expected `layers` to be an array of layer "
                                  "indices, got "
                               << field.getValue();
    } else {
      return at->emitError()
             << "expected `layers` or `policy` in an entry of `" << kPolicies
             << "`, got `" << field.getName().getValue() << "`";
    }
  }
  if (!entry.policy)
    return at->emitError() << "expected `policy` in each entry of `"
                           << kPolicies << "`, got " << attr;
  entries.push_back(entry);
  return success();
}

LogicalResult ApplyPolicyPass::readPolicies(SmallVectorImpl<Entry> &entries) {
  Operation *source = getOperation();
  OwningOpRef<ModuleOp> file;
  if (!policyFile.empty()) {
    file = parseSourceFile<ModuleOp>(policyFile, &getContext());
    if (!file)
      return getOperation().emitError()
             << "expected a policy module in `" << policyFile
             << "`, got none that parses; see the error above";
    source = file.get();
  }
  Attribute attr = source->getAttr(kPolicies);
  if (!attr && policyFile.empty())
    return success(); // nothing chosen: every layer keeps its type
  auto array = dyn_cast_or_null<ArrayAttr>(attr);
  if (!array)
    return source->emitError()
           << "expected module attribute `" << kPolicies
           << "` to be an array of {layers = [...], policy = "
              "#kvc.policy<...>}, "
              "got "
           << (attr ? attr : Attribute(StringAttr::get(&getContext(), "none")));
  for (Attribute entry : array)
    if (failed(readEntry(source, entry, entries)))
      return failure();
  return success();
}

/// The position axis belongs to the model; only `at` is the user's.
static LogicalResult checkPosition(func::FuncOp func, int64_t layer,
                                   PolicyAttr policy, CacheType type) {
  if (!policy.getPosition() || policy.getPosition() == type.getPosition())
    return success();
  auto wanted = dyn_cast<RopeAttr>(policy.getPosition());
  auto present = dyn_cast<RopeAttr>(type.getPosition());
  if (wanted && present && wanted.withAt(present.getAt()) == present)
    return success();
  return func.emitError() << "expected the position of layer " << layer
                          << " to stay " << type.getPosition()
                          << " but for `at`, got " << policy.getPosition()
                          << "; it says how the model was trained";
}

LogicalResult ApplyPolicyPass::apply(ArrayRef<Entry> entries) {
  SmallVector<std::pair<BlockArgument, CacheType>> changes;
  for (auto func : getOperation().getOps<func::FuncOp>()) {
    SmallVector<BlockArgument> caches = getCacheArguments(func);
    if (caches.empty())
      continue;
    SmallVector<CacheType> types;
    for (BlockArgument cache : caches)
      types.push_back(cast<CacheType>(cache.getType()));
    for (const Entry &entry : entries) {
      SmallVector<int64_t> layers;
      if (entry.layers)
        layers = *entry.layers;
      else
        llvm::append_range(layers, llvm::seq<int64_t>(0, caches.size()));
      for (int64_t layer : layers) {
        if (layer < 0 || layer >= int64_t(caches.size()))
          return func.emitError() << "expected layers of a policy in [0, "
                                  << caches.size() - 1 << "], got " << layer;
        if (failed(checkPosition(func, layer, entry.policy, types[layer])))
          return failure();
        types[layer] = types[layer].getWithPolicy(entry.policy, [&] {
          return func.emitError() << "layer " << layer << ": ";
        });
        if (!types[layer])
          return failure();
      }
    }
    for (auto [cache, type] : llvm::zip_equal(caches, types))
      changes.emplace_back(cache, type);
  }
  for (auto [cache, type] : changes)
    setCacheType(cache, type);
  return success();
}
