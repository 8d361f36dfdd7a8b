//===- StructuredOps.cpp - linalg on tensors ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A structured op is its region on every point of its loops, the last loop
// fastest. Scalars in the region are doubles; an element is rounded to the
// tensor's type when the op is done. Invariant: an element that no point
// writes keeps what the op's init held.
//===----------------------------------------------------------------------===//
#include "kvc/Interpreter/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace kvc::interpreter {
namespace {

/// A region of arith, math, linalg.index and tensor.extract as a list of steps
/// over numbered slots: what a body runs a thousand times is looked up once.
class Body {
public:
  /// False when the region holds something else; `values` are those around it.
  bool compile(Block &block, const llvm::DenseMap<mlir::Value, Datum> &values);
  /// Runs the steps; `inputs` are the block's arguments.
  LogicalResult run(llvm::ArrayRef<double> inputs,
                    llvm::ArrayRef<int64_t> loops);
  double result(unsigned i) const { return slots[results[i]]; }

private:
  struct Step {
    Operation *op = nullptr;
    ScalarFunction function = nullptr;
    llvm::SmallVector<unsigned, 3> operands;
    const Tensor *tensor = nullptr; // of an extract
    int64_t loop = -1;              // of an index
    unsigned result = 0;
    bool isReal = false; // nothing is left to do to what `function` answers
    bool isAssert = false;
  };
  bool slotOf(mlir::Value value,
              const llvm::DenseMap<mlir::Value, Datum> &values, unsigned &slot);

  llvm::DenseMap<mlir::Value, unsigned> known;
  std::vector<Step> steps;
  std::vector<double> slots;
  llvm::SmallVector<unsigned> results;
};

bool Body::slotOf(mlir::Value value,
                  const llvm::DenseMap<mlir::Value, Datum> &values,
                  unsigned &slot) {
  auto [at, isNew] = known.try_emplace(value, slots.size());
  slot = at->second;
  if (!isNew)
    return true;
  auto outer = values.find(value);
  if (outer == values.end() || !std::holds_alternative<double>(outer->second))
    return false;
  slots.push_back(std::get<double>(outer->second));
  return true;
}

bool Body::compile(Block &block,
                   const llvm::DenseMap<mlir::Value, Datum> &values) {
  auto define = [&](mlir::Value value, double number) {
    known[value] = slots.size();
    slots.push_back(number);
  };
  for (mlir::Value argument : block.getArguments())
    define(argument, 0);
  for (Operation &op : block.without_terminator()) {
    if (isa<cf::AssertOp>(op)) {
      Step step;
      step.op = &op;
      step.isAssert = true;
      if (!slotOf(op.getOperand(0), values, step.operands.emplace_back()))
        return false;
      steps.push_back(std::move(step));
      continue;
    }
    if (op.getNumResults() != 1 || op.getNumRegions() != 0)
      return false;
    Attribute constant;
    if (matchPattern(&op, m_Constant(&constant))) {
      double number;
      if (auto real = dyn_cast<FloatAttr>(constant))
        number = real.getValueAsDouble();
      else if (auto integer = dyn_cast<IntegerAttr>(constant))
        number = op.getResult(0).getType().isInteger(1)
                     ? double(integer.getValue().getBoolValue())
                     : double(integer.getInt());
      else
        return false;
      define(op.getResult(0), number);
      continue;
    }
    Step step;
    step.op = &op;
    auto operands = op.getOperands();
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      step.loop = index.getDim();
    } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      auto source = values.find(extract.getTensor());
      if (source == values.end())
        return false;
      step.tensor = std::get_if<Tensor>(&source->second);
      operands = extract.getIndices();
    } else if (isa_and_nonnull<arith::ArithDialect>(op.getDialect()) ||
               op.getName().getDialectNamespace() == "math") {
      step.function = findScalarFunction(&op);
      step.isReal = step.function && isa<FloatType>(op.getResult(0).getType());
    } else {
      return false;
    }
    for (mlir::Value operand : operands)
      if (!slotOf(operand, values, step.operands.emplace_back()))
        return false;
    step.result = slots.size();
    define(op.getResult(0), 0);
    steps.push_back(std::move(step));
  }
  for (mlir::Value operand : block.getTerminator()->getOperands())
    if (!slotOf(operand, values, results.emplace_back()))
      return false;
  return true;
}

