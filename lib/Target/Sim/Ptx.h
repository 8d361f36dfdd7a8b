//===- Ptx.h - one inline PTX instruction -----------------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Ptx.cpp (parsing, arithmetic, matrices) and PtxMemory.cpp (memory and
// order) share.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_TARGET_SIM_PTX_H
#define KVC_LIB_TARGET_SIM_PTX_H

#include "Rewriter.h"

namespace kvc::sim {

struct PtxOperand {
  llvm::SmallVector<unsigned> registers; // of $n; one unless braces
  bool isAddress = false;
  bool isImmediate = false;
  int64_t immediate = 0; // a number, or the offset of an address
};

class PtxInstruction {
public:
  PtxInstruction(Rewriter &rewriter, mlir::Operation *op, llvm::StringRef text,
                 mlir::TypeRange resultTypes, mlir::ValueRange inputs,
                 llvm::SmallVectorImpl<mlir::Value> &results)
      : r(rewriter), op(op), loc(op->getLoc()), text(text),
        resultTypes(resultTypes), inputs(inputs), results(results) {}

  mlir::LogicalResult run() {
    if (!parse() || !emit() || results.size() != resultTypes.size())
      return op->emitError()
             << "expected inline PTX that the simulator knows, got `" << text
             << "`; see docs/simulator.md";
    return mlir::success();
  }

private:
  bool parse();
  bool parseOperand(llvm::StringRef token);
  bool emit();

  // Helpers; `operand` counts operands of the instruction.
  bool isInput(unsigned operand) {
    return operand < operands.size() && !operands[operand].isImmediate &&
           operands[operand].registers.size() == 1 &&
           operands[operand].registers[0] >= resultTypes.size();
  }
  mlir::Value value(unsigned operand) {
    const PtxOperand &o = operands[operand];
    if (o.isImmediate)
      return r.i32(loc, uint32_t(o.immediate));
    return inputs[o.registers[0] - resultTypes.size()];
  }
  mlir::Value word(unsigned operand) {
    return r.toInteger(loc, value(operand), 32);
  }
  /// Words of all registers of an operand in braces (or one).
  bool words(unsigned operand, llvm::SmallVectorImpl<mlir::Value> &out) {
    for (unsigned index : operands[operand].registers) {
      if (index < resultTypes.size())
        return false;
      mlir::Value v = inputs[index - resultTypes.size()];
      if (r.bitsOf(v.getType()) > 32)
        return false;
      out.push_back(r.toInteger(loc, v, 32));
    }
    return true;
  }
  /// The operand is results 0, 1, ... in order.
  bool isResults(unsigned operand) {
    const auto &registers = operands[operand].registers;
    if (registers.size() != resultTypes.size())
      return false;
    for (unsigned i = 0; i < registers.size(); ++i)
      if (registers[i] != i)
        return false;
    return true;
  }
  mlir::Value addressOf(unsigned operand) {
    mlir::Value v = value(operand);
    mlir::Value number = r.toInteger(loc, v, 64);
    if (operands[operand].immediate)
      number = mlir::LLVM::AddOp::create(
          r.builder, loc, number,
          r.i64(loc, uint64_t(operands[operand].immediate)));
    return number;
  }
  void give(mlir::Value word) {
    results.push_back(r.fromInteger(loc, word, resultTypes[results.size()]));
  }
  bool has(llvm::StringRef modifier) {
    return llvm::is_contained(parts, modifier);
  }

  bool emitConvert();
  bool emitApproximate();
  bool emitHalf2();
  bool emitMultiply();
  bool emitMatrix(bool isLoad);
  bool emitCopy();
  bool emitLoadOrStore(bool isStore);
  bool emitFence();
  bool emitAtomic();
  bool emitBarrier();
  bool emitLogic();

  Rewriter &r;
  mlir::Operation *op;
  mlir::Location loc;
  llvm::StringRef text;
  mlir::TypeRange resultTypes;
  mlir::ValueRange inputs;
  llvm::SmallVectorImpl<mlir::Value> &results;
  llvm::SmallVector<llvm::StringRef>
      parts; // of the mnemonic; parts[0] is the word
  llvm::SmallVector<PtxOperand> operands;
};

} // namespace kvc::sim

#endif // KVC_LIB_TARGET_SIM_PTX_H
