//===- ControlOps.cpp - func.call, scf.if and scf.for ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: a region of scf is evaluated in the values of its function, so
// that it sees what stands above it.
//===----------------------------------------------------------------------===//
#include "kvc/Interpreter/Interpreter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace kvc::interpreter {

LogicalResult Interpreter::evaluateControl(Operation *op, Values &values) {
  using Results = FailureOr<llvm::SmallVector<Datum>>;
  Results results =
      llvm::TypeSwitch<Operation *, Results>(op)
          .Case([&](func::CallOp caller) -> Results {
            auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
                op, caller.getCalleeAttr());
            llvm::SmallVector<Datum> arguments;
            for (mlir::Value operand : caller.getOperands())
              arguments.push_back(values.at(operand));
            return call(callee, arguments);
          })
          .Case([&](scf::IfOp conditional) -> Results {
            bool holds =
                std::get<double>(values.at(conditional.getCondition())) != 0;
            if (holds)
              return evaluate(*conditional.thenBlock(), values);
            if (Block *otherwise = conditional.elseBlock())
              return evaluate(*otherwise, values);
            return llvm::SmallVector<Datum>();
          })
          .Case([&](scf::ForOp loop) -> Results {
            auto bound = [&](mlir::Value value) {
              return std::get<double>(values.at(value));
            };
            llvm::SmallVector<Datum> carried;
            for (mlir::Value init : loop.getInitArgs())
              carried.push_back(values.at(init));
            double step = bound(loop.getStep());
            if (!(step > 0))
              return loop.emitError("expected a positive step, got ") << step;
            const double upper = bound(loop.getUpperBound());
            for (double i = bound(loop.getLowerBound()); i < upper; i += step) {
              values[loop.getInductionVar()] = i;
              for (auto [argument, datum] :
                   llvm::zip_equal(loop.getRegionIterArgs(), carried))
                values[argument] = datum;
              Results next = evaluate(*loop.getBody(), values);
              if (failed(next))
                return failure();
              carried = std::move(*next);
            }
            return carried;
          })
          .Default([](Operation *other) -> Results {
            return other->emitError(
                       "expected an op that the interpreter knows, got `")
                   << other->getName() << "`";
          });
  if (failed(results))
    return failure();
  for (auto [result, datum] : llvm::zip_equal(op->getResults(), *results))
    values[result] = std::move(datum);
  return success();
}

} // namespace kvc::interpreter