LogicalResult Body::run(llvm::ArrayRef<double> inputs,
                        llvm::ArrayRef<int64_t> loops) {
  llvm::copy(inputs, slots.begin());
  llvm::SmallVector<double, 3> operands;
  for (const Step &step : steps) {
    double number;
    operands.clear();
    for (unsigned slot : step.operands)
      operands.push_back(slots[slot]);
    if (step.isAssert) {
      if (operands[0] == 0)
        return step.op->emitError("expected the assertion to hold");
      continue;
    }
    if (step.loop >= 0) {
      number = double(loops[step.loop]);
    } else if (step.tensor) {
      llvm::SmallVector<int64_t> indices(operands.begin(), operands.end());
      int64_t offset = step.tensor->offset(indices);
      if (offset < 0)
        return step.op->emitError("expected indices within the tensor");
      number = step.tensor->numbers[offset];
    } else {
      FailureOr<double> value =
          step.isReal ? FailureOr<double>(step.function(operands))
                      : applyScalarOp(step.op, step.function, operands);
      if (failed(value))
        return failure();
      number = *value;
    }
    slots[step.result] = number;
  }
  return success();
}

/// Calls `body` for every point, the last loop fastest.
LogicalResult
forEachPoint(llvm::ArrayRef<int64_t> extents,
             llvm::function_ref<LogicalResult(llvm::ArrayRef<int64_t>)> body) {
  if (llvm::is_contained(extents, 0))
    return success();
  llvm::SmallVector<int64_t> point(extents.size(), 0);
  while (true) {
    if (failed(body(point)))
      return failure();
    int64_t loop = int64_t(extents.size()) - 1;
    while (loop >= 0 && ++point[loop] == extents[loop])
      point[loop--] = 0;
    if (loop < 0)
      return success();
  }
}

int64_t evaluateExpr(AffineExpr expr, llvm::ArrayRef<int64_t> point) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return point[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t a = evaluateExpr(binary.getLHS(), point),
          b = evaluateExpr(binary.getRHS(), point);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::Mod:
    return b == 0 ? -1 : ((a % b) + b) % b;
  case AffineExprKind::FloorDiv:
    return b == 0 ? -1 : int64_t(std::floor(double(a) / double(b)));
  default:
    return b == 0 ? -1 : int64_t(std::ceil(double(a) / double(b)));
  }
}

/// An indexing map on a row-major tensor. Where every index is one loop, which
/// then has that extent, the offset is a sum of strides and always inside.
class Access {
public:
  Access(AffineMap map, const Tensor *tensor)
      : map(map), tensor(tensor), strides(map.getNumDims(), 0) {
    int64_t stride = 1;
    for (auto [expr, extent] :
         llvm::reverse(llvm::zip_equal(map.getResults(), tensor->shape))) {
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        strides[dim.getPosition()] += stride;
      else
        isLinear = false;
      stride *= extent;
    }
  }
  AffineMap getMap() const { return map; }
  const Tensor &getTensor() const { return *tensor; }

  /// Where the element of this point stands; -1 when out of bounds.
  int64_t operator()(llvm::ArrayRef<int64_t> point) const {
    int64_t offset = 0;
    if (isLinear) {
      for (auto [stride, index] : llvm::zip_equal(strides, point))
        offset += stride * index;
      return offset;
    }
    for (auto [expr, extent] :
         llvm::zip_equal(map.getResults(), tensor->shape)) {
      int64_t index = evaluateExpr(expr, point);
      if (index < 0 || index >= extent)
        return -1;
      offset = offset * extent + index;
    }
    return offset;
  }

private:
  AffineMap map;
  const Tensor *tensor;
  llvm::SmallVector<int64_t> strides;
  bool isLinear = true;
};

