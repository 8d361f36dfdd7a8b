//===- KVCTypes.cpp - !kvc.cache ------------------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text, legality and facts of the cache type. No cache type exists that
// kvcrt/legality.def forbids.
//
//===----------------------------------------------------------------------===//

#include "KVCAttrSyntax.h"

using namespace mlir;
using namespace kvc;

static kvcrt_format elementFormat(Type type) {
  return type.isF32() ? KVCRT_F32 : type.isF16() ? KVCRT_F16 : KVCRT_BF16;
}

CacheType CacheType::get(int64_t kvHeads, int64_t keyDim, int64_t valueDim,
                         Type elementType, int64_t maxPositions) {
  MLIRContext *context = elementType.getContext();
  auto plain = PlainAttr::get(context, elementType);
  return get(context, kvHeads, keyDim, valueDim, elementType,
             PagedAttr::get(context, 16, Order::hnd), plain, plain,
             NoneAttr::get(context), AllAttr::get(context), /*rollback=*/0,
             maxPositions);
}

static kvcrt_policy policyOf(int64_t kvHeads, int64_t keyDim, int64_t valueDim,
                             Type elementType, LayoutAttrInterface layout,
                             StorageAttrInterface key,
                             StorageAttrInterface value,
                             PositionAttrInterface position,
                             RetentionAttrInterface retention, int64_t rollback,
                             int64_t maxPositions) {
  kvcrt_policy policy = {};
  policy.kv_heads = kvHeads;
  policy.key_dim = keyDim;
  policy.value_dim = valueDim;
  policy.element = elementFormat(elementType);
  policy.key = key.getStorage();
  policy.value = value.getStorage();
  policy.rollback = rollback;
  policy.max_positions = maxPositions;
  layout.addToPolicy(policy);
  position.addToPolicy(policy);
  retention.addToPolicy(policy);
  return policy;
}

kvcrt_policy CacheType::getPolicy() const {
  return policyOf(getKvHeads(), getKeyDim(), getValueDim(), getElementType(),
                  getLayout(), getKeyStorage(), getValueStorage(),
                  getPosition(), getRetention(), getRollback(),
                  getMaxPositions());
}

LogicalResult CacheType::verify(
    llvm::function_ref<InFlightDiagnostic()> emitError, int64_t kvHeads,
    int64_t keyDim, int64_t valueDim, Type elementType,
    LayoutAttrInterface layout, StorageAttrInterface key,
    StorageAttrInterface value, PositionAttrInterface position,
    RetentionAttrInterface retention, int64_t rollback, int64_t maxPositions) {
  auto inRange = [&](llvm::StringRef name, int64_t got, int64_t low,
                     int64_t high) -> LogicalResult {
    if (got < low || got > high)
      return emitError() << "expected `" << name << "` in [" << low << ", "
                         << high << "], got " << got;
    return success();
  };
  // cache_c1
  if (failed(inRange("kv_heads", kvHeads, 1, 65536)) ||
      failed(inRange("head_dim", keyDim, 1, 65536)) ||
      failed(inRange("head_dim", valueDim, 1, 65536)))
    return failure();
  // cache_c2
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16())
    return emitError() << "expected an element type of f32, f16 or bf16, got "
                       << elementType;
  // cache_c3
  if (failed(inRange("rollback", rollback, 0, INT32_MAX)) ||
      failed(inRange("max_positions", maxPositions, 0, INT32_MAX)))
    return failure();
  // cache_c4
  kvcrt_policy p = policyOf(kvHeads, keyDim, valueDim, elementType, layout, key,
                            value, position, retention, rollback, maxPositions);
#define KVCRT_LEGALITY(label, pair, illegal, reason, fix)                      \
  if (illegal)                                                                 \
    return emitError() << "illegal policy (" #label "): " << pair << ": "      \
                       << reason << "; " << fix;
#include "kvcrt/legality.def"
  return success();
}

