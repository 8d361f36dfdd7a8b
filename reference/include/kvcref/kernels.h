//===- kvcref/kernels.h - the reference behind the kernel ABI -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// append, attend, merge and gather on a kvcrt_params: the same pool, block
// tables and strides that a compiled kernel gets. What a kernel has baked in
// (which fields of the parameters it reads) is a Variant here. A conformance
// tool runs a kernel and these on the same parameters and compares.
//
// Invariant: the pool is read only at slots that some query sees, through block
// table entries in [0, num_blocks); a slot read by mistake would be NaN here.
// Operands and outputs are of the policy's element type; all else is double.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_KERNELS_H
#define KVCREF_KERNELS_H

#include "kvcref/cache.h"

namespace kvcref {

enum class MaskKind { None, DenseF32, DenseI1, Packed };

/// What is baked into a compiled kernel; the numbers come from kvcrt_params.
struct Variant {
  kvcrt_policy policy{};
  int32_t queryHeads = 0;
  bool causal = true;
  bool softcap = false;    // params.softcap is read
  bool window = false;     // params.window is read though retention is all
  bool sinkLogits = false; // params.sink_logits is read
  bool lse = false;        // params.lse is written
  MaskKind mask = MaskKind::None;
  ScoreEdit edit{}; // closes over its captures; batch = row of the step
};

/// Stores new_key and new_value [num_tokens] at slot_mapping; a slot of -1 is
/// skipped, a block outside the pool sets KVCRT_ERROR_BLOCK_RANGE.
kvcrt_status append(const Variant &variant, const kvcrt_params &params);

/// out (and lse) of all num_tokens queries over kv_len stored tokens each.
/// Window and sink_tokens are the parameters'.
kvcrt_status attend(const Variant &variant, const kvcrt_params &params);

/// partial_out, partial_lse -> out and lse (when variant.lse), sink logits
/// entering here when variant.sinkLogits.
kvcrt_status merge(const Variant &variant, const kvcrt_params &params);

struct Gathered {
  Array<double, 3> key;      // [kv_len][Hkv][Dk]
  Array<double, 3> value;    // [kv_len][Hkv][Dv]
  Array<double, 2> keyScale; // [kv_len][Hkv], 1 of rows that have none
};

/// Row `row` of the step, dequantised, as stored. Tokens of freed blocks
/// (before first_block, or with a block id outside the pool) are NaN.
kvcrt_status gather(const kvcrt_policy &policy, const kvcrt_params &params,
                    int32_t row, Gathered &gathered);

/// Reads [tokens][heads][dim] of a kernel operand into doubles, and rounds
/// doubles back into one.
Array<double, 3> readTensor(const kvcrt_tensor &tensor, int32_t element,
                            int64_t tokens, int64_t heads, int64_t dim);
void writeTensor(View<const double, 3> numbers, int32_t element,
                 const kvcrt_tensor &tensor);

/// Masks [n][q heads][kv_len] of the queries of row `row` as AttendOptions
/// takes them; writes the one that `kind` names and points `options` at it.
struct MaskStorage {
  Array<double, 3> additive;
  Array<uint8_t, 3> boolean;
};
kvcrt_status readMask(MaskKind kind, int64_t heads, const kvcrt_params &params,
                      int64_t row, MaskStorage &storage,
                      AttendOptions &options);

} // namespace kvcref

#endif // KVCREF_KERNELS_H