LogicalResult evaluateSoftmax(linalg::SoftmaxOp op, const Tensor &input,
                              Tensor &result) {
  const int64_t axis = op.getDimension();
  int64_t inner = 1;
  for (int64_t extent : llvm::ArrayRef(input.shape).drop_front(axis + 1))
    inner *= extent;
  const int64_t length = input.shape[axis], size = input.numbers.size();
  result = Tensor(result.elementType, input.shape);
  for (int64_t row = 0; length && row < size / length; ++row) {
    const int64_t first = row / inner * inner * length + row % inner;
    auto at = [&](int64_t i) { return first + i * inner; };
    double max = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < length; ++i)
      max = std::isnan(max) || std::isnan(input.numbers[at(i)])
                ? std::numeric_limits<double>::quiet_NaN()
                : std::max(max, input.numbers[at(i)]);
    for (int64_t i = 0; i < length; ++i)
      sum += std::exp(input.numbers[at(i)] - max);
    for (int64_t i = 0; i < length; ++i)
      result.numbers[at(i)] = std::exp(input.numbers[at(i)] - max) / sum;
  }
  result.round();
  return success();
}

/// The extents of the loops, from the tensors that the maps index.
LogicalResult loopExtents(linalg::LinalgOp op, llvm::ArrayRef<Access> accesses,
                          llvm::SmallVectorImpl<int64_t> &extents) {
  extents.assign(op.getNumLoops(), -1);
  for (const Access &access : accesses)
    for (auto [expr, extent] : llvm::zip_equal(access.getMap().getResults(),
                                               access.getTensor().shape))
      if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
        int64_t &loop = extents[dim.getPosition()];
        if (loop != -1 && loop != extent)
          return op.emitError("expected one extent of loop ")
                 << dim.getPosition() << ", got " << loop << " and " << extent;
        loop = extent;
      }
  if (llvm::is_contained(extents, -1))
    return op.emitError("expected every loop to index a tensor by itself");
  return success();
}

} // namespace

LogicalResult Interpreter::evaluateStructured(Operation *op, Values &values) {
  auto destination = dyn_cast<DestinationStyleOpInterface>(op);
  auto isNumbers = [&](mlir::Value value) {
    return std::holds_alternative<Tensor>(values.at(value)) ||
           std::holds_alternative<double>(values.at(value));
  };
  if (!destination || !destination.hasPureTensorSemantics() ||
      !llvm::all_of(op->getOperands(), isNumbers))
    return op->emitError("expected an op on tensors that the interpreter "
                         "knows, got `")
           << op->getName() << "`";
  std::vector<Tensor> outputs;
  for (mlir::Value init : destination.getDpsInits())
    outputs.push_back(std::get<Tensor>(values.at(init)));
  auto finish = [&] {
    for (auto [result, output] : llvm::zip_equal(op->getResults(), outputs)) {
      output.round();
      values[result] = std::move(output);
    }
    return success();
  };
  if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op)) {
    if (failed(evaluateSoftmax(softmax,
                               std::get<Tensor>(values.at(softmax.getInput())),
                               outputs[0])))
      return failure();
    return finish();
  }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured)
    return op->emitError("expected an op that the interpreter knows, got `")
           << op->getName() << "`";

  Block &block = *structured.getBlock();
  Body body;
  const bool isFlat = body.compile(block, values);
  // Inputs that are not in `values`: scalars, which have no index; and all of
  // them where evaluating the body adds values, which moves the others.
  std::vector<Tensor> copies;
  copies.reserve(op->getNumOperands());
  llvm::SmallVector<Access> accesses;
  const int64_t numInputs = structured.getNumDpsInputs();
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = structured.getMatchingIndexingMap(&operand);
    const Tensor *tensor = std::get_if<Tensor>(&values.at(operand.get()));
    if (structured.isDpsInit(&operand)) {
      tensor = &outputs[operand.getOperandNumber() - numInputs];
    } else if (!tensor) {
      copies.emplace_back(operand.get().getType(), llvm::ArrayRef<int64_t>());
      copies.back().numbers[0] = std::get<double>(values.at(operand.get()));
      tensor = &copies.back();
    } else if (!isFlat) {
      tensor = &copies.emplace_back(*tensor);
    }
    accesses.emplace_back(map, tensor);
  }
  llvm::SmallVector<int64_t> extents;
  if (failed(loopExtents(structured, accesses, extents)))
    return failure();

  llvm::SmallVector<double> inputs(accesses.size());
  llvm::SmallVector<int64_t> offsets(accesses.size());
  auto runPoint = [&](llvm::ArrayRef<int64_t> point) -> LogicalResult {
    for (auto [i, access] : llvm::enumerate(accesses)) {
      offsets[i] = access(point);
      if (offsets[i] < 0)
        return op->emitError("expected indices within the tensors");
      inputs[i] = access.getTensor().numbers[offsets[i]];
    }
    auto written = llvm::ArrayRef(offsets).drop_front(numInputs);
    if (isFlat) {
      if (failed(body.run(inputs, point)))
        return failure();
      for (auto [i, output] : llvm::enumerate(outputs))
        output.numbers[written[i]] = body.result(i);
      return success();
    }
    for (auto [argument, number] :
         llvm::zip_equal(block.getArguments(), inputs))
      values[argument] = number;
    block.walk([&](linalg::IndexOp index) {
      values[index.getResult()] = double(point[index.getDim()]);
    });
    auto results = evaluate(block, values);
    if (failed(results))
      return failure();
    for (auto [i, output] : llvm::enumerate(outputs))
      output.numbers[written[i]] = std::get<double>((*results)[i]);
    return success();
  };
  if (failed(forEachPoint(extents, runPoint)))
    return failure();
  return finish();
}

