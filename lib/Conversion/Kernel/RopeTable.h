//===- RopeTable.h - the angles of a position, and a turn -------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which elements of a row form a pair, and where a thread or a vector finds
// them, is the engine's (Rotation.cpp of each): a vector turns pairs in
// scratch, a GPU thread turns its piece with partners that it reads again.
//
// Invariant: no row outside the table is read.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_ROPETABLE_H
#define KVC_LIB_CONVERSION_KERNEL_ROPETABLE_H

#include "AbiAccess.h"

namespace kvc::kernel {

/// Ors `bits` into the error word, when there is one: several workers or
/// threads may at once.
void emitRaiseError(Num errorWord, int bits);

/// The cache's table of {cos, sin} pairs, and where to complain.
struct RopeTable {
  Num data;      // kvcrt_cache.rope_table
  Num positions; // kvcrt_cache.rope_positions, i32
  Num errorWord; // kvcrt_cache.error_word, nullable
  static RopeTable load(AbiStruct<kvcrt_cache> cache);

  /// The address of the `pairs` pairs of `position`, an index. A position
  /// outside the table sets KVCRT_ERROR_POSITION_RANGE where `active` (i1;
  /// null: everywhere) and takes the nearest one in it.
  Num angles(Num position, int64_t pairs, Num active = {}) const;
};

/// (x cos - y sin, x sin + y cos)
std::pair<Num, Num> rotate(Num x, Num y, Num cosine, Num sine);

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_ROPETABLE_H
