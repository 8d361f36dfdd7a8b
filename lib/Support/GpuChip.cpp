//===- GpuChip.cpp - what an NVIDIA GPU has for a kernel ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Support/GpuChip.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>

namespace kvc {

// name, sm, ptx, shared a block, an SM, registers, threads, then SMs,
// bandwidth, clock and tensor operations of: A100 SXM 80 GB, RTX 3090, RTX
// 4090, H200 SXM (copy, measured), B200, RTX 5090. Tensor operations are the
// data sheets' over SMs and clock, with f32 sums; on sm_90a mma.sync reaches 62
// % of what wgmma does; on sm_100a its rate is not known and taken to be
// sm_80's.
static constexpr GpuChip kChips[] = {
    {"sm_80", 80, 70, 163 << 10, 164 << 10, 65536, 2048, 108, 2.04e12, 1.41e9,
     2048},
    {"sm_86", 86, 71, 99 << 10, 100 << 10, 65536, 1536, 82, 0.94e12, 1.70e9,
     512},
    {"sm_89", 89, 78, 99 << 10, 100 << 10, 65536, 1536, 128, 1.01e12, 2.52e9,
     512},
    {"sm_90a", 90, 80, 227 << 10, 228 << 10, 65536, 2048, 132, 4.3e12, 1.83e9,
     2540},
    {"sm_100a", 100, 86, 227 << 10, 228 << 10, 65536, 2048, 148, 8.0e12, 1.85e9,
     2048},
    {"sm_120", 120, 87, 99 << 10, 100 << 10, 65536, 1536, 170, 1.79e12, 2.41e9,
     512},
};

unsigned GpuChip::residentBlocks(unsigned threads, unsigned registers,
                                 unsigned sharedBytes) const {
  // Registers are given to warps in pieces of 256, shared memory to blocks
  // with the system's KiB.
  unsigned warps = (threads + 31) / 32;
  unsigned warpRegisters = (std::max(registers, 1u) * 32 + 255) / 256 * 256;
  return std::min({threadsPerSM / (warps * 32),
                   registersPerSM / (warpRegisters * warps),
                   sharedPerSM / (sharedBytes + 1024), 32u});
}

llvm::ArrayRef<GpuChip> gpuChips() { return kChips; }

const GpuChip *findGpuChip(llvm::StringRef name) {
  const GpuChip *chip = llvm::find_if(
      kChips, [&](const GpuChip &chip) { return chip.name == name; });
  return chip == std::end(kChips) ? nullptr : chip;
}

std::string gpuChipNames() {
  return llvm::join(
      llvm::map_range(kChips, [](const GpuChip &c) { return c.name.str(); }),
      ", ");
}

} // namespace kvc
