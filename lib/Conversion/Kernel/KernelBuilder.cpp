//===- KernelBuilder.cpp - write kernels as formulas ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic of Num, and the loops, branches and addresses of kernels.
// Invariant: every op comes from arith, math, vector, scf or llvm, and is legal
// for the pipeline that lowers an engine's kernels.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>

using namespace mlir;

namespace kvc::kernel {

int64_t Num::lanes() const {
  auto vector = dyn_cast<VectorType>(type());
  return vector ? vector.getNumElements() : 1;
}

bool Num::isFloat() const {
  return isa<FloatType>(getElementTypeOrSelf(type()));
}

Num Num::like(double number) const { return builder->constant(type(), number); }

//===----------------------------------------------------------------------===//
// Constants, lanes, conversions
//===----------------------------------------------------------------------===//

Num KernelBuilder::constant(Type type, double number) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attr;
  if (isa<FloatType>(element))
    attr = getFloatAttr(element, number);
  else
    attr = getIntegerAttr(element, int64_t(number));
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return num(arith::ConstantOp::create(*this, type, attr));
}

Num KernelBuilder::flag(bool truth) {
  return num(arith::ConstantOp::create(*this, getBoolAttr(truth)));
}

Num KernelBuilder::negInf(Type type) {
  return constant(type, -std::numeric_limits<double>::infinity());
}

Num KernelBuilder::nullPtr() {
  return num(LLVM::ZeroOp::create(*this, dataPtr()));
}

Num KernelBuilder::splat(Num scalar, int64_t lanes) {
  return lanes == 1 ? scalar : splatVector(scalar, lanes);
}

Num KernelBuilder::splatVector(Num scalar, int64_t lanes) {
  return num(vector::BroadcastOp::create(
      *this, VectorType::get(lanes, scalar.type()), scalar.value));
}

Num KernelBuilder::iota(int64_t lanes) {
  auto values = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  auto type = VectorType::get(lanes, i32());
  return num(arith::ConstantOp::create(
      *this, type, DenseElementsAttr::get(type, ArrayRef<int32_t>(values))));
}

Num KernelBuilder::lane(Num vector, int64_t index) {
  if (!isVector(vector)) {
    assert(index == 0 && "of one lane, as vec() makes it");
    return vector;
  }
  return num(vector::ExtractOp::create(*this, vector.value, index));
}

Num KernelBuilder::shuffle(Num a, Num b, ArrayRef<int64_t> mask) {
  return num(vector::ShuffleOp::create(*this, a.value, b.value, mask));
}

Num KernelBuilder::slice(Num vector, int64_t offset, int64_t size) {
  auto mask = llvm::to_vector(llvm::seq<int64_t>(offset, offset + size));
  return shuffle(vector, vector, mask);
}

Num KernelBuilder::padZero(Num vector, int64_t lanes) {
  int64_t have = vector.lanes();
  if (have == lanes)
    return vector;
  auto mask = llvm::to_vector(llvm::seq<int64_t>(0, have));
  mask.append(lanes - have, have);
  return shuffle(vector, vector.like(0), mask);
}

/// Halves until one lane is left. The order is part of the result's meaning
/// (floating point), so it is spelled out and never left to the backend.
static Num reduce(Num vector, llvm::function_ref<Num(Num, Num)> combine) {
  KernelBuilder &b = *vector.builder;
  while (b.isVector(vector) && vector.lanes() > 1) {
    int64_t half = vector.lanes() / 2;
    vector = combine(b.slice(vector, 0, half), b.slice(vector, half, half));
  }
  return b.isVector(vector) ? b.lane(vector, 0) : vector;
}

Num KernelBuilder::sum(Num vector) {
  return reduce(vector, [](Num a, Num b) { return a + b; });
}

Num KernelBuilder::maximum(Num vector) {
  return reduce(vector, [](Num a, Num b) { return max(a, b); });
}

static Type withElement(Num x, Type element) {
  return x.builder->isVector(x) ? Type(VectorType::get(x.lanes(), element))
                                : element;
}

Num KernelBuilder::toI64(Num integer) {
  Type type = withElement(integer, i64());
  if (integer.type() == type)
    return integer;
  return num(arith::ExtSIOp::create(*this, type, integer.value));
}

Num KernelBuilder::toI32(Num integer) {
  Type type = withElement(integer, i32());
  if (integer.type() == type)
    return integer;
  if (getElementTypeOrSelf(integer.type()).getIntOrFloatBitWidth() > 32)
    return num(arith::TruncIOp::create(*this, type, integer.value));
  return num(arith::ExtUIOp::create(*this, type, integer.value));
}

Num KernelBuilder::toF32(Num narrow) {
  Type type = withElement(narrow, f32());
  if (narrow.type() == type)
    return narrow;
  return num(arith::ExtFOp::create(*this, type, narrow.value));
}

Num KernelBuilder::toFloat(Num integer) {
  return num(arith::SIToFPOp::create(*this, withElement(integer, f32()),
                                     integer.value));
}

