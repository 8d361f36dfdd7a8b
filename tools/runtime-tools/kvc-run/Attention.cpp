//===- Attention.cpp - a model's attention on a device of its own ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Attention.h"

#include "../common/Failure.h"

#include "kvcref/formats.h"
#include "kvcref/products.h"

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace kvctool;

//===----------------------------------------------------------------------===//
// The library and the model
//===----------------------------------------------------------------------===//

static std::string textOf(const kvcrt_policy &policy) {
  size_t size = 0;
  kvcrt_policy_format(&policy, nullptr, 0, &size);
  std::string text(size, '\0');
  require(kvcrt_policy_format(&policy, text.data(), text.size(), &size),
          "a policy's text");
  return text.c_str();
}

/// Opened without loading first: a library for a GPU is refused in our words.
static void checkTarget(const std::string &path) {
  const ArtifactHandle opened = inspectArtifact(path);
  const kvcrt_manifest *manifest = kvcrt_artifact_manifest(opened.get());
  const std::string target = manifest->target, kind = manifest->kind;
  if (kind != "attention")
    fail("expected an attention library, got the %s %s; compile "
         "its graph with --target=sim:sm_90a",
         kind.c_str(), path.c_str());
  if (target.compare(0, 4, "sim:") == 0)
    return;
  if (target == "cpu")
    fail("expected a library for sim:CHIP, got %s for the cpu, "
         "where a model has its own kernels; compile it with "
         "--target=sim:sm_90a",
         path.c_str());
  fail("expected a library for sim:CHIP, got %s for %s, and "
       "kvc-run drives no GPU; compile it with --target=sim:%s to run the same "
       "kernels in the simulator",
       path.c_str(), target.c_str(), target.c_str());
}

static const kvcrt_manifest_variant *findVariant(const kvcrt_manifest &library,
                                                 const char *name) {
  for (int32_t i = 0; i < library.num_variants; ++i)
    if (strcmp(library.variants[i].name, name) == 0)
      return &library.variants[i];
  return nullptr;
}

void Attention::open() {
  checkTarget(path);
  artifact = openArtifact(path);
  view = kvcrt_artifact_manifest(artifact.get());
  if (view->decode_rows < 1 || view->prefill_rows < 1 || view->tile_keys < 1)
    fail("%s: expected a manifest that says what a task of its kernels is, got "
         "none; compile it again",
         path.c_str());
  hooks.context = this;
  hooks.append = [](void *context, const kvcrt_env *env,
                    const kvcrt_params *params) {
    return int32_t(static_cast<Attention *>(context)->append(*env, *params));
  };
  hooks.attend = [](void *context, const kvcrt_env *env,
                    const kvcrt_params *params) {
    return int32_t(static_cast<Attention *>(context)->attend(*env, *params));
  };
}

void Attention::addLayer(const kvcrt_manifest_variant &variant,
                         const kvcrt_policy &policy) {
  Layer added{};
  auto find = [&](const char *name, KernelEntry &entry) {
    void *address = nullptr;
    require(kvcrt_artifact_symbol(artifact.get(), name, &address),
            path + ": symbol '" + name + "'");
    entry = reinterpret_cast<KernelEntry>(address);
  };
  find(variant.append, added.append);
  find(variant.attend, added.attend);
  added.variant.policy = policy;
  added.variant.queryHeads = variant.query_heads;
  added.variant.causal = variant.features & KVCRT_FEATURE_CAUSAL;
  kernels.push_back(added);
  LayerAttention result;
  result.variant = variant.name;
  result.bounds = kvcref::gpuBounds(policy);
  results.push_back(result);
}

void Attention::addPlan(const kvcrt_policy &policy, int32_t group) {
  kvcrt_plan_desc plan;
  KVCRT_INIT(&plan);
  plan.kv_heads = policy.kv_heads;
  plan.group = group;
  plan.decode_rows = view->decode_rows;
  plan.prefill_rows = view->prefill_rows;
  plan.tile_keys = view->tile_keys;
  // Two blocks on each multiprocessor of an H100: splits as they would be.
  plan.decode_resident = plan.prefill_resident = 2 * 132;
  plan.causal = 1;
  plan.window = policy.retention == KVCRT_RETAIN_ALL ? 0 : policy.window;
  plan.sink_tokens =
      policy.retention == KVCRT_RETAIN_STREAMING ? policy.sink_tokens : 0;
  plan.decode_tokens = 8;
  plans.push_back(plan);
}

