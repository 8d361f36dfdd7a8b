//===- TestEmitPolicy.cpp - shows what policy attributes emit -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces test.* ops by what the interfaces of KVCInterfaces.td emit or state:
//   test.encode(pieces...) {storage}             -> payloads..., scale?
//   test.decode(payload, scale?) {storage}       -> values
//   test.visible(query, key, window, sinks) {retention}    -> emitted
//   test.visible_fact() {retention, query = N}   -> isVisible(N, 0 .. size - 1)
//   test.first_visible(query, window) {retention}
//
//===----------------------------------------------------------------------===//

#include "TestPasses.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace kvc;

namespace {

struct TestEmitPolicyPass
    : public PassWrapper<TestEmitPolicyPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestEmitPolicyPass)

  StringRef getArgument() const final { return "test-kvc-emit-policy"; }
  StringRef getDescription() const final {
    return "replace test.* ops by what policy attributes emit";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<KVCDialect, arith::ArithDialect, math::MathDialect,
                    vector::VectorDialect>();
  }

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (op->getName().getStringRef().starts_with("test."))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      OpBuilder builder(op);
      SmallVector<Value> values;
      if (auto storage = op->getAttrOfType<StorageAttrInterface>("storage"))
        emitStorage(builder, op, storage, values);
      if (auto rule = op->getAttrOfType<RetentionAttrInterface>("retention"))
        emitRetention(builder, op, rule, values);
      if (values.size() != op->getNumResults()) {
        op->emitError() << "expected a test op of this pass with "
                        << values.size() << " results, got "
                        << op->getNumResults();
        return signalPassFailure();
      }
      op->replaceAllUsesWith(values);
      op->erase();
    }
  }

  void emitStorage(OpBuilder &builder, Operation *op,
                   StorageAttrInterface storage, SmallVector<Value> &values) {
    Location loc = op->getLoc();
    if (std::string why = storage.getUnsupportedReason(); !why.empty()) {
      op->emitError() << why;
      return;
    }
    if (op->getName().getStringRef() == "test.decode") {
      Value scale = op->getNumOperands() == 2 ? op->getOperand(1) : Value();
      values.push_back(
          storage.emitDecode(builder, loc, op->getOperand(0), scale, Value()));
      return;
    }
    RowScale scale = storage.emitScale(builder, loc, op->getOperands());
    for (Value piece : op->getOperands())
      values.push_back(storage.emitEncode(builder, loc, piece, scale.scale,
                                          scale.zeroPoint,
                                          /*quotient=*/nullptr));
    if (scale.scale)
      values.push_back(scale.scale);
  }

  void emitRetention(OpBuilder &builder, Operation *op,
                     RetentionAttrInterface rule, SmallVector<Value> &values) {
    Location loc = op->getLoc();
    StringRef name = op->getName().getStringRef();
    if (name == "test.visible") {
      values.push_back(rule.emitVisible(builder, loc, op->getOperand(0),
                                        op->getOperand(1), op->getOperand(2),
                                        op->getOperand(3)));
    } else if (name == "test.first_visible") {
      values.push_back(rule.emitFirstVisible(builder, loc, op->getOperand(0),
                                             op->getOperand(1)));
    } else {
      auto type = cast<VectorType>(op->getResultTypes().front());
      int64_t query = op->getAttrOfType<IntegerAttr>("query").getInt();
      SmallVector<bool> visible;
      for (int64_t key = 0; key < type.getNumElements(); ++key)
        visible.push_back(rule.isVisible(query, key));
      values.push_back(arith::ConstantOp::create(
          builder, loc, DenseElementsAttr::get(type, visible)));
    }
  }
};

} // namespace

void kvc::test::registerTestPasses() {
  PassRegistration<TestEmitPolicyPass>();
  registerTestEmitPTX();
  registerTestWrongRaise();
}
