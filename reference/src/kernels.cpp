//===- kernels.cpp - the reference behind the kernel ABI ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a kvcrt_params the slow and obvious way: find the slot, decode the row.
// Invariant: a row of the pool that no query of the step sees is not touched;
// in the copy made here it is NaN.
//===----------------------------------------------------------------------===//
#include "kvcref/kernels.h"

#include "kvcref/formats.h"
#include "kvcref/products.h"
#include "kvcref/rope.h"
#include "kvcref/storage.h"

#include <functional>

using namespace kvcref;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <typename T> T *addBytes(T *pointer, int64_t bytes) {
  using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
  return reinterpret_cast<T *>(reinterpret_cast<Byte *>(pointer) + bytes);
}

/// Where one head's row of one token lies.
struct Slot {
  void *payload;
  void *scale; // null when the storage has none
};

Slot findSlot(const kvcrt_plane &plane, int64_t block, int64_t offset,
              int64_t head) {
  Slot slot{};
  slot.payload = static_cast<char *>(plane.payload) +
                 block * plane.block_stride + head * plane.head_stride +
                 offset * plane.token_stride;
  if (plane.scale)
    slot.scale =
        static_cast<char *>(plane.scale) + block * plane.scale_block_stride +
        head * plane.scale_head_stride + offset * plane.scale_token_stride;
  return slot;
}

void raiseError(const kvcrt_cache &cache, int32_t bits) {
  if (cache.error_word)
    *cache.error_word |= bits;
}

/// The block of token `index` of row `row`, or -1 when it is not in the pool: a
/// window frees leading blocks, except those that hold a sink.
int64_t findBlock(const kvcrt_policy &policy, const kvcrt_cache &cache,
                  int64_t row, int64_t index) {
  const int64_t entry = index / cache.block_size;
  const bool holdsSink = policy.retention == KVCRT_RETAIN_STREAMING &&
                         entry * cache.block_size < policy.sink_tokens;
  if (cache.first_block && entry < cache.first_block[row] && !holdsSink)
    return -1;
  const int64_t block =
      cache.block_table[row * cache.block_table_stride + entry];
  return block >= 0 && block < cache.num_blocks ? block : -1;
}

int64_t positionOffset(const kvcrt_cache &cache, int64_t row) {
  return cache.position_offset ? cache.position_offset[row] : 0;
}

/// Bounds of the rope table are part of the ABI though the reference computes
/// its angles itself.
void checkPosition(const kvcrt_policy &policy, const kvcrt_cache &cache,
                   int64_t position) {
  if (policy.position == KVCRT_POSITION_ROPE && cache.rope_table &&
      (position < 0 || position >= cache.rope_positions))
    raiseError(cache, KVCRT_ERROR_POSITION_RANGE);
}

kvcrt_status checkParams(const kvcrt_policy &policy,
                         const kvcrt_params &params) {
  if (params.struct_size != sizeof(kvcrt_params) ||
      params.abi_version != KVCRT_ABI_VERSION)
    return KVCRT_VERSION_MISMATCH;
  return checkPolicy(policy);
}

/// The policy with the retention's numbers of this call.
kvcrt_policy withParams(kvcrt_policy policy, const kvcrt_params &params) {
  if (policy.retention == KVCRT_RETAIN_WINDOW ||
      policy.retention == KVCRT_RETAIN_STREAMING)
    policy.window = params.window;
  if (policy.retention == KVCRT_RETAIN_STREAMING)
    policy.sink_tokens = params.sink_tokens;
  return policy;
}

/// Floats of the parameters as doubles.
Array<double, 1> readFloats(const float *data, int64_t count) {
  Array<double, 1> numbers({count});
  for (int64_t i = 0; i < count; ++i)
    numbers(i) = data[i];
  return numbers;
}