Attention::Attention(const std::string &path, bool showProgress)
    : path(path), progress(showProgress) {
  open();
  for (int32_t i = 0; i < view->num_variants; ++i) {
    const kvcrt_manifest_variant &variant = view->variants[i];
    if (variant.group < 0 || variant.query_heads < 1)
      fail("%s: expected a manifest that says the policy of variant '%s', got "
           "none; compile it again",
           path.c_str(), variant.name);
    const kvcrt_policy &policy = view->groups[variant.group].policy;
    addLayer(variant, policy);
    addPlan(policy, variant.query_heads / policy.kv_heads);
    // A query sees keys behind it as well.
    plans.back().causal = kernels.back().variant.causal;
  }
}

Attention::Attention(const std::string &path, const kvcrt_manifest &model,
                     bool showProgress)
    : path(path), progress(showProgress) {
  open();
  for (int32_t l = 0; l < model.num_layers; ++l) {
    const kvcrt_manifest_layer &layer = model.layers[l];
    const kvcrt_policy &policy = model.groups[layer.group].policy;
    const kvcrt_manifest_variant *variant = findVariant(*view, layer.variant);
    const char *remedy =
        "compile both from the same graph with the same policy";
    if (!variant || variant->group < 0)
      fail("%s: expected a variant '%s', which layer %d of the model runs, got "
           "none; %s",
           path.c_str(), layer.variant, l, remedy);
    const std::string wanted = textOf(policy),
                      got = textOf(view->groups[variant->group].policy);
    if (wanted != got || variant->query_heads != layer.query_heads)
      fail(
          "%s: variant '%s': expected %d query heads and layer %d's policy %s, "
          "got %d and %s; %s",
          path.c_str(), layer.variant, layer.query_heads, l, wanted.c_str(),
          variant->query_heads, got.c_str(), remedy);
    addLayer(*variant, policy);
  }
  for (int32_t g = 0; g < model.num_groups; ++g) {
    const kvcrt_policy &policy = model.groups[g].policy;
    int32_t heads = 0;
    for (int32_t l = 0; l < model.num_layers; ++l) {
      if (model.layers[l].group != g)
        continue;
      const int32_t group = model.layers[l].query_heads / policy.kv_heads;
      if (heads && heads != group)
        fail("%s: expected layers of one cache group with the same number of "
             "query heads, got %d and %d a KV head",
             path.c_str(), heads, group);
      heads = group;
    }
    addPlan(policy, heads);
  }
}

//===----------------------------------------------------------------------===//
// One launch
//===----------------------------------------------------------------------===//

const kvcrt_hooks *Attention::begin(kvcrt_device *device,
                                    const kvcrt_step_view &view) {
  step = &view;
  sim = kvcrt_device_sim(device);
  ++numSteps;
  return &hooks;
}

int32_t Attention::find(const kvcrt_params &params) {
  for (int32_t l = 0; l < step->num_caches; ++l)
    if (step->caches[l].key.payload == params.cache.key.payload)
      return l;
  error = "expected the cache of a layer of the step, got another";
  return -1;
}

namespace {

/// Constants of the model that a device's allocations do not hold.
class KnownMemory {
public:
  KnownMemory(kvcrt_sim *sim, const kvcrt_params &p, int32_t heads) : sim(sim) {
    add(p.sink_logits, heads * sizeof(float), "sink_logits");
    add(p.alibi_slopes, heads * sizeof(float), "alibi_slopes");
    if (p.mask && !p.mask_indptr)
      add(p.mask, uint64_t(p.step.header->num_tokens) * p.mask_token_stride,
          "mask");
    for (const kvcrt_capture &capture : p.captures) {
      uint64_t bytes = 0;
      for (int32_t i = 0; i < KVCRT_MAX_CAPTURE_RANK; ++i)
        bytes = std::max(bytes, uint64_t(capture.shape[i] * capture.stride[i]));
      add(capture.data, bytes, "captures");
    }
  }
  ~KnownMemory() {
    for (const void *base : added)
      kvcrt_sim_remove_memory(sim, base);
  }
  KnownMemory(const KnownMemory &) = delete;

private:
  void add(const void *base, uint64_t bytes, const char *name) {
    // What the device allocated it knows already.
    if (base && bytes &&
        !kvcrt_sim_add_memory(sim, base, bytes, KVCRT_SIM_MEMORY_CONSTANT,
                              name))
      added.push_back(base);
  }
  kvcrt_sim *sim;
  std::vector<const void *> added;
};

/// An environment without hooks that counts the kernels that are launched.
struct CountedEnv {
  explicit CountedEnv(const kvcrt_env &inner) : env(inner), inner(inner) {
    env.context = this;
    env.hooks = nullptr;
    env.parallel_for = nullptr; // for the device's own use
    env.log = nullptr;
    env.launch = [](void *context, const kvcrt_env *,
                    const kvcrt_launch *launch) {
      auto *self = static_cast<CountedEnv *>(context);
      ++self->launches;
      return self->inner.launch(self->inner.context, &self->inner, launch);
    };
  }
  kvcrt_env env;
  const kvcrt_env &inner;
  int64_t launches = 0;
};

} // namespace

