//===- group_layout.h - where a group's bytes are -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   payload region   [block][layer][K|V][head][token][row]     order hnd
//                    [block][layer][K|V][token][head][row]     order nhd
//   scale regions    [block][layer][head][token]   one each for K and for V
//   zero points      as scales; asymmetric storage only
//
//   |<- block_stride ------------------------------------------->|
//   |<- layer_stride ---------------->|  layer 1                 |
//   | K head 0 | K head 1 | V 0 | V 1 | ...                      |
//   ^ 128      ^ 128      ^ 128         page-head bases are 128-byte aligned,
//                                       rows are a multiple of 16 bytes
//
// One block is one run of memory per region: a copy, a tier or a transport
// moves it with one operation per region.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_GROUP_LAYOUT_H
#define KVCRT_SRC_GROUP_LAYOUT_H

#include "message.h"

#include "kvcrt/abi.h"
#include "kvcrt/policy.h"

#include <array>

namespace kvcrt {

/// Bits of one element.
int formatBits(int32_t format);

enum RegionKind {
  kPayload,
  kKeyScale,
  kKeyZero,
  kValueScale,
  kValueZero,
  kNumRegions
};

struct GroupLayout {
  /// Bytes of one block in each region; 0 = the policy has no such region.
  std::array<int64_t, kNumRegions> blockStride = {};
  int64_t blockBytes = 0;          // sum of the above
  double denseBytesPerToken = 0.0; // without any padding
  kvcrt_plane key = {};            // strides of the first layer; no pointers
  kvcrt_plane value = {};
  int64_t valueOffset = 0; // of V behind K within a layer, bytes
};

/// Computes the layout of `layers` layers. KVCRT_UNSUPPORTED for a policy that
/// no engine runs yet or a block that no address space holds; the policy has
/// passed legality.def.
kvcrt_status computeGroupLayout(const kvcrt_policy &policy, int32_t layers,
                                GroupLayout &layout, Message message);

} // namespace kvcrt

#endif // KVCRT_SRC_GROUP_LAYOUT_H
