//===- step_arrays.cpp - the device arrays of one step slot ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "step_arrays.h"
#include "host_memory.h"

namespace kvcrt {

/// A copy costs about as much as this many bytes of a longer one.
static constexpr uint64_t kOneCopyBytes = 256 << 10;

StepArrays::~StepArrays() {
  if (mirror_)
    device_->free(mirror_);
  if (memory_)
    device_->free(memory_);
}

kvcrt_status StepArrays::create(kvcrt_device &device, int32_t maxSeqs,
                                int32_t maxTokens, int32_t maxLogitRows,
                                const std::vector<GroupShape> &shapes) {
  device_ = &device;
  shapes_ = shapes;
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
      if (shapes[g].maxTasks)
        place(groups[g].header, 1);
      if (shapes[g].hasFirstBlock)
        place(groups[g].firstBlock, maxSeqs);
      place(groups[g].slotMapping, maxTokens);
      if (shapes[g].maxTasks)
        place(groups[g].tasks, shapes[g].maxTasks);
    }
    rowBytes_ = offset;
    for (size_t g = 0; g < shapes.size(); ++g)
      place(groups[g].blockTable, int64_t(maxSeqs) * shapes[g].tableStride);
  };
  placeAll();
  if (kvcrt_status status =
          device.alloc(KVCRT_MEMORY_CONTROL, offset, &memory_))
    return status;
  if (!device.sharesControlMemory())
    if (kvcrt_status status =
            device.alloc(KVCRT_MEMORY_PAYLOAD, offset, &mirror_))
      return status;
  base = static_cast<char *>(memory_);
  placeAll();

  hostStep.struct_size = sizeof(hostStep);
  hostStep.abi_version = KVCRT_ABI_VERSION;
  hostStep.header = header;
  hostStep.qo_indptr = qoIndptr;
  hostStep.kv_len = kvLen;
  hostStep.positions = positions;
  hostStep.token_seq = tokenSeq;
  hostStep.logit_rows = logitRows;
  hostStep.max_seqs = maxSeqs;
  hostStep.max_tokens = maxTokens;
  hostStep.max_logit_rows = maxLogitRows;
  step = hostStep;
  step.header = onDevice(header);
  step.qo_indptr = onDevice(qoIndptr);
  step.kv_len = onDevice(kvLen);
  step.positions = onDevice(positions);
  step.token_seq = onDevice(tokenSeq);
  step.logit_rows = onDevice(logitRows);
  return KVCRT_OK;
}

template <typename T>
kvcrt_status StepArrays::send(const T *array, int64_t count, void *stream) {
  const uint64_t bytes = uint64_t(count) * sizeof(T);
  return bytes && array ? device_->upload(onDevice(const_cast<T *>(array)),
                                          array, bytes, 1, bytes, stream)
                        : KVCRT_OK;
}

kvcrt_status StepArrays::upload(const std::vector<int32_t> &tableEntries,
                                void *stream) {
  if (!mirror_)
    return KVCRT_OK;
  const kvcrt_step_header &h = *header;
  kvcrt_status status = KVCRT_OK;
  const auto also = [&](kvcrt_status next) {
    if (!status)
      status = next;
  };
  if (rowBytes_ <= kOneCopyBytes) {
    also(device_->upload(mirror_, memory_, rowBytes_, 1, rowBytes_, stream));
  } else {
    also(send(header, 1, stream));
    also(send(errorWord, 1, stream));
    also(send(qoIndptr, int64_t(h.num_seqs) + 1, stream));
    also(send(kvLen, h.num_seqs, stream));
    also(send(positions, h.num_tokens, stream));
    also(send(tokenSeq, h.num_tokens, stream));
    also(send(logitRows, h.num_logit_rows, stream));
    for (const GroupArrays &group : groups) {
      also(send(group.header, 1, stream));
      also(send(group.firstBlock, h.num_seqs, stream));
      also(send(group.slotMapping, h.num_tokens, stream));
      if (group.header)
        also(send(group.tasks,
                  int64_t(group.header->num_tasks) +
                      group.header->num_prefill_tasks,
                  stream));
    }
  }
  for (size_t g = 0; g < groups.size(); ++g)
    if (tableEntries[g] > 0)
      also(device_->upload(
          onDevice(groups[g].blockTable), groups[g].blockTable,
          uint64_t(tableEntries[g]) * sizeof(int32_t), h.num_seqs,
          uint64_t(shapes_[g].tableStride) * sizeof(int32_t), stream));
  return status;
}

kvcrt_status StepArrays::readErrors(void *stream, int32_t *out) const {
  if (!mirror_) {
    *out = *errorWord;
    return KVCRT_OK;
  }
  return device_->read(out, onDevice(errorWord), sizeof(*out), stream);
}

} // namespace kvcrt
