//===- Kernels.h - the functions that a variant becomes ---------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a kernel touches nothing before it has checked struct sizes and
// versions, and answers a status for every argument that it cannot work with.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOCPU_KERNELS_H
#define KVC_LIB_CONVERSION_KVCTOCPU_KERNELS_H

#include "AttendContext.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kvc::cpu {

/// New tokens of the step, i64.
Num emitNumTokens(KernelBuilder &b, AbiStruct<kvcrt_params> params);

/// Emits the kernels of one variant as functions after its op.
class KernelEmitter {
public:
  KernelEmitter(const Variant &variant, const VectorTarget &target,
                mlir::OpBuilder &builder)
      : variant(variant), target(target),
        shape(TileShape::get(variant, target)), builder(builder) {}

  void emitWorkspace(); // Plan.cpp
  void emitAttend();    // Plan.cpp
  void emitAppend();    // AppendKernel.cpp
  void emitMerge();     // MergeKernel.cpp

private:
  using TaskBody = llvm::function_ref<void(
      KernelBuilder &, AbiStruct<Closure> closure, Num index, Num worker)>;
  /// A function <name><suffix>(types) with `body` inside, returning what the
  /// body does. Private ones are internal to the artefact.
  mlir::func::FuncOp emitFunction(
      llvm::StringRef suffix, llvm::ArrayRef<mlir::Type> arguments,
      llvm::ArrayRef<mlir::Type> results, bool isPublic,
      llvm::function_ref<Nums(KernelBuilder &, llvm::ArrayRef<Num>)> body);
  /// A public kernel: checks env and params, then runs `body`, which answers a
  /// status.
  void emitKernel(llvm::StringRef suffix,
                  llvm::function_ref<Num(KernelBuilder &, AbiStruct<kvcrt_env>,
                                         AbiStruct<kvcrt_params>)>
                      body);
  /// A body of env->parallel_for.
  mlir::func::FuncOp emitTaskFunction(llvm::StringRef suffix, TaskBody body);
  /// env->parallel_for(context, count, function, closure).
  static void emitParallelFor(KernelBuilder &b, AbiStruct<kvcrt_env> env,
                              Num count, mlir::func::FuncOp function,
                              Num closure);
  /// `otherwise()` unless `bad`, which answers `status`.
  static Num emitUnless(KernelBuilder &b, Num bad, kvcrt_status status,
                        llvm::function_ref<Num()> otherwise);

  void emitSplitDecode(KernelBuilder &b, AbiStruct<Closure> closure,
                       AbiStruct<Task> task, Num worker); // SplitDecode.cpp
  void emitFoldSplits(KernelBuilder &b, AbiStruct<Closure> closure,
                      AbiStruct<Task> task, Num worker); // SplitDecode.cpp
  void emitTiledPrefill(KernelBuilder &b, AbiStruct<Closure> closure,
                        AbiStruct<Task> task, Num worker); // TiledPrefill.cpp

  const Variant &variant;
  VectorTarget target;
  TileShape shape;
  mlir::OpBuilder &builder;
};

} // namespace kvc::cpu

#endif // KVC_LIB_CONVERSION_KVCTOCPU_KERNELS_H