kvcrt_status Attention::call(int32_t layer, KernelEntry entry,
                             const kvcrt_env &env, const kvcrt_params &params,
                             const char *what) {
  LayerAttention &result = results[layer];
  progress.show(format("kvc-run: layer %d, %s in the simulator", layer, what));
  const uint64_t before = kvcrt_sim_finding_count(sim);
  const auto begin = std::chrono::steady_clock::now();
  int32_t status = KVCRT_OK;
  {
    KnownMemory memory(sim, params, kernels[layer].variant.queryHeads);
    CountedEnv counted(env);
    status = entry(&counted.env, &params);
    result.launches += counted.launches;
  }
  result.seconds +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  const uint64_t found = kvcrt_sim_finding_count(sim) - before;
  result.findings += found;
  kvcrt_sim_finding first;
  if (found && finding.empty() &&
      kvcrt_sim_finding_at(sim, before, &first) == KVCRT_OK)
    finding = first.message;
  // A finding is reported at the end, beside what it did to the numbers.
  if (status == KVCRT_DEVICE_ERROR && found)
    return KVCRT_OK;
  if (status == KVCRT_OK)
    return KVCRT_OK;
  error = format("layer %d: %s in the simulator answers %s", layer, what,
                 kvcrt_status_string(status));
  return kvcrt_status(status);
}

/// Each row (token, KV head) that this step's tokens have in `plane`: address
/// and size of its codes, and of its scale (or null).
template <typename Each>
static void forEachNewRow(const kvcrt_params &p, const kvcrt_plane &plane,
                          int32_t heads, int64_t rowBytes, Each each) {
  for (int32_t t = 0; t < p.step.header->num_tokens; ++t) {
    const int32_t slot = p.cache.slot_mapping[t];
    if (slot < 0)
      continue;
    const int64_t block = slot / p.cache.block_size;
    const int64_t place = slot % p.cache.block_size;
    for (int64_t h = 0; h < heads; ++h) {
      auto at = [&](void *base, int64_t blockStride, int64_t headStride,
                    int64_t tokenStride) {
        return base ? static_cast<char *>(base) + block * blockStride +
                          h * headStride + place * tokenStride
                    : nullptr;
      };
      each(at(plane.payload, plane.block_stride, plane.head_stride,
              plane.token_stride),
           rowBytes,
           at(plane.scale, plane.scale_block_stride, plane.scale_head_stride,
              plane.scale_token_stride));
    }
  }
}

static void poisonNewRows(const kvcrt_params &p, const kvcrt_policy &policy) {
  auto poison = [&](const kvcrt_plane &plane, const kvcrt_storage &storage,
                    int32_t dim) {
    const int64_t bytes =
        int64_t(dim) * kvcref::findFormat(storage.format)->bits / 8;
    forEachNewRow(p, plane, policy.kv_heads, bytes,
                  [](char *row, int64_t size, char *scale) {
                    memset(row, 0xff, size);
                    if (scale)
                      memset(scale, 0xff, sizeof(float));
                  });
  };
  poison(p.cache.key, policy.key, policy.key_dim);
  poison(p.cache.value, policy.value, policy.value_dim);
}

