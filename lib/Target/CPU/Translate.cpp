//===- Translate.cpp - LLVM dialect to optimised LLVM IR and objects ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: generated code calls nothing that is not in its own module: the
// optimiser believes in no library function, and the three that code
// generation may still call are defined here.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/CPU/Artifact.h"

#include "kvc/Target/Common/Optimize.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

namespace kvc::cpu {

using namespace mlir;

namespace {

/// Copies of a few structures and zeroing of kernel parameters come down to
/// these. `no-builtins` keeps a loop from becoming a call of itself.
constexpr const char *kMemoryFunctions = R"(
define hidden ptr @memcpy(ptr noalias returned %to, ptr noalias readonly %from, i64 %n) #0 {
entry:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %exit, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %source = getelementptr inbounds i8, ptr %from, i64 %i
  %target = getelementptr inbounds i8, ptr %to, i64 %i
  %byte = load i8, ptr %source
  store i8 %byte, ptr %target
  %next = add nuw i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %exit, label %loop
exit:
  ret ptr %to
}
define hidden ptr @memmove(ptr returned %to, ptr readonly %from, i64 %n) #0 {
entry:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %exit, label %choose
choose:
  %forward = icmp ult ptr %to, %from
  br i1 %forward, label %up, label %down
up:
  %i = phi i64 [ 0, %choose ], [ %inext, %up ]
  %isource = getelementptr inbounds i8, ptr %from, i64 %i
  %itarget = getelementptr inbounds i8, ptr %to, i64 %i
  %ibyte = load i8, ptr %isource
  store i8 %ibyte, ptr %itarget
  %inext = add nuw i64 %i, 1
  %idone = icmp eq i64 %inext, %n
  br i1 %idone, label %exit, label %up
down:
  %j = phi i64 [ %n, %choose ], [ %jnext, %down ]
  %jnext = sub nuw i64 %j, 1
  %jsource = getelementptr inbounds i8, ptr %from, i64 %jnext
  %jtarget = getelementptr inbounds i8, ptr %to, i64 %jnext
  %jbyte = load i8, ptr %jsource
  store i8 %jbyte, ptr %jtarget
  %jdone = icmp eq i64 %jnext, 0
  br i1 %jdone, label %exit, label %down
exit:
  ret ptr %to
}
define hidden ptr @memset(ptr returned %to, i32 %value, i64 %n) #0 {
entry:
  %byte = trunc i32 %value to i8
  %none = icmp eq i64 %n, 0
  br i1 %none, label %exit, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %target = getelementptr inbounds i8, ptr %to, i64 %i
  store i8 %byte, ptr %target
  %next = add nuw i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %exit, label %loop
exit:
  ret ptr %to
}
attributes #0 = { noinline nounwind "no-builtins" }
)";

/// Links the definitions in and keeps them until code generation, which is
/// where the calls come from; the linker drops those that nobody calls.
void addMemoryFunctions(llvm::Module &module) {
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> functions = llvm::parseAssemblyString(
      kMemoryFunctions, diagnostic, module.getContext());
  assert(functions && "the text above parses");
  functions->setDataLayout(module.getDataLayout());
  functions->setTargetTriple(module.getTargetTriple());
  llvm::Linker::linkModules(module, std::move(functions));
  llvm::SmallVector<llvm::GlobalValue *> kept;
  for (llvm::StringRef name : {"memcpy", "memmove", "memset"})
    kept.push_back(module.getFunction(name));
  llvm::appendToCompilerUsed(module, kept);
}

} // namespace

FailureOr<std::unique_ptr<llvm::Module>>
translate(ModuleOp module, const Target &target, llvm::LLVMContext &context) {
  // Only the C functions leave the library.
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal() && function.isPrivate())
      function.setLinkage(LLVM::Linkage::Internal);
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(module, context, "kvc");
  if (!result)
    return failure();
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  result->setTargetTriple(machine->getTargetTriple());
  result->setDataLayout(machine->createDataLayout());
  result->setPICLevel(llvm::PICLevel::BigPIC);
  addMemoryFunctions(*result);
  target.annotate(*result);
  kvc::target::optimize(*result, *machine);
  return result;
}

FailureOr<llvm::SmallVector<char, 0>>
emitObject(llvm::Module &module, const Target &target, EmitError emitError) {
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return emitError() << "expected a target that can emit objects, got "
                       << target.getTriple();
  passes.run(module);
  return object;
}

} // namespace kvc::cpu
