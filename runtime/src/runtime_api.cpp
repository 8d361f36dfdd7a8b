//===- runtime_api.cpp - the C API's runtime, sequence and step calls -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks pointers and versions, and lets no exception pass the C border. Calls
// that may allocate host memory go through `guarded`.
//
//===----------------------------------------------------------------------===//
#include "runtime.h"

#include <new>
#include <stdexcept>

using namespace kvcrt;

namespace {

template <typename Call>
kvcrt_status guarded(Call &&call, Message text = Message()) {
  try {
    return call();
  } catch (const std::bad_alloc &) {
  } catch (const std::length_error &) {
  }
  return text.fail(KVCRT_OUT_OF_MEMORY,
                   "host memory for tables is exhausted; lower the capacities "
                   "or max_live_seqs");
}

} // namespace

kvcrt_status kvcrt_runtime_create(const kvcrt_runtime_desc *desc,
                                  kvcrt_runtime **out_runtime, char *message,
                                  size_t message_size) {
  Message text{message, message_size};
  if (kvcrt_status status = checkStruct(desc))
    return text.fail(status, "expected a kvcrt_runtime_desc of ABI version %u",
                     KVCRT_ABI_VERSION);
  if (!out_runtime || !desc->device)
    return text.fail(KVCRT_INVALID_ARGUMENT, "expected %s, got null",
                     out_runtime ? "a device" : "out_runtime");
  return guarded(
      [&] {
        auto runtime = std::make_unique<kvcrt_runtime>(*desc->device);
        if (kvcrt_status failure = runtime->create(*desc, text))
          return failure;
        *out_runtime = runtime.release();
        return KVCRT_OK;
      },
      text);
}

void kvcrt_runtime_destroy(kvcrt_runtime *runtime) { delete runtime; }

kvcrt_status kvcrt_runtime_grow(kvcrt_runtime *runtime, int32_t group,
                                int32_t num_blocks) {
  return runtime ? runtime->grow(group, num_blocks) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_runtime_get_stats(kvcrt_runtime *runtime,
                                     kvcrt_runtime_stats *out_stats) {
  if (!runtime)
    return KVCRT_INVALID_ARGUMENT;
  if (kvcrt_status status = checkStruct(out_stats))
    return status;
  return runtime->stats(out_stats);
}

kvcrt_status kvcrt_group_get_stats(kvcrt_runtime *runtime, int32_t group,
                                   kvcrt_group_stats *out_stats) {
  if (!runtime)
    return KVCRT_INVALID_ARGUMENT;
  if (kvcrt_status status = checkStruct(out_stats))
    return status;
  return runtime->groupStats(group, out_stats);
}

kvcrt_status kvcrt_runtime_verify(kvcrt_runtime *runtime, char *message,
                                  size_t message_size) {
  if (!runtime)
    return KVCRT_INVALID_ARGUMENT;
  return guarded([&] { return runtime->verify({message, message_size}); });
}

kvcrt_status kvcrt_sequence_create(kvcrt_runtime *runtime,
                                   kvcrt_sequence *out_sequence) {
  return runtime && out_sequence ? runtime->createSequence(out_sequence)
                                 : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_sequence_extend(kvcrt_runtime *runtime,
                                   kvcrt_sequence sequence, int32_t tokens) {
  return runtime ? runtime->extend(sequence, tokens) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_sequence_commit(kvcrt_runtime *runtime,
                                   kvcrt_sequence sequence, int32_t accepted) {
  return runtime ? runtime->commit(sequence, accepted) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_sequence_rollback(kvcrt_runtime *runtime,
                                     kvcrt_sequence sequence, int32_t tokens) {
  return runtime ? runtime->rollback(sequence, tokens) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_sequence_fork(kvcrt_runtime *runtime,
                                 kvcrt_sequence sequence,
                                 kvcrt_sequence *out_sequence) {
  return runtime && out_sequence ? runtime->fork(sequence, out_sequence)
                                 : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_sequence_release(kvcrt_runtime *runtime,
                                    kvcrt_sequence sequence) {
  return runtime ? runtime->release(sequence) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_sequence_get_info(kvcrt_runtime *runtime,
                                     kvcrt_sequence sequence,
                                     kvcrt_sequence_info *out_info) {
  if (!runtime)
    return KVCRT_INVALID_ARGUMENT;
  if (kvcrt_status status = checkStruct(out_info))
    return status;
  return runtime->info(sequence, out_info);
}

kvcrt_status kvcrt_sequence_list(kvcrt_runtime *runtime,
                                 kvcrt_sequence *out_sequences,
                                 int32_t capacity, int32_t *out_count) {
  if (!runtime || !out_count || capacity < 0 || (capacity && !out_sequences))
    return KVCRT_INVALID_ARGUMENT;
  return guarded(
      [&] { return runtime->list(out_sequences, capacity, out_count); });
}

kvcrt_status kvcrt_sequence_get_blocks(kvcrt_runtime *runtime,
                                       kvcrt_sequence sequence, int32_t group,
                                       int32_t *out_blocks, int32_t capacity,
                                       int32_t *out_count) {
  if (!runtime || !out_count || capacity < 0 || (capacity && !out_blocks))
    return KVCRT_INVALID_ARGUMENT;
  return runtime->blocks(sequence, group, out_blocks, capacity, out_count);
}

kvcrt_status kvcrt_step_begin(kvcrt_runtime *runtime,
                              const kvcrt_step_entry *entries,
                              int32_t num_entries, kvcrt_step_view *out_view,
                              char *message, size_t message_size) {
  Message text{message, message_size};
  if (!runtime || !out_view)
    return text.fail(KVCRT_INVALID_ARGUMENT, "expected %s, got null",
                     runtime ? "out_view" : "a runtime");
  return guarded(
      [&] { return runtime->beginStep(entries, num_entries, out_view, text); });
}

kvcrt_status kvcrt_step_query(kvcrt_runtime *runtime,
                              const kvcrt_step_entry *entries,
                              int32_t num_entries, int32_t *out_needed,
                              int32_t *out_free) {
  return runtime
             ? runtime->queryStep(entries, num_entries, out_needed, out_free)
             : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_step_submit(kvcrt_runtime *runtime, uint64_t step,
                               void *stream) {
  return runtime ? runtime->submitStep(step, stream) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_step_cancel(kvcrt_runtime *runtime, uint64_t step) {
  return runtime ? guarded([&] { return runtime->cancelStep(step); })
                 : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_step_commit(kvcrt_runtime *runtime, uint64_t step,
                               const int32_t *accepted) {
  return runtime ? runtime->commitStep(step, accepted) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_step_retire(kvcrt_runtime *runtime, uint64_t step) {
  return runtime ? runtime->retireStep(step) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_step_get_errors(kvcrt_runtime *runtime, uint64_t step,
                                   int32_t *out_errors) {
  return runtime && out_errors ? runtime->stepErrors(step, out_errors)
                               : KVCRT_INVALID_ARGUMENT;
}
