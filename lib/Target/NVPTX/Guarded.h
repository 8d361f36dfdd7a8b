//===- Guarded.h - LLVM's aborts as errors ----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_NVPTX_GUARDED_H
#define KVC_LIB_TARGET_NVPTX_GUARDED_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>
#include <string>

namespace kvc::nvptx {

/// Runs `work`, which calls code generation, and answers why that gave up
/// (`LLVM ERROR`, an assertion, a crash), or nothing when it came to its end.
/// What `work` made before it gave up must be leaked: it is in no known state.
/// Several threads may be in here at once.
std::optional<std::string> runGuarded(llvm::function_ref<void()> work);

} // namespace kvc::nvptx

#endif // KVC_LIB_TARGET_NVPTX_GUARDED_H
