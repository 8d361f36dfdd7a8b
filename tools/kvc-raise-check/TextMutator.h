//===- TextMutator.h - random edits of MLIR text ----------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Edits words, not bytes, so that many of its texts still parse: a value for a
// value, a number for a number, one extent or element type for another in the
// whole text. What it makes need not be valid; that is what a fuzzer wants.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_TEXTMUTATOR_H
#define KVC_TOOLS_KVC_RAISE_CHECK_TEXTMUTATOR_H

#include <random>
#include <string>

namespace kvc::raisecheck {

/// `text` after one edit, drawn from `random`.
std::string mutateText(const std::string &text, std::mt19937_64 &random);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_TEXTMUTATOR_H
