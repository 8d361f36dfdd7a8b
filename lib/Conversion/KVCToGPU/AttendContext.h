//===- AttendContext.h - what the pieces of attend share --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The task at hand as SSA values, loaded once at its start, and the visible
// tiles of its keys. Indices, lengths and positions are i32. Row r of a KV head
// of a sequence is query head kvHead * group + r % group of the sequence's new
// token r / group.
//
// Invariant: a key outside [low, limit) and not a sink is read by nobody: its
// block table entry may be stale and its slot may hold any bits.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_ATTENDCONTEXT_H
#define KVC_LIB_CONVERSION_KVCTOGPU_ATTENDCONTEXT_H

#include "../Kernel/AttendTask.h"
#include "Kernels.h"

namespace kvc::gpu {

struct AttendContext : AttendTask {
  AttendContext(KernelBuilder &b, const Variant &variant,
                AbiStruct<kvcrt_params> params)
      : AttendTask(b, variant, engineMath, params) {}

  bool convertsFp8 = false; // the chip, in hardware

  // The task: first row, end of its rows.
  Num firstRow, endRow;
  // Keys [low, limit) are those that some query of the task may see, sinks
  // apart; the row of the block table.
  Num low, limit, blockRow;

  Num rowToken(Num row) const { return row / variant.group(); }
  /// Whether some query of the task may see key `key`.
  Num maySee(Num key) const;
  /// Whether some query may see some of the `count` keys from `first` on.
  Num maySeeSome(Num first, int64_t count) const;
};

/// Loads task `task`; of its tile of rows, the part `part` (i32) of `parts` of
/// `tileRows` rows each.
AttendContext emitLoadTask(KernelBuilder &b, const Variant &variant,
                           AbiStruct<kvcrt_params> params,
                           AbiStruct<kvcrt_task> task, int64_t tileRows,
                           int64_t parts = 1, Num part = Num());

/// Appends the task's sequence's new tokens [begin, end), counted from its
/// first, of the task's KV head, by a block of `warps` warps. AppendKernel.cpp.
void emitAppendTokens(const AttendContext &c, Num begin, Num end,
                      int64_t warps);

/// The keys that a task covers, see kvcrt/plan.h: the first of a group also
/// takes what is visible below `begin`, and the last one's `end` is a bound.
struct TaskRange {
  Num begin, end, isFirst, isLast;
  static TaskRange load(AbiStruct<kvcrt_task> task);
};

/// Visible keys of the task's queries in its range, in tiles: first the tiles
/// that hold sinks, then those from the window's start to the last visible
/// key. An *ordinal* counts them through. Where sinks meet a query of their
/// own, a tile that holds sinks and others as well may come twice, once for
/// each.
struct VisibleTiles {
  Num first, sinkTiles; // [first, first + sinkTiles); null without sinks
  Num firstTile;        // first of the window
  Num count;            // ordinals [0, count)
  Num tileOf(Num ordinal) const;
};
VisibleTiles emitVisibleTiles(const AttendContext &c, const TaskRange &range,
                              int64_t tileKeys);

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_ATTENDCONTEXT_H
