//===- policy_json.cpp - a policy as the manifest has it ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Enumerators are written by name: the lists below are in the order of the
// enumerations of kvcrt/policy.h.
//
//===----------------------------------------------------------------------===//
#include "policy_json.h"
#include "message.h"

#include "kvcrt/artifact.h"

#include <cstring>
#include <new>

namespace kvcrt {
namespace {

const char *const kFormats[] = {"f32", "f16",      "bf16",   "i8",   "i4",
                                "i2",  "f8E4M3FN", "f8E5M2", nullptr};
const char *const kLayouts[] = {"paged", "contiguous", "ring", nullptr};
const char *const kOrders[] = {"hnd", "nhd", nullptr};
const char *const kStorages[] = {"plain", "quant", nullptr};
const char *const kAxes[] = {"tensor", "head", "token", "channel", nullptr};
const char *const kPositions[] = {"none", "rope", "alibi", nullptr};
const char *const kStyles[] = {"neox", "interleaved", nullptr};
const char *const kAts[] = {"append", "attend", nullptr};
const char *const kScalings[] = {"none", "linear", "llama3", "dynamic",
                                 nullptr};
const char *const kRetentions[] = {"all",          "window", "streaming",
                                   "heavy_hitter", "snap",   nullptr};

kvcrt_storage parseStorage(const JsonPlace &at, int32_t element,
                           JsonReader &reader) {
  kvcrt_storage storage = {};
  storage.kind = reader.word(at, "kind", kStorages, KVCRT_STORAGE_PLAIN);
  const bool plain = storage.kind == KVCRT_STORAGE_PLAIN;
  storage.format =
      reader.word(at, "format", kFormats, plain ? element : int32_t(KVCRT_I8));
  storage.axis = reader.word(at, "axis", kAxes, KVCRT_AXIS_TOKEN);
  storage.group = reader.count(at, "group");
  storage.symmetric = reader.boolean(at, "symmetric", true);
  storage.scale_format = reader.word(at, "scale", kFormats, KVCRT_F32);
  storage.residual = reader.count(at, "residual");
  return storage;
}

/// The word for an enumerator, or null outside the list.
const char *wordOf(const char *const *words, int32_t value) {
  if (value < 0)
    return nullptr;
  for (int32_t index = 0; words[index]; ++index)
    if (index == value)
      return words[index];
  return nullptr;
}

using Ordered = nlohmann::ordered_json;

/// Null in place of a word marks a value outside its enumeration.
Ordered named(const char *const *words, int32_t value) {
  const char *word = wordOf(words, value);
  return word ? Ordered(word) : Ordered(nullptr);
}

Ordered formatStorage(const kvcrt_storage &storage) {
  Ordered out;
  out["kind"] = named(kStorages, storage.kind);
  out["format"] = named(kFormats, storage.format);
  if (storage.kind == KVCRT_STORAGE_PLAIN)
    return out;
  out["axis"] = named(kAxes, storage.axis);
  out["group"] = storage.group;
  out["symmetric"] = storage.symmetric != 0;
  out["scale"] = named(kFormats, storage.scale_format);
  out["residual"] = storage.residual;
  return out;
}

Ordered formatPosition(const kvcrt_policy &policy) {
  Ordered out;
  out["kind"] = named(kPositions, policy.position);
  if (policy.position != KVCRT_POSITION_ROPE)
    return out;
  const kvcrt_rope_params &rope = policy.rope;
  out["theta"] = rope.theta;
  out["dim"] = rope.dim;
  out["style"] = named(kStyles, rope.style);
  out["at"] = named(kAts, rope.at);
  out["scaling"] = named(kScalings, rope.scaling);
  if (rope.scaling == KVCRT_ROPE_SCALING_NONE)
    return out;
  out["factor"] = rope.factor;
  if (rope.scaling == KVCRT_ROPE_SCALING_LINEAR)
    return out;
  out["low_freq_factor"] = rope.low_freq_factor;
  out["high_freq_factor"] = rope.high_freq_factor;
  out["original_max_positions"] = rope.original_max_positions;
  return out;
}

Ordered formatRetention(const kvcrt_policy &policy) {
  Ordered out;
  out["kind"] = named(kRetentions, policy.retention);
  switch (policy.retention) {
  case KVCRT_RETAIN_WINDOW:
  case KVCRT_RETAIN_STREAMING:
    out["window"] = policy.window;
    out["sink_tokens"] = policy.sink_tokens;
    break;
  case KVCRT_RETAIN_HEAVY_HITTER:
  case KVCRT_RETAIN_SNAP:
    out["budget"] = policy.budget;
    out["recent"] = policy.recent;
    out["observe"] = policy.observe;
    break;
  default:
    break;
  }
  return out;
}

bool hasNull(const Ordered &value) {
  if (value.is_null())
    return true;
  if (value.is_object())
    for (const auto &item : value)
      if (hasNull(item))
        return true;
  return false;
}

} // namespace

kvcrt_policy parsePolicy(const JsonPlace &at, JsonReader &reader) {
  kvcrt_policy policy;
  memset(&policy, 0, sizeof(policy));
  policy.kv_heads = reader.count(at, "kv_heads");
  policy.key_dim = reader.count(at, "key_dim");
  policy.value_dim = reader.count(at, "value_dim", policy.key_dim);
  policy.element = reader.word(at, "element", kFormats, KVCRT_F32);
  policy.layout = reader.word(at, "layout", kLayouts, KVCRT_LAYOUT_PAGED);
  policy.block = reader.count(at, "block", 16);
  policy.order = reader.word(at, "order", kOrders, KVCRT_HND);
  policy.key = parseStorage(reader.member(at, "key"), policy.element, reader);
  policy.value =
      parseStorage(reader.member(at, "value"), policy.element, reader);

  const JsonPlace position = reader.member(at, "position");
  policy.position =
      reader.word(position, "kind", kPositions, KVCRT_POSITION_NONE);
  kvcrt_rope_params &rope = policy.rope;
  rope.theta = reader.number(position, "theta", 1.0e4);
  rope.dim = reader.count(position, "dim", policy.key_dim);
  rope.style = reader.word(position, "style", kStyles, KVCRT_ROPE_NEOX);
  rope.at = reader.word(position, "at", kAts, KVCRT_ROPE_AT_APPEND);
  rope.scaling =
      reader.word(position, "scaling", kScalings, KVCRT_ROPE_SCALING_NONE);
  rope.factor = reader.number(position, "factor", 0.0);
  rope.low_freq_factor = reader.number(position, "low_freq_factor", 0.0);
  rope.high_freq_factor = reader.number(position, "high_freq_factor", 0.0);
  rope.original_max_positions =
      reader.count(position, "original_max_positions");
  if (policy.position != KVCRT_POSITION_ROPE)
    memset(&rope, 0, sizeof(rope));

  const JsonPlace retention = reader.member(at, "retention");
  policy.retention =
      reader.word(retention, "kind", kRetentions, KVCRT_RETAIN_ALL);
  policy.window = reader.count(retention, "window");
  policy.sink_tokens = reader.count(retention, "sink_tokens");
  policy.budget = reader.count(retention, "budget");
  policy.recent = reader.count(retention, "recent");
  policy.observe = reader.count(retention, "observe");
  policy.rollback = reader.count(at, "rollback");
  policy.max_positions = reader.count(at, "max_positions");
  return policy;
}

} // namespace kvcrt

