//===- LinalgToKVC.h - From linalg on tensors to kvc -------------*- C++
//-*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef KVC_CONVERSION_LINALGTOKVC_LINALGTOKVC_H
#define KVC_CONVERSION_LINALGTOKVC_LINALGTOKVC_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace kvc {

/// How kvc-raise-attention prints what it found.
enum class ExplainFormat { none, table, json };

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "kvc/Conversion/LinalgToKVC/Passes.h.inc"

} // namespace kvc

#endif // KVC_CONVERSION_LINALGTOKVC_LINALGTOKVC_H
