//===- KernelBuilder.h - write kernels as formulas --------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `Num` is an SSA value that knows its builder, so that an emitter reads like
// the formula it emits: `fma(p, v, acc)`, `select(j <= i, s, negInf)`. Integers
// are signed; a C++ literal beside a Num takes the Num's type (and is splatted
// when that is a vector).
//
// Invariant: nothing here emits an op that lowers to a call. `fma` becomes
// multiply and add where the target has none, and memory goes through
// llvm.load/store on raw addresses.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KERNEL_KERNELBUILDER_H
#define KVC_LIB_CONVERSION_KERNEL_KERNELBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <type_traits>

namespace kvc::kernel {

class KernelBuilder;

/// A value and the builder that continues the formula it stands in.
struct Num {
  mlir::Value value;
  KernelBuilder *builder = nullptr;

  explicit operator bool() const { return static_cast<bool>(value); }
  mlir::Type type() const { return value.getType(); }
  /// Lanes of a vector; 1 for a scalar.
  int64_t lanes() const;
  bool isFloat() const;
  /// The literal `number` in this value's type.
  Num like(double number) const;
};

using Nums = llvm::SmallVector<Num>;

/// What the machine that a kernel is made for can do. A GPU is one thread of
/// it: vectors of 128 bits are its widest access.
struct VectorTarget {
  unsigned vectorBits = 256; // of the widest register: 128, 256 or 512
  bool hasFma = true;
  bool hasF16c = true;  // converts between f16 and f32
  bool hasRound = true; // rounds to an integral float
  /// Address space of the pointers that an ABI structure holds: 0 on a CPU, 1
  /// (global memory) on a GPU.
  unsigned dataSpace = 0;
  /// Whether nothing behind pointers of space 0 is written while a kernel runs:
  /// a GPU's parameter block, whose fields may then be read out of any loop.
  bool genericIsConstant = false;
  unsigned lanes() const { return vectorBits / 32; }
  /// Architectural vector registers.
  unsigned registers() const { return vectorBits == 512 ? 32 : 16; }
};

class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  KernelBuilder(mlir::Location loc, mlir::OpBuilder builder,
                VectorTarget target)
      : ImplicitLocOpBuilder(loc, builder), target(target), origin(loc) {}

  const VectorTarget target;
  /// Of what the kernel is made for.
  const mlir::Location origin;

  mlir::Type i8() { return getI8Type(); }
  mlir::Type i32() { return getI32Type(); }
  mlir::Type i64() { return getI64Type(); }
  mlir::Type f32() { return getF32Type(); }
  mlir::Type ptr() { return mlir::LLVM::LLVMPointerType::get(getContext()); }
  /// The type of a pointer that an ABI structure holds.
  mlir::Type dataPtr() {
    return mlir::LLVM::LLVMPointerType::get(getContext(), target.dataSpace);
  }
  /// A vector of `lanes` elements; the scalar itself when `lanes` is 1.
  mlir::Type vec(int64_t lanes, mlir::Type element) {
    return lanes == 1 ? element : mlir::VectorType::get(lanes, element);
  }

  Num num(mlir::Value value) { return {value, this}; }
  Num constant(mlir::Type type, double number);
  Num i64(int64_t number) { return constant(i64(), double(number)); }
  Num i32(int64_t number) { return constant(i32(), double(number)); }
  Num f32(double number) { return constant(f32(), number); }
  Num flag(bool truth);
  Num negInf(mlir::Type type);
  /// A null of the type dataPtr().
  Num nullPtr();

  /// A vector whose lanes all hold `scalar`.
  Num splat(Num scalar, int64_t lanes);
  /// The same, a vector even of one lane.
  Num splatVector(Num scalar, int64_t lanes);
  /// <0, 1, ..., lanes - 1> as i32.
  Num iota(int64_t lanes);
  /// Of what has one lane, itself.
  Num lane(Num vector, int64_t index);
  Num shuffle(Num a, Num b, llvm::ArrayRef<int64_t> mask);
  Num slice(Num vector, int64_t offset, int64_t size);
  /// `vector` followed by zeros up to `lanes`.
  Num padZero(Num vector, int64_t lanes);
  Num sum(Num vector);
  Num maximum(Num vector);
  bool isVector(Num x) { return mlir::isa<mlir::VectorType>(x.type()); }

