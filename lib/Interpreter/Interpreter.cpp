//===- Interpreter.cpp - functions, blocks and entry arguments ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: every op of a block is evaluated once, in order, or an error
// stands at it.
//===----------------------------------------------------------------------===//
#include "kvc/Interpreter/Interpreter.h"

#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace kvc::interpreter {

using Results = FailureOr<llvm::SmallVector<Datum>>;

Results Interpreter::call(func::FuncOp function,
                          llvm::ArrayRef<Datum> arguments) {
  if (function.isExternal())
    return function.emitError("expected a function with a body");
  Values values;
  for (auto [argument, datum] :
       llvm::zip_equal(function.getArguments(), arguments))
    values[argument] = datum;
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("expected one block, got ")
           << function.getBody().getBlocks().size();
  return evaluate(function.getBody().front(), values);
}

Results Interpreter::evaluate(Block &block, Values &values) {
  for (Operation &op : block.without_terminator())
    if (failed(evaluate(&op, values)))
      return failure();
  llvm::SmallVector<Datum> results;
  for (mlir::Value operand : block.getTerminator()->getOperands())
    results.push_back(values.at(operand));
  return results;
}

static FailureOr<Datum> evaluateConstant(arith::ConstantOp op) {
  if (auto number = dyn_cast<FloatAttr>(op.getValue()))
    return Datum(number.getValueAsDouble());
  if (auto number = dyn_cast<IntegerAttr>(op.getValue()))
    return Datum(op.getType().isInteger(1)
                     ? double(number.getValue().getBoolValue())
                     : double(number.getInt()));
  if (auto elements = dyn_cast<ElementsAttr>(op.getValue())) {
    FailureOr<Tensor> tensor = makeTensor(op.getLoc(), elements);
    if (failed(tensor))
      return failure();
    return Datum(std::move(*tensor));
  }
  return op.emitError("expected a number or a dense constant");
}

/// affine.apply, min and max: sums and quotients of whole numbers.
static FailureOr<Datum> evaluateAffine(Operation *op,
                                       llvm::ArrayRef<Datum> operands) {
  Builder builder(op->getContext());
  llvm::SmallVector<Attribute> numbers;
  for (const Datum &operand : operands)
    numbers.push_back(builder.getIndexAttr(int64_t(std::get<double>(operand))));
  AffineMap map =
      cast<AffineMapAttr>(op->getAttrDictionary().get("map")).getValue();
  llvm::SmallVector<Attribute> folded;
  if (failed(map.constantFold(numbers, folded)))
    return op->emitError("expected no division by zero");
  auto order = [](Attribute a, Attribute b) {
    return cast<IntegerAttr>(a).getInt() < cast<IntegerAttr>(b).getInt();
  };
  Attribute chosen = isa<affine::AffineMaxOp>(op)
                         ? *llvm::max_element(folded, order)
                         : *llvm::min_element(folded, order);
  return Datum(double(cast<IntegerAttr>(chosen).getInt()));
}

LogicalResult Interpreter::evaluate(Operation *op, Values &values) {
  Dialect *dialect = op->getDialect();
  if (isa_and_nonnull<KVCDialect>(dialect))
    return evaluateKVC(op, values);
  if (isa_and_nonnull<func::FuncDialect, scf::SCFDialect>(dialect))
    return evaluateControl(op, values);

  // known before the body that it stands in is evaluated
  if (isa<linalg::IndexOp>(op) && values.contains(op->getResult(0)))
    return success();
  if (isa_and_nonnull<linalg::LinalgDialect>(dialect))
    return evaluateStructured(op, values);
  if (isa<tensor::GenerateOp, tensor::PadOp>(op))
    return evaluateTensorRegion(op, values);

  llvm::SmallVector<Datum> operands;
  for (mlir::Value operand : op->getOperands())
    operands.push_back(values.at(operand));
  if (auto check = dyn_cast<cf::AssertOp>(op)) {
    if (std::get<double>(operands[0]) != 0)
      return success();
    return op->emitError("expected the assertion to hold: ") << check.getMsg();
  }
  FailureOr<Datum> result = failure();
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    result = evaluateConstant(constant);
  else if (isa_and_nonnull<tensor::TensorDialect>(dialect))
    result = evaluateTensorOp(op, operands);
  else if (isa<affine::AffineApplyOp, affine::AffineMinOp, affine::AffineMaxOp>(
               op))
    result = evaluateAffine(op, operands);
  else
    result = evaluateScalarOp(op, operands);
  if (failed(result))
    return failure();
  values[op->getResult(0)] = std::move(*result);
  return success();
}

