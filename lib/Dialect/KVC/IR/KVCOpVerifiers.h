//===- KVCOpVerifiers.h - checks that several ops share ---------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each reports at the op and names the operand. Dynamic dimensions match all.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_DIALECT_KVC_IR_KVCOPVERIFIERS_H
#define KVC_LIB_DIALECT_KVC_IR_KVCOPVERIFIERS_H

#include "kvc/Dialect/KVC/IR/KVC.h"

namespace kvc {

/// Whether two dimensions can be equal.
bool dimsAgree(int64_t lhs, int64_t rhs);

/// Holds `type` to a rank.
mlir::LogicalResult verifyRank(mlir::Operation *op, llvm::StringRef name,
                               mlir::ShapedType type, int64_t rank);

/// Holds `type` to an element type.
mlir::LogicalResult verifyElement(mlir::Operation *op, llvm::StringRef name,
                                  mlir::ShapedType type, mlir::Type element);

/// Holds `type` to a shape; kDynamic in `shape` matches all.
mlir::LogicalResult verifyShape(mlir::Operation *op, llvm::StringRef name,
                                mlir::ShapedType type,
                                llvm::ArrayRef<int64_t> shape);

/// attention_c10: captures, and signature, yield and effects of a score region;
/// an absent region without captures passes.
mlir::LogicalResult verifyScoreRegion(mlir::Operation *op, mlir::Region &region,
                                      mlir::TypeRange captures);

/// Finite scale; finite, positive softcap; window >= 1.
mlir::LogicalResult verifyScoreValues(mlir::Operation *op,
                                      const llvm::APFloat &scale,
                                      std::optional<llvm::APFloat> softcap,
                                      std::optional<int64_t> window,
                                      bool causal);

} // namespace kvc

#endif // KVC_LIB_DIALECT_KVC_IR_KVCOPVERIFIERS_H
