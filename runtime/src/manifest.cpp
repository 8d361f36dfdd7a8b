//===- manifest.cpp - the manifest's JSON as C structures -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "manifest.h"
#include "dtype.h"
#include "policy_json.h"

#include "kvcrt/runtime.h"

#include <cstring>

namespace kvcrt {

kvcrt_status Manifest::parse(const char *text, size_t size, Message message) {
  const Json json = Json::parse(text, text + size, nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return message.fail(KVCRT_CORRUPT, "manifest: expected a JSON object, got "
                                       "other text; compile it again");
  JsonReader reader;
  const JsonPlace root{json, ""};
  const int64_t format = reader.integer(root, "kvc", 0, 0, INT32_MAX);
  const int64_t abi = reader.integer(root, "abi", 0, 0, INT32_MAX);
  if (!reader.failed() && (format != 1 || abi != KVCRT_ABI_VERSION))
    return message.fail(KVCRT_VERSION_MISMATCH,
                        "manifest: expected format 1 and ABI %u, got %lld and "
                        "%lld; compile it again with this release",
                        KVCRT_ABI_VERSION, static_cast<long long>(format),
                        static_cast<long long>(abi));
  view_.abi = static_cast<uint32_t>(abi);
  view_.target = keep(reader.text(root, "target"));
  view_.triple = keep(reader.text(root, "triple"));
  view_.kind = keep(reader.text(root, "kind"));
  view_.max_positions = reader.count(root, "max_positions");
  view_.vocab = reader.count(root, "vocab");
  view_.bytes_per_token = reader.number(root, "bytes_per_token", 0.0);

  const JsonPlace features = reader.array(root, "cpu_features");
  for (const Json &feature : features.value)
    if (feature.is_string())
      features_.push_back(keep(feature.get<std::string>()));
    else
      reader.fail(features.path, "expected strings");

  const JsonPlace entry = reader.member(root, "entry");
  view_.entry_init = keep(reader.text(entry, "init"));
  view_.entry_step = keep(reader.text(entry, "step"));
  view_.entry_recompute = keep(reader.text(entry, "recompute"));
  view_.entry_init_workspace = keep(reader.text(entry, "init_workspace"));
  view_.entry_step_workspace = keep(reader.text(entry, "step_workspace"));
  view_.entry_recompute_workspace =
      keep(reader.text(entry, "recompute_workspace"));

  const JsonPlace tasks = reader.member(root, "tasks");
  view_.decode_rows = reader.count(tasks, "decode_rows");
  view_.prefill_rows = reader.count(tasks, "prefill_rows");
  view_.tile_keys = reader.count(tasks, "tile_keys");

  readLayers(root, reader);
  readGroups(root, reader);
  readVariants(root, reader);
  params_ = readTensors(root, "params", reader);
  constants_ = readTensors(root, "constants", reader);
  inputs_ = readTensors(root, "inputs", reader);
  outputs_ = readTensors(root, "outputs", reader);
  connect(reader);
  if (!reader.failed() && strcmp(view_.kind, "model") != 0 &&
      strcmp(view_.kind, "attention") != 0)
    reader.fail("kind", "expected model or attention");
  if (reader.failed())
    return message.fail(KVCRT_CORRUPT, "manifest: %s; compile it again",
                        reader.error().c_str());
  if (kvcrt_status status = checkPolicies(message))
    return status;

  view_.json = keep(std::string(text, size));
  view_.json_size = size;
  view_.cpu_features = features_.data();
  view_.num_cpu_features = static_cast<int32_t>(features_.size());
  const auto expose = [](const auto &list, auto *&data, int32_t &count) {
    data = list.data();
    count = static_cast<int32_t>(list.size());
  };
  expose(groups_, view_.groups, view_.num_groups);
  expose(layers_, view_.layers, view_.num_layers);
  expose(variants_, view_.variants, view_.num_variants);
  expose(params_, view_.params, view_.num_params);
  expose(constants_, view_.constants, view_.num_constants);
  expose(inputs_, view_.inputs, view_.num_inputs);
  expose(outputs_, view_.outputs, view_.num_outputs);
  return KVCRT_OK;
}

void Manifest::readLayers(const JsonPlace &root, JsonReader &reader) {
  const JsonPlace list = reader.array(root, "layers");
  for (size_t i = 0; i < list.value.size(); ++i) {
    const JsonPlace at = reader.element(list, i);
    kvcrt_manifest_layer layer = {};
    layer.name = keep(reader.text(at, "name"));
    layer.variant = keep(reader.text(at, "variant"));
    layer.scale = static_cast<float>(reader.number(at, "scale", 0.0));
    layer.softcap = static_cast<float>(reader.number(at, "softcap", 0.0));
    layer.query_heads = reader.count(at, "query_heads");
    layer.group = -1;
    layers_.push_back(layer);
  }
}

void Manifest::readGroups(const JsonPlace &root, JsonReader &reader) {
  const JsonPlace list = reader.array(root, "groups");
  for (size_t g = 0; g < list.value.size(); ++g) {
    const JsonPlace at = reader.element(list, g);
    kvcrt_manifest_group group = {};
    group.policy = parsePolicy(reader.member(at, "policy", true), reader);
    const JsonPlace layers = reader.array(at, "layers", true);
    std::vector<int32_t> &indices = groupLayers_.emplace_back();
    for (const Json &index : layers.value) {
      if (!index.is_number_integer() || index.get<int64_t>() < 0 ||
          index.get<int64_t>() > INT32_MAX) {
        reader.fail(layers.path, "expected indices of layers");
        return;
      }
      indices.push_back(index.get<int32_t>());
    }
    group.layers = indices.data();
    group.num_layers = static_cast<int32_t>(indices.size());
    groups_.push_back(group);
  }
}

void Manifest::readVariants(const JsonPlace &root, JsonReader &reader) {
  const JsonPlace list = reader.array(root, "variants");
  for (size_t i = 0; i < list.value.size(); ++i) {
    const JsonPlace at = reader.element(list, i);
    const JsonPlace symbols = reader.member(at, "symbols");
    kvcrt_manifest_variant variant = {};
    variant.name = keep(reader.text(at, "name"));
    variant.append = keep(reader.text(symbols, "append"));
    variant.attend = keep(reader.text(symbols, "attend"));
    variant.merge = keep(reader.text(symbols, "merge"));
    variant.workspace = keep(reader.text(symbols, "workspace"));
    variant.query_heads = reader.count(at, "query_heads");
    variant.group = reader.count(at, "group", -1);
    static const char *const names[] = {
        "causal", "softcap", "window", "sink_logits", "lse", "mask", "score"};
    const JsonPlace features = reader.array(at, "features");
    for (const Json &feature : features.value)
      for (size_t bit = 0; bit < std::size(names); ++bit)
        if (feature.is_string() && feature.get<std::string>() == names[bit])
          variant.features |= 1 << bit;
    if (variant.group >= int32_t(groups_.size()))
      return reader.fail(at.path + ".group",
                         "expected an index into groups, got " +
                             std::to_string(variant.group));
    variants_.push_back(variant);
  }
}

std::vector<kvcrt_manifest_tensor> Manifest::readTensors(const JsonPlace &root,
                                                         const char *key,
                                                         JsonReader &reader) {
  const JsonPlace list = reader.array(root, key);
  std::vector<kvcrt_manifest_tensor> tensors;
  for (size_t i = 0; i < list.value.size(); ++i) {
    const JsonPlace at = reader.element(list, i);
    kvcrt_manifest_tensor tensor = {};
    tensor.name = keep(reader.text(at, "name"));
    const std::string dtype = reader.text(at, "dtype");
    tensor.dtype = findDtype(dtype.c_str());
    if (tensor.dtype < 0)
      reader.fail(at.path + ".dtype",
                  "expected a type such as F32, got `" + dtype + "`");
    const JsonPlace shape = reader.array(at, "shape", true);
    if (shape.value.size() > KVCRT_MAX_TENSOR_RANK) {
      reader.fail(shape.path, "expected at most 8 dimensions");
      return tensors;
    }
    tensor.rank = static_cast<int32_t>(shape.value.size());
    bool isStatic = true;
    for (int32_t axis = 0; axis < tensor.rank; ++axis) {
      const Json &size = shape.value[axis];
      if (!size.is_number_integer() || size.get<int64_t>() < -1) {
        reader.fail(shape.path, "expected sizes, or -1 where unknown");
        return tensors;
      }
      tensor.shape[axis] = size.get<int64_t>();
      isStatic &= tensor.shape[axis] >= 0;
    }
    uint64_t product = 0;
    if (isStatic && tensor.dtype >= 0 &&
        !tensorBytes(tensor.shape, tensor.rank, tensor.dtype, product))
      reader.fail(shape.path, "expected a size within 64 bits");
    tensor.bytes = static_cast<uint64_t>(reader.integer(
        at, "bytes", static_cast<int64_t>(product), 0, INT64_MAX));
    tensors.push_back(tensor);
  }
  return tensors;
}

void Manifest::connect(JsonReader &reader) {
  for (size_t g = 0; g < groups_.size(); ++g)
    for (int32_t i = 0; i < groups_[g].num_layers; ++i) {
      const std::string path = "groups[" + std::to_string(g) + "].layers";
      const int32_t index = groups_[g].layers[i];
      if (index >= static_cast<int32_t>(layers_.size()))
        return reader.fail(path, "expected an index below " +
                                     std::to_string(layers_.size()) + ", got " +
                                     std::to_string(index));
      if (layers_[index].group >= 0)
        return reader.fail(path, "layer " + std::to_string(index) +
                                     " is in two groups");
      layers_[index].group = static_cast<int32_t>(g);
      layers_[index].index_in_group = i;
    }
  for (size_t l = 0; l < layers_.size(); ++l) {
    const std::string path = "layers[" + std::to_string(l) + "]";
    if (layers_[l].group < 0)
      return reader.fail(path, "expected a group that lists it");
    bool known = !*layers_[l].variant;
    for (const kvcrt_manifest_variant &variant : variants_)
      known |= !strcmp(variant.name, layers_[l].variant);
    if (!known)
      return reader.fail(path + ".variant",
                         std::string("no variant is named `") +
                             layers_[l].variant + "`");
  }
}

kvcrt_status Manifest::checkPolicies(Message message) const {
  for (size_t g = 0; g < groups_.size(); ++g) {
    char text[400];
    if (kvcrt_status status =
            kvcrt_legality_check(&groups_[g].policy, text, sizeof(text)))
      return message.fail(status, "manifest: groups[%zu].policy: %s", g, text);
  }
  return KVCRT_OK;
}

} // namespace kvcrt
