//===- KVCOptions.cpp - text of the options of attention ops --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An attribute dictionary in which enumerations are bare words and defaults
// are not printed. Everything it prints it reads back.
//
//===----------------------------------------------------------------------===//

#include "KVCOptions.h"

using namespace mlir;
using namespace kvc;

template <typename Enum, typename EnumAttrT>
static ParseResult parseWordOption(OpAsmParser &parser, StringRef words,
                                   std::optional<Enum> (*symbolize)(StringRef),
                                   Attribute &value) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef word;
  if (failed(parser.parseOptionalKeyword(&word)))
    return parser.parseAttribute(value);
  std::optional<Enum> found = symbolize(word);
  if (!found)
    return parser.emitError(loc)
           << "expected one of " << words << ", got `" << word << "`";
  value = EnumAttrT::get(parser.getContext(), *found);
  return success();
}

static ParseResult parseOption(OpAsmParser &parser, StringRef key,
                               Attribute &value) {
  if (failed(parser.parseOptionalEqual())) {
    value = parser.getBuilder().getUnitAttr();
    return success();
  }
  if (key == "fully_masked")
    return parseWordOption<FullyMasked, FullyMaskedAttr>(
        parser, "nan, uniform, zero", symbolizeFullyMasked, value);
  if (key == "mask")
    return parseWordOption<MaskKind, MaskKindAttr>(
        parser, "none, dense_f32, dense_i1, packed", symbolizeMaskKind, value);
  if (parser.parseAttribute(value))
    return failure();
  auto real = dyn_cast<FloatAttr>(value);
  if (real && (key == "scale" || key == "softcap"))
    value = parser.getBuilder().getF32FloatAttr(
        static_cast<float>(real.getValueAsDouble()));
  return success();
}

ParseResult kvc::parseOptions(OpAsmParser &parser, NamedAttrList &attributes) {
  auto parseEntry = [&]() -> ParseResult {
    SMLoc loc = parser.getCurrentLocation();
    std::string key;
    Attribute value;
    if (parser.parseKeywordOrString(&key))
      return failure();
    if (attributes.get(key))
      return parser.emitError(loc)
             << "expected `" << key << "` once, got it twice";
    if (parseOption(parser, key, value))
      return failure();
    attributes.append(key, value);
    return success();
  };
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::OptionalBraces,
                                        parseEntry);
}

/// Whether `attribute` is what the op has when nothing is written.
static bool isDefault(NamedAttribute attribute) {
  if (auto value = dyn_cast<FullyMaskedAttr>(attribute.getValue()))
    return value.getValue() == FullyMasked::nan;
  if (auto value = dyn_cast<MaskKindAttr>(attribute.getValue()))
    return value.getValue() == MaskKind::none;
  if (auto value = dyn_cast<ArrayAttr>(attribute.getValue()))
    return attribute.getName() == "captures" && value.empty();
  if (attribute.getName() == "causal")
    if (auto value = dyn_cast<BoolAttr>(attribute.getValue()))
      return value.getValue();
  return false;
}

void kvc::printOptions(OpAsmPrinter &printer, Operation *op,
                       DictionaryAttr attributes) {
  SmallVector<NamedAttribute> shown;
  for (NamedAttribute attribute : attributes) {
    StringRef name = attribute.getName();
    bool elided = name == "operandSegmentSizes" ||
                  name == SymbolTable::getSymbolAttrName();
    if (!elided && !isDefault(attribute))
      shown.push_back(attribute);
  }
  if (shown.empty())
    return;
  printer << "{";
  llvm::interleaveComma(shown, printer, [&](NamedAttribute attribute) {
    Attribute value = attribute.getValue();
    printer.printKeywordOrString(attribute.getName());
    if (isa<UnitAttr>(value))
      return;
    printer << " = ";
    if (auto word = dyn_cast<FullyMaskedAttr>(value))
      printer << stringifyFullyMasked(word.getValue());
    else if (auto word = dyn_cast<MaskKindAttr>(value))
      printer << stringifyMaskKind(word.getValue());
    else
      printer << value;
  });
  printer << "}";
}
