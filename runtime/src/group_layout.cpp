//===- group_layout.cpp - where a group's bytes are -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "group_layout.h"
#include "host_memory.h"

namespace kvcrt {
namespace {

constexpr int64_t kRowAlignment = 16;   // bytes: one vector load
constexpr int64_t kRunAlignment = 16;   // bytes: a page-head's scales
constexpr int64_t kPageAlignment = 128; // bytes: a page-head's payload

/// What no engine of this build runs. Legal, so another status than illegal.
kvcrt_status checkSupported(const kvcrt_policy &policy, Message message) {
  if (policy.layout == KVCRT_LAYOUT_RING)
    return message.fail(KVCRT_UNSUPPORTED,
                        "layout ring: no engine runs it yet; use paged");
  if (policy.retention == KVCRT_RETAIN_HEAVY_HITTER ||
      policy.retention == KVCRT_RETAIN_SNAP)
    return message.fail(KVCRT_UNSUPPORTED,
                        "retention heavy_hitter and snap: no engine runs them "
                        "yet; use all, window or streaming");
  if (policy.position == KVCRT_POSITION_ROPE &&
      policy.rope.scaling == KVCRT_ROPE_SCALING_DYNAMIC)
    return message.fail(KVCRT_UNSUPPORTED,
                        "rope scaling dynamic: no engine runs it yet; use "
                        "none, linear or llama3");
  for (const kvcrt_storage *storage : {&policy.key, &policy.value}) {
    if (storage->kind == KVCRT_STORAGE_PLAIN)
      continue;
    if (storage->axis != KVCRT_AXIS_TOKEN || storage->residual != 0)
      return message.fail(KVCRT_UNSUPPORTED,
                          "quantised storage with another axis than token, or "
                          "with a residual: no engine runs it yet");
  }
  return KVCRT_OK;
}

/// Strides of K or V of one layer; returns the payload bytes of its plane.
int64_t layOut(const kvcrt_policy &policy, const kvcrt_storage &storage,
               int32_t dim, int64_t layers, kvcrt_plane &plane,
               int64_t &scaleBlockBytes, double &denseBits) {
  const int64_t heads = policy.kv_heads, block = policy.block;
  const int64_t rowBits = int64_t(dim) * formatBits(storage.format);
  const int64_t pitch = roundUp((rowBits + 7) / 8, kRowAlignment);
  int64_t planeBytes;
  if (policy.order == KVCRT_HND) {
    plane.token_stride = pitch;
    plane.head_stride = roundUp(block * pitch, kPageAlignment);
    planeBytes = heads * plane.head_stride;
  } else {
    plane.head_stride = pitch;
    plane.token_stride = heads * pitch;
    planeBytes = roundUp(block * plane.token_stride, kPageAlignment);
  }
  denseBits += double(rowBits) * heads * layers;

  scaleBlockBytes = 0;
  if (storage.kind == KVCRT_STORAGE_QUANT) {
    const int64_t perRow = storage.group ? dim / storage.group : 1;
    const int64_t scaleBits = formatBits(storage.scale_format);
    plane.scale_token_stride = perRow * scaleBits / 8;
    plane.scale_head_stride =
        roundUp(block * plane.scale_token_stride, kRunAlignment);
    plane.scale_layer_stride = heads * plane.scale_head_stride;
    plane.scale_block_stride = layers * plane.scale_layer_stride;
    scaleBlockBytes = plane.scale_block_stride;
    denseBits += double(perRow * scaleBits) * heads * layers *
                 (storage.symmetric ? 1 : 2);
  }
  return planeBytes;
}

} // namespace

int formatBits(int32_t format) {
  switch (format) {
  case KVCRT_F32:
    return 32;
  case KVCRT_F16:
  case KVCRT_BF16:
    return 16;
  case KVCRT_I4:
    return 4;
  case KVCRT_I2:
    return 2;
  default:
    return 8;
  }
}

kvcrt_status computeGroupLayout(const kvcrt_policy &policy, int32_t layers,
                                GroupLayout &layout, Message message) {
  if (kvcrt_status status = checkSupported(policy, message))
    return status;
  // Far above any model; keeps every product below within 63 bits.
  if (policy.kv_heads > 1 << 16 || policy.key_dim > 1 << 16 ||
      policy.value_dim > 1 << 16 || layers > 1 << 14 ||
      double(policy.block) * policy.kv_heads * layers *
              (double(policy.key_dim) + policy.value_dim + 64) * 8 >
          double(uint64_t(1) << 46))
    return message.fail(KVCRT_UNSUPPORTED,
                        "one block of %d layers x %d heads x %d tokens is "
                        "larger than an address space; use a smaller block",
                        layers, policy.kv_heads, policy.block);

  layout = GroupLayout();
  double denseBits = 0.0;
  int64_t keyScale, valueScale;
  const int64_t keyBytes = layOut(policy, policy.key, policy.key_dim, layers,
                                  layout.key, keyScale, denseBits);
  const int64_t valueBytes =
      layOut(policy, policy.value, policy.value_dim, layers, layout.value,
             valueScale, denseBits);
  const int64_t layerStride = keyBytes + valueBytes;
  for (kvcrt_plane *plane : {&layout.key, &layout.value}) {
    plane->layer_stride = layerStride;
    plane->block_stride = layers * layerStride;
  }
  layout.valueOffset = keyBytes;
  layout.blockStride[kPayload] = layers * layerStride;
  layout.blockStride[kKeyScale] = keyScale;
  layout.blockStride[kKeyZero] = policy.key.symmetric ? 0 : keyScale;
  layout.blockStride[kValueScale] = valueScale;
  layout.blockStride[kValueZero] = policy.value.symmetric ? 0 : valueScale;
  for (int64_t bytes : layout.blockStride)
    layout.blockBytes += bytes;
  layout.denseBytesPerToken = denseBits / 8.0;
  return KVCRT_OK;
}

} // namespace kvcrt
