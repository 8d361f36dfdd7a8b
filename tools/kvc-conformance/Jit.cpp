//===- Jit.cpp - compile a variant in this process ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: each call has contexts of its own, so that calls may run at once.
//
//===----------------------------------------------------------------------===//

#include "Jit.h"

#include "kvc/Conversion/KVCToCPU/KVCToCPU.h"
#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Support/GpuChip.h"
#include "kvc/Target/Sim/Mutate.h"
#include "kvc/Target/Sim/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include <chrono>

using namespace llvm;

namespace kvc::conformance {

CompiledVariant::CompiledVariant() = default;
CompiledVariant::CompiledVariant(CompiledVariant &&) = default;
CompiledVariant::~CompiledVariant() = default;

void initializeJit() {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
}

static Error failure(const Twine &what) {
  return createStringError(inconvertibleErrorCode(), what);
}

/// The variant as GPU kernels for the simulator.
static mlir::LogicalResult lowerForSimulator(mlir::ModuleOp module,
                                             const JitOptions &options) {
  mlir::PassManager lower(module.getContext());
  buildLowerGpuKernelsPipeline(lower);
  if (mlir::failed(lower.run(module)))
    return mlir::failure();
  if (options.mutation >= 0 &&
      mlir::failed(sim::mutate(module, unsigned(options.mutation))))
    return mlir::failure();
  mlir::PassManager rewrite(module.getContext());
  rewrite.addPass(sim::createSimRewritePass());
  return rewrite.run(module);
}

/// The module's kernels in LLVM IR.
static Expected<std::unique_ptr<Module>> lower(const std::string &text,
                                               const JitOptions &options,
                                               TargetMachine &machine,
                                               LLVMContext &llvmContext) {
  mlir::DialectRegistry registry;
  registry.insert<KVCDialect, mlir::arith::ArithDialect,
                  mlir::math::MathDialect, mlir::tensor::TensorDialect>();
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return failure("the variant does not parse: " + text);

  if (!options.simulate.empty()) {
    // Why a variant is refused is the answer.
    std::string why;
    mlir::ScopedDiagnosticHandler handler(&context,
                                          [&](mlir::Diagnostic &diagnostic) {
                                            why += diagnostic.str() + "; ";
                                            return mlir::success();
                                          });
    mlir::PassManager convert(&context);
    ConvertKVCToGPUPassOptions conversion;
    conversion.chip = options.simulate;
    convert.addPass(createConvertKVCToGPUPass(conversion));
    if (mlir::failed(convert.run(*module)))
      return failure(Twine(kRefused) + why);
    if (mlir::failed(lowerForSimulator(*module, options)))
      return failure(why);
    std::unique_ptr<Module> kernels =
        mlir::translateModuleToLLVMIR(*module, llvmContext);
    if (!kernels)
      return failure("translation to LLVM IR failed: " + why);
    return kernels;
  }

  ConvertKVCToCPUPassOptions conversion =
      getKVCToCPUOptions(machine.getTargetFeatureString());
  if (options.vectorBits)
    conversion.vectorBits = options.vectorBits;
  if (options.baseline)
    conversion.fma = conversion.f16c = conversion.round = false;
  mlir::PassManager pm(&context);
  pm.addPass(createConvertKVCToCPUPass(conversion));
  buildLowerKernelsToLLVMPipeline(pm);
  if (mlir::failed(pm.run(*module)))
    return failure("the passes failed on: " + text);
  std::unique_ptr<Module> kernels =
      mlir::translateModuleToLLVMIR(*module, llvmContext);
  if (!kernels)
    return failure("translation to LLVM IR failed");
  return kernels;
}

static void optimize(Module &module, TargetMachine &machine,
                     OptimizationLevel level) {
  module.setDataLayout(machine.createDataLayout());
  module.setTargetTriple(machine.getTargetTriple());
  for (Function &function : module) {
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    // 512-bit registers are meant where the kernel was made for them.
    function.addFnAttr("prefer-vector-width", "512");
  }
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  PassBuilder passes(&machine);
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(sccs);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, sccs, modules);
  passes.buildPerModuleDefaultPipeline(level).run(module, modules);
}

Expected<CompiledVariant> compileVariant(const std::string &text,
                                         const JitOptions &options) {
  auto begin = std::chrono::steady_clock::now();
  auto builder = orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  // A simulated thread spends its time in the simulator: what its own code
  // gains from optimisation is less than that takes.
  const bool simulate = !options.simulate.empty();
  builder->setCodeGenOptLevel(simulate ? CodeGenOptLevel::None
                                       : CodeGenOptLevel::Default);
  auto machine = builder->createTargetMachine();
  if (!machine)
    return machine.takeError();

  auto context = std::make_unique<LLVMContext>();
  auto module = lower(text, options, **machine, *context);
  if (!module)
    return module.takeError();
  optimize(**module, **machine,
           simulate ? OptimizationLevel::O1 : OptimizationLevel::O2);
  if (options.printLLVM)
    (*module)->print(outs(), nullptr);

  auto jit = orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(*builder)
                 .setLinkProcessSymbolsByDefault(false)
                 .setPlatformSetUp(orc::setUpInactivePlatform)
                 .create();
  if (!jit)
    return jit.takeError();
  if (Error error = (*jit)->addIRModule(
          orc::ThreadSafeModule(std::move(*module), std::move(context))))
    return std::move(error);

  CompiledVariant result;
  auto find = [&](const char *name, auto &target) -> Error {
    auto address = (*jit)->lookup(name);
    if (!address)
      return address.takeError();
    target = address->toPtr<std::remove_reference_t<decltype(target)>>();
    return Error::success();
  };
  if (Error error = find("v_append", result.append))
    return std::move(error);
  if (Error error = find("v_attend", result.attend))
    return std::move(error);
  if (Error error = find("v_merge", result.merge))
    return std::move(error);
  if (Error error = find("v_workspace", result.workspace))
    return std::move(error);
  if (simulate) {
    auto has = [&](const char *name) {
      auto address = (*jit)->lookup(name);
      if (address)
        return true;
      consumeError(address.takeError());
      return false;
    };
    result.gpu = GpuKernels{has("v_attend_decode_sim"),
                            has("v_attend_prefill_sim"), has("v_merge_sim"),
                            findGpuChip(options.simulate)->sharedPerBlock};
  }
  result.jit = std::move(*jit);
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  return result;
}

} // namespace kvc::conformance
