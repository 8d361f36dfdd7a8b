//===- Workspace.h - what attend keeps in env->workspace --------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   +----------------+  workspace, 64-byte aligned
//   | Closure        |  what the parallel bodies are handed
//   +----------------+
//   | Task[]         |  attention work, one per parallel index
//   +----------------+
//   | Task[]         |  rows whose keys were split over several tasks
//   +----------------+
//   | partial states |  one slot per split: accumulators, maxima, sums
//   +----------------+
//   | scratch[0]     |  one per worker, see ScratchLayout
//   | scratch[1] ... |
//   +----------------+
//
// Invariant: every part begins at a multiple of 64 bytes; nothing here outlives
// the call.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_WORKSPACE_H
#define KVC_LIB_CONVERSION_KVCTOCPU_WORKSPACE_H

#include "../Kernel/AbiAccess.h"
#include "Variant.h"

namespace kvc::cpu {

using namespace kernel;

/// First thing in the workspace; the closure of every parallel loop.
struct Closure {
  const void *env;
  const void *params;
  void *tasks;
  void *foldTasks;
  void *partials;
  void *scratch;
};

/// Some rows of one KV head of one sequence against some of its tiles; or, as
/// an entry of the second list, the same rows whose partial states are to be
/// folded.
struct Task {
  int32_t seq;
  int32_t kvHead;
  int32_t firstToken; // of the sequence's new tokens
  int32_t numTokens;
  int32_t firstTile; // ordinals among the visible tiles
  int32_t endTile;
  int32_t slot;     // partial state: where to leave it (-1: none), or the first
  int32_t numSlots; // to be folded, in order
  int32_t prefill;  // which schedule
  int32_t reserved;
};

constexpr int64_t kLine = 64; // bytes of a cache line; alignment of every part

/// The running state of online softmax for a block of rows: per row a maximum,
/// a sum and an unnormalised output.
struct StateLayout {
  int64_t acc, max, sum, size; // bytes from the state's start
  static StateLayout get(int64_t rows, const TileShape &shape);
};

struct SoftmaxState {
  Num acc; // [rows][valuePitch] f32
  Num max; // [rows] f32
  Num sum; // [rows] f32
  static SoftmaxState at(Num address, const StateLayout &layout);
};

/// Byte offsets into one worker's scratch.
struct ScratchLayout {
  int64_t query;       // [maxRows][keyPitch] f32
  int64_t sinkQuery;   // the same, rotated for the sinks
  int64_t scores;      // [maxRows][tileKeys] f32
  int64_t sinkScores;  // the same, from sinkQuery
  int64_t state;       // StateLayout of maxRows: the keys at hand
  int64_t total;       // StateLayout of decodeRows: splits folded so far
  int64_t rescale;     // [maxRows] f32
  int64_t tables;      // two row tables, for this tile and the next
  int64_t packedTable; // a row table whose pointers name the packed rows
  int64_t packedKey;   // [tileKeys][keyPitch] f32
  int64_t packedValue; // [tileKeys][valuePitch] f32
  int64_t zeroRow; // a row of zeros, stands in for rows that must not be read
  int64_t row;     // one row, for append
  int64_t size;
  static ScratchLayout get(const TileShape &shape);
};

/// Where a tile's rows are: [tileKeys] pointers and scales of K and of V.
struct RowTableLayout {
  int64_t key, value, keyScale, valueScale, size;
  static RowTableLayout get(const TileShape &shape);
};

/// Addresses of the parts, from counts known at run time.
struct WorkspaceParts {
  Num tasks, foldTasks, partials, scratch; // byte offsets
  Num size;                                // bytes
};
WorkspaceParts emitWorkspaceParts(const TileShape &shape, Num numTasks,
                                  Num numFolds, Num numSlots, Num numWorkers);

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_WORKSPACE_H
