//===- KVCAttrSyntax.cpp - text of the policy axes ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parsers and printers of the attributes whose text has optional parts. What
// has its default is not printed.
//
//===----------------------------------------------------------------------===//

#include "KVCAttrSyntax.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace kvc;

ParseResult kvc::parseFields(
    AsmParser &parser, llvm::StringRef what, llvm::StringRef known,
    llvm::function_ref<OptionalParseResult(llvm::StringRef)> parseValue,
    llvm::function_ref<OptionalParseResult(llvm::StringRef)> parseFlag) {
  llvm::StringSet<> seen;
  do {
    llvm::SMLoc loc = parser.getCurrentLocation();
    llvm::StringRef name;
    if (parser.parseKeyword(&name))
      return failure();
    std::string copy = name.str(); // the lexer's buffer is not the name's owner
    if (!seen.insert(copy).second)
      return parser.emitError(loc) << "expected `" << copy << "` once in "
                                   << what << ", got it twice";
    if (parseFlag) {
      OptionalParseResult flag = parseFlag(copy);
      if (flag.has_value()) {
        if (failed(*flag))
          return failure();
        continue;
      }
    }
    if (parser.parseEqual())
      return failure();
    OptionalParseResult value = parseValue(copy);
    if (!value.has_value())
      return parser.emitError(loc) << "expected " << known << " in " << what
                                   << ", got `" << copy << "`";
    if (failed(*value))
      return failure();
  } while (succeeded(parser.parseOptionalComma()));
  return parser.parseGreater();
}

ParseResult kvc::parseDouble(AsmParser &parser, FloatAttr &result) {
  // As an attribute: parseFloat refuses 10000, and parseOptionalInteger has
  // taken the sign of -0.5 before it sees that this is no integer.
  llvm::SMLoc loc = parser.getCurrentLocation();
  Attribute number;
  if (parser.parseAttribute(number))
    return failure();
  if (auto real = dyn_cast<FloatAttr>(number))
    result = parser.getBuilder().getF64FloatAttr(real.getValueAsDouble());
  else if (auto integer = dyn_cast<IntegerAttr>(number);
           integer && integer.getType().isSignlessInteger(64))
    result = parser.getBuilder().getF64FloatAttr(double(integer.getInt()));
  else
    return parser.emitError(loc) << "expected a number, got " << number;
  return success();
}

static void printDouble(AsmPrinter &printer, FloatAttr value) {
  printer.printFloat(value.getValue());
}

//===----------------------------------------------------------------------===//
// quant
//===----------------------------------------------------------------------===//

Attribute QuantAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  Type payload;
  if (parser.parseLess() || parser.parseType(payload))
    return {};
  QuantAxis axis = QuantAxis::token;
  bool symmetric = true;
  Type scale = parser.getBuilder().getF32Type();
  int64_t group = 0, residual = 0;
  if (succeeded(parser.parseOptionalComma())) {
    auto value = [&](llvm::StringRef name) -> OptionalParseResult {
      if (name == "axis")
        return parseWord<QuantAxis>(parser, "tensor, head, token or channel",
                                    symbolizeQuantAxis, axis);
      if (name == "scale")
        return parser.parseType(scale);
      if (name == "group")
        return parser.parseInteger(group);
      if (name == "residual")
        return parser.parseInteger(residual);
      return std::nullopt;
    };
    auto flag = [&](llvm::StringRef name) -> OptionalParseResult {
      if (name != "symmetric" && name != "asymmetric")
        return std::nullopt;
      symmetric = name == "symmetric";
      return success();
    };
    if (parseFields(parser, "#kvc.quant",
                    "axis, symmetric, asymmetric, scale, group or residual",
                    value, flag))
      return {};
  } else if (parser.parseGreater()) {
    return {};
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    payload, axis, symmetric, scale, group, residual);
}

