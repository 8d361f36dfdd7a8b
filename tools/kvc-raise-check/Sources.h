//===- Sources.h - graphs as linalg, apart from raise -----------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RAISE_CHECK_SOURCES_H
#define KVC_TOOLS_KVC_RAISE_CHECK_SOURCES_H

#include "mlir/IR/BuiltinOps.h"

namespace kvc::raisecheck {

/// Makes `module` one that the interpreter and upstream's lowering run: TOSA by
/// upstream's passes, attention ops of unregistered dialects by what their
/// makers say that they compute. Does not share a line with raise.
mlir::LogicalResult lowerSources(mlir::ModuleOp module);

} // namespace kvc::raisecheck

#endif // KVC_TOOLS_KVC_RAISE_CHECK_SOURCES_H
