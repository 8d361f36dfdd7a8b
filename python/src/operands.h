//===- operands.h - what attend reads besides query and cache -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks, sink logits and what a score region captures. Each is refused where
// the attention was not made for it, and asked for where it was: a kernel reads
// what it was compiled for.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_PYTHON_OPERANDS_H
#define KVC_PYTHON_OPERANDS_H

#include "library.h"
#include "tensor.h"

#include <optional>

namespace kvcpy {

struct Operands {
  /// dense: [tokens, columns] or [heads, tokens, columns] of bool or f32;
  /// packed: [bytes] of u8, with indptr [sequences + 1] and first [sequences]
  /// of i32.
  std::optional<Input> mask, maskIndptr, maskFirst;
  std::optional<Input> sinkLogits; // [heads] f32
  std::vector<Input> captures;     // of the score region
};

/// Points `params` at the operands, after every check, and adds their memory to
/// `ranges`. step: the open one's arrays for the host.
void setOperands(const Library &library, const kvcrt_step &step,
                 const Operands &operands, kvcrt_params &params,
                 std::vector<Library::Range> &ranges);

} // namespace kvcpy

#endif // KVC_PYTHON_OPERANDS_H
