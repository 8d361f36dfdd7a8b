//===- Warp.h - what a warp can do, as formulas -----------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Thread indices, shuffles, asynchronous copies, matrix instructions and
// approximate functions for kernels written with kernel::KernelBuilder. Types:
// i32 for indices and packed pairs, !llvm.ptr<3> for shared and !llvm.ptr<1>
// for global addresses.
//
// Invariant: Warp.cpp alone knows the nvvm dialect. Everything that all 32
// lanes do together (shuffles, matrices, syncs) must stand in control flow that
// is uniform over the warp; barriers over the block.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_WARP_H
#define KVC_LIB_CONVERSION_KVCTOGPU_WARP_H

#include "../Kernel/AbiAccess.h"
#include "../Kernel/KernelBuilder.h"

namespace kvc::gpu {

using namespace kernel;

//===-- Where a thread is, i32 --===//
Num threadId(KernelBuilder &b);
Num laneId(KernelBuilder &b);
Num blockId(KernelBuilder &b);    // of the grid's x dimension
Num gridBlocks(KernelBuilder &b); // likewise
/// threadId / 32, known to be the same in all lanes.
Num warpId(KernelBuilder &b);

//===-- Order --===//
/// All threads of the block.
void blockBarrier(KernelBuilder &b);
/// All lanes; orders their memory accesses.
void warpSync(KernelBuilder &b);
/// Orders this thread's accesses before and after for all threads of the GPU.
void gpuFence(KernelBuilder &b);

//===-- Between lanes; `value` is i32 or f32 --===//
Num shuffleXor(Num value, int64_t lanes);
/// The value of lane `lane` (i32).
Num shuffleFrom(Num value, Num lane);
/// Over groups of `lanes` neighbours, a power of two.
Num laneMax(Num value, int64_t lanes);
Num laneSum(Num value, int64_t lanes);
/// Whether `flag` (i1) holds in some lane of the warp.
Num anyLane(Num flag);

//===-- Memory --===//
/// Address `bytes` of the block's dynamic shared memory.
Num sharedMemory(KernelBuilder &b, int64_t bytes = 0);
/// Reads that no thread of the grid writes: ld.global.nc.
Num loadInvariant(mlir::Type type, Num address, unsigned alignment);
/// `size` bytes (4, 8 or 16) from global to shared memory, landing at the
/// latest at copyWait; where `readable` (i1) is false, zeros, and nothing is
/// read.
void copyAsync(Num shared, Num global, Num readable, int64_t size = 16);
void copyCommit(KernelBuilder &b);
/// Waits for all committed groups of this thread but the newest `newest`.
void copyWait(KernelBuilder &b, int64_t newest);
/// Adds `value` (i32) to the word at `address`, for all of the GPU; answers
/// what it held before. Orders nothing.
Num atomicAdd(Num address, Num value);

//===-- Matrices: mma.sync m16n8k16 (f32: k8), see PTX for the fragments --===//
/// `count` 8x8 matrices of 16-bit elements; lane l gives the address of row
/// l % 8 of matrix l / 8. Each result is two elements, i32. Rows of f32, where
/// a matrix is 8x4 and a result one element, load in the same way.
Nums loadMatrix(Num address, int64_t count, bool transposed);
/// a * b + c with a: 4, b: 2 packed pairs of `element` (f16 or bf16), c: 4 f32.
/// For f32, a and b are single elements (f32, or their bits as i32), each taken
/// as the sum of two tf32: three products, without that of the lower halves, so
/// that a product is good to 2^-20.
Nums multiply(mlir::Type element, llvm::ArrayRef<Num> a, llvm::ArrayRef<Num> b,
              llvm::ArrayRef<Num> c);

/// A vector of the two.
Num makePair(Num first, Num second);
//===-- Pairs of 16-bit floats in i32, the first in the low half --===//
Num packPair(Num low, Num high, mlir::Type element);
/// As many f32 as 16 bytes hold of `element`, rounded to it, to such a place.
void storePiece(llvm::ArrayRef<Num> piece, Num address, mlir::Type element);
/// The two elements as f32.
std::pair<Num, Num> unpackPair(Num pair, mlir::Type element);

//===-- Functions, f32; 2^x and 1/x are the machine's approximations, --===//
//===-- denormal results zero                                         --===//
Num exp2Approx(Num x);
Num log2Approx(Num x);
/// The larger one in one instruction; of a NaN and a number, the number.
Num maxNumber(Num a, Num b);
Num reciprocal(Num x);
/// Through exp2Approx: 1 - 2 / (1 + 2^(2 x log2 e)).
Num tanhApprox(Num x);

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_WARP_H
