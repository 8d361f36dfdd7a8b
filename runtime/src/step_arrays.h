//===- step_arrays.h - the device arrays of one step slot -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory: one control allocation per slot, at a fixed address:
//
//   | header | error | qo_indptr | kv_len | positions | token_seq | logit_rows
//   | | group 0: header | first_block | slot_mapping | tasks | group 1: ...
//   | | group 0: block_table | group 1: ... |
//
// Each array starts at a multiple of 128 bytes. A step writes its rows in
// place; rows whose sequence stayed where it was get only their new table
// entries. Where kernels do not read control memory, a second allocation of the
// same shape is theirs: `onDevice` gives an array's address in it, and upload
// brings what a step has written.
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
    int32_t maxTasks;    // of its plan; 0 = it has none
  };
  struct GroupArrays {
    kvcrt_step_header *header = nullptr; // null without a plan
    kvcrt_task *tasks = nullptr;         // [maxTasks], or null
    int32_t *firstBlock = nullptr;       // [maxSeqs], or null
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

  /// Where kernels find an array of this slot.
  template <typename T> T *onDevice(T *array) const {
    if (!mirror_ || !array)
      return array;
    return reinterpret_cast<T *>(static_cast<char *>(mirror_) +
                                 (reinterpret_cast<const char *>(array) -
                                  static_cast<const char *>(memory_)));
  }
  /// Enqueues copies of all that the step in this slot consists of;
  /// `tableEntries[g]`: block table entries of the longest row.
  kvcrt_status upload(const std::vector<int32_t> &tableEntries, void *stream);
  /// The error word that kernels wrote; waits for `stream`.
  kvcrt_status readErrors(void *stream, int32_t *out) const;

  kvcrt_step_header *header = nullptr;
  int32_t *errorWord = nullptr;
  int32_t *qoIndptr = nullptr;  // [maxSeqs + 1]
  int32_t *kvLen = nullptr;     // [maxSeqs]
  int32_t *positions = nullptr; // [maxTokens]
  int32_t *tokenSeq = nullptr;  // [maxTokens]
  int32_t *logitRows = nullptr; // [maxLogitRows]
  std::vector<GroupArrays> groups;
  kvcrt_step step = {};     // what kernels get
  kvcrt_step hostStep = {}; // the same arrays for the host

private:
  /// Copies `count` leading entries of an array.
  template <typename T>
  kvcrt_status send(const T *array, int64_t count, void *stream);

  kvcrt_device *device_ = nullptr;
  void *memory_ = nullptr; // control
  void *mirror_ = nullptr; // payload, or null where control memory is shared
  std::vector<GroupShape> shapes_;
  uint64_t rowBytes_ = 0; // all but block tables, which follow
};

} // namespace kvcrt

#endif // KVCRT_SRC_STEP_ARRAYS_H
