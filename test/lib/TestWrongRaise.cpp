//===- TestWrongRaise.cpp - raise with one rule wrong ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Run after kvc-raise-attention, it makes of each attention what a matcher with
// a mistake would have made. That the check of mutants finds each of them shows
// that it can fail.
//
//===----------------------------------------------------------------------===//

#include "TestPasses.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace kvc;

namespace {

struct TestWrongRaisePass
    : public PassWrapper<TestWrongRaisePass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestWrongRaisePass)
  TestWrongRaisePass() = default;
  TestWrongRaisePass(const TestWrongRaisePass &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "test-kvc-wrong-raise"; }
  StringRef getDescription() const final {
    return "make of kvc.attention what a wrong rule of raise would";
  }

  void runOnOperation() override {
    auto changed = [&](AttentionOp op) {
      if (rule == "scale-sign") { // forgets the sign of a factor
        APFloat scale = op.getScale();
        scale.clearSign();
        op.setScaleAttr(
            FloatAttr::get(Float32Type::get(op.getContext()), scale));
      } else if (rule == "window-edge") { // counts the query's own key twice
        if (op.getWindow())
          op.setWindow(*op.getWindow() + 1);
      } else if (rule == "empty-rows") { // takes every guard for a zero
        op.setFullyMasked(FullyMasked::zero);
      } else if (rule == "any-mask-is-causal") {
        if (op.getMask()) {
          op.getMaskMutable().clear();
          op.setCausal(true);
        }
      } else if (rule == "softcap-lost") {
        op.removeSoftcapAttr();
      } else {
        return false;
      }
      return true;
    };
    WalkResult result = getOperation().walk([&](AttentionOp op) {
      return changed(op) ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (result.wasInterrupted()) {
      getOperation().emitError("expected a known rule, got `") << rule << "`";
      signalPassFailure();
    }
  }

  Option<std::string> rule{*this, "rule",
                           llvm::cl::desc("which mistake to make")};
};

} // namespace

void kvc::test::registerTestWrongRaise() {
  PassRegistration<TestWrongRaisePass>();
}
