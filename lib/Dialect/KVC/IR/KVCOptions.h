//===- KVCOptions.h - text of the options of attention ops ------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `custom<Options>` directive of the op definitions.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_DIALECT_KVC_IR_KVCOPTIONS_H
#define KVC_LIB_DIALECT_KVC_IR_KVCOPTIONS_H

#include "kvc/Dialect/KVC/IR/KVC.h"

namespace kvc {

/// Parses `{key, key = value, ...}` or nothing. `fully_masked` and `mask` take
/// bare words; `scale` and `softcap` become f32 when they have another type.
mlir::ParseResult parseOptions(mlir::OpAsmParser &parser,
                               mlir::NamedAttrList &attributes);

/// Prints what parseOptions reads, without defaults and without what the op
/// prints elsewhere (symbol name, operand segments).
void printOptions(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                  mlir::DictionaryAttr attributes);

} // namespace kvc

#endif // KVC_LIB_DIALECT_KVC_IR_KVCOPTIONS_H
