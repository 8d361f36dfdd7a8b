//===- EmitPTX.cpp - lowered GPU kernels to PTX ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: whatever upstream would abort on (an unknown chip, a PTX version
// that the chip does not have, too much shared memory) is an error here first,
// and what it aborts on all the same is one afterwards.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/NVPTX.h"

#include "Guarded.h"

#include "kvc/Target/Common/Optimize.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace kvc::nvptx {

static constexpr llvm::StringLiteral kTriple = "nvptx64-nvidia-cuda";

/// What of O3 kernels gain from; the rest takes three times as long for machine
/// code that is no better (docs/results/gpu-survey.md). The schedules unroll
/// what is to be unrolled, and there is nothing to inline. NVPTX's own passes
/// before it selects instructions merge what its addresses have in common.
static constexpr StringLiteral kPasses =
    "function(nvvm-intr-range,early-cse,instcombine<no-verify-fixpoint>,"
    "reassociate,loop-mssa(licm),instcombine<no-verify-fixpoint>,simplifycfg)";

FailureOr<const GpuChip *> getChip(StringRef name, EmitError emitError) {
  if (const GpuChip *chip = findGpuChip(name))
    return chip;
  return emitError() << "expected a chip among " << gpuChipNames() << ", got `"
                     << name << "`";
}

unsigned ptxVersion(const GpuChip &chip) {
  // 8.4 (CUDA 12.4) multiplies 8-bit floats; nothing here needs a newer one
  // unless the chip itself does.
  return std::max(chip.ptx, 84u);
}

LogicalResult verifyKernels(gpu::GPUModuleOp module, const GpuChip &chip) {
  for (auto kernel : module.getOps<LLVM::LLVMFuncOp>()) {
    auto bytes = kernel->getAttrOfType<IntegerAttr>("kvc.shared_bytes");
    if (bytes && bytes.getInt() > int64_t(chip.sharedPerBlock))
      return kernel.emitOpError("expected at most ")
             << chip.sharedPerBlock << " bytes of shared memory, which is what "
             << "a block has on " << chip.name.str() << ", got "
             << bytes.getInt()
             << "; a smaller head_dim or a narrower storage needs less";
  }
  return success();
}

static const llvm::Target *lookupTarget(std::string &error) {
  static const bool initialized = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialized;
  return llvm::TargetRegistry::lookupTarget(llvm::Triple(kTriple), error);
}

static std::unique_ptr<llvm::TargetMachine> createMachine(const GpuChip &chip,
                                                          EmitError emitError) {
  std::string error;
  const llvm::Target *target = lookupTarget(error);
  if (!target) {
    emitError() << "expected an LLVM with the NVPTX target, got: " << error;
    return nullptr;
  }
  // The level above adds two runs of GVN for what addresses have in common.
  // They share it as they are made (Stepped.h), and kernels are no better for
  // it.
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      llvm::Triple(kTriple), chip.name,
      "+ptx" + std::to_string(ptxVersion(chip)), llvm::TargetOptions(),
      std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Default));
}

void registerEmitPTX(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  // The target registry is not for several threads at once.
  std::string error;
  lookupTarget(error);
}

FailureOr<std::string> emitPTX(gpu::GPUModuleOp module, const GpuChip &chip) {
  if (failed(verifyKernels(module, chip)))
    return failure();
  auto emitError = [&] { return module.emitOpError(); };
  std::unique_ptr<llvm::TargetMachine> machine = createMachine(chip, emitError);
  if (!machine)
    return failure();

  // The ops that stand for inline PTX become inline assembly; the simulator
  // wants them as they are, so this happens to a copy.
  OwningOpRef<ModuleOp> holder = ModuleOp::create(module.getLoc());
  auto copy = cast<gpu::GPUModuleOp>(
      OpBuilder::atBlockEnd(holder->getBody()).clone(*module.getOperation()));
  PassManager manager(module.getContext());
  // The translation has LLVM verify what it made of it.
  manager.enableVerifier(false);
  manager.addNestedPass<gpu::GPUModuleOp>(createConvertNVVMToLLVMPass());
  if (failed(manager.run(*holder)))
    return failure();

  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> translated =
      translateModuleToLLVMIR(copy, *context, module.getName());
  if (!translated)
    return failure();
  translated->setTargetTriple(machine->getTargetTriple());
  translated->setDataLayout(machine->createDataLayout());

  llvm::SmallString<0> text;
  bool canEmit = true;
  std::optional<std::string> gaveUp = runGuarded([&] {
    target::optimize(*translated, *machine, kPasses);
    llvm::raw_svector_ostream stream(text);
    llvm::legacy::PassManager passes;
    canEmit = !machine->addPassesToEmitFile(
        passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile);
    if (canEmit)
      passes.run(*translated);
  });
  if (gaveUp) {
    // Nobody knows what state these are in.
    (void)translated.release();
    (void)machine.release();
    (void)context.release();
    return emitError() << "expected kernels that LLVM has instructions for on "
                       << chip.name.str() << ", got: "
                       << StringRef(*gaveUp).take_until(
                              [](char c) { return c == '\n'; })
                       << "; report this spec, or compile for another chip";
  }
  if (!canEmit)
    return emitError() << "expected a target that can emit PTX, got "
                       << kTriple;
  return text.str().str();
}

} // namespace kvc::nvptx
