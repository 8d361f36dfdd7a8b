//===- Manifest.cpp - what an artefact says about itself ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The keys are documented where they are read: kvcrt/artifact.h.
//
// Invariant: arrays stand in the order in which the ABI's arrays are indexed:
// `layers` by kvc.cache, `params` as @init takes them, `constants` as it
// returns them.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/CPU/Passes.h"

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Support/GpuChip.h"
#include "kvc/Target/CPU/Artifact.h"
#include "kvcrt/abi.h"
#include "kvcrt/artifact.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/JSON.h"

namespace kvc::cpu {
#define GEN_PASS_DEF_DESCRIBEARTIFACTPASS
#include "kvc/Target/CPU/Passes.h.inc"
} // namespace kvc::cpu

using namespace mlir;
namespace json = llvm::json;

namespace {

/// As safetensors and kvcrt_dtype spell it; empty for what they do not have.
StringRef dtypeName(Type type) {
  if (type.isBF16())
    return "BF16";
  if (type.isF16())
    return "F16";
  if (type.isF32())
    return "F32";
  if (type.isF64())
    return "F64";
  if (type.isInteger(1))
    return "BOOL";
  if (type.isInteger(8))
    return type.isUnsignedInteger() ? "U8" : "I8";
  if (type.isInteger(16))
    return type.isUnsignedInteger() ? "U16" : "I16";
  if (type.isInteger(32))
    return type.isUnsignedInteger() ? "U32" : "I32";
  if (type.isInteger(64))
    return type.isUnsignedInteger() ? "U64" : "I64";
  return "";
}

class Description {
public:
  Description(ModuleOp module, StringRef target)
      : module(module), target(target) {}
  FailureOr<json::Object> build();

private:
  FailureOr<json::Object> tensor(func::FuncOp function, Type type,
                                 StringRef name);
  LogicalResult addArguments(func::FuncOp function, StringRef attribute,
                             StringRef key);
  LogicalResult addOutputs(func::FuncOp function);
  LogicalResult addPolicies(func::FuncOp step);
  FailureOr<json::Value> policy(kvc::CacheType type, Location loc);
  void addLayers(func::FuncOp step, size_t numCaches);
  void addVariants(ArrayRef<Type> groups);
  LogicalResult addAttention();

  ModuleOp module;
  StringRef target;
  json::Object root;
};

FailureOr<json::Object> Description::tensor(func::FuncOp function, Type type,
                                            StringRef name) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  StringRef dtype = shaped ? dtypeName(shaped.getElementType()) : "";
  if (dtype.empty())
    return function.emitError("expected a tensor of a type that weights files "
                              "have for `")
           << name << "`, got " << type;
  json::Array shape;
  int64_t bytes = llvm::divideCeil(shaped.getElementTypeBitWidth(), 8);
  for (int64_t size : shaped.getShape()) {
    shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
    bytes *= ShapedType::isDynamic(size) ? 0 : size;
  }
  json::Object entry{
      {"name", name.str()}, {"dtype", dtype}, {"shape", std::move(shape)}};
  if (bytes)
    entry["bytes"] = bytes;
  return entry;
}

/// The arguments of `function` that carry `attribute`, named by it.
LogicalResult Description::addArguments(func::FuncOp function,
                                        StringRef attribute, StringRef key) {
  json::Array entries;
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      attribute);
    if (!name)
      continue;
    FailureOr<json::Object> entry =
        tensor(function, argument.getType(), name.getValue());
    if (failed(entry))
      return failure();
    entries.push_back(std::move(*entry));
  }
  root[key] = std::move(entries);
  return success();
}

LogicalResult Description::addOutputs(func::FuncOp function) {
  json::Array entries;
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    std::string name = i == 0 ? "logits" : ("output" + Twine(i)).str();
    FailureOr<json::Object> entry = tensor(function, type, name);
    if (failed(entry))
      return failure();
    entries.push_back(std::move(*entry));
  }
  root["outputs"] = std::move(entries);
  // Logits are a distribution over the vocabulary.
  if (function.getNumResults())
    if (auto type = dyn_cast<RankedTensorType>(function.getResultTypes()[0]))
      if (type.getRank() && !type.isDynamicDim(type.getRank() - 1))
        root["vocab"] = type.getShape().back();
  return success();
}

