//===- Variant.h - what a kernel is made for --------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the CPU engine refuses of a kernel::Variant, and what it adds: how many
// rows, keys and vectors a step of a loop handles.
//
// Invariant: only presence is baked in. Scale, soft-cap, window, sinks and all
// lengths come from kvcrt_params at run time.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_VARIANT_H
#define KVC_LIB_CONVERSION_KVCTOCPU_VARIANT_H

#include "../Kernel/KernelBuilder.h"
#include "../Kernel/Variant.h"

namespace kvc::cpu {

using namespace kernel;

/// Reads `op`; reports and fails where this engine has no kernel for it.
mlir::FailureOr<Variant> getVariant(VariantOp op);

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

  static TileShape get(const Variant &variant, const VectorTarget &target);

  static constexpr int64_t keyBlock = 4; // keys of a block of dot products
  int64_t keyRowBytes() const { return keyPitch * 4; }
  int64_t valueRowBytes() const { return valuePitch * 4; }
  int64_t scoreRowBytes() const { return tileKeys * 4; }
};

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_VARIANT_H
