//===- KVC.h - the kvc dialect ----------------------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything of the dialect: interfaces of the policy axes, attributes, types
// and ops. docs/dialect.md is its specification.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_DIALECT_KVC_IR_KVC_H
#define KVC_DIALECT_KVC_IR_KVC_H

#include "kvcrt/policy.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace kvc {

/// What a storage format emits for one row; nulls where it has none.
struct RowScale {
  mlir::Value scale;     // f32
  mlir::Value zeroPoint; // f32
};

/// Emits values (vector<N x f32>, a piece of a row) over the row's scale. Where
/// the scale is positive and finite and a quotient is 2^-40 or more, this is
/// the IEEE quotient; smaller ones need the right sign and may be anything
/// below 2^-39.
using RowQuotient = llvm::function_ref<mlir::Value(mlir::Value values)>;

/// Effects of append, attend and gather. A resource of its own, so that reads
/// and writes of caches order among themselves and with nothing else.
struct CacheResource : public mlir::SideEffects::Resource::Base<CacheResource> {
  llvm::StringRef getName() override { return "kvc.cache"; }
};

class PolicyAttr;

} // namespace kvc

#include "kvc/Dialect/KVC/IR/KVCEnums.h.inc"

#include "kvc/Dialect/KVC/IR/KVCDialect.h.inc"

#include "kvc/Dialect/KVC/IR/KVCAttrInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "kvc/Dialect/KVC/IR/KVCAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "kvc/Dialect/KVC/IR/KVCTypes.h.inc"

#define GET_OP_CLASSES
#include "kvc/Dialect/KVC/IR/KVCOps.h.inc"

#endif // KVC_DIALECT_KVC_IR_KVC_H
