//===- step_arrays.cpp - the device arrays of one step slot ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "step_arrays.h"
#include "host_memory.h"

namespace kvcrt {

StepArrays::~StepArrays() {
  if (memory_)
    device_->free(memory_);
}

kvcrt_status StepArrays::create(kvcrt_device &device, int32_t maxSeqs,
                                int32_t maxTokens, int32_t maxLogitRows,
                                const std::vector<GroupShape> &shapes) {
  device_ = &device;
  groups.resize(shapes.size());
  // Twice over the same list: offsets first, addresses second.
  char *base = nullptr;
  uint64_t offset = 0;
  const auto place = [&](auto *&array, int64_t count) {
    if (base)
      array = reinterpret_cast<std::decay_t<decltype(array)>>(base + offset);
    offset += roundUp(count * int64_t(sizeof(*array)), kAlignment);
  };
  const auto placeAll = [&] {
    offset = 0;
    place(header, 1);
    place(errorWord, 1);
    place(qoIndptr, int64_t(maxSeqs) + 1);
    place(kvLen, maxSeqs);
    place(positions, maxTokens);
    place(tokenSeq, maxTokens);
    place(logitRows, maxLogitRows);
    for (size_t g = 0; g < shapes.size(); ++g) {
      if (shapes[g].hasFirstBlock)
        place(groups[g].firstBlock, maxSeqs);
      place(groups[g].slotMapping, maxTokens);
      place(groups[g].blockTable, int64_t(maxSeqs) * shapes[g].tableStride);
    }
  };
  placeAll();
  if (kvcrt_status status =
          device.alloc(KVCRT_MEMORY_CONTROL, offset, &memory_))
    return status;
  base = static_cast<char *>(memory_);
  placeAll();

  step.struct_size = sizeof(step);
  step.abi_version = KVCRT_ABI_VERSION;
  step.header = header;
  step.qo_indptr = qoIndptr;
  step.kv_len = kvLen;
  step.positions = positions;
  step.token_seq = tokenSeq;
  step.logit_rows = logitRows;
  step.max_seqs = maxSeqs;
  step.max_tokens = maxTokens;
  step.max_logit_rows = maxLogitRows;
  return KVCRT_OK;
}

} // namespace kvcrt