/// Stored keys and values of row `row` where needed[j]; everything else is NaN.
/// False when a needed token has no block.
bool readHistory(const kvcrt_policy &policy, const kvcrt_params &params,
                 int64_t row, const std::vector<bool> &needed, Gathered &held) {
  const kvcrt_cache &cache = params.cache;
  const int64_t kvLen = needed.size();
  held.key = Array<double, 3>({kvLen, policy.kv_heads, policy.key_dim}, nan);
  held.value =
      Array<double, 3>({kvLen, policy.kv_heads, policy.value_dim}, nan);
  held.keyScale = Array<double, 2>({kvLen, policy.kv_heads}, 1);
  bool complete = true;
  for (int64_t j = 0; j < kvLen; ++j) {
    if (!needed[j])
      continue;
    const int64_t block = findBlock(policy, cache, row, j);
    if (block < 0) {
      complete = false;
      continue;
    }
    for (int64_t h = 0; h < policy.kv_heads; ++h) {
      Slot slot = findSlot(cache.key, block, j % cache.block_size, h);
      decodeRow(policy.key, slot.payload, slot.scale, held.key.view()[j][h]);
      if (policy.key.kind == KVCRT_STORAGE_QUANT)
        held.keyScale(j, h) =
            findFormat(policy.key.scale_format)->load(slot.scale, 0);
      slot = findSlot(cache.value, block, j % cache.block_size, h);
      decodeRow(policy.value, slot.payload, slot.scale,
                held.value.view()[j][h]);
    }
  }
  return complete;
}

} // namespace

Array<double, 3> kvcref::readTensor(const kvcrt_tensor &tensor, int32_t element,
                                    int64_t tokens, int64_t heads,
                                    int64_t dim) {
  const Format &format = *findFormat(element);
  Array<double, 3> numbers({tokens, heads, dim});
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      const char *row = static_cast<const char *>(tensor.data) +
                        t * tensor.token_stride + h * tensor.head_stride;
      for (int64_t d = 0; d < dim; ++d)
        numbers(t, h, d) = format.load(row, d);
    }
  return numbers;
}

void kvcref::writeTensor(View<const double, 3> numbers, int32_t element,
                         const kvcrt_tensor &tensor) {
  const Format &format = *findFormat(element);
  for (int64_t t = 0; t < numbers.shape[0]; ++t)
    for (int64_t h = 0; h < numbers.shape[1]; ++h) {
      char *row = static_cast<char *>(tensor.data) + t * tensor.token_stride +
                  h * tensor.head_stride;
      for (int64_t d = 0; d < numbers.shape[2]; ++d)
        format.store(row, d, numbers(t, h, d));
    }
}

kvcrt_status kvcref::readMask(MaskKind kind, int64_t heads,
                              const kvcrt_params &params, int64_t row,
                              MaskStorage &storage, AttendOptions &options) {
  if (kind == MaskKind::None)
    return KVCRT_OK;
  const int64_t kvLen = params.step.kv_len[row];
  const int64_t first = params.step.qo_indptr[row];
  const int64_t n = params.step.qo_indptr[row + 1] - first;
  const char *mask = static_cast<const char *>(params.mask);

  if (kind == MaskKind::Packed) {
    const int64_t firstColumn =
        params.mask_first_column ? params.mask_first_column[row] : 0;
    const int64_t columns = kvLen - firstColumn;
    mask += params.mask_indptr[row];
    storage.boolean = Array<uint8_t, 3>({n, heads, kvLen}, 1);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t j = firstColumn; j < kvLen; ++j) {
          const int64_t bit = i * columns + (j - firstColumn);
          storage.boolean(i, h, j) = mask[bit / 8] >> (bit % 8) & 1;
        }
    options.booleanMask = storage.boolean;
    return KVCRT_OK;
  }

  if (kvLen > params.mask_columns)
    return KVCRT_INVALID_ARGUMENT;
  if (kind == MaskKind::DenseF32)
    storage.additive = Array<double, 3>({n, heads, kvLen});
  else
    storage.boolean = Array<uint8_t, 3>({n, heads, kvLen});
  for (int64_t i = 0; i < n; ++i)
    for (int64_t h = 0; h < heads; ++h) {
      const char *line = mask + (first + i) * params.mask_token_stride +
                         h * params.mask_head_stride;
      for (int64_t j = 0; j < kvLen; ++j)
        if (kind == MaskKind::DenseF32)
          storage.additive(i, h, j) = reinterpret_cast<const float *>(line)[j];
        else
          storage.boolean(i, h, j) = line[j] != 0;
    }
  if (kind == MaskKind::DenseF32)
    options.additiveMask = storage.additive;
  else
    options.booleanMask = storage.boolean;
  return KVCRT_OK;
}

