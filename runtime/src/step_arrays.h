//===- step_arrays.h - the device arrays of one step slot -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory: one control allocation per slot, at a fixed address:
//
//   | header | error | qo_indptr | kv_len | positions | token_seq | logit_rows
//   | | group 0: first_block | slot_mapping | block_table | group 1: ... |
//
// Each array starts at a multiple of 128 bytes. A step writes its rows in
// place; rows whose sequence stayed where it was get only their new table
// entries.
//
// Lock: the runtime's mutex while a step begins; between begin and retire
// nobody writes, so kernels and callers read without one.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_STEP_ARRAYS_H
#define KVCRT_SRC_STEP_ARRAYS_H

#include "device.h"

#include <vector>

namespace kvcrt {

class StepArrays {
public:
  struct GroupShape {
    int32_t tableStride; // entries
    bool hasFirstBlock;  // its retention frees blocks
  };
  struct GroupArrays {
    int32_t *firstBlock = nullptr; // [maxSeqs], or null
    int32_t *slotMapping = nullptr;
    int32_t *blockTable = nullptr;
  };

  StepArrays() = default;
  StepArrays(const StepArrays &) = delete;
  StepArrays &operator=(const StepArrays &) = delete;
  ~StepArrays();

  kvcrt_status create(kvcrt_device &device, int32_t maxSeqs, int32_t maxTokens,
                      int32_t maxLogitRows,
                      const std::vector<GroupShape> &groups);

  kvcrt_step_header *header = nullptr;
  int32_t *errorWord = nullptr;
  int32_t *qoIndptr = nullptr;  // [maxSeqs + 1]
  int32_t *kvLen = nullptr;     // [maxSeqs]
  int32_t *positions = nullptr; // [maxTokens]
  int32_t *tokenSeq = nullptr;  // [maxTokens]
  int32_t *logitRows = nullptr; // [maxLogitRows]
  std::vector<GroupArrays> groups;
  kvcrt_step step = {}; // what kernels get

private:
  kvcrt_device *device_ = nullptr;
  void *memory_ = nullptr;
};

} // namespace kvcrt

#endif // KVCRT_SRC_STEP_ARRAYS_H
