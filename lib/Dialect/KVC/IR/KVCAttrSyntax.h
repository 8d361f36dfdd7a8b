//===- KVCAttrSyntax.h - parsing helpers of the policy axes -----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `name = value` lists, shared by attributes and by !kvc.cache. Every helper
// reports its own error and never builds an attribute from bad input.
//
//===----------------------------------------------------------------------===//

#ifndef KVC_LIB_DIALECT_KVC_IR_KVCATTRSYNTAX_H
#define KVC_LIB_DIALECT_KVC_IR_KVCATTRSYNTAX_H

#include "kvc/Dialect/KVC/IR/KVC.h"

namespace kvc {

/// Parses an axis: any attribute that implements `Interface`.
template <typename Interface>
mlir::ParseResult parseAxis(mlir::AsmParser &parser, llvm::StringRef axis,
                            Interface &result) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  mlir::Attribute attr;
  if (parser.parseAttribute(attr))
    return mlir::failure();
  result = llvm::dyn_cast<Interface>(attr);
  if (!result)
    return parser.emitError(loc)
           << "expected a value of the " << axis << " axis, got " << attr;
  return mlir::success();
}

/// Parses `name = value, ...` up to the closing `>`. `parseValue` gets each
/// name after its `=` was read, and answers nullopt for a name it does not
/// know. A name that comes twice is an error.
mlir::ParseResult parseFields(
    mlir::AsmParser &parser, llvm::StringRef what, llvm::StringRef known,
    llvm::function_ref<mlir::OptionalParseResult(llvm::StringRef)> parseValue,
    llvm::function_ref<mlir::OptionalParseResult(llvm::StringRef)> parseFlag =
        nullptr);

/// The policy axes as #kvc.policy and !kvc.cache both spell them; null where
/// the text leaves one out.
struct AxisFields {
  LayoutAttrInterface layout;
  StorageAttrInterface key, value;
  PositionAttrInterface position;
  RetentionAttrInterface retention;

  /// Parses the value of `name`; nullopt when it names no axis.
  mlir::OptionalParseResult parse(mlir::AsmParser &parser,
                                  llvm::StringRef name);
};

/// Parses a number as an f64 attribute.
mlir::ParseResult parseDouble(mlir::AsmParser &parser, mlir::FloatAttr &result);

/// Parses a keyword of an enumeration.
template <typename Enum>
mlir::ParseResult parseWord(mlir::AsmParser &parser, llvm::StringRef known,
                            std::optional<Enum> (*symbolize)(llvm::StringRef),
                            Enum &result) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  llvm::StringRef word;
  if (parser.parseKeyword(&word))
    return mlir::failure();
  std::optional<Enum> value = symbolize(word);
  if (!value)
    return parser.emitError(loc)
           << "expected " << known << ", got `" << word << "`";
  result = *value;
  return mlir::success();
}

} // namespace kvc

#endif // KVC_LIB_DIALECT_KVC_IR_KVCATTRSYNTAX_H