  Num toI64(Num integer);
  Num toI32(Num integer);
  Num toF32(Num narrow);
  Num toFloat(Num integer);
  /// Rounds f32 to `element`, half to even; a no-op for f32.
  Num roundTo(Num wide, mlir::Type element);
  Num bitcast(Num x, mlir::Type type);

  /// `base` advanced by bytes, in the address space of `base`.
  Num at(Num base, Num bytes);
  Num at(Num base, int64_t bytes);
  Num load(mlir::Type type, Num address, unsigned alignment = 0);
  void store(Num value, Num address, unsigned alignment = 0);
  /// Asks for the cache line at `address`, to be read once (locality 0..3).
  void prefetch(Num address, int locality);

  using Body = llvm::function_ref<void(Num)>;
  using CarriedBody = llvm::function_ref<Nums(Num, llvm::ArrayRef<Num>)>;
  void loop(Num begin, Num end, int64_t step, Body body);
  Nums loop(Num begin, Num end, int64_t step, llvm::ArrayRef<Num> initial,
            CarriedBody body);
  /// A loop that stays one whatever assemblers think of its trip count.
  void rolledLoop(Num begin, Num end, int64_t step, Body body);
  Nums rolledLoop(Num begin, Num end, int64_t step, llvm::ArrayRef<Num> initial,
                  CarriedBody body);
  /// A loop whose step is a value.
  void loopBy(Num begin, Num end, Num step, Body body);
  void ifThen(Num condition, llvm::function_ref<void()> then);
  Nums ifElse(Num condition, llvm::function_ref<Nums()> then,
              llvm::function_ref<Nums()> otherwise);
};

/// While it lives, ops are located in this step of the kernel, which is what a
/// finding of the simulator names. The innermost step counts.
class Step {
public:
  Step(KernelBuilder &b, llvm::StringRef name) : b(b), outer(b.getLoc()) {
    b.setLoc(mlir::NameLoc::get(b.getStringAttr(name), b.origin));
  }
  Step(const Step &) = delete;
  ~Step() { b.setLoc(outer); }

private:
  KernelBuilder &b;
  mlir::Location outer;
};

Num operator+(Num a, Num b);
Num operator-(Num a, Num b);
Num operator*(Num a, Num b);
Num operator/(Num a, Num b);
Num operator%(Num a, Num b);
Num operator&(Num a, Num b);
Num operator|(Num a, Num b);
Num operator^(Num a, Num b);
Num operator<<(Num a, Num b);
Num operator>>(Num a, Num b); // logical
Num operator<(Num a, Num b);
Num operator<=(Num a, Num b);
Num operator>(Num a, Num b);
Num operator>=(Num a, Num b);
Num operator==(Num a, Num b);
Num operator!=(Num a, Num b);
Num operator-(Num a);
/// The negation of a truth value. (`!x` asks whether x is a value at all.)
Num isFalse(Num a);

#define KVC_NUM_WITH_LITERAL(op)                                               \
  template <typename T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>    \
  Num operator op(Num a, T b) {                                                \
    return a op a.like(double(b));                                             \
  }
KVC_NUM_WITH_LITERAL(+)
KVC_NUM_WITH_LITERAL(-)
KVC_NUM_WITH_LITERAL(*)
KVC_NUM_WITH_LITERAL(/)
KVC_NUM_WITH_LITERAL(%)
KVC_NUM_WITH_LITERAL(&)
KVC_NUM_WITH_LITERAL(|)
KVC_NUM_WITH_LITERAL(<<)
KVC_NUM_WITH_LITERAL(>>)
KVC_NUM_WITH_LITERAL(<)
KVC_NUM_WITH_LITERAL(<=)
KVC_NUM_WITH_LITERAL(>)
KVC_NUM_WITH_LITERAL(>=)
KVC_NUM_WITH_LITERAL(==)
KVC_NUM_WITH_LITERAL(!=)
#undef KVC_NUM_WITH_LITERAL

Num select(Num condition, Num a, Num b);
/// a * b + c, in one rounding where the target can.
Num fma(Num a, Num b, Num c);
Num min(Num a, Num b);
/// The greater of the two; the second when they do not compare (NaN).
Num max(Num a, Num b);
/// ceil(a / b) of a non-negative integer.
Num ceilDiv(Num a, int64_t b);
Num roundUp(Num a, int64_t multiple);
/// NaN compares unequal to itself.
Num isNan(Num x);

} // namespace kvc::kernel

#endif // KVC_LIB_CONVERSION_KERNEL_KERNELBUILDER_H
