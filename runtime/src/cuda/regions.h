//===- cuda/regions.h - address space that grows in place -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A region is reserved once; committing maps physical memory behind what is
// there, so that a pool grows without moving its base.
//
// Invariant: every mapped piece is listed; a failed commit leaves the region as
// it was. Lock: its own.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_CUDA_REGIONS_H
#define KVCRT_SRC_CUDA_REGIONS_H

#include "session.h"

#include <unordered_map>
#include <vector>

namespace kvcrt::cuda {

class Regions {
public:
  Regions(Session &session) : session_(session) {}

  // The context is current for each of these.
  kvcrt_status reserve(uint64_t bytes, void **out);
  kvcrt_status commit(void *base, uint64_t bytes);
  void release(void *base);
  void releaseAll();

private:
  struct Region {
    uint64_t reserved = 0;
    uint64_t granularity = 0;     // of pieces
    std::vector<uint64_t> pieces; // bytes of each, from the base on
  };
  kvcrt_status map(Pointer at, uint64_t bytes);
  void free(void *base, Region &region);

  Session &session_;
  std::mutex mutex_;
  std::unordered_map<void *, Region> regions_;
};

} // namespace kvcrt::cuda

#endif // KVCRT_SRC_CUDA_REGIONS_H