Num KernelBuilder::roundTo(Num wide, Type element) {
  Type type = withElement(wide, element);
  if (wide.type() == type)
    return wide;
  return num(arith::TruncFOp::create(*this, type, wide.value));
}

Num KernelBuilder::bitcast(Num x, Type element) {
  return num(arith::BitcastOp::create(*this, withElement(x, element), x.value));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Num KernelBuilder::at(Num base, Num bytes) {
  return num(LLVM::GEPOp::create(*this, base.type(), i8(), base.value,
                                 ArrayRef<LLVM::GEPArg>{toI64(bytes).value}));
}

Num KernelBuilder::at(Num base, int64_t bytes) {
  if (bytes == 0)
    return base;
  return num(LLVM::GEPOp::create(*this, base.type(), i8(), base.value,
                                 ArrayRef<LLVM::GEPArg>{int32_t(bytes)}));
}

/// A vector is only as aligned as its elements unless the caller knows better.
static unsigned naturalAlignment(Type type) {
  Type element = getElementTypeOrSelf(type);
  return isa<LLVM::LLVMPointerType>(element)
             ? 8
             : std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

Num KernelBuilder::load(Type type, Num address, unsigned alignment) {
  if (alignment == 0)
    alignment = naturalAlignment(type);
  auto load = LLVM::LoadOp::create(*this, type, address.value, alignment);
  auto pointer = cast<LLVM::LLVMPointerType>(address.type());
  load.setInvariant(target.genericIsConstant && pointer.getAddressSpace() == 0);
  return num(load);
}

void KernelBuilder::store(Num value, Num address, unsigned alignment) {
  if (alignment == 0)
    alignment = naturalAlignment(value.type());
  LLVM::StoreOp::create(*this, value.value, address.value, alignment);
}

void KernelBuilder::prefetch(Num address, int locality) {
  LLVM::Prefetch::create(*this, address.value, /*rw=*/0, locality, /*cache=*/1);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

void KernelBuilder::loop(Num begin, Num end, int64_t step, Body body) {
  loop(begin, end, step, {}, [&](Num i, ArrayRef<Num>) -> Nums {
    body(i);
    return {};
  });
}

void KernelBuilder::rolledLoop(Num begin, Num end, int64_t step, Body body) {
  rolledLoop(begin, end, step, {}, [&](Num i, ArrayRef<Num>) -> Nums {
    body(i);
    return {};
  });
}

void KernelBuilder::loopBy(Num begin, Num end, Num step, Body body) {
  auto op = scf::ForOp::create(*this, begin.value, end.value, step.value);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(op.getBody()->getTerminator());
  body(num(op.getInductionVar()));
}

static SmallVector<Value> values(ArrayRef<Num> nums) {
  return llvm::map_to_vector(nums, [](Num n) { return n.value; });
}

static scf::ForOp emitLoop(KernelBuilder &b, Num begin, Num end, int64_t step,
                           ArrayRef<Num> initial,
                           KernelBuilder::CarriedBody body) {
  auto op = scf::ForOp::create(b, begin.value, end.value,
                               begin.like(double(step)).value, values(initial));
  OpBuilder::InsertionGuard guard(b);
  // Without carried values the builder has already put a yield there.
  if (initial.empty())
    b.setInsertionPoint(op.getBody()->getTerminator());
  else
    b.setInsertionPointToEnd(op.getBody());
  Nums carried;
  for (Value v : op.getRegionIterArgs())
    carried.push_back(b.num(v));
  Nums next = body(b.num(op.getInductionVar()), carried);
  if (!initial.empty())
    scf::YieldOp::create(b, values(next));
  return op;
}

static Nums resultsOf(KernelBuilder &b, scf::ForOp op) {
  Nums results;
  for (Value v : op.getResults())
    results.push_back(b.num(v));
  return results;
}

Nums KernelBuilder::loop(Num begin, Num end, int64_t step,
                         ArrayRef<Num> initial, CarriedBody body) {
  return resultsOf(*this, emitLoop(*this, begin, end, step, initial, body));
}

Nums KernelBuilder::rolledLoop(Num begin, Num end, int64_t step,
                               ArrayRef<Num> initial, CarriedBody body) {
  scf::ForOp op = emitLoop(*this, begin, end, step, initial, body);
  MLIRContext *context = getContext();
  auto never = LLVM::LoopUnrollAttr::get(context, /*disable=*/getBoolAttr(true),
                                         {}, {}, {}, {}, {}, {});
  op->setAttr("llvm.loop_annotation",
              LLVM::LoopAnnotationAttr::get(context, {}, {}, {},
                                            /*unroll=*/never, {}, {}, {}, {},
                                            {}, {}, {}, {}, {}, {}, {}));
  return resultsOf(*this, op);
}

void KernelBuilder::ifThen(Num condition, llvm::function_ref<void()> then) {
  auto op = scf::IfOp::create(*this, condition.value, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(op.thenBlock()->getTerminator());
  then();
}

Nums KernelBuilder::ifElse(Num condition, llvm::function_ref<Nums()> then,
                           llvm::function_ref<Nums()> otherwise) {
  // The result types are known only after the branches are written: write them
  // into detached regions, then build the op around them.
  OpBuilder::InsertionGuard guard(*this);
  InsertPoint where = saveInsertionPoint();
  Region regions[2];
  llvm::function_ref<Nums()> bodies[2] = {then, otherwise};
  SmallVector<Type> types;
  for (int k = 0; k < 2; ++k) {
    createBlock(&regions[k]);
    Nums results = bodies[k]();
    scf::YieldOp::create(*this, values(results));
    types = llvm::map_to_vector(results, [](Num n) { return n.type(); });
  }
  restoreInsertionPoint(where);
  OperationState state(getLoc(), scf::IfOp::getOperationName());
  state.addOperands(condition.value);
  state.addTypes(types);
  for (Region &region : regions)
    state.addRegion()->takeBody(region);
  Operation *op = create(state);
  Nums results;
  for (Value v : op->getResults())
    results.push_back(num(v));
  return results;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

template <typename IntOp, typename FloatOp> static Num binary(Num a, Num b) {
  KernelBuilder &builder = *a.builder;
  if (a.isFloat())
    return builder.num(FloatOp::create(builder, a.value, b.value));
  return builder.num(IntOp::create(builder, a.value, b.value));
}

template <typename IntOp> static Num integer(Num a, Num b) {
  return a.builder->num(IntOp::create(*a.builder, a.value, b.value));
}

static Num compare(Num a, Num b, arith::CmpIPredicate integers,
                   arith::CmpFPredicate floats) {
  KernelBuilder &builder = *a.builder;
  if (isa<LLVM::LLVMPointerType>(a.type())) {
    auto predicate = integers == arith::CmpIPredicate::eq
                         ? LLVM::ICmpPredicate::eq
                         : LLVM::ICmpPredicate::ne;
    return builder.num(
        LLVM::ICmpOp::create(builder, predicate, a.value, b.value));
  }
  if (a.isFloat())
    return builder.num(
        arith::CmpFOp::create(builder, floats, a.value, b.value));
  return builder.num(
      arith::CmpIOp::create(builder, integers, a.value, b.value));
}

Num operator+(Num a, Num b) {
  return binary<arith::AddIOp, arith::AddFOp>(a, b);
}
Num operator-(Num a, Num b) {
  return binary<arith::SubIOp, arith::SubFOp>(a, b);
}
Num operator*(Num a, Num b) {
  return binary<arith::MulIOp, arith::MulFOp>(a, b);
}
Num operator/(Num a, Num b) {
  return binary<arith::DivSIOp, arith::DivFOp>(a, b);
}
Num operator%(Num a, Num b) { return integer<arith::RemSIOp>(a, b); }
Num operator&(Num a, Num b) { return integer<arith::AndIOp>(a, b); }
Num operator|(Num a, Num b) { return integer<arith::OrIOp>(a, b); }
Num operator^(Num a, Num b) { return integer<arith::XOrIOp>(a, b); }
Num operator<<(Num a, Num b) { return integer<arith::ShLIOp>(a, b); }
Num operator>>(Num a, Num b) { return integer<arith::ShRUIOp>(a, b); }
Num operator<(Num a, Num b) {
  return compare(a, b, arith::CmpIPredicate::slt, arith::CmpFPredicate::OLT);
}
Num operator<=(Num a, Num b) {
  return compare(a, b, arith::CmpIPredicate::sle, arith::CmpFPredicate::OLE);
}
Num operator>(Num a, Num b) {
  return compare(a, b, arith::CmpIPredicate::sgt, arith::CmpFPredicate::OGT);
}
Num operator>=(Num a, Num b) {
  return compare(a, b, arith::CmpIPredicate::sge, arith::CmpFPredicate::OGE);
}
Num operator==(Num a, Num b) {
  return compare(a, b, arith::CmpIPredicate::eq, arith::CmpFPredicate::OEQ);
}
Num operator!=(Num a, Num b) {
  return compare(a, b, arith::CmpIPredicate::ne, arith::CmpFPredicate::UNE);
}
Num operator-(Num a) {
  return a.builder->num(arith::NegFOp::create(*a.builder, a.value));
}
Num isFalse(Num a) { return a ^ a.like(-1); }

Num select(Num condition, Num a, Num b) {
  return a.builder->num(
      arith::SelectOp::create(*a.builder, condition.value, a.value, b.value));
}

Num fma(Num a, Num b, Num c) {
  if (!a.builder->target.hasFma)
    return a * b + c;
  return a.builder->num(
      math::FmaOp::create(*a.builder, a.value, b.value, c.value));
}

Num min(Num a, Num b) {
  return a.isFloat() ? select(a < b, a, b) : integer<arith::MinSIOp>(a, b);
}
Num max(Num a, Num b) {
  return a.isFloat() ? select(a > b, a, b) : integer<arith::MaxSIOp>(a, b);
}
Num ceilDiv(Num a, int64_t b) { return (a + (b - 1)) / b; }
Num roundUp(Num a, int64_t multiple) { return ceilDiv(a, multiple) * multiple; }
Num isNan(Num x) { return x != x; }

} // namespace kvc::kernel
