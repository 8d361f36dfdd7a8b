//===- kvcref/products.h - what rounding operands makes of a row ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An engine that multiplies matrices of 16 bits rounds once, to the type of its
// products, what is not of that type: queries that are turned or of another
// element type, and keys that attend turns. How it rounds each number is known,
// and so is the log-sum-exp that comes of it. Only a turned number that lies
// beside the middle between two neighbours may become either: the angles and
// the two products of a turn are f32.
//
// Invariant: a range holds what sums without error would give of some choice of
// such neighbours; a row without one has low = high.
//===----------------------------------------------------------------------===//
#ifndef KVCREF_PRODUCTS_H
#define KVCREF_PRODUCTS_H

#include "kvcref/kernels.h"

namespace kvcref {

/// What the products of queries and keys are of: f16 for codes of f8E4M3FN;
/// else the element type where it has 16 bits, the stored type of plain rows,
/// and bf16 for codes of i8.
int32_t productFormat(const kvcrt_policy &policy, const kvcrt_storage &storage);

/// Whether such an engine rounds what the reference keeps whole.
bool roundsOperands(const kvcrt_policy &policy);

struct LseRange {
  Array<double, 2> low, high; // [T][Hq]
  /// 0 inside, else lseDistance to the nearer end.
  double distance(int64_t token, int64_t head, double lse) const;
};

/// attend's log-sum-exp over operands that are rounded, where an engine rounds
/// them. Score edits must not fall where scores rise.
kvcrt_status attendLseRange(const Variant &variant, const kvcrt_params &params,
                            LseRange &range);

/// The same for one sequence, as attendSequence; `keyScales` [kv_len][Hkv] are
/// of rows that are stored as codes, which are turned before they are scaled.
///   low, high  [n][Hq]
void sequenceLseRange(const kvcrt_policy &policy, const AttendOptions &options,
                      int64_t batch, View<const double, 3> q,
                      View<const int64_t, 1> positions, const History &history,
                      View<const double, 2> keyScales, View<double, 2> low,
                      View<double, 2> high);

} // namespace kvcref

#endif // KVCREF_PRODUCTS_H