using namespace kvcrt;

kvcrt_status kvcrt_policy_format(const kvcrt_policy *policy, char *text,
                                 size_t text_size, size_t *out_size) {
  if (!policy || !out_size || (text_size && !text))
    return KVCRT_INVALID_ARGUMENT;
  try {
    Ordered out;
    out["kv_heads"] = policy->kv_heads;
    out["key_dim"] = policy->key_dim;
    out["value_dim"] = policy->value_dim;
    out["element"] = named(kFormats, policy->element);
    out["layout"] = named(kLayouts, policy->layout);
    out["block"] = policy->block;
    out["order"] = named(kOrders, policy->order);
    out["key"] = formatStorage(policy->key);
    out["value"] = formatStorage(policy->value);
    out["position"] = formatPosition(*policy);
    out["retention"] = formatRetention(*policy);
    out["rollback"] = policy->rollback;
    out["max_positions"] = policy->max_positions;
    if (hasNull(out))
      return KVCRT_INVALID_ARGUMENT;
    const std::string dumped = out.dump();
    *out_size = dumped.size() + 1;
    if (text_size < dumped.size() + 1)
      return KVCRT_WORKSPACE_TOO_SMALL;
    memcpy(text, dumped.c_str(), dumped.size() + 1);
    return KVCRT_OK;
  } catch (const std::bad_alloc &) {
    return KVCRT_OUT_OF_MEMORY;
  }
}

kvcrt_status kvcrt_policy_parse(const char *text, size_t text_size,
                                kvcrt_policy *out_policy, char *message,
                                size_t message_size) {
  Message error{message, message_size};
  if (!text || !out_policy)
    return error.fail(KVCRT_INVALID_ARGUMENT, "expected a text and out_policy");
  try {
    const Json json = Json::parse(text, text + text_size, nullptr, false);
    if (json.is_discarded())
      return error.fail(KVCRT_CORRUPT, "the policy is not valid JSON");
    JsonReader reader;
    const kvcrt_policy policy = parsePolicy({json, "policy"}, reader);
    if (reader.failed())
      return error.fail(KVCRT_CORRUPT, "%s", reader.error().c_str());
    *out_policy = policy;
    return KVCRT_OK;
  } catch (const std::bad_alloc &) {
    return error.fail(KVCRT_OUT_OF_MEMORY, "host memory is exhausted");
  }
}
