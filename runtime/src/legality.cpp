//===- legality.cpp - legality.def as a call ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "kvcrt/runtime.h"
#include "message.h"

using namespace kvcrt;

kvcrt_status kvcrt_legality_check(const kvcrt_policy *policy, char *message,
                                  size_t message_size) {
  Message text{message, message_size};
  if (!policy)
    return text.fail(KVCRT_INVALID_ARGUMENT, "expected a policy, got null");
  const kvcrt_policy &p = *policy;
#define KVCRT_LEGALITY(label, pair, illegal, reason, fix)                      \
  if (illegal)                                                                 \
    return text.fail(KVCRT_ILLEGAL_POLICY, "%s: %s: %s; %s", #label, pair,     \
                     reason, fix);
#include "kvcrt/legality.def"
  return KVCRT_OK;
}
