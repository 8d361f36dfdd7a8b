//===- TestEmitPTX.cpp - PTX of kernels that are written by hand ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What convert-kvc-to-gpu never makes can stand in a file: shared memory that
// no chip has, instructions that the chip lacks.
//
//===----------------------------------------------------------------------===//

#include "TestPasses.h"
#include "kvc/Target/NVPTX/NVPTX.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace {

struct TestEmitPTXPass
    : public PassWrapper<TestEmitPTXPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestEmitPTXPass)
  TestEmitPTXPass() = default;
  TestEmitPTXPass(const TestEmitPTXPass &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "test-kvc-emit-ptx"; }
  StringRef getDescription() const final {
    return "print the PTX of each gpu.module of lowered kernels";
  }
  void getDependentDialects(DialectRegistry &registry) const final {
    kvc::nvptx::registerEmitPTX(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = kvc::nvptx::getChip(chip, [&] { return module.emitError(); });
    if (failed(target))
      return signalPassFailure();
    for (auto kernels : module.getOps<gpu::GPUModuleOp>()) {
      FailureOr<std::string> ptx = kvc::nvptx::emitPTX(kernels, **target);
      if (failed(ptx))
        return signalPassFailure();
      llvm::outs() << *ptx;
      for (const std::string &accesses : kvc::nvptx::slowAccesses(*ptx))
        kernels.emitRemark() << accesses;
    }
  }

  Option<std::string> chip{*this, "chip", llvm::cl::init("sm_90a"),
                           llvm::cl::desc("the GPU")};
};

} // namespace

void kvc::test::registerTestEmitPTX() { PassRegistration<TestEmitPTXPass>(); }