FailureOr<json::Value> Description::policy(kvc::CacheType type, Location loc) {
  kvcrt_policy policy = type.getPolicy();
  size_t size = 0;
  kvcrt_policy_format(&policy, nullptr, 0, &size);
  std::string text(size, '\0');
  kvcrt_status status =
      kvcrt_policy_format(&policy, text.data(), text.size(), &size);
  if (status != KVCRT_OK)
    return emitError(loc, "expected a policy that a manifest can hold, got ")
           << type;
  llvm::Expected<json::Value> parsed = json::parse(text.c_str());
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return emitError(loc, "expected JSON from kvcrt_policy_format, got ")
           << text.c_str();
  }
  return std::move(*parsed);
}

/// Groups are the layers of one cache type, in order of their first layer.
LogicalResult Description::addPolicies(func::FuncOp step) {
  llvm::MapVector<Type, SmallVector<int64_t>> layers;
  SmallVector<std::pair<int64_t, kvc::CacheType>> caches;
  for (BlockArgument argument : step.getArguments())
    if (auto type = dyn_cast<kvc::CacheType>(argument.getType())) {
      auto index = step.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(),
                                                      "kvc.cache");
      if (!index)
        return step.emitError("expected `kvc.cache` on each cache argument");
      caches.push_back({index.getInt(), type});
    }
  llvm::sort(caches, llvm::less_first());
  double bytesPerToken = 0;
  for (auto [index, type] : caches) {
    layers[type].push_back(index);
    bytesPerToken += type.getBytesPerToken();
  }
  json::Array groups;
  addVariants(llvm::map_to_vector(layers, [](auto &x) { return x.first; }));
  for (auto &[type, indices] : layers) {
    FailureOr<json::Value> value =
        policy(cast<kvc::CacheType>(type), step.getLoc());
    if (failed(value))
      return failure();
    groups.push_back(json::Object{{"policy", std::move(*value)},
                                  {"layers", json::Array(indices)}});
  }
  root["groups"] = std::move(groups);
  root["bytes_per_token"] = bytesPerToken;
  int64_t maxPositions = 0;
  if (auto limit = step->getAttrOfType<IntegerAttr>("kvc.max_positions"))
    maxPositions = limit.getInt();
  for (auto [index, type] : caches)
    if (int64_t own = type.getMaxPositions())
      maxPositions = maxPositions ? std::min(maxPositions, own) : own;
  root["max_positions"] = maxPositions;
  addLayers(step, caches.size());
  return success();
}

void Description::addLayers(func::FuncOp step, size_t numCaches) {
  std::vector<json::Object> layers(numCaches);
  step.walk([&](kvc::AttendOp op) {
    auto cache = dyn_cast<BlockArgument>(op.getCache());
    auto index = cache ? step.getArgAttrOfType<IntegerAttr>(
                             cache.getArgNumber(), "kvc.cache")
                       : IntegerAttr();
    // A layer that shares another's cache has no entry of its own.
    if (!index || size_t(index.getInt()) >= numCaches ||
        !layers[index.getInt()].empty())
      return;
    int64_t heads = cast<ShapedType>(op.getQuery().getType()).getDimSize(1);
    json::Object &layer = layers[index.getInt()];
    layer["name"] = ("layers." + Twine(index.getInt())).str();
    layer["scale"] = op.getScale().convertToDouble();
    layer["softcap"] =
        op.getSoftcap() ? op.getSoftcap()->convertToDouble() : 0.0;
    layer["query_heads"] = heads;
    if (auto variant = op->getAttrOfType<FlatSymbolRefAttr>("kvc.variant"))
      layer["variant"] = variant.getValue();
  });
  json::Array entries;
  for (json::Object &layer : layers)
    entries.push_back(std::move(layer));
  root["layers"] = std::move(entries);
}

