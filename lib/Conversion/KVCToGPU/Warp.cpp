//===- Warp.cpp - what a warp can do, as formulas -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: every op here has a meaning in the simulator as well
// (lib/Target/Sim/NvvmOps.cpp), and none becomes a call.
//
//===----------------------------------------------------------------------===//

#include "Warp.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kvc::gpu {

//===----------------------------------------------------------------------===//
// Where a thread is
//===----------------------------------------------------------------------===//

template <typename Register> static Num readRegister(KernelBuilder &b) {
  return b.num(Register::create(b, b.i32()));
}

Num threadId(KernelBuilder &b) { return readRegister<NVVM::ThreadIdXOp>(b); }
Num laneId(KernelBuilder &b) { return threadId(b) & 31; }
Num blockId(KernelBuilder &b) { return readRegister<NVVM::BlockIdXOp>(b); }
Num gridBlocks(KernelBuilder &b) { return readRegister<NVVM::GridDimXOp>(b); }

static Value allLanes(KernelBuilder &b) { return b.i32(-1).value; }

static Num shuffle(Num value, Num offset, NVVM::ShflKind kind) {
  KernelBuilder &b = *value.builder;
  return b.num(NVVM::ShflOp::create(b, value.type(), allLanes(b), value.value,
                                    offset.value, b.i32(31).value, kind,
                                    UnitAttr()));
}

