//===- Rotation.h - RoPE on a piece of a row in registers -------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread holds neighbouring elements of a row; the elements that they are
// turned with are read from the row's source again, so that no two threads need
// to meet.
//
// Invariant: elements from the rotated dimension on are left as they are.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_ROTATION_H
#define KVC_LIB_CONVERSION_KVCTOGPU_ROTATION_H

#include "../Kernel/RopeTable.h"
#include "../Kernel/Variant.h"
#include "Stepped.h"

namespace kvc::gpu {

/// The {cos, sin} pairs of one position.
struct Angles {
  Num row; // !llvm.ptr<1>
  /// Those of `position` (i32) of the cache's table. A position outside the
  /// table sets KVCRT_ERROR_POSITION_RANGE where `active` (i1) and takes the
  /// nearest one in it.
  static Angles at(AbiStruct<kvcrt_cache> cache, const Variant &variant,
                   Num position, Num active);
};

/// Elements [first, first + count) of a row, as f32; count is 1, 2, 4 or 8, and
/// first a multiple of it.
using RowReader = llvm::function_ref<Nums(Stepped first, int64_t count)>;

/// Elements [first, first + count) of the row that `read` gives, turned by
/// `angles`; `first` (i32) is a multiple of `count`, 2 to 8 and even, and the
/// piece lies within the row.
Nums emitRotatedPiece(const Variant &variant, const Angles &angles,
                      Stepped first, int64_t count, RowReader read);

/// How many pieces of `count` elements neox style's partners are apart; 0 where
/// they do not lie in whole pieces, and in other styles.
int64_t partnerPieces(const Variant &variant, int64_t count);

/// A piece of the lower half, turned, and that of its partners: both at once,
/// where partnerPieces() is not 0.
std::pair<Nums, Nums> emitRotatedPair(const Variant &variant,
                                      const Angles &angles, Stepped first,
                                      int64_t count, RowReader read);

/// Reads a row of `element` in global memory, as a RowReader does.
Nums readGlobalRow(mlir::Type element, Num row, Stepped first, int64_t count);

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_ROTATION_H
