//===- Rotation.h - RoPE on a row in scratch --------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: elements from the rotated dimension on are left as they are.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_ROTATION_H
#define KVC_LIB_CONVERSION_KVCTOCPU_ROTATION_H

#include "../Kernel/RopeTable.h"
#include "Variant.h"

namespace kvc::cpu {

using namespace kernel;

/// Rotates the f32 row at `row` as of `position` (i64). A position outside the
/// table sets KVCRT_ERROR_POSITION_RANGE and takes the nearest one in it.
void emitRotateRow(const Variant &variant, const RopeTable &table, Num row,
                   Num position);

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_ROTATION_H
