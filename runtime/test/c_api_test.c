/*===- c_api_test.c - the headers are plain C11 -===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Compiled as C11 without extensions: a C++ construct in a header fails here.
 * The functions are called from legality_test.cpp and step_test.cpp.
 *===----------------------------------------------------------------------===*/
#include "kvcrt/abi.h"
#include "kvcrt/artifact.h"
#include "kvcrt/policy.h"
#include "kvcrt/runtime.h"
#include "kvcrt/safetensors.h"

/* One step of one sequence, from C alone; 0 = every call answered KVCRT_OK. */
int kvcrt_test_step_from_c(void) {
  kvcrt_device_desc device_desc;
  kvcrt_device *device = NULL;
  kvcrt_group_desc group = {0};
  kvcrt_runtime_desc desc;
  kvcrt_runtime *runtime = NULL;
  kvcrt_sequence sequence = 0;
  kvcrt_step_entry entry = {0};
  kvcrt_step_view view;

  KVCRT_INIT(&device_desc);
  device_desc.kind = KVCRT_DEVICE_NULL;
  if (kvcrt_device_create(&device_desc, &device, NULL, 0))
    return 1;
  group.policy.kv_heads = 1;
  group.policy.key_dim = group.policy.value_dim = 8;
  group.policy.block = 4;
  group.num_layers = 1;
  group.num_blocks = 2;
  KVCRT_INIT(&desc);
  desc.device = device;
  desc.groups = &group;
  desc.num_groups = 1;
  desc.capacity.max_tokens = desc.capacity.max_kv_len = 8;
  desc.capacity.max_seqs = 1;
  if (kvcrt_runtime_create(&desc, &runtime, NULL, 0))
    return 2;
  if (kvcrt_sequence_create(runtime, &sequence))
    return 3;
  entry.sequence = sequence;
  entry.new_tokens = 5;
  if (kvcrt_step_begin(runtime, &entry, 1, &view, NULL, 0) ||
      kvcrt_step_submit(runtime, view.id, NULL) ||
      kvcrt_step_commit(runtime, view.id, NULL) ||
      kvcrt_step_retire(runtime, view.id))
    return 4;
  kvcrt_runtime_destroy(runtime);
  kvcrt_device_destroy(device);
  return 0;
}
