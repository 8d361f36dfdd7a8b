//===- policy_json.h - a policy as the manifest has it --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_POLICY_JSON_H
#define KVCRT_SRC_POLICY_JSON_H

#include "json_reader.h"

#include "kvcrt/policy.h"

namespace kvcrt {

/// Reads the form that kvcrt_policy_format describes; errors go to the reader.
kvcrt_policy parsePolicy(const JsonPlace &at, JsonReader &reader);

} // namespace kvcrt

#endif // KVCRT_SRC_POLICY_JSON_H