kvcrt_status Attention::append(const kvcrt_env &env,
                               const kvcrt_params &params) {
  const int32_t l = find(params);
  if (l < 0)
    return KVCRT_INVALID_ARGUMENT;
  const kvcref::Variant &variant = kernels[l].variant;
  const int32_t rows = params.step.header->num_seqs;
  auto gather = [&](std::vector<kvcref::Gathered> &held) {
    held.resize(rows);
    for (int32_t s = 0; s < rows; ++s)
      if (kvcrt_status status =
              kvcref::gather(variant.policy, params, s, held[s]))
        return status;
    return KVCRT_OK;
  };
  std::vector<kvcref::Gathered> expected, got;
  kvcrt_status status = kvcref::append(variant, params);
  if (!status)
    status = gather(expected);
  poisonNewRows(params, variant.policy);
  if (!status)
    status = call(l, kernels[l].append, env, params, "append");
  if (!status)
    status = gather(got);
  if (status) {
    if (error.empty())
      error = format("layer %d: the reference's append answers %s", l,
                     kvcrt_status_string(status));
    return status;
  }
  kvcref::RelativeError difference;
  for (int32_t s = 0; s < rows; ++s) {
    difference.add(got[s].key, expected[s].key);
    difference.add(got[s].value, expected[s].value);
  }
  results[l].storedError = std::max(results[l].storedError, difference.get());
  return KVCRT_OK;
}

kvcrt_status Attention::attend(const kvcrt_env &env,
                               const kvcrt_params &params) {
  const int32_t l = find(params);
  if (l < 0)
    return KVCRT_INVALID_ARGUMENT;
  // Presence is read from the values, as kvcref/run.h says.
  kvcref::Variant variant = kernels[l].variant;
  variant.softcap = params.softcap != 0;
  variant.window =
      params.window > 0 && variant.policy.retention == KVCRT_RETAIN_ALL;
  variant.sinkLogits = params.sink_logits != nullptr;
  variant.mask =
      params.mask ? kvcref::MaskKind::DenseF32 : kvcref::MaskKind::None;

  const kvcrt_policy &policy = variant.policy;
  const int32_t tokens = params.step.header->num_tokens;
  const int64_t rowBytes =
      int64_t(policy.value_dim) * kvcref::findFormat(policy.element)->bits / 8;
  auto read = [&](const kvcrt_tensor &tensor) {
    return kvcref::readTensor(tensor, policy.element, tokens,
                              variant.queryHeads, policy.value_dim);
  };
  // The reference's output in memory of its own, before any kernel ran.
  kvcrt_params reference = params;
  kvcref::LseRange lse;
  std::vector<char> scratch(size_t(tokens * variant.queryHeads * rowBytes));
  reference.out = {scratch.data(), variant.queryHeads * rowBytes, rowBytes};
  kvcrt_status status = kvcref::attend(variant, reference);
  if (!status && params.lse)
    status = kvcref::attendLseRange(variant, reference, lse);
  if (status) {
    error = format("layer %d: the reference's attend answers %s", l,
                   kvcrt_status_string(status));
    return status;
  }
  const kvcref::Array<double, 3> expected = read(reference.out);

  auto lseAt = [&](int64_t t, int64_t h) {
    return reinterpret_cast<float *>(reinterpret_cast<char *>(params.lse) +
                                     t * params.lse_token_stride) +
           h;
  };
  for (int32_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < variant.queryHeads; ++h) {
      if (params.lse)
        memset(lseAt(t, h), 0xff, sizeof(float));
      memset(static_cast<char *>(params.out.data) +
                 t * params.out.token_stride + h * params.out.head_stride,
             0xff, size_t(rowBytes));
    }
  kvcrt_params planned = params;
  kvcrt_attend_plan_apply(&step->plans[l], &planned);
  if (kvcrt_status status = call(l, kernels[l].attend, env, planned, "attend"))
    return status;
  kvcref::RelativeError difference;
  difference.add(read(params.out), expected);
  results[l].outError = std::max(results[l].outError, difference.get());
  for (int32_t t = 0; params.lse && t < tokens; ++t)
    for (int64_t h = 0; h < variant.queryHeads; ++h)
      results[l].lseError =
          std::max(results[l].lseError, lse.distance(t, h, *lseAt(t, h)));
  results[l].keys =
      std::max<int64_t>(results[l].keys, params.step.header->max_kv_len);
  return KVCRT_OK;
}

std::string Attention::firstProblem() const {
  if (!finding.empty())
    return "the simulator found: " + finding;
  for (size_t l = 0; l < results.size(); ++l) {
    const LayerAttention &r = results[l];
    if (!r.launches)
      return format("expected layer %zu's attention to run in the simulator, "
                    "got no launch; lower --attention-steps",
                    l);
    if (!r.passed())
      return format("layer %zu's attention: expected errors within %.1e (out), "
                    "%.1e (stored) and %.1e (lse), got %.1e, %.1e and %.1e",
                    l, r.bounds.out, r.bounds.stored, r.bounds.lse, r.outError,
                    r.storedError, std::max(r.lseError, 0.0));
  }
  return "";
}
