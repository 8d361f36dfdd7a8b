//===- LowerGpuKernels.cpp - from kernels to llvm and nvvm ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream patterns only, all of them in one walk over the ops. A kernel is
// some ten thousand of them, and each pass over them costs as much as all that
// LLVM does with an eighth of them.
//
// Invariant: none introduces a call, and f16 and bf16 conversions stay
// instructions (NVPTX has them; the simulator rewrites those of bf16). For
// that, a division of scores (soft-cap, score regions) is the machine's
// approximation, as exponentials are. Only a quotient that a score region cuts
// (an integer, a comparison) is rounded as IEEE says, and may call; a row's
// quotients are no division (RowDivisor.h).
//
//===----------------------------------------------------------------------===//

#include "../Kernel/ScoreRegion.h"
#include "kvc/Conversion/KVCToGPU/KVCToGPU.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/Passes.h"

namespace kvc {
#define GEN_PASS_DEF_CONVERTGPUKERNELSTOLLVMPASS
#include "kvc/Conversion/KVCToGPU/Passes.h.inc"
} // namespace kvc

using namespace mlir;

/// What an scf loop says of itself arrives at the branch back, under a name
/// that translation does not look for.
static void applyLoopAnnotations(Operation *root) {
  root->walk([](LLVM::BrOp back) {
    if (Attribute said = back->removeAttr("llvm.loop_annotation"))
      back.setLoopAnnotationAttr(cast<LLVM::LoopAnnotationAttr>(said));
  });
}

namespace {
struct ConvertGpuKernelsToLLVMPass
    : kvc::impl::ConvertGpuKernelsToLLVMPassBase<ConvertGpuKernelsToLLVMPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    // IEEE division of f32 calls a slow path. The approximation is good to two
    // units of the last place, for divisors up to 2^126.
    getOperation()->walk([](arith::DivFOp op) {
      if (!op->removeAttr(kvc::kernel::kRoundedOnce) &&
          getElementTypeOrSelf(op.getType()).isF32())
        op.setFastmath(op.getFastmath() | arith::FastMathFlags::afn);
    });
    LLVMTypeConverter types(context);
    RewritePatternSet patterns(context);
    populateSCFToControlFlowConversionPatterns(patterns);
    cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
    // Division with rounding.
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    arith::populateArithToLLVMConversionPatterns(types, patterns);
    populateMathToLLVMConversionPatterns(types, patterns);
    populateVectorToLLVMConversionPatterns(types, patterns);
    // What is legal is not looked at: of the kernels' ops, the llvm and nvvm
    // dialects' are.
    LLVMConversionTarget target(*context);
    target.addIllegalDialect<arith::ArithDialect, cf::ControlFlowDialect,
                             math::MathDialect, scf::SCFDialect,
                             vector::VectorDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      return signalPassFailure();
    applyLoopAnnotations(getOperation());
  }
};
} // namespace

void kvc::buildLowerGpuKernelsPipeline(OpPassManager &module) {
  OpPassManager &pm = module.nest<mlir::gpu::GPUModuleOp>();
  // Constants and addresses were emitted where they were used: half of all ops.
  // What else there is to simplify, LLVM does in less time.
  pm.addPass(createCSEPass());
  pm.addPass(createConvertGpuKernelsToLLVMPass());
}

void kvc::registerKVCToGPU() {
  registerConvertKVCToGPUPass();
  registerConvertGpuKernelsToLLVMPass();
  PassPipelineRegistration<>(
      "kvc-lower-gpu-kernels",
      "Lower GPU kernels to the llvm and nvvm dialects by upstream passes",
      buildLowerGpuKernelsPipeline);
}
