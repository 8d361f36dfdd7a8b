//===- Variant.h - what a kernel is made for --------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kvc.variant as the emitters of every engine want it: geometry, the axes'
// interfaces and which optional parameters are present.
//
// Invariant: only presence is baked in. Scale, soft-cap, window, sinks and all
// lengths come from kvcrt_params at run time.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_VARIANT_H
#define KVC_LIB_CONVERSION_KERNEL_VARIANT_H

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvcrt/policy.h"

namespace kvc::kernel {

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

  /// What `op` says; whether an engine has a kernel for it is the engine's to
  /// judge.
  static Variant read(VariantOp op);
};

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_VARIANT_H
