//===- GpuChip.h - what an NVIDIA GPU has for a kernel ----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one table of chips. Numbers: CUDA C++ programming guide, "technical
// specifications per compute capability"; PTX ISA, release notes.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_SUPPORT_GPUCHIP_H
#define KVC_SUPPORT_GPUCHIP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace kvc {

struct GpuChip {
  llvm::StringLiteral name; // "sm_90a"
  unsigned sm;              // compute capability: 90
  unsigned ptx;             // oldest PTX version that knows it: 80 is 8.0
  unsigned sharedPerBlock;  // bytes, with opt-in
  unsigned sharedPerSM;     // bytes, one KiB a block is the system's
  unsigned registersPerSM;
  unsigned threadsPerSM;
  unsigned multiprocessors; // of the product that the cost model is about
  double bandwidth;         // of it, bytes per second, as measured or promised
  double clock;             // of it, cycles per second under load
  double tensorFlops;       // an SM and cycle: mma.sync, 16 bits, f32 sums

  /// Blocks of `threads` threads with so many registers and bytes that an SM
  /// holds at once.
  unsigned residentBlocks(unsigned threads, unsigned registers,
                          unsigned sharedBytes) const;
};

/// What a task of the GPU engine's kernels covers (kvcrt_plan_desc), on every
/// chip.
struct GpuTasks {
  static constexpr int64_t decodeRows = 16, prefillRows = 64;
  static constexpr int64_t tileKeys = 64; // a multiple of every tile of keys
};

/// All chips that kernels are made for, oldest first.
llvm::ArrayRef<GpuChip> gpuChips();

/// Null when the name is unknown.
const GpuChip *findGpuChip(llvm::StringRef name);

/// "sm_80, sm_86, ...", for messages.
std::string gpuChipNames();

} // namespace kvc

#endif // KVC_SUPPORT_GPUCHIP_H