CacheType CacheType::getWithPolicy(
    PolicyAttr policy,
    llvm::function_ref<InFlightDiagnostic()> emitError) const {
  auto orKeep = [](auto wanted, auto present) {
    return wanted ? wanted : present;
  };
  return getChecked(
      emitError, getContext(), getKvHeads(), getKeyDim(), getValueDim(),
      getElementType(), orKeep(policy.getLayout(), getLayout()),
      orKeep(policy.getKeyStorage(), getKeyStorage()),
      orKeep(policy.getValueStorage(), getValueStorage()),
      orKeep(policy.getPosition(), getPosition()),
      orKeep(policy.getRetention(), getRetention()),
      policy.getRollback().value_or(getRollback()), getMaxPositions());
}

int64_t CacheType::getBytesPerToken() const {
  StorageAttrInterface key = getKeyStorage(), value = getValueStorage();
  return getKvHeads() *
         (key.getRowPitch(getKeyDim()) + key.getScaleBytes(getKeyDim()) +
          value.getRowPitch(getValueDim()) +
          value.getScaleBytes(getValueDim()));
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

Type CacheType::parse(AsmParser &parser) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  int64_t kvHeads, keyDim, valueDim, rollback = 0, maxPositions = 0;
  Type elementType;
  if (parser.parseLess() || parser.parseKeyword("kv_heads") ||
      parser.parseEqual() || parser.parseInteger(kvHeads) ||
      parser.parseComma() || parser.parseKeyword("head_dim") ||
      parser.parseEqual() || parser.parseInteger(keyDim))
    return {};
  valueDim = keyDim;
  if (succeeded(parser.parseOptionalColon()) && parser.parseInteger(valueDim))
    return {};
  if (parser.parseComma() || parser.parseType(elementType))
    return {};

  AxisFields axes;
  auto field = [&](llvm::StringRef name) -> OptionalParseResult {
    if (name == "rollback")
      return parser.parseInteger(rollback);
    if (name == "max_positions")
      return parser.parseInteger(maxPositions);
    return axes.parse(parser, name);
  };
  if (succeeded(parser.parseOptionalComma())) {
    if (parseFields(parser, "!kvc.cache",
                    "layout, key, value, position, retention, rollback or "
                    "max_positions",
                    field))
      return {};
  } else if (parser.parseGreater()) {
    return {};
  }

  MLIRContext *context = parser.getContext();
  auto emitError = [&] { return parser.emitError(loc); };
  if (!axes.layout)
    axes.layout = PagedAttr::get(context, 16, Order::hnd);
  if (!axes.position)
    axes.position = NoneAttr::get(context);
  if (!axes.retention)
    axes.retention = AllAttr::get(context);
  if (!axes.key || !axes.value) {
    PlainAttr plain = PlainAttr::getChecked(emitError, context, elementType);
    if (!plain)
      return {};
    axes.key = axes.key ? axes.key : plain;
    axes.value = axes.value ? axes.value : plain;
  }
  return getChecked(emitError, context, kvHeads, keyDim, valueDim, elementType,
                    axes.layout, axes.key, axes.value, axes.position,
                    axes.retention, rollback, maxPositions);
}

void CacheType::print(AsmPrinter &printer) const {
  printer << "<kv_heads = " << getKvHeads() << ", head_dim = " << getKeyDim();
  if (getValueDim() != getKeyDim())
    printer << " : " << getValueDim();
  printer << ", " << getElementType();
  CacheType plain =
      get(getKvHeads(), getKeyDim(), getValueDim(), getElementType(), 0);
  auto axis = [&](llvm::StringRef name, Attribute value, Attribute standard) {
    if (value != standard)
      printer << ", " << name << " = " << value;
  };
  axis("layout", getLayout(), plain.getLayout());
  axis("key", getKeyStorage(), plain.getKeyStorage());
  axis("value", getValueStorage(), plain.getValueStorage());
  axis("position", getPosition(), plain.getPosition());
  axis("retention", getRetention(), plain.getRetention());
  if (getRollback() != 0)
    printer << ", rollback = " << getRollback();
  if (getMaxPositions() != 0)
    printer << ", max_positions = " << getMaxPositions();
  printer << ">";
}