kvcrt_status kvcref::append(const Variant &variant,
                            const kvcrt_params &params) {
  const kvcrt_policy &policy = variant.policy;
  if (kvcrt_status status = checkParams(policy, params))
    return status;
  const kvcrt_cache &cache = params.cache;
  const int64_t tokens = params.step.header->num_tokens;
  const int64_t heads = policy.kv_heads;
  Array<double, 3> keys =
      readTensor(params.new_key, policy.element, tokens, heads, policy.key_dim);
  Array<double, 3> values = readTensor(params.new_value, policy.element, tokens,
                                       heads, policy.value_dim);
  for (int64_t t = 0; t < tokens; ++t) {
    if (cache.slot_mapping[t] < 0)
      continue;
    const int64_t block = cache.slot_mapping[t] / cache.block_size;
    const int64_t offset = cache.slot_mapping[t] % cache.block_size;
    if (block >= cache.num_blocks) {
      raiseError(cache, KVCRT_ERROR_BLOCK_RANGE);
      continue;
    }
    const int64_t position = params.step.positions[t];
    if (policy.rope.at == KVCRT_ROPE_AT_APPEND)
      checkPosition(policy, cache, position);
    for (int64_t h = 0; h < heads; ++h) {
      View<double, 1> key = keys.view()[t][h], value = values.view()[t][h];
      if (policy.position == KVCRT_POSITION_ROPE &&
          policy.rope.at == KVCRT_ROPE_AT_APPEND)
        rotate(policy.rope, position, key);
      Slot slot = findSlot(cache.key, block, offset, h);
      bool notKept = encodeRow(policy.key, key, slot.payload, slot.scale);
      slot = findSlot(cache.value, block, offset, h);
      notKept |= encodeRow(policy.value, value, slot.payload, slot.scale);
      if (notKept)
        raiseError(cache, KVCRT_ERROR_NAN_INPUT);
    }
  }
  return KVCRT_OK;
}

namespace {
/// A sequence of a step, as attendSequence takes it.
struct StepSequence {
  const kvcrt_policy &policy;
  const AttendOptions &options;
  int64_t row, first, count; // of the step, and its queries
  View<const double, 3> q;
  View<const int64_t, 1> positions;
  History history;
  View<const double, 2> keyScales;
};
} // namespace

static kvcrt_status checkAttend(const Variant &variant,
                                const kvcrt_params &params) {
  const kvcrt_policy policy = withParams(variant.policy, params);
  if (kvcrt_status status = checkParams(policy, params))
    return status;
  if (variant.queryHeads <= 0 || variant.queryHeads % policy.kv_heads)
    return KVCRT_INVALID_ARGUMENT;
  return KVCRT_OK;
}

/// Reads what attend reads of checked parameters, and calls `attend` for one
/// sequence after another.
static kvcrt_status
forEachSequence(const Variant &variant, const kvcrt_params &params,
                const std::function<void(const StepSequence &)> &attend) {
  const kvcrt_policy policy = withParams(variant.policy, params);
  const kvcrt_cache &cache = params.cache;
  const kvcrt_step &step = params.step;
  const int64_t heads = variant.queryHeads;
  const int64_t rows = step.header->num_seqs;
  const int64_t tokens = step.header->num_tokens;
  AttendOptions options;
  options.score.scale = params.scale;
  options.score.softcap = variant.softcap ? params.softcap : 0;
  options.score.edit = variant.edit;
  options.causal = variant.causal;
  options.window = variant.window ? params.window : 0;
  Array<double, 1> slopes, sinks;
  if (policy.position == KVCRT_POSITION_ALIBI) {
    slopes = readFloats(params.alibi_slopes, heads);
    options.score.alibiSlopes = slopes;
  }
  if (variant.sinkLogits) {
    sinks = readFloats(params.sink_logits, heads);
    options.sinkLogits = sinks;
  }

  Array<double, 3> q =
      readTensor(params.query, policy.element, tokens, heads, policy.key_dim);

  for (int64_t row = 0; row < rows; ++row) {
    const int64_t first = step.qo_indptr[row];
    const int64_t n = step.qo_indptr[row + 1] - first;
    const int64_t kvLen = step.kv_len[row];
    const int64_t offset = positionOffset(cache, row);
    Array<int64_t, 1> positions({n}), keyPositions({kvLen});
    for (int64_t i = 0; i < n; ++i) {
      positions(i) = step.positions[first + i];
      checkPosition(policy, cache, positions(i));
    }
    for (int64_t j = 0; j < kvLen; ++j)
      keyPositions(j) = j + offset;

    std::vector<bool> seen(kvLen, false);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < kvLen; ++j)
        if (isVisible(policy, options, kvLen - n + i, j))
          seen[j] = true;
    Gathered held;
    if (!readHistory(policy, params, row, seen, held))
      raiseError(cache, KVCRT_ERROR_BLOCK_RANGE);

    MaskStorage mask;
    AttendOptions own = options;
    if (kvcrt_status status =
            readMask(variant.mask, heads, params, row, mask, own))
      return status;
    attend({policy,
            own,
            row,
            first,
            n,
            q.view().slice(first, n),
            positions,
            {held.key, held.value, keyPositions},
            held.keyScale});
  }
  return KVCRT_OK;
}

