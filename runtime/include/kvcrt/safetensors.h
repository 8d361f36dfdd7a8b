/*===- kvcrt/safetensors.h - weights files -===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Maps a safetensors file and looks tensors up; writes one.
 *
 *   0      8             8 + header_size             file end
 *   | u64  | JSON header | tensors' bytes, in header order |
 *   | size |             | no hole, no overlap             |
 *
 * Everything in the header is checked on opening: its size (at most 100,000,000
 * bytes, as the format's own reader has it), names once each, data types, each
 * tensor's bytes equal to shape x type, and the tensors covering the data
 * exactly. The file stays mapped and must not be shortened while it is open.
 *
 * Conventions as in kvcrt/runtime.h. An opened file is immutable: all calls on
 * it but close may come from any thread.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_SAFETENSORS_H
#define KVCRT_SAFETENSORS_H

#include "kvcrt/artifact.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kvcrt_safetensors kvcrt_safetensors;

typedef struct kvcrt_safetensor {
  const char *name;
  int32_t dtype; /* kvcrt_dtype */
  int32_t rank;  /* 0 = one element */
  int64_t shape[KVCRT_MAX_TENSOR_RANK];
  const void *data; /* little endian, row major; aligned to 8 bytes at best: a
                       writer other than ours may give less */
  uint64_t bytes;
} kvcrt_safetensor;

/* KVCRT_NOT_FOUND, KVCRT_IO_ERROR, KVCRT_CORRUPT (with what, where),
 * KVCRT_UNSUPPORTED: a data type or a rank that this build does not know. */
kvcrt_status kvcrt_safetensors_open(const char *path,
                                    kvcrt_safetensors **out_file, char *message,
                                    size_t message_size);
/* Unmaps; pointers to names and data end here. Null is allowed. */
void kvcrt_safetensors_close(kvcrt_safetensors *file);

int32_t kvcrt_safetensors_count(const kvcrt_safetensors *file);
/* In the order of the data. KVCRT_INVALID_ARGUMENT outside [0, count). */
kvcrt_status kvcrt_safetensors_get(const kvcrt_safetensors *file, int32_t index,
                                   kvcrt_safetensor *out_tensor);
/* KVCRT_NOT_FOUND: no tensor of that name. */
kvcrt_status kvcrt_safetensors_find(const kvcrt_safetensors *file,
                                    const char *name,
                                    kvcrt_safetensor *out_tensor);
/* An entry of the header's "__metadata__"; null if there is none. */
const char *kvcrt_safetensors_metadata(const kvcrt_safetensors *file,
                                       const char *key);

/* Writes the tensors in the order given, without holes, through a temporary
 * file and a rename; the data begins at a multiple of 64 bytes. metadata: [2 *
 * num_metadata] strings, key and value by turns; may be null.
 * KVCRT_INVALID_ARGUMENT: a name twice or bytes that differ from shape x dtype.
 */
kvcrt_status kvcrt_safetensors_write(const char *path,
                                     const kvcrt_safetensor *tensors,
                                     int32_t num_tensors,
                                     const char *const *metadata,
                                     int32_t num_metadata, char *message,
                                     size_t message_size);

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_SAFETENSORS_H */