void QuantAttr::print(AsmPrinter &printer) const {
  printer << "<" << getPayload() << ", axis = " << stringifyQuantAxis(getAxis())
          << (getSymmetric() ? ", symmetric" : ", asymmetric");
  if (!getScale().isF32())
    printer << ", scale = " << getScale();
  if (getGroup() != 0)
    printer << ", group = " << getGroup();
  if (getResidual() != 0)
    printer << ", residual = " << getResidual();
  printer << ">";
}

//===----------------------------------------------------------------------===//
// rope
//===----------------------------------------------------------------------===//

namespace {
/// `linear<...>`, `llama3<...>`, `dynamic<...>`.
struct Scaling {
  RopeScaling kind = RopeScaling::none;
  FloatAttr factor, low, high;
  int64_t originalMaxPositions = 0;
};
} // namespace

static ParseResult parseScaling(AsmParser &parser, Scaling &scaling) {
  if (parseWord<RopeScaling>(parser, "none, linear, llama3 or dynamic",
                             symbolizeRopeScaling, scaling.kind))
    return failure();
  if (scaling.kind == RopeScaling::none)
    return success();
  if (parser.parseLess())
    return failure();
  bool llama3 = scaling.kind == RopeScaling::llama3;
  bool hasLength = scaling.kind != RopeScaling::linear;
  return parseFields(parser, "the rope scaling",
                     llama3 ? "factor, low_freq_factor, high_freq_factor or "
                              "original_max_positions"
                     : hasLength ? "factor or original_max_positions"
                                 : "factor",
                     [&](llvm::StringRef name) -> OptionalParseResult {
                       if (name == "factor")
                         return parseDouble(parser, scaling.factor);
                       if (name == "low_freq_factor" && llama3)
                         return parseDouble(parser, scaling.low);
                       if (name == "high_freq_factor" && llama3)
                         return parseDouble(parser, scaling.high);
                       if (name == "original_max_positions" && hasLength)
                         return parser.parseInteger(
                             scaling.originalMaxPositions);
                       return std::nullopt;
                     });
}

RopeAttr RopeAttr::get(MLIRContext *context, double theta, int64_t dim,
                       RopeStyle style, RopeAt at) {
  Builder builder(context);
  FloatAttr one = builder.getF64FloatAttr(1.0);
  return get(context, builder.getF64FloatAttr(theta), dim, style, at,
             RopeScaling::none, one, one, one, 0);
}

Attribute RopeAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  FloatAttr one = parser.getBuilder().getF64FloatAttr(1.0);
  FloatAttr theta;
  int64_t dim = 0;
  RopeStyle style = RopeStyle::neox;
  RopeAt at = RopeAt::append;
  Scaling scaling{RopeScaling::none, one, one, one, 0};
  auto value = [&](llvm::StringRef name) -> OptionalParseResult {
    if (name == "theta")
      return parseDouble(parser, theta);
    if (name == "dim")
      return parser.parseInteger(dim);
    if (name == "style")
      return parseWord<RopeStyle>(parser, "neox or interleaved",
                                  symbolizeRopeStyle, style);
    if (name == "at")
      return parseWord<RopeAt>(parser, "append or attend", symbolizeRopeAt, at);
    if (name == "scaling")
      return parseScaling(parser, scaling);
    return std::nullopt;
  };
  if (parser.parseLess() ||
      parseFields(parser, "#kvc.rope", "theta, dim, style, at or scaling",
                  value))
    return {};
  if (!theta) {
    parser.emitError(loc) << "expected `theta` in #kvc.rope, got none";
    return {};
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    theta, dim, style, at, scaling.kind, scaling.factor,
                    scaling.low, scaling.high, scaling.originalMaxPositions);
}

