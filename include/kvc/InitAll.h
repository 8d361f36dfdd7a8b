//===- InitAll.h - everything kvc registers ---------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tools that want all of kvc beside what upstream registers.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_INITALL_H
#define KVC_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace kvc {

/// The kvc dialect and its external models.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Every pass and pipeline of kvc.
void registerAllPasses();

/// Adds kvc's line to what `--version` prints; before options are parsed.
void registerVersion();

} // namespace kvc

#endif // KVC_INITALL_H
