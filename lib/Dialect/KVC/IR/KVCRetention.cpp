//===- KVCRetention.cpp - which keys a query sees -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The retention axis: all, window, streaming. Each rule is stated twice, as a
// fact and as emitted IR; test/Dialect/KVC/IR holds them equal.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <algorithm>

using namespace mlir;
using namespace kvc;

/// `size` as a constant of `type`: index, integer or a vector of them.
static Value constant(OpBuilder &builder, Location loc, Type type,
                      int64_t size) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attr = isa<IndexType>(element)
                       ? TypedAttr(builder.getIndexAttr(size))
                       : TypedAttr(builder.getIntegerAttr(element, size));
  if (auto shaped = dyn_cast<ShapedType>(type))
    attr = DenseElementsAttr::get(shaped, Attribute(attr));
  return arith::ConstantOp::create(builder, loc, attr);
}

static Value compare(OpBuilder &builder, Location loc,
                     arith::CmpIPredicate predicate, Value lhs, Value rhs) {
  return arith::CmpIOp::create(builder, loc, predicate, lhs, rhs);
}

/// 0 <= query - key < window.
static Value emitInWindow(OpBuilder &builder, Location loc, Value query,
                          Value key, Value window) {
  Value distance = arith::SubIOp::create(builder, loc, query, key);
  Value zero = constant(builder, loc, query.getType(), 0);
  Value notLater =
      compare(builder, loc, arith::CmpIPredicate::sge, distance, zero);
  Value near =
      compare(builder, loc, arith::CmpIPredicate::slt, distance, window);
  return arith::AndIOp::create(builder, loc, notLater, near);
}

/// max(0, query - window + 1).
static Value emitWindowStart(OpBuilder &builder, Location loc, Value query,
                             Value window) {
  Value one = constant(builder, loc, query.getType(), 1);
  Value zero = constant(builder, loc, query.getType(), 0);
  Value end = arith::AddIOp::create(builder, loc, query, one);
  Value start = arith::SubIOp::create(builder, loc, end, window);
  return arith::MaxSIOp::create(builder, loc, start, zero);
}

static LogicalResult
verifyTokens(llvm::function_ref<InFlightDiagnostic()> emitError,
             llvm::StringRef name, int64_t tokens) {
  if (tokens < 1 || tokens > INT32_MAX)
    return emitError() << "expected `" << name
                       << "` in [1, 2147483647] tokens, got " << tokens;
  return success();
}

//===----------------------------------------------------------------------===//
// all
//===----------------------------------------------------------------------===//

void AllAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.retention = KVCRT_RETAIN_ALL;
}

bool AllAttr::isVisible(int64_t, int64_t) const { return true; }

int64_t AllAttr::getFirstVisible(int64_t) const { return 0; }

Value AllAttr::emitVisible(OpBuilder &builder, Location loc, Value query, Value,
                           Value, Value) const {
  Type type = builder.getI1Type();
  if (auto shaped = dyn_cast<ShapedType>(query.getType()))
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(shaped.clone(type), true));
  return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
}

Value AllAttr::emitFirstVisible(OpBuilder &builder, Location loc, Value query,
                                Value) const {
  return constant(builder, loc, query.getType(), 0);
}

//===----------------------------------------------------------------------===//
// window
//===----------------------------------------------------------------------===//

LogicalResult
WindowAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                   int64_t size) {
  return verifyTokens(emitError, "size", size); // window_c1
}

void WindowAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.retention = KVCRT_RETAIN_WINDOW;
  policy.window = getSize();
}

int64_t WindowAttr::getWindowSize() const { return getSize(); }

bool WindowAttr::isVisible(int64_t query, int64_t key) const {
  return key <= query && query - key < getSize();
}

int64_t WindowAttr::getFirstVisible(int64_t query) const {
  return std::max<int64_t>(0, query - getSize() + 1);
}

Value WindowAttr::emitVisible(OpBuilder &builder, Location loc, Value query,
                              Value key, Value window, Value) const {
  return emitInWindow(builder, loc, query, key, window);
}

Value WindowAttr::emitFirstVisible(OpBuilder &builder, Location loc,
                                   Value query, Value window) const {
  return emitWindowStart(builder, loc, query, window);
}

//===----------------------------------------------------------------------===//
// streaming
//===----------------------------------------------------------------------===//

LogicalResult
StreamingAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                      int64_t sinkTokens, int64_t window) {
  // streaming_c1
  if (failed(verifyTokens(emitError, "sink_tokens", sinkTokens)))
    return failure();
  return verifyTokens(emitError, "window", window);
}

void StreamingAttr::addToPolicy(kvcrt_policy &policy) const {
  policy.retention = KVCRT_RETAIN_STREAMING;
  policy.window = getWindow();
  policy.sink_tokens = getSinkTokens();
}

int64_t StreamingAttr::getWindowSize() const { return getWindow(); }

int64_t StreamingAttr::getNumSinkTokens() const { return getSinkTokens(); }

bool StreamingAttr::isVisible(int64_t query, int64_t key) const {
  return key <= query && (query - key < getWindow() || key < getSinkTokens());
}

int64_t StreamingAttr::getFirstVisible(int64_t query) const {
  return std::max<int64_t>(0, query - getWindow() + 1);
}

Value StreamingAttr::emitVisible(OpBuilder &builder, Location loc, Value query,
                                 Value key, Value window,
                                 Value sinkTokens) const {
  Value near = emitInWindow(builder, loc, query, key, window);
  Value sink =
      compare(builder, loc, arith::CmpIPredicate::slt, key, sinkTokens);
  Value notLater = compare(builder, loc, arith::CmpIPredicate::sle, key, query);
  Value early = arith::AndIOp::create(builder, loc, sink, notLater);
  return arith::OrIOp::create(builder, loc, near, early);
}

Value StreamingAttr::emitFirstVisible(OpBuilder &builder, Location loc,
                                      Value query, Value window) const {
  return emitWindowStart(builder, loc, query, window);
}