LogicalResult Interpreter::evaluateTensorRegion(Operation *op, Values &values) {
  Block &block = op->getRegion(0).front();
  auto elementAt = [&](llvm::ArrayRef<int64_t> point) -> FailureOr<double> {
    for (auto [argument, index] : llvm::zip_equal(block.getArguments(), point))
      values[argument] = double(index);
    auto results = evaluate(block, values);
    if (failed(results))
      return failure();
    return std::get<double>(results->front());
  };
  auto number = [&](OpFoldResult size) {
    if (auto value = dyn_cast<mlir::Value>(size))
      return int64_t(std::get<double>(values.at(value)));
    return cast<IntegerAttr>(cast<Attribute>(size)).getInt();
  };
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  llvm::SmallVector<int64_t> shape(type.getShape()), low(type.getRank(), 0);
  const Tensor *source = nullptr;
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    source = &std::get<Tensor>(values.at(pad.getSource()));
    for (auto [d, sizes] : llvm::enumerate(
             llvm::zip_equal(pad.getMixedLowPad(), pad.getMixedHighPad()))) {
      low[d] = number(std::get<0>(sizes));
      shape[d] = low[d] + source->shape[d] + number(std::get<1>(sizes));
    }
  } else {
    auto next = op->getOperands().begin();
    for (int64_t &extent : shape)
      if (ShapedType::isDynamic(extent))
        extent = number(OpFoldResult(*next++));
  }
  if (failed(checkShape(op, shape)))
    return failure();
  Tensor result(type.getElementType(), shape);
  int64_t at = 0;
  llvm::SmallVector<int64_t> inner(shape.size());
  auto write = [&](llvm::ArrayRef<int64_t> point) -> LogicalResult {
    for (auto [d, index] : llvm::enumerate(point))
      inner[d] = index - low[d];
    int64_t offset = source ? source->offset(inner) : -1;
    FailureOr<double> element = offset >= 0
                                    ? FailureOr<double>(source->numbers[offset])
                                    : elementAt(point);
    if (failed(element))
      return failure();
    result.numbers[at++] = *element;
    return success();
  };
  if (failed(forEachPoint(shape, write)))
    return failure();
  result.round();
  values[op->getResult(0)] = std::move(result);
  return success();
}

} // namespace kvc::interpreter