kvcref::ScoreEdit Interpreter::makeScoreEdit(Region &region,
                                             ValueRange captures,
                                             const Values &values,
                                             bool &hasFailed) {
  if (region.empty())
    return {};
  Block &block = region.front();
  // The region is isolated: values of its own, in which captures stand already.
  auto inner = std::make_shared<Values>();
  for (auto [argument, capture] :
       llvm::zip_equal(block.getArguments().drop_front(5), captures))
    (*inner)[argument] = values.at(capture);
  return [this, &block, inner, &hasFailed](double score, int64_t batch,
                                           int64_t head, int64_t query,
                                           int64_t key) -> double {
    // After one error there is nothing more to say.
    if (hasFailed)
      return score;
    const double numbers[] = {score, double(batch), double(head), double(query),
                              double(key)};
    for (auto [argument, number] :
         llvm::zip_equal(block.getArguments().take_front(5), numbers))
      (*inner)[argument] = number;
    Results results = evaluate(block, *inner);
    hasFailed = failed(results);
    return hasFailed ? score : std::get<double>(results->front());
  };
}

//===----------------------------------------------------------------------===//
// Entry arguments
//===----------------------------------------------------------------------===//

FailureOr<CacheRef> Interpreter::findCache(func::FuncOp function,
                                           unsigned index) {
  auto type = cast<CacheType>(function.getArgumentTypes()[index]);
  auto number = function.getArgAttrOfType<IntegerAttr>(index, "kvc.cache");
  if (!number)
    return function.emitError("argument ")
           << index << ": expected a number of the cache, e.g. {kvc.cache = 0}";
  auto [entry, isNew] = caches.try_emplace(number.getInt());
  if (isNew) {
    const kvcrt_policy policy = type.getPolicy();
    if (kvcref::checkPolicy(policy) != KVCRT_OK)
      return function.emitError("argument ")
             << index << ": expected a policy that the reference runs, got "
             << type;
    entry->second = {type, std::make_shared<kvcref::Cache>(policy)};
  }
  if (entry->second.first != type)
    return function.emitError("argument ")
           << index << ": expected cache " << number.getInt()
           << " to have one type everywhere, got " << entry->second.first
           << " and " << type;
  return entry->second.second;
}

FailureOr<Datum> Interpreter::makeStep(func::FuncOp function, unsigned index,
                                       llvm::ArrayRef<CacheRef> held) {
  auto fail = [&](const Twine &why) {
    return function.emitError("argument ") << index << ": " << why;
  };
  auto attribute =
      function.getArgAttrOfType<DictionaryAttr>(index, "kvc.test_step");
  if (!attribute)
    return fail("expected {kvc.test_step = {sequences = [..], tokens = [..]}}");

  // One list of integers per row of the batch.
  bool wellFormed = true;
  auto list = [&](llvm::StringRef name) -> llvm::SmallVector<int64_t> {
    llvm::SmallVector<int64_t> numbers;
    auto array = attribute.getAs<ArrayAttr>(name);
    if (!array)
      return numbers;
    for (Attribute element : array) {
      auto number = dyn_cast<IntegerAttr>(element);
      wellFormed &= bool(number);
      numbers.push_back(number ? number.getInt() : 0);
    }
    return numbers;
  };
  auto sequences = list("sequences"), tokens = list("tokens"),
       keep = list("keep"), offsets = list("offsets");
  if (!wellFormed || sequences.size() != tokens.size() ||
      (!keep.empty() && keep.size() != tokens.size()) ||
      (!offsets.empty() && offsets.size() != tokens.size()) ||
      llvm::any_of(tokens, [](int64_t n) { return n < 0; }))
    return fail("expected lists of integers of one length");

  auto step = std::make_shared<Step>();
  for (size_t row = 0; row < sequences.size(); ++row) {
    int64_t length = 0;
    for (const CacheRef &cache : held) {
      if (!keep.empty())
        cache->truncate(sequences[row], keep[row]);
      int64_t holds = cache->length(sequences[row]);
      if (cache != held.front() && holds != length)
        return fail("expected every cache to hold equally many tokens of "
                    "sequence " +
                    Twine(sequences[row]) + ", got " + Twine(length) + " and " +
                    Twine(holds));
      length = holds;
    }
    step->rows.push_back({sequences[row], tokens[row]});
    for (int64_t n = 0; n < tokens[row]; ++n)
      step->positions.push_back(length + n +
                                (offsets.empty() ? 0 : offsets[row]));
  }
  return Datum(std::move(step));
}

Results Interpreter::makeArguments(func::FuncOp function) {
  llvm::SmallVector<Datum> arguments(function.getNumArguments());
  llvm::SmallVector<CacheRef> held;
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (!isa<CacheType>(type))
      continue;
    FailureOr<CacheRef> cache = findCache(function, index);
    if (failed(cache))
      return failure();
    held.push_back(*cache);
    arguments[index] = *cache;
  }
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (isa<CacheType>(type))
      continue;
    if (!isa<StepType>(type))
      return function.emitError("argument ")
             << index << ": expected a step or a cache, got " << type
             << "; write tensors as constants";
    FailureOr<Datum> step = makeStep(function, index, held);
    if (failed(step))
      return failure();
    arguments[index] = std::move(*step);
  }
  return arguments;
}

} // namespace kvc::interpreter