kvcrt_status kvcref::attend(const Variant &variant,
                            const kvcrt_params &params) {
  if (kvcrt_status status = checkAttend(variant, params))
    return status;
  const kvcrt_policy &policy = variant.policy;
  const int64_t tokens = params.step.header->num_tokens;
  const int64_t heads = variant.queryHeads;
  Array<double, 3> out({tokens, heads, policy.value_dim});
  Array<double, 2> lse({tokens, heads});
  kvcrt_status status =
      forEachSequence(variant, params, [&](const StepSequence &s) {
        attendSequence(s.policy, s.options, s.row, s.q, s.positions, s.history,
                       out.view().slice(s.first, s.count),
                       lse.view().slice(s.first, s.count));
      });
  if (status)
    return status;
  writeTensor(out, policy.element, params.out);
  if (variant.lse)
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t h = 0; h < heads; ++h)
        addBytes(params.lse, t * params.lse_token_stride)[h] = float(lse(t, h));
  return KVCRT_OK;
}

kvcrt_status kvcref::attendLseRange(const Variant &variant,
                                    const kvcrt_params &params,
                                    LseRange &range) {
  if (kvcrt_status status = checkAttend(variant, params))
    return status;
  const int64_t tokens = params.step.header->num_tokens;
  for (Array<double, 2> *side : {&range.low, &range.high})
    *side = Array<double, 2>({tokens, variant.queryHeads});
  return forEachSequence(variant, params, [&](const StepSequence &s) {
    sequenceLseRange(s.policy, s.options, s.row, s.q, s.positions, s.history,
                     s.keyScales, range.low.view().slice(s.first, s.count),
                     range.high.view().slice(s.first, s.count));
  });
}

kvcrt_status kvcref::merge(const Variant &variant, const kvcrt_params &params) {
  const kvcrt_policy &policy = variant.policy;
  if (kvcrt_status status = checkParams(policy, params))
    return status;
  const int64_t partials = params.num_partials;
  const int64_t tokens = params.step.header->num_tokens;
  const int64_t heads = variant.queryHeads, dim = policy.value_dim;
  if (partials <= 0 || heads <= 0)
    return KVCRT_INVALID_ARGUMENT;
  Array<double, 4> partialOut({partials, tokens, heads, dim});
  Array<double, 3> partialLse({partials, tokens, heads});
  for (size_t i = 0; i < partialOut.elements.size(); ++i)
    partialOut.elements[i] = params.partial_out[i];
  for (size_t i = 0; i < partialLse.elements.size(); ++i)
    partialLse.elements[i] = params.partial_lse[i];
  Array<double, 1> sinks;
  if (variant.sinkLogits)
    sinks = readFloats(params.sink_logits, heads);

  MergeResult merged =
      merge(partialOut.view(), partialLse.view(),
            variant.sinkLogits ? sinks.view() : View<const double, 1>());
  writeTensor(merged.out, policy.element, params.out);
  if (variant.lse)
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t h = 0; h < heads; ++h)
        addBytes(params.lse, t * params.lse_token_stride)[h] =
            float(merged.lse(t, h));
  return KVCRT_OK;
}

kvcrt_status kvcref::gather(const kvcrt_policy &policy,
                            const kvcrt_params &params, int32_t row,
                            Gathered &gathered) {
  if (kvcrt_status status = checkParams(policy, params))
    return status;
  if (row < 0 || row >= params.step.header->num_seqs)
    return KVCRT_INVALID_ARGUMENT;
  const int64_t kvLen = params.step.kv_len[row];
  readHistory(policy, params, row, std::vector<bool>(kvLen, true), gathered);
  return KVCRT_OK;
}
