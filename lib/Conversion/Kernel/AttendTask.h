//===- AttendTask.h - the sequence and parameters of a task -----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attend knows on every engine about the task at hand, as SSA values that
// are loaded once. An engine's AttendContext adds its schedule's own.
//
// Invariant: query i of n new tokens has index kv_len - n + i.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_ATTENDTASK_H
#define KVC_LIB_CONVERSION_KERNEL_ATTENDTASK_H

#include "EngineMath.h"
#include "Variant.h"

namespace kvc::kernel {

struct AttendTask {
  AttendTask(KernelBuilder &b, const Variant &variant, const EngineMath &math,
             AbiStruct<kvcrt_params> params)
      : b(b), variant(variant), math(math), params(params),
        cache(params.inner<kvcrt_cache>(KVC_FIELD(kvcrt_params, cache))) {}

  KernelBuilder &b;
  const Variant &variant;
  const EngineMath &math;
  AbiStruct<kvcrt_params> params;
  AbiStruct<kvcrt_cache> cache;

  // The sequence: its row in the step, tokens held, first row of q, new
  // tokens, index of the first new token.
  Num seq, kvLen, stepToken, numNew, firstIndex;
  Num kvHead;
  // Indices of the first and the last query of the task.
  Num lowIndex, highIndex;
  // Parameters that the variant uses (null Nums otherwise).
  Num scale, softcap, window, sinkTokens, positions, positionOffset;
  Num numBlocks, errorWord;

  /// Loads what `seq` decides, and the parameters.
  void loadSequence();
  void loadParameters();

  /// An integer of the ABI as wide as indices are.
  Num toIndex(Num integer) const;
  /// Element `seq` of an array, 0 without the array.
  Num loadOrZero(Num array) const;
  Num rowHead(Num row) const {
    return kvHead * variant.group() + row % variant.group();
  }
  /// The position of new token `token`, and that from which it meets the
  /// sinks: its place in the cache.
  Num rowPosition(Num token) const;
  Num sinkPosition(Num token, Num position) const;
};

/// Whether queries [lowIndex, highIndex] all see every key of [begin, end).
Num emitIsSteady(const AttendTask &c, Num begin, Num end, Num lowIndex,
                 Num highIndex);

/// A maximum that can be subtracted: 0 where nothing was visible.
Num finiteMax(Num maximum);

/// What a row's accumulators are multiplied by, and its log-sum-exp (natural).
struct RowFinish {
  Num factor, lse;
};
/// out = o / (l + e^sink), lse = m + log(l + e^(sink - m)): `maximum` finished,
/// `sum` the whole row's, the sink logit natural or null where there is none.
RowFinish emitFinishRow(const EngineMath &math, Num maximum, Num sum, Num sink);
/// The same with the sink logit of query head `head` where the variant has one:
/// once per row, by the last to touch it.
RowFinish emitFinishRow(const AttendTask &c, Num head, Num maximum, Num sum);

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_ATTENDTASK_H
