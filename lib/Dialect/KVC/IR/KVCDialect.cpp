//===- KVCDialect.cpp - registration of the kvc dialect -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only what tablegen generates; behaviour is in the files of each kind.
//
//===----------------------------------------------------------------------===//

#include "KVCOptions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kvc;

#include "kvc/Dialect/KVC/IR/KVCDialect.cpp.inc"

#include "kvc/Dialect/KVC/IR/KVCEnums.cpp.inc"

#include "kvc/Dialect/KVC/IR/KVCAttrInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "kvc/Dialect/KVC/IR/KVCAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "kvc/Dialect/KVC/IR/KVCTypes.cpp.inc"

#define GET_OP_CLASSES
#include "kvc/Dialect/KVC/IR/KVCOps.cpp.inc"

void KVCDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "kvc/Dialect/KVC/IR/KVCAttrs.cpp.inc"
      >();
}

void KVCDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "kvc/Dialect/KVC/IR/KVCTypes.cpp.inc"
      >();
}

void KVCDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "kvc/Dialect/KVC/IR/KVCOps.cpp.inc"
      >();
}
