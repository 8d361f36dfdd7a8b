/*===- module.c - stands for a compiled artefact
 * ------------------------------===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Linked without any library, as kvc-compile links. `answer` tells two loads of
 * the same file apart.
 *===----------------------------------------------------------------------===*/
#include "kvcrt/abi.h"

static int32_t calls;

int32_t kvc_test_answer(void) { return 42 + calls++; }

int32_t kvc_test_attend(const kvcrt_env *env, const kvcrt_params *params) {
  return params->struct_size == sizeof(*params) ? KVCRT_OK
                                                : KVCRT_VERSION_MISMATCH;
}
