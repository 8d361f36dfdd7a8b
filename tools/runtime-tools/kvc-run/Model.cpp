//===- Model.cpp - a compiled model with its weights, ready to run --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Model.h"

#include "../common/Failure.h"

#include <cstring>

using namespace kvctool;

static std::string describe(int32_t dtype, const int64_t *shape, int32_t rank) {
  std::string text = kvcrt_dtype_name(kvcrt_dtype(dtype));
  text += " [";
  for (int32_t i = 0; i < rank; ++i) {
    text += i ? ", " : "";
    text += shape[i] < 0 ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

static std::string describe(const kvcrt_manifest_tensor &tensor) {
  return describe(tensor.dtype, tensor.shape, tensor.rank);
}

/// Looks a symbol up; null for one that the manifest does not name.
template <typename Function> Function Model::symbol(const char *name) {
  if (!*name)
    return nullptr;
  void *address = nullptr;
  if (kvcrt_status status =
          kvcrt_artifact_symbol(artifact.get(), name, &address))
    fail("%s: expected the symbol '%s' that its manifest names, got %s; "
         "compile it again",
         path.c_str(), name, kvcrt_status_string(status));
  return reinterpret_cast<Function>(address);
}

Model::Model(const std::string &path) : path(path) {
  artifact = openArtifact(path);
  view = kvcrt_artifact_manifest(artifact.get());
  checkSignature();

  stepEntry = symbol<StepEntry>(view->entry_step);
  initEntry = symbol<InitEntry>(view->entry_init);
  recomputeEntry = symbol<RecomputeEntry>(view->entry_recompute);
  stepWorkspace = symbol<kvcrt_workspace_fn>(view->entry_step_workspace);
  initWorkspace = symbol<kvcrt_workspace_fn>(view->entry_init_workspace);
  recomputeWorkspace =
      symbol<kvcrt_workspace_fn>(view->entry_recompute_workspace);
  if (!stepEntry)
    fail("%s: expected the manifest to name a step function, got none; compile "
         "it again",
         path.c_str());
}

void Model::createDevice(int32_t kind, int32_t threads) {
  deviceHandle = kvctool::createDevice(kind, threads);
}

void Model::checkSignature() {
  if (strcmp(view->kind, "model") != 0)
    fail("%s: expected a compiled model, got an artefact of kind '%s'; give "
         "kvc-compile a model graph, or this as --attention beside its model",
         path.c_str(), view->kind);
  if (view->num_groups < 1)
    fail("%s: expected a model with a cache, got one without; compile it with "
         "a policy",
         path.c_str());
  if (view->vocab < 1)
    fail("%s: expected a manifest with a vocabulary, got vocab %d",
         path.c_str(), view->vocab);
  if (view->num_inputs != 1 || (view->inputs[0].dtype != KVCRT_DTYPE_I64 &&
                                view->inputs[0].dtype != KVCRT_DTYPE_I32))
    fail("%s: expected one input of token ids (I64 or I32), got %d%s%s",
         path.c_str(), view->num_inputs, view->num_inputs ? ", first " : "",
         view->num_inputs ? describe(view->inputs[0]).c_str() : "");
  const kvcrt_manifest_tensor *logits = view->outputs;
  if (view->num_outputs != 1 || logits->dtype != KVCRT_DTYPE_F32 ||
      logits->rank < 1 || logits->shape[logits->rank - 1] != view->vocab)
    fail("%s: expected one output of logits, F32 [.., %d], got %d%s%s",
         path.c_str(), view->vocab, view->num_outputs,
         view->num_outputs ? ", first " : "",
         view->num_outputs ? describe(*logits).c_str() : "");
  for (int32_t i = 0; i < view->num_constants; ++i)
    if (!view->constants[i].bytes)
      fail("%s: expected constant %d to have a size, got none; compile it "
           "again",
           path.c_str(), i);
}

int32_t Model::threads() const {
  return kvcrt_device_env(deviceHandle.get())->num_workers;
}

void Model::reserve(kvcrt_workspace_fn workspace, kvcrt_capacity capacity) {
  if (!workspace)
    return;
  capacity.num_workers = threads();
  const uint64_t bytes = workspace(&capacity);
  if (kvcrt_status status =
          kvcrt_device_reserve_workspace(deviceHandle.get(), bytes))
    fail("expected %llu bytes of scratch memory for %d tokens, got %s; lower "
         "--max-batch-tokens or --max-seqs",
         static_cast<unsigned long long>(bytes), capacity.max_tokens,
         kvcrt_status_string(status));
}

void Model::reserveStep(const kvcrt_capacity &capacity) {
  reserve(stepWorkspace, capacity);
}

void Model::loadWeights(const std::string &file) {
  weights = openWeights(file);

  for (int32_t i = 0; i < view->num_params; ++i) {
    const kvcrt_manifest_tensor &wanted = view->params[i];
    kvcrt_safetensor found;
    if (kvcrt_safetensors_find(weights.get(), wanted.name, &found))
      fail("%s: expected a tensor '%s' of %s, got none of that name; "
           "kvc-weights --artifact=%s writes a file that fits",
           file.c_str(), wanted.name, describe(wanted).c_str(), path.c_str());
    if (found.dtype != wanted.dtype || found.rank != wanted.rank ||
        !std::equal(found.shape, found.shape + found.rank, wanted.shape))
      fail("%s: tensor '%s': expected %s, got %s; these weights belong to "
           "another model, or need converting",
           file.c_str(), wanted.name, describe(wanted).c_str(),
           describe(found.dtype, found.shape, found.rank).c_str());
    // Foreign writers need not align tensors to their own elements.
    const void *data = found.data;
    if (reinterpret_cast<uintptr_t>(data) %
        kvcrt_dtype_size(kvcrt_dtype(found.dtype))) {
      std::vector<std::max_align_t> copy(
          found.bytes / sizeof(std::max_align_t) + 1);
      memcpy(copy.data(), data, found.bytes);
      data = copy.data();
      aligned.push_back(std::move(copy));
    }
    params.push_back(data);
  }

  for (int32_t i = 0; i < view->num_constants; ++i) {
    void *address = nullptr;
    require(kvcrt_device_alloc(device(), KVCRT_MEMORY_PAYLOAD,
                               view->constants[i].bytes, &address),
            format("constant %d of %llu bytes", i,
                   static_cast<unsigned long long>(view->constants[i].bytes)));
    constants.push_back(address);
  }
  if (!initEntry)
    return;
  kvcrt_capacity capacity;
  KVCRT_INIT(&capacity);
  capacity.max_tokens = capacity.max_seqs = capacity.max_kv_len = 1;
  reserve(initWorkspace, capacity);
  kvcrt_init_args args;
  KVCRT_INIT(&args);
  args.params = params.data();
  args.constants = constants.data();
  require(kvcrt_status(initEntry(kvcrt_device_env(device()), &args)),
          "the model's init");
}

const void *Model::stage(const std::vector<int32_t> &tokens) {
  // Eight bytes hold either type.
  staging.resize(tokens.size());
  if (view->inputs[0].dtype == KVCRT_DTYPE_I64)
    std::copy(tokens.begin(), tokens.end(), staging.begin());
  else
    memcpy(staging.data(), tokens.data(), tokens.size() * sizeof(int32_t));
  return staging.data();
}

void Model::step(const kvcrt_step_view &step,
                 const std::vector<int32_t> &tokens, const kvcrt_hooks *hooks,
                 float *logits) {
  const void *input = stage(tokens);
  void *output = logits;
  kvcrt_model_args args;
  KVCRT_INIT(&args);
  args.step = step.step;
  args.caches = step.caches;
  args.constants = constants.data();
  args.inputs = &input;
  args.outputs = &output;
  kvcrt_env env = *kvcrt_device_env(device());
  env.hooks = hooks;
  require(kvcrt_status(stepEntry(&env, &args)), "the model's step");
}

std::vector<float> Model::recompute(const std::vector<int32_t> &tokens) {
  kvcrt_capacity capacity;
  KVCRT_INIT(&capacity);
  capacity.max_tokens = capacity.max_kv_len = int32_t(tokens.size());
  capacity.max_seqs = 1;
  reserve(recomputeWorkspace, capacity);
  std::vector<float> logits(tokens.size() * size_t(vocab()));
  const void *input = stage(tokens);
  void *output = logits.data();
  kvcrt_recompute_args args;
  KVCRT_INIT(&args);
  args.num_tokens = int64_t(tokens.size());
  args.params = params.data();
  args.inputs = &input;
  args.outputs = &output;
  require(kvcrt_status(recomputeEntry(kvcrt_device_env(device()), &args)),
          "the model's recompute");
  return logits;
}