Num warpId(KernelBuilder &b) {
  // The shuffle tells the compiler that the number is uniform.
  return shuffle(threadId(b) >> 5, b.i32(0), NVVM::ShflKind::idx);
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

void blockBarrier(KernelBuilder &b) { NVVM::Barrier0Op::create(b); }
void warpSync(KernelBuilder &b) { NVVM::SyncWarpOp::create(b, allLanes(b)); }
void gpuFence(KernelBuilder &b) {
  NVVM::MembarOp::create(b, NVVM::MemScopeKind::GPU);
}

//===----------------------------------------------------------------------===//
// Between lanes
//===----------------------------------------------------------------------===//

Num shuffleXor(Num value, int64_t lanes) {
  return shuffle(value, value.builder->i32(lanes), NVVM::ShflKind::bfly);
}

Num shuffleFrom(Num value, Num lane) {
  // Beside one that takes a lane, ptxas (13.0, sm_80 to sm_89) no longer knows
  // that warpId is uniform, and all shuffles and syncs become calls.
  return shuffle(value, lane ^ laneId(*value.builder), NVVM::ShflKind::bfly);
}

Num laneMax(Num value, int64_t lanes) {
  for (int64_t step = lanes / 2; step > 0; step /= 2)
    value = maxNumber(value, shuffleXor(value, step));
  return value;
}

Num laneSum(Num value, int64_t lanes) {
  for (int64_t step = lanes / 2; step > 0; step /= 2)
    value = value + shuffleXor(value, step);
  return value;
}

Num anyLane(Num flag) {
  KernelBuilder &b = *flag.builder;
  return b.num(NVVM::VoteSyncOp::create(b, b.getI1Type(), allLanes(b),
                                        flag.value, NVVM::VoteSyncKind::any));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Num sharedMemory(KernelBuilder &b, int64_t bytes) {
  Type type = LLVM::LLVMPointerType::get(b.getContext(), 3);
  return b.at(b.num(LLVM::AddressOfOp::create(b, type, "kvc_shared")), bytes);
}

Num loadInvariant(Type type, Num address, unsigned alignment) {
  KernelBuilder &b = *address.builder;
  auto load = LLVM::LoadOp::create(b, type, address.value, alignment);
  load.setInvariant(true);
  return b.num(load);
}

void copyAsync(Num shared, Num global, Num readable, int64_t size) {
  KernelBuilder &b = *shared.builder;
  Num bytes = select(readable, b.i32(size), b.i32(0));
  // Only 16 bytes can go past the first-level cache.
  NVVM::CpAsyncOp::create(b, shared.value, global.value, uint32_t(size),
                          size == 16 ? NVVM::LoadCacheModifierKind::CG
                                     : NVVM::LoadCacheModifierKind::CA,
                          bytes.value);
}

void copyCommit(KernelBuilder &b) { NVVM::CpAsyncCommitGroupOp::create(b); }

void copyWait(KernelBuilder &b, int64_t newest) {
  NVVM::CpAsyncWaitGroupOp::create(b, uint32_t(newest));
}

Num atomicAdd(Num address, Num value) {
  KernelBuilder &b = *address.builder;
  return b.num(LLVM::AtomicRMWOp::create(
      b, LLVM::AtomicBinOp::add, address.value, value.value,
      LLVM::AtomicOrdering::monotonic, "device"));
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

static Nums unpackStruct(KernelBuilder &b, Value packed, int64_t count) {
  Nums parts;
  for (int64_t i = 0; i < count; ++i)
    parts.push_back(b.num(LLVM::ExtractValueOp::create(b, packed, i)));
  return parts;
}

Nums loadMatrix(Num address, int64_t count, bool transposed) {
  KernelBuilder &b = *address.builder;
  Type type = b.i32();
  if (count > 1)
    type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                            SmallVector<Type>(count, b.i32()));
  Value loaded = NVVM::LdMatrixOp::create(
      b, type, address.value, uint32_t(count),
      transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
      NVVM::LdStMatrixEltType::B16);
  if (count == 1)
    return {b.num(loaded)};
  return unpackStruct(b, loaded, count);
}

/// The bits of `x` rounded to tf32.
static Num roundToTf32(Num x) {
  KernelBuilder &b = *x.builder;
  return b.num(NVVM::ConvertFloatToTF32Op::create(
      b, b.i32(), x.value, NVVM::FPRoundingMode::RNA,
      NVVM::SaturationMode::NONE, /*relu=*/false));
}

/// One product of tf32 operands, i32.
static Nums multiplyTf32(ArrayRef<Num> a, ArrayRef<Num> b, ArrayRef<Num> c) {
  KernelBuilder &builder = *a[0].builder;
  auto values = [](ArrayRef<Num> nums) {
    return llvm::map_to_vector(nums, [](Num n) { return n.value; });
  };
  std::array<NVVM::MMATypes, 2> types = {NVVM::MMATypes::tf32,
                                         NVVM::MMATypes::tf32};
  std::array<NVVM::MMALayout, 2> layouts = {NVVM::MMALayout::row,
                                            NVVM::MMALayout::col};
  Type result = LLVM::LLVMStructType::getLiteral(
      builder.getContext(), SmallVector<Type>(4, builder.f32()));
  Value product = NVVM::MmaOp::create(
      builder, result, values(a), values(b), values(c),
      ArrayRef<int64_t>{16, 8, 8}, std::nullopt, std::nullopt, types, layouts);
  return unpackStruct(builder, product, 4);
}

static Nums multiplySplit(ArrayRef<Num> a, ArrayRef<Num> b, ArrayRef<Num> c) {
  KernelBuilder &builder = *a[0].builder;
  Nums high[2], low[2];
  auto split = [&](int side, ArrayRef<Num> operands) {
    for (Num x : operands) {
      Num whole = x.isFloat() ? x : builder.bitcast(x, builder.f32());
      Num upper = roundToTf32(whole);
      high[side].push_back(upper);
      low[side].push_back(
          roundToTf32(whole - builder.bitcast(upper, builder.f32())));
    }
  };
  split(0, a);
  split(1, b);
  // The small terms first: they would be lost behind the large one.
  Nums sums = multiplyTf32(low[0], high[1], c);
  sums = multiplyTf32(high[0], low[1], sums);
  return multiplyTf32(high[0], high[1], sums);
}

Nums multiply(Type element, ArrayRef<Num> a, ArrayRef<Num> b, ArrayRef<Num> c) {
  if (element.isF32())
    return multiplySplit(a, b, c);
  KernelBuilder &builder = *a[0].builder;
  bool isHalf = element.isF16();
  auto operands = [&](ArrayRef<Num> nums, bool pairs) {
    SmallVector<Value> values;
    for (Num n : nums)
      values.push_back(pairs && isHalf
                           ? LLVM::BitcastOp::create(
                                 builder, VectorType::get(2, element), n.value)
                                 .getResult()
                           : n.value);
    return values;
  };
  std::array<NVVM::MMATypes, 2> types;
  types.fill(isHalf ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16);
  std::array<NVVM::MMALayout, 2> layouts = {NVVM::MMALayout::row,
                                            NVVM::MMALayout::col};
  Type result = LLVM::LLVMStructType::getLiteral(
      builder.getContext(), SmallVector<Type>(4, builder.f32()));
  SmallVector<Value> left = operands(a, true), right = operands(b, true),
                     sums = operands(c, false);
  Value product = NVVM::MmaOp::create(
      builder, result, left, right, sums, ArrayRef<int64_t>{16, 8, 16},
      std::nullopt, std::nullopt, types, layouts);
  return unpackStruct(builder, product, 4);
}

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

Num makePair(Num first, Num second) {
  KernelBuilder &b = *first.builder;
  return b.num(
      vector::FromElementsOp::create(b, VectorType::get(2, first.type()),
                                     ValueRange{first.value, second.value}));
}

Num packPair(Num low, Num high, Type element) {
  KernelBuilder &b = *low.builder;
  Num pair = b.num(LLVM::PoisonOp::create(b, VectorType::get(2, b.f32())));
  pair = b.num(
      LLVM::InsertElementOp::create(b, pair.value, low.value, b.i32(0).value));
  pair = b.num(
      LLVM::InsertElementOp::create(b, pair.value, high.value, b.i32(1).value));
  return b.num(
      LLVM::BitcastOp::create(b, b.i32(), b.roundTo(pair, element).value));
}

void storePiece(ArrayRef<Num> piece, Num address, Type element) {
  KernelBuilder &b = *address.builder;
  bool wide = element.isF32();
  Num words = b.num(
      LLVM::PoisonOp::create(b, VectorType::get(4, wide ? b.f32() : b.i32())));
  for (int64_t i = 0; i < 4; ++i) {
    Num pair =
        wide ? piece[i] : packPair(piece[2 * i], piece[2 * i + 1], element);
    words = b.num(LLVM::InsertElementOp::create(b, words.value, pair.value,
                                                b.i32(i).value));
  }
  b.store(words, address, 16);
}

std::pair<Num, Num> unpackPair(Num pair, Type element) {
  KernelBuilder &b = *pair.builder;
  if (element.isBF16())
    return {b.bitcast(pair << 16, b.f32()),
            b.bitcast(pair & double(int32_t(0xffff0000)), b.f32())};
  Num both = b.num(
      LLVM::BitcastOp::create(b, VectorType::get(2, element), pair.value));
  auto half = [&](int64_t i) {
    return b.toF32(
        b.num(LLVM::ExtractElementOp::create(b, both.value, b.i32(i).value)));
  };
  return {half(0), half(1)};
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// One PTX instruction from f32 to f32.
static Num approximate(Num x, StringRef ptx) {
  KernelBuilder &b = *x.builder;
  return b.num(NVVM::InlinePtxOp::create(b, TypeRange{b.f32()},
                                         ValueRange{x.value}, ValueRange{}, ptx,
                                         Value())
                   .getResult(0));
}

// Without ftz, 2^x is scaled before and after for the sake of denormal results,
// three instructions more; a weight below 2^-126 of the largest is none.
// NVPTX has no instruction for llvm.log2 and 1 / x by default.
Num exp2Approx(Num x) { return approximate(x, "ex2.approx.ftz.f32 $0, $1;"); }
Num log2Approx(Num x) { return approximate(x, "lg2.approx.ftz.f32 $0, $1;"); }
Num reciprocal(Num x) { return approximate(x, "rcp.approx.ftz.f32 $0, $1;"); }

Num maxNumber(Num a, Num b) {
  KernelBuilder &builder = *a.builder;
  return builder.num(arith::MaxNumFOp::create(builder, a.value, b.value));
}

Num tanhApprox(Num x) {
  Num e = exp2Approx(x * 2.8853900817779268);
  return fma(reciprocal(e + 1.0), x.like(-2.0), x.like(1.0));
}

} // namespace kvc::gpu