/// `groups` are the cache types in the order of the manifest's groups.
void Description::addVariants(ArrayRef<Type> groups) {
  json::Array entries;
  for (auto variant : module.getOps<kvc::VariantOp>()) {
    std::string name = variant.getSymName().str();
    const Type *group = llvm::find(groups, variant.getCacheType());
    json::Object entry{
        {"name", name},
        {"query_heads", int64_t(variant.getQueryHeads())},
        {"symbols", json::Object{{"append", name + "_append"},
                                 {"attend", name + "_attend"},
                                 {"merge", name + "_merge"},
                                 {"workspace", name + "_workspace"}}}};
    json::Array features;
    for (auto [has, name] :
         {std::pair<bool, StringRef>{variant.getCausal(), "causal"},
          {variant.getSoftcap(), "softcap"},
          {variant.getWindow(), "window"},
          {variant.getSinkLogits(), "sink_logits"},
          {variant.getLse(), "lse"},
          {variant.getMask() != kvc::MaskKind::none, "mask"},
          {!variant.getScore().empty(), "score"}})
      if (has)
        features.push_back(name);
    entry["features"] = std::move(features);
    if (group != groups.end())
      entry["group"] = group - groups.begin();
    entries.push_back(std::move(entry));
  }
  root["variants"] = std::move(entries);
}

/// An attention library: one group per distinct cache, no layers.
LogicalResult Description::addAttention() {
  root["kind"] = "attention";
  llvm::SetVector<Type> types;
  for (auto variant : module.getOps<kvc::VariantOp>())
    types.insert(variant.getCacheType());
  addVariants(types.getArrayRef());
  json::Array groups;
  double bytesPerToken = 0;
  for (Type type : types) {
    FailureOr<json::Value> value =
        policy(cast<kvc::CacheType>(type), module.getLoc());
    if (failed(value))
      return failure();
    bytesPerToken += cast<kvc::CacheType>(type).getBytesPerToken();
    groups.push_back(
        json::Object{{"policy", std::move(*value)}, {"layers", json::Array()}});
  }
  root["groups"] = std::move(groups);
  root["bytes_per_token"] = bytesPerToken;
  return success();
}

FailureOr<json::Object> Description::build() {
  root["kvc"] = 1;
  root["abi"] = KVCRT_ABI_VERSION;
  root["target"] = target;
  if (target != "cpu")
    root["tasks"] = json::Object{{"decode_rows", kvc::GpuTasks::decodeRows},
                                 {"prefill_rows", kvc::GpuTasks::prefillRows},
                                 {"tile_keys", kvc::GpuTasks::tileKeys}};
  auto step = module.lookupSymbol<func::FuncOp>("step");
  auto recompute = module.lookupSymbol<func::FuncOp>("recompute");
  auto init = module.lookupSymbol<func::FuncOp>("init");
  if (!step && !recompute) {
    if (failed(addAttention()))
      return failure();
    return std::move(root);
  }
  root["kind"] = "model";
  json::Object entry;
  auto addEntry = [&](func::FuncOp function) {
    if (!function)
      return;
    std::string key = function.getName().str();
    entry[key] = "kvc_model_" + key;
    entry[key + "_workspace"] = "kvc_model_" + key + "_workspace";
  };
  addEntry(init);
  addEntry(step);
  addEntry(recompute);
  root["entry"] = std::move(entry);
  func::FuncOp main = step ? step : recompute;
  if (failed(addArguments(init ? init : main, "kvc.param", "params")) ||
      failed(addArguments(main, "kvc.constant", "constants")) ||
      failed(addArguments(main, "kvc.input", "inputs")) ||
      failed(addOutputs(main)))
    return failure();
  if (!step)
    addVariants({});
  else if (failed(addPolicies(step)))
    return failure();
  return std::move(root);
}

struct DescribeArtifact
    : kvc::cpu::impl::DescribeArtifactPassBase<DescribeArtifact> {
  using DescribeArtifactPassBase::DescribeArtifactPassBase;

  void runOnOperation() override {
    FailureOr<json::Object> manifest =
        Description(getOperation(), target).build();
    if (failed(manifest))
      return signalPassFailure();
    std::string text;
    llvm::raw_string_ostream(text) << json::Value(std::move(*manifest));
    getOperation()->setAttr("kvc.manifest",
                            StringAttr::get(&getContext(), text));
  }
};

} // namespace

std::string kvc::cpu::completeManifest(ModuleOp module, const Target &target) {
  json::Object root;
  if (auto text = module->getAttrOfType<StringAttr>("kvc.manifest")) {
    llvm::Expected<json::Value> parsed = json::parse(text.getValue());
    if (parsed && parsed->getAsObject())
      root = std::move(*parsed->getAsObject());
    else
      llvm::consumeError(parsed.takeError());
  }
  root["triple"] = target.getTriple();
  root["cpu_features"] = json::Array(target.getFeatures());
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(root));
  return text;
}
