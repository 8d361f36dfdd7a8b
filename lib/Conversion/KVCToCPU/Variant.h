//===- Variant.h - what a kernel is made for --------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `Variant` is a kvc.variant as the emitters want it: geometry, the axes'
// interfaces and which optional parameters are present. `TileShape` is what the
// CPU engine adds: how many rows, keys and vectors a step of a loop handles.
//
// Invariant: only presence is baked in. Scale, soft-cap, window, sinks and all
// lengths come from kvcrt_params at run time.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_VARIANT_H
#define KVC_LIB_CONVERSION_KVCTOCPU_VARIANT_H

#include "KernelBuilder.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvcrt/policy.h"

namespace kvc::cpu {

struct Variant {
  VariantOp op;
  std::string name;
  CacheType cache;
  kvcrt_policy policy;
  StorageAttrInterface keyStorage, valueStorage;
  RetentionAttrInterface retention;
  mlir::Type element; // of q, k, v and out
  int64_t queryHeads;
  bool causal;
  bool softcap;
  bool window; // params.window is read, by the retention rule or without one
  bool sinkLogits;
  bool lse;
  MaskKind mask;
  mlir::Region *score; // null when there is none

  int64_t kvHeads() const { return policy.kv_heads; }
  /// Query heads that share a KV head.
  int64_t group() const { return queryHeads / policy.kv_heads; }
  int64_t keyDim() const { return policy.key_dim; }
  int64_t valueDim() const { return policy.value_dim; }
  /// Bytes of a stored row, padding excluded.
  int64_t storedKeyBytes() const {
    return StorageAttrInterface(keyStorage).getPayloadBytes(keyDim());
  }
  int64_t storedValueBytes() const {
    return StorageAttrInterface(valueStorage).getPayloadBytes(valueDim());
  }
  bool rope() const { return policy.position == KVCRT_POSITION_ROPE; }
  bool alibi() const { return policy.position == KVCRT_POSITION_ALIBI; }
  bool rotatesAtAppend() const {
    return rope() && policy.rope.at == KVCRT_ROPE_AT_APPEND;
  }
  bool rotatesAtAttend() const {
    return rope() && policy.rope.at == KVCRT_ROPE_AT_ATTEND;
  }
  bool streaming() const { return policy.retention == KVCRT_RETAIN_STREAMING; }
  /// Sinks meet the query at its place in the cache, not at its position: they
  /// need a query rotated for themselves.
  bool needsSinkQuery() const { return rope() && streaming(); }
  bool readsPositions() const { return rope() || alibi(); }

  /// Reads `op`; reports and fails where this engine has no kernel for it.
  static mlir::FailureOr<Variant> get(VariantOp op);
};

/// Sizes of the loops, all decided from the variant and the target alone: a
/// result never depends on what else is in the batch.
struct TileShape {
  int64_t lanes;           // f32 per vector
  int64_t accumulators;    // vectors that a product keeps in registers
  int64_t decodeRowBlock;  // query rows that share a load of K or V
  int64_t prefillRowBlock; // likewise
  int64_t tileKeys;        // keys between two rescalings
  int64_t splitTiles;      // tiles of one split of a long decode
  int64_t decodeRows;      // at most this many rows take the decode schedule
  int64_t prefillTokens;   // query tokens of one prefill task
  int64_t maxRows;         // of either schedule, padded to its row block
  int64_t keyPitch;        // key_dim padded to whole vectors, f32 elements
  int64_t valuePitch;      // value_dim likewise

  static TileShape get(const Variant &variant, const CpuTarget &target);

  static constexpr int64_t keyBlock = 4; // keys of a block of dot products
  int64_t keyRowBytes() const { return keyPitch * 4; }
  int64_t valueRowBytes() const { return valuePitch * 4; }
  int64_t scoreRowBytes() const { return tileKeys * 4; }
};

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_VARIANT_H
