//===- KeepVariants.cpp - a planned graph's kernels alone -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"

namespace kvc {
#define GEN_PASS_DEF_KEEPVARIANTSPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

#define DEBUG_TYPE "kvc-keep-variants"

using namespace mlir;
using namespace kvc;

namespace {
struct KeepVariants : public kvc::impl::KeepVariantsPassBase<KeepVariants> {
  using KeepVariantsPassBase::KeepVariantsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module.getOps<VariantOp>().empty()) {
      module.emitError("expected kvc.variant ops, got none; run kvc-plan");
      return signalPassFailure();
    }
    // Bottom up: what uses something stands behind it, and symbols are uses of
    // nobody.
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(*module.getBody()))) {
      if (isa<VariantOp>(op))
        continue;
      remark::passed(op.getLoc(),
                     remark::RemarkOpts::name("left-out").category(DEBUG_TYPE))
          << ("`" + op.getName().getStringRef() +
              "` is not part of an attention library")
                 .str();
      op.erase();
    }
    // The plan speaks of layers that are gone.
    module->removeAttr("kvc.plan");
  }
};
} // namespace
