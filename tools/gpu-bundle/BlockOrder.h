//===- BlockOrder.h - which blocks a cell's tables name ---------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pool hands out its lowest free block, so that the table of a cell's only
// sequence would be a run: what a server's tables never are. Invariant: after a
// shuffle any block may follow any other.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_BLOCKORDER_H
#define KVC_TOOLS_GPU_BUNDLE_BLOCKORDER_H

#include <kvcrt/runtime.h>

#include <vector>

namespace kvc::bundle {

/// Sequences that a shuffle of `blocks` holds at once, each of at most
/// `longest` blocks: what max_live_seqs has to allow.
int32_t shuffleSequences(int64_t blocks, int32_t longest);

/// Puts the free blocks of the first group, all of its `blocks`, into an order
/// that is drawn from a constant. No sequence lives. Throws a Failure.
void shuffleBlocks(kvcrt_device *device, kvcrt_runtime *runtime, int64_t blocks,
                   int32_t blockTokens, int32_t longest);

/// The share of table entries whose block follows that of the entry before: 1
/// for runs, about 1 / blocks after a shuffle, 0 where a table has one entry.
double consecutiveBlocks(kvcrt_runtime *runtime,
                         const std::vector<kvcrt_sequence> &sequences);

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_BLOCKORDER_H
