//===- run.cpp - the reference's run of a policy, as kernel hooks ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a hook reads of kvcrt_params the step, the operands and the
// presence of optional fields, never the pool.
//===----------------------------------------------------------------------===//
#include "kvcref/run.h"

using namespace kvcref;

ReferenceRun::ReferenceRun() {
  hooks.context = this;
  hooks.append = [](void *context, const kvcrt_env *,
                    const kvcrt_params *params) -> int32_t {
    return static_cast<ReferenceRun *>(context)->append(*params);
  };
  hooks.attend = [](void *context, const kvcrt_env *,
                    const kvcrt_params *params) -> int32_t {
    return static_cast<ReferenceRun *>(context)->attend(*params);
  };
}

kvcrt_status ReferenceRun::fail(kvcrt_status status, std::string why) {
  error = std::move(why);
  return status;
}

kvcrt_status ReferenceRun::addLayer(const Layer &layer) {
  if (kvcrt_status status = checkPolicy(layer.policy))
    return fail(status, "the reference does not run this layer's policy");
  if (layer.queryHeads <= 0 || layer.queryHeads % layer.policy.kv_heads)
    return fail(KVCRT_INVALID_ARGUMENT,
                "expected query heads to be a multiple of " +
                    std::to_string(layer.policy.kv_heads) + " kv heads, got " +
                    std::to_string(layer.queryHeads));
  if (!layers.try_emplace(layer.payload, Held{layer, Cache(layer.policy)})
           .second)
    return fail(KVCRT_INVALID_ARGUMENT,
                "expected every layer to have a key plane of its own");
  return KVCRT_OK;
}

void ReferenceRun::release(int64_t sequence) {
  for (auto &entry : layers)
    entry.second.cache.release(sequence);
}

void ReferenceRun::fork(int64_t from, int64_t to) {
  for (auto &entry : layers)
    entry.second.cache.fork(from, to);
}

ReferenceRun::Held *ReferenceRun::find(const kvcrt_params &params) {
  auto found = layers.find(params.cache.key.payload);
  return found == layers.end() ? nullptr : &found->second;
}

kvcrt_status ReferenceRun::readRows(const kvcrt_params &params,
                                    std::vector<StepRow> &step) {
  if (params.struct_size != sizeof(kvcrt_params) ||
      params.abi_version != KVCRT_ABI_VERSION)
    return fail(KVCRT_VERSION_MISMATCH, "kvcrt_params is of another version");
  const int64_t count = params.step.header->num_seqs;
  if (count != int64_t(rows.size()))
    return fail(KVCRT_INVALID_ARGUMENT,
                "expected a step of " + std::to_string(rows.size()) +
                    " sequences as given to setRows, got " +
                    std::to_string(count));
  for (int64_t row = 0; row < count; ++row)
    step.push_back({rows[row], params.step.qo_indptr[row + 1] -
                                   params.step.qo_indptr[row]});
  return KVCRT_OK;
}

static Array<int64_t, 1> readPositions(const kvcrt_step &step) {
  Array<int64_t, 1> positions({step.header->num_tokens});
  for (int64_t t = 0; t < step.header->num_tokens; ++t)
    positions(t) = step.positions[t];
  return positions;
}

kvcrt_status ReferenceRun::append(const kvcrt_params &params) {
  Held *held = find(params);
  if (!held)
    return fail(KVCRT_NOT_FOUND, "append to a layer that was not added");
  std::vector<StepRow> step;
  if (kvcrt_status status = readRows(params, step))
    return status;

  const kvcrt_policy &policy = held->layer.policy;
  for (size_t row = 0; row < step.size(); ++row) {
    const int64_t before = params.step.kv_len[row] - step[row].newTokens;
    held->cache.truncate(step[row].sequence, before);
    if (held->cache.length(step[row].sequence) != before)
      return fail(KVCRT_INVALID_ARGUMENT,
                  "expected sequence " + std::to_string(step[row].sequence) +
                      " to hold " + std::to_string(before) +
                      " tokens before this step, got " +
                      std::to_string(held->cache.length(step[row].sequence)));
  }
  const int64_t tokens = params.step.header->num_tokens;
  held->cache.append(step,
                     readTensor(params.new_key, policy.element, tokens,
                                policy.kv_heads, policy.key_dim),
                     readTensor(params.new_value, policy.element, tokens,
                                policy.kv_heads, policy.value_dim),
                     readPositions(params.step));
  return KVCRT_OK;
}

kvcrt_status ReferenceRun::attend(const kvcrt_params &params) {
  Held *held = find(params);
  if (!held)
    return fail(KVCRT_NOT_FOUND, "attend to a layer that was not added");
  std::vector<StepRow> step;
  if (kvcrt_status status = readRows(params, step))
    return status;
  for (size_t row = 0; row < step.size(); ++row)
    if (held->cache.length(step[row].sequence) != params.step.kv_len[row])
      return fail(KVCRT_INVALID_ARGUMENT,
                  "attend before append: expected sequence " +
                      std::to_string(step[row].sequence) + " to hold " +
                      std::to_string(params.step.kv_len[row]) +
                      " tokens, got " +
                      std::to_string(held->cache.length(step[row].sequence)));

  const Layer &layer = held->layer;
  const kvcrt_policy &policy = layer.policy;
  const int64_t tokens = params.step.header->num_tokens;
  const int64_t heads = layer.queryHeads;
  AttendOptions options;
  options.score.scale = params.scale;
  options.score.softcap = params.softcap;
  options.score.edit = layer.edit;
  options.causal = layer.causal;
  // A layer's own window may be narrower than what its cache keeps.
  if (policy.retention != KVCRT_RETAIN_STREAMING)
    options.window = params.window;

  Array<double, 1> slopes({heads}), sinks({heads});
  for (int64_t h = 0; h < heads; ++h) {
    if (params.alibi_slopes)
      slopes(h) = params.alibi_slopes[h];
    if (params.sink_logits)
      sinks(h) = params.sink_logits[h];
  }
  if (params.alibi_slopes)
    options.score.alibiSlopes = slopes;
  if (params.sink_logits)
    options.sinkLogits = sinks;

  const Array<double, 3> q =
      readTensor(params.query, policy.element, tokens, heads, policy.key_dim);
  const Array<int64_t, 1> positions = readPositions(params.step);
  Array<double, 3> out({tokens, heads, policy.value_dim});
  Array<double, 2> lse({tokens, heads});
  for (size_t row = 0; row < step.size(); ++row) {
    const int64_t first = params.step.qo_indptr[row];
    const int64_t n = step[row].newTokens;
    MaskStorage mask;
    AttendOptions own = options;
    MaskKind kind = params.mask ? layer.mask : MaskKind::None;
    if (kvcrt_status status = readMask(kind, heads, params, row, mask, own))
      return fail(status, "expected at least kv_len mask columns");
    attendSequence(policy, own, row, q.view().slice(first, n),
                   positions.view().slice(first, n),
                   held->cache.gather(step[row].sequence),
                   out.view().slice(first, n), lse.view().slice(first, n));
  }
  writeTensor(out, policy.element, params.out);
  if (params.lse)
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t h = 0; h < heads; ++h)
        reinterpret_cast<float *>(reinterpret_cast<char *>(params.lse) +
                                  t * params.lse_token_stride)[h] =
            float(lse(t, h));
  return KVCRT_OK;
}
