//===- KVCOps.td - all of the kvc dialect -*- tablegen -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The root that tablegen reads; each kind has a file of its own.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_OPS_TD
#define KVC_OPS_TD

include "kvc/Dialect/KVC/IR/KVCCacheOps.td"

#endif // KVC_OPS_TD
