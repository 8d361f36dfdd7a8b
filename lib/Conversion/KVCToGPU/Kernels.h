//===- Kernels.h - the GPU kernels that a variant becomes -------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One emitter per variant. A schedule is a file that implements one emit
// function here; it gets a builder inside the kernel and the parameter block.
//
// Invariant: a kernel is right for any grid: its blocks walk their list with
// stride gridDim.x, and those without work leave.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_KERNELS_H
#define KVC_LIB_CONVERSION_KVCTOGPU_KERNELS_H

#include "../Kernel/EngineMath.h"
#include "../Kernel/Variant.h"
#include "Warp.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace kvc::gpu {

/// The GPU that kernels are made for.
struct Chip {
  int architecture = 90;                 // 80, 86, 89, 90, 100, 120
  int64_t sharedBytes = 227 * 1024;      // that one block can have
  int64_t sharedBytesPerSM = 228 * 1024; // that its blocks share
  bool hasFp8 = true;                    // converts e4m3 in hardware (sm_89 on)
  /// Fails for a chip that kvc has no kernels for; `emitError` says so.
  static mlir::FailureOr<Chip>
  get(llvm::StringRef name,
      llvm::function_ref<mlir::InFlightDiagnostic()> emitError);
};

/// How hard the kernels try to get by with few registers (kFrugalityAttr):
///   1  queries stay in shared memory, addresses in the loop; products of wide
///      keys are a loop over head_dim, or, where they are one anyway or keys
///      are narrow, a prefill tile has half the keys
///   2  half the keys, or the half of that; stored rows become operands in a
///      loop
///   3  16 keys a prefill tile, products in a loop; queries a chunk at a time;
///      blocks of a tile looked up when it is copied
struct Frugality {
  int32_t decode = 0, prefill = 0;
  /// That of `op`; reports and fails where the attribute is none.
  static mlir::FailureOr<Frugality> get(VariantOp op);
};

/// What the matrix instructions take of keys or values in `storage`, and so of
/// the queries and weights that they meet: f16 of f8E4M3FN codes, which chips
/// convert to nothing else; else the element type where that has 16 bits, the
/// stored type of plain f16 or bf16 rows, f32 (as pairs of tf32) of plain f32
/// rows, and bf16 of i8 codes, which it holds exactly.
mlir::Type operandType(const Variant &variant, StorageAttrInterface storage);
/// Whether queries have factors of their own (RangeFactor.h), since they come
/// with a wider range than the f16 that they become.
bool scalesQueries(const Variant &variant);
/// Likewise weights, which meet values' scales.
bool scalesWeights(const Variant &variant);
/// Elements of a 16-byte piece of `type`.
inline int64_t pieceOf(mlir::Type type) {
  return 128 / int64_t(type.getIntOrFloatBitWidth());
}

/// Reads `op`; reports and fails where this engine has no kernel for it.
mlir::FailureOr<Variant> getVariant(VariantOp op);

class KernelEmitter {
public:
  /// `builder` stands in the gpu.module.
  KernelEmitter(const Variant &variant, const Chip &chip,
                const Frugality &frugality, mlir::OpBuilder &builder)
      : variant(variant), chip(chip), frugality(frugality), builder(builder) {}

  void emitShared();                      // Kernels.cpp
  void emitAppend();                      // AppendKernel.cpp
  void emitMerge();                       // MergeKernel.cpp
  mlir::LogicalResult emitSplitDecode();  // SplitDecode.cpp
  mlir::LogicalResult emitTiledPrefill(); // TiledPrefill.cpp

private:
  /// What static evidence is told of a kernel's loop over keys: how many an
  /// iteration takes, and how many warps copy them together; and whether there
  /// are registers for addresses that are made of parameters before it.
  struct HotLoop {
    int64_t tokens = 0, warps = 0;
    bool hoistsParams = false;
  };
  /// A kernel <name><suffix> of blocks of `threads` threads with `sharedBytes`
  /// of dynamic shared memory.
  void emitKernel(
      llvm::StringRef suffix, int64_t threads, int64_t sharedBytes,
      HotLoop loop,
      llvm::function_ref<void(KernelBuilder &, AbiStruct<kvcrt_params>)> body);

  const Variant &variant;
  const Chip &chip;
  const Frugality frugality;
  mlir::OpBuilder &builder;
};

/// Element `index` of an array of i32 or f32 that no kernel of the step
/// writes; i32 stays i32.
Num loadStepI32(Num array, Num index);
Num loadStepF32(Num array, Num index);

/// Scores in powers of two, indices of i32.
extern const EngineMath engineMath;

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_KERNELS_H
