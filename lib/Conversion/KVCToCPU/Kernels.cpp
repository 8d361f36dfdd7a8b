//===- Kernels.cpp - functions, checks and parallel loops -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: no function lets LLVM turn one of its loops into memset or memcpy
// ("no-builtins"): an artefact has no library to call.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include "TargetExpansion.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace kvc::cpu {

func::FuncOp KernelEmitter::emitFunction(
    StringRef suffix, ArrayRef<Type> arguments, ArrayRef<Type> results,
    bool isPublic,
    llvm::function_ref<Nums(KernelBuilder &, ArrayRef<Num>)> body) {
  Location loc = variant.op->getLoc();
  OpBuilder::InsertionGuard guard(builder);
  auto function =
      func::FuncOp::create(builder, loc, variant.name + suffix.str(),
                           builder.getFunctionType(arguments, results));
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(builder.getContext(),
                                           isPublic ? LLVM::Linkage::External
                                                    : LLVM::Linkage::Internal));
  function->setAttr("passthrough", builder.getStrArrayAttr({"no-builtins"}));
  if (!isPublic)
    function.setPrivate();
  builder.setInsertionPointToStart(function.addEntryBlock());
  KernelBuilder b(loc, builder, target);
  Nums inputs;
  for (Value argument : function.getArguments())
    inputs.push_back(b.num(argument));
  SmallVector<Value> outputs;
  for (Num result : body(b, inputs))
    outputs.push_back(result.value);
  func::ReturnOp::create(b, outputs);
  expandForTarget(function, target);
  return function;
}

Num KernelEmitter::emitUnless(KernelBuilder &b, Num bad, kvcrt_status status,
                              llvm::function_ref<Num()> otherwise) {
  return b.ifElse(
      bad, [&]() -> Nums { return {b.i32(status)}; },
      [&]() -> Nums { return {otherwise()}; })[0];
}

Num emitNumTokens(KernelBuilder &b, AbiStruct<kvcrt_params> params) {
  AbiStruct<kvcrt_step_header> header(
      params.load(KVC_FIELD(kvcrt_params, step.header)));
  return b.toI64(header.load(KVC_FIELD(kvcrt_step_header, num_tokens)));
}

void KernelEmitter::emitKernel(
    StringRef suffix,
    llvm::function_ref<Num(KernelBuilder &, AbiStruct<kvcrt_env>,
                           AbiStruct<kvcrt_params>)>
        body) {
  Type ptr = LLVM::LLVMPointerType::get(builder.getContext());
  emitFunction(
      suffix, {ptr, ptr}, builder.getI32Type(), /*isPublic=*/true,
      [&](KernelBuilder &b, ArrayRef<Num> arguments) -> Nums {
        AbiStruct<kvcrt_env> env(arguments[0]);
        AbiStruct<kvcrt_params> params(arguments[1]);
        Num null = b.nullPtr();
        auto checkVersions = [&] {
          auto differs = [&](Num have, int64_t want) { return have != want; };
          Num bad =
              differs(env.load(KVC_FIELD(kvcrt_env, struct_size)),
                      sizeof(kvcrt_env)) |
              differs(env.load(KVC_FIELD(kvcrt_env, abi_version)),
                      KVCRT_ABI_VERSION) |
              differs(params.load(KVC_FIELD(kvcrt_params, struct_size)),
                      sizeof(kvcrt_params)) |
              differs(params.load(KVC_FIELD(kvcrt_params, abi_version)),
                      KVCRT_ABI_VERSION) |
              differs(params.load(KVC_FIELD(kvcrt_params, step.struct_size)),
                      sizeof(kvcrt_step)) |
              differs(params.load(KVC_FIELD(kvcrt_params, step.abi_version)),
                      KVCRT_ABI_VERSION) |
              differs(params.load(KVC_FIELD(kvcrt_params, cache.struct_size)),
                      sizeof(kvcrt_cache)) |
              differs(params.load(KVC_FIELD(kvcrt_params, cache.abi_version)),
                      KVCRT_ABI_VERSION);
          return emitUnless(b, bad, KVCRT_VERSION_MISMATCH, [&] {
            Num unusable =
                (env.load(KVC_FIELD(kvcrt_env, parallel_for)) == null) |
                (env.load(KVC_FIELD(kvcrt_env, num_workers)) < 1) |
                (params.load(KVC_FIELD(kvcrt_params, step.header)) == null);
            return emitUnless(b, unusable, KVCRT_INVALID_ARGUMENT, [&] {
              // A step without tokens has no use for operands or tables.
              return emitUnless(b, emitNumTokens(b, params) == 0, KVCRT_OK,
                                [&] { return body(b, env, params); });
            });
          });
        };
        return {emitUnless(b,
                           (env.address() == null) | (params.address() == null),
                           KVCRT_INVALID_ARGUMENT, checkVersions)};
      });
}

func::FuncOp KernelEmitter::emitTaskFunction(StringRef suffix, TaskBody body) {
  Type ptr = LLVM::LLVMPointerType::get(builder.getContext());
  return emitFunction(
      suffix, {ptr, builder.getI64Type(), builder.getI32Type()}, {},
      /*isPublic=*/false,
      [&](KernelBuilder &b, ArrayRef<Num> arguments) -> Nums {
        body(b, AbiStruct<Closure>(arguments[0]), arguments[1], arguments[2]);
        return {};
      });
}

void KernelEmitter::emitParallelFor(KernelBuilder &b, AbiStruct<kvcrt_env> env,
                                    Num count, func::FuncOp function,
                                    Num closure) {
  Value reference = func::ConstantOp::create(
      b, function.getFunctionType(),
      FlatSymbolRefAttr::get(b.getContext(), function.getSymName()));
  // The lowering of func.constant yields a pointer as well.
  Value address =
      UnrealizedConversionCastOp::create(b, b.ptr(), reference).getResult(0);
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                  {b.ptr(), b.i64(), b.ptr(), b.ptr()});
  Num run = env.load(KVC_FIELD(kvcrt_env, parallel_for));
  Num context = env.load(KVC_FIELD(kvcrt_env, context));
  LLVM::CallOp::create(b, type,
                       ValueRange{run.value, context.value, count.value,
                                  address, closure.value});
}

} // namespace kvc::cpu