void RopeAttr::print(AsmPrinter &printer) const {
  printer << "<theta = ";
  printDouble(printer, getThetaAttr());
  printer << ", dim = " << getDim();
  if (getStyle() != RopeStyle::neox)
    printer << ", style = " << stringifyRopeStyle(getStyle());
  if (getAt() != RopeAt::append)
    printer << ", at = " << stringifyRopeAt(getAt());
  if (getScaling() != RopeScaling::none) {
    printer << ", scaling = " << stringifyRopeScaling(getScaling())
            << "<factor = ";
    printDouble(printer, getFactorAttr());
    if (getScaling() == RopeScaling::llama3) {
      printer << ", low_freq_factor = ";
      printDouble(printer, getLowFreqFactorAttr());
      printer << ", high_freq_factor = ";
      printDouble(printer, getHighFreqFactorAttr());
    }
    if (getScaling() != RopeScaling::linear)
      printer << ", original_max_positions = " << getOriginalMaxPositions();
    printer << ">";
  }
  printer << ">";
}

//===----------------------------------------------------------------------===//
// alibi
//===----------------------------------------------------------------------===//

Attribute AlibiAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  DenseF32ArrayAttr slopes;
  if (succeeded(parser.parseOptionalLess())) {
    llvm::SmallVector<float> values;
    auto element = [&]() -> ParseResult {
      FloatAttr value;
      if (parseDouble(parser, value))
        return failure();
      values.push_back(static_cast<float>(value.getValueAsDouble()));
      return success();
    };
    if (parser.parseKeyword("slopes") || parser.parseEqual() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, element) ||
        parser.parseGreater())
      return {};
    slopes = DenseF32ArrayAttr::get(parser.getContext(), values);
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    slopes);
}

void AlibiAttr::print(AsmPrinter &printer) const {
  if (!getSlopes())
    return;
  printer << "<slopes = [";
  llvm::interleaveComma(
      getSlopes().asArrayRef(), printer.getStream(),
      [&](float slope) { printer.printFloat(APFloat(slope)); });
  printer << "]>";
}

//===----------------------------------------------------------------------===//
// policy
//===----------------------------------------------------------------------===//

LogicalResult
PolicyAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                   LayoutAttrInterface, StorageAttrInterface,
                   StorageAttrInterface, PositionAttrInterface,
                   RetentionAttrInterface, std::optional<int64_t> rollback) {
  // policy_c1
  if (rollback && (*rollback < 0 || *rollback > INT32_MAX))
    return emitError() << "expected `rollback` in [0, 2147483647], got "
                       << *rollback;
  return success();
}

OptionalParseResult AxisFields::parse(AsmParser &parser, llvm::StringRef name) {
  if (name == "layout")
    return parseAxis(parser, "layout", layout);
  if (name == "key")
    return parseAxis(parser, "storage", key);
  if (name == "value")
    return parseAxis(parser, "storage", value);
  if (name == "position")
    return parseAxis(parser, "position", position);
  if (name == "retention")
    return parseAxis(parser, "retention", retention);
  return std::nullopt;
}

Attribute PolicyAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  AxisFields axes;
  std::optional<int64_t> rollback;
  auto field = [&](llvm::StringRef name) -> OptionalParseResult {
    if (name == "rollback")
      return parser.parseInteger(rollback.emplace());
    return axes.parse(parser, name);
  };
  if (parser.parseLess())
    return {};
  if (failed(parser.parseOptionalGreater()) &&
      parseFields(parser, "#kvc.policy",
                  "layout, key, value, position, retention or rollback", field))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    axes.layout, axes.key, axes.value, axes.position,
                    axes.retention, rollback);
}

void PolicyAttr::print(AsmPrinter &printer) const {
  llvm::StringRef separator = "";
  auto field = [&](llvm::StringRef name, Attribute axis) {
    if (!axis)
      return;
    printer << separator << name << " = " << axis;
    separator = ", ";
  };
  printer << "<";
  field("layout", getLayout());
  field("key", getKeyStorage());
  field("value", getValueStorage());
  field("position", getPosition());
  field("retention", getRetention());
  if (getRollback())
    printer << separator << "rollback = " << *getRollback();
  printer << ">";
}
