//===- Mutate.h - random edits of a graph -----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_MUTATE_H
#define KVC_TOOLS_KVC_RAISE_CHECK_MUTATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <random>
#include <string>

namespace kvc::raisecheck {

/// The kinds of edits, for a table of what was tried.
extern const std::vector<std::string> editNames;

/// Named ops become generic ones, whose bodies can be edited.
void generalize(mlir::func::FuncOp function);

/// Edits `function` once at random; answers the index of the edit's name, or
/// nothing when the edit found no place. The function may not verify
/// afterwards: the caller drops those.
std::optional<unsigned> mutate(mlir::func::FuncOp function,
                               std::mt19937_64 &random);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_MUTATE_H
