//===- TokenAnalysis.cpp - Which dimension counts tokens ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk, the scalars and the structured ops; shapes are in
// TokenShapes.cpp. Values are labelled in program order, once.
//
//===----------------------------------------------------------------------===//

#include "kvc/Dialect/KVC/Transforms/TokenAnalysis.h"
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kvc;

bool TokenLabel::hasTokenDim() const {
  return llvm::any_of(inner, [](int64_t k) { return k > 0; });
}

std::optional<unsigned> TokenLabel::getTokenDim() const {
  std::optional<unsigned> dim;
  for (auto [i, k] : llvm::enumerate(inner)) {
    if (k == 0)
      continue;
    if (dim)
      return std::nullopt;
    dim = i;
  }
  return dim;
}

TokenAnalysis::TokenAnalysis(func::FuncOp func, ArrayRef<Input> inputs) {
  for (BlockArgument argument : func.getArguments()) {
    TokenLabel label;
    if (auto type = dyn_cast<RankedTensorType>(argument.getType()))
      label.inner.assign(type.getRank(), 0);
    set(argument, label);
  }
  for (const Input &input : inputs) {
    TokenLabel &label = labels[func.getArgument(input.argument)];
    label.kind = TokenLabel::Kind::PerToken;
    label.inner[input.dim] = 1;
    if (input.isPosition)
      label.position = 0;
  }
  for (Operation &op : func.front())
    visit(&op);
}

const TokenLabel &TokenAnalysis::getLabel(Value value) const {
  auto it = labels.find(value);
  assert(it != labels.end() && "value of a nested region has no label");
  return it->second;
}

void TokenAnalysis::set(Value value, TokenLabel label) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  // casts from and to unranked tensors
  if (label.isUniform() &&
      int64_t(label.inner.size()) != (type ? type.getRank() : 0))
    label.inner.assign(type ? type.getRank() : 0, 0);
  labels[value] = label;
}

void TokenAnalysis::setUniform(Operation *op) {
  for (Value result : op->getResults()) {
    TokenLabel label;
    if (auto type = dyn_cast<RankedTensorType>(result.getType()))
      label.inner.assign(type.getRank(), 0);
    set(result, label);
  }
}

void TokenAnalysis::refuse(Operation *op, const Twine &why) {
  TokenLabel label;
  label.kind = TokenLabel::Kind::Refused;
  label.refusal = refusals.size();
  refusals.push_back(
      {op, ("`" + op->getName().getStringRef() + "` " + why).str()});
  for (Value result : op->getResults())
    set(result, label);
}

bool TokenAnalysis::refuseByOperand(Operation *op) {
  SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  for (Value value : used) {
    const TokenLabel label = getLabel(value);
    if (!label.isRefused())
      continue;
    for (Value result : op->getResults())
      set(result, label);
    return true;
  }
  return false;
}

void TokenAnalysis::visit(Operation *op) {
  if (op->getNumResults() == 0)
    return;
  if (isa<AttentionOp>(op))
    return visitAttention(op); // a refused mask is the caller's affair
  if (refuseByOperand(op))
    return;
  TypeSwitch<Operation *>(op)
      .Case<linalg::LinalgOp>([&](auto o) { visitLinalg(o); })
      .Case<tensor::ExpandShapeOp>([&](auto o) {
        visitReshape(o, o.getSrc(), o.getResult(), o.getReassociationIndices());
      })
      .Case<tensor::CollapseShapeOp>([&](auto o) {
        visitReshape(o, o.getResult(), o.getSrc(), o.getReassociationIndices());
      })
      .Case<tensor::ExtractSliceOp>([&](auto) { visitSlice(op); })
      .Case<tensor::InsertSliceOp>([&](auto) { visitInsert(op); })
      .Case<tensor::EmptyOp>([&](auto) { visitEmpty(op); })
      .Case<tensor::DimOp>([&](auto) { visitDim(op); })
      .Case<tensor::ConcatOp>([&](auto) { visitConcat(op); })
      .Case<tensor::PadOp>([&](auto) { visitPad(op); })
      .Case<linalg::SoftmaxOp>([&](auto) { visitSoftmax(op); })
      .Case<tensor::CastOp>([&](tensor::CastOp o) {
        TokenLabel label = getLabel(o.getSource());
        auto type = dyn_cast<RankedTensorType>(o.getType());
        for (auto [i, k] : llvm::enumerate(label.inner))
          if (k > 0 && (!type || !type.isDynamicDim(i)))
            return refuse(op, "fixes the number of tokens");
        set(o.getResult(), label);
      })
      .Case<RopeOp>([&](auto) { visitRope(op); })
      .Default([&](Operation *) {
        if (OpTrait::hasElementwiseMappableTraits(op))
          return visitElementwise(op);
        visitUnknown(op);
      });
}

//===----------------------------------------------------------------------===//
// Structured ops
//===----------------------------------------------------------------------===//

bool TokenAnalysis::labelLoops(linalg::LinalgOp op,
                               SmallVectorImpl<int64_t> &loops,
                               std::string &why) const {
  loops.assign(op.getNumLoops(), 0);
  auto forEachDim = [&](llvm::function_ref<bool(AffineExpr, int64_t)> f) {
    for (OpOperand &operand : op->getOpOperands()) {
      const TokenLabel &label = getLabel(operand.get());
      AffineMap map = op.getMatchingIndexingMap(&operand);
      if (label.inner.size() != map.getNumResults())
        continue; // a scalar operand
      for (auto [expr, k] : llvm::zip_equal(map.getResults(), label.inner))
        if (!f(expr, k))
          return false;
    }
    return true;
  };
  bool known = forEachDim([&](AffineExpr expr, int64_t k) {
    if (k == 0)
      return true;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim) {
      why = isa<AffineConstantExpr>(expr) ? "reads one token for all"
                                          : "reads tokens at computed places";
      return false;
    }
    loops[dim.getPosition()] = k;
    return true;
  });
  if (!known)
    return false;
  return forEachDim([&](AffineExpr expr, int64_t k) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (dim) {
      if (loops[dim.getPosition()] == k)
        return true;
      why = "walks tokens and a dimension of another size together";
      return false;
    }
    for (auto [loop, inner] : llvm::enumerate(loops))
      if (inner > 0 && expr.isFunctionOfDim(loop)) {
        why = "indexes an operand by an expression of the token's number";
        return false;
      }
    return true;
  });
}

std::optional<TokenAnalysis::TokenLoop>
TokenAnalysis::getTokenLoop(linalg::LinalgOp op) const {
  SmallVector<int64_t> loops;
  std::string why;
  if (!labelLoops(op, loops, why))
    return std::nullopt;
  std::optional<TokenLoop> found;
  for (auto [loop, inner] : llvm::enumerate(loops)) {
    if (inner == 0)
      continue;
    if (found)
      return std::nullopt;
    found = TokenLoop{unsigned(loop), inner};
  }
  return found;
}

std::optional<int64_t>
TokenAnalysis::getPositionOffset(Value value, linalg::LinalgOp op,
                                 unsigned tokenLoop) const {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != op.getBlock())
      return std::nullopt;
    return getLabel(op.getMatchingOpOperand(argument)->get()).position;
  }
  Operation *def = value.getDefiningOp();
  if (auto index = dyn_cast<linalg::IndexOp>(def))
    return index.getDim() == tokenLoop ? std::optional<int64_t>(0)
                                       : std::nullopt;
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
          arith::ExtUIOp, arith::TruncIOp>(def))
    return getPositionOffset(def->getOperand(0), op, tokenLoop);
  APInt constant;
  if (isa<arith::AddIOp>(def))
    for (int side : {0, 1})
      if (matchPattern(def->getOperand(1 - side), m_ConstantInt(&constant)))
        if (auto offset =
                getPositionOffset(def->getOperand(side), op, tokenLoop))
          if (int64_t sum;
              constant.trySExtValue() &&
              !llvm::AddOverflow(*offset, *constant.trySExtValue(), sum))
            return sum;
  return std::nullopt;
}

void TokenAnalysis::noteTable(Operation *op, int64_t rows) {
  auto [it, isNew] = tableRows.try_emplace(op, rows);
  if (!isNew)
    it->second = std::min(it->second, rows);
}

int64_t TokenAnalysis::getPositionLimit(
    llvm::function_ref<bool(Operation *)> contains) const {
  int64_t limit = 0;
  for (auto [op, rows] : tableRows)
    if (contains(op))
      limit = std::max<int64_t>(limit ? std::min(limit, rows) : rows, 1);
  return limit;
}

void TokenAnalysis::noteTables(linalg::LinalgOp op, unsigned tokenLoop) {
  op.getBlock()->walk([&](tensor::ExtractOp extract) {
    auto shape = extract.getTensor().getType().getShape();
    for (auto [size, index] : llvm::zip_equal(shape, extract.getIndices()))
      if (auto offset = getPositionOffset(index, op, tokenLoop);
          offset && *offset >= 0 && !ShapedType::isDynamic(size))
        noteTable(op, size - *offset);
  });
}

void TokenAnalysis::visitLinalg(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics())
    return refuse(op, "works on buffers");
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  bool perToken = false;
  for (Value value : captured) {
    const TokenLabel &label = getLabel(value);
    if (label.isExtent())
      return refuse(op, "computes with the number of tokens");
    if (!label.isUniform() || label.hasTokenDim())
      return refuse(op, "reads tokens at computed places");
  }
  for (Value value : op->getOperands()) {
    const TokenLabel &label = getLabel(value);
    if (label.isExtent())
      return refuse(op, "computes with the number of tokens");
    perToken |= label.isPerToken();
  }

  SmallVector<int64_t> loops;
  std::string why;
  if (!labelLoops(op, loops, why))
    return refuse(op, why);
  auto iterators = op.getIteratorTypesArray();
  unsigned numTokenLoops = 0, tokenLoop = 0;
  for (auto [loop, inner] : llvm::enumerate(loops)) {
    if (inner == 0)
      continue;
    tokenLoop = loop;
    ++numTokenLoops;
    if (iterators[loop] != utils::IteratorType::parallel)
      return refuse(op, "reduces over tokens");
  }
  bool readsIndex = false;
  op.getBlock()->walk(
      [&](linalg::IndexOp index) { readsIndex |= loops[index.getDim()] > 0; });
  if (numTokenLoops > 1 && (perToken || readsIndex))
    return refuse(op, "relates tokens to one another");
  if (readsIndex) {
    if (loops[tokenLoop] != 1)
      return refuse(op, "reads the number of a token merged with another "
                        "dimension");
    if (!isa<linalg::GenericOp>(op))
      return refuse(op, "reads the number of a token outside linalg.generic");
    positionReaders.insert(op);
  }
  if (numTokenLoops == 1)
    noteTables(op, tokenLoop);

  auto yielded = op.getBlock()->getTerminator()->getOperands();
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    TokenLabel label;
    label.kind = perToken || readsIndex ? TokenLabel::Kind::PerToken
                                        : TokenLabel::Kind::Uniform;
    AffineMap map = op.getIndexingMapMatchingResult(cast<OpResult>(result));
    for (AffineExpr expr : map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      label.inner.push_back(dim ? loops[dim.getPosition()] : 0);
    }
    if (label.isPerToken() && !label.hasTokenDim())
      return refuse(op, "leaves out the token dimension in its result");
    if (label.isPerToken() && i < yielded.size())
      label.position = getPositionOffset(yielded[i], op, tokenLoop);
    set(result, label);
  }
}

//===----------------------------------------------------------------------===//
// Scalars and the rest
//===----------------------------------------------------------------------===//

void TokenAnalysis::visitElementwise(Operation *op) {
  if (!isa<RankedTensorType>(op->getResult(0).getType()))
    return visitScalar(op);
  TokenLabel label;
  label.inner.assign(
      cast<RankedTensorType>(op->getResult(0).getType()).getRank(), 0);
  for (Value operand : op->getOperands()) {
    const TokenLabel &from = getLabel(operand);
    if (from.isExtent())
      return refuse(op, "computes with the number of tokens");
    if (from.isPerToken())
      label.kind = TokenLabel::Kind::PerToken;
    if (from.hasTokenDim())
      label.inner = from.inner;
  }
  for (Value operand : op->getOperands()) {
    const TokenLabel &from = getLabel(operand);
    if (!from.inner.empty() && from.inner != label.inner)
      return refuse(op,
                    "walks tokens and a dimension of another size together");
  }
  if (label.isPerToken() && !label.getTokenDim())
    return refuse(op, "relates tokens to one another");
  for (Value result : op->getResults())
    set(result, label);
}

void TokenAnalysis::visitScalar(Operation *op) {
  if (llvm::all_of(op->getOperands(),
                   [&](Value v) { return getLabel(v).isUniform(); }))
    return visitUnknown(op);
  TokenLabel label;
  label.kind = TokenLabel::Kind::Extent;
  for (Value operand : op->getOperands())
    if (getLabel(operand).isPerToken())
      return refuse(op, "reads single tokens");
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
          arith::ExtUIOp, arith::TruncIOp>(op)) {
    Type type = op->getResult(0).getType();
    if (type.isIndex() || type.getIntOrFloatBitWidth() >= 32)
      label.factor = getLabel(op->getOperand(0)).factor;
  } else if (op->getNumOperands() == 2) {
    APInt constant;
    int64_t factor = 0;
    if (matchPattern(op->getOperand(1), m_ConstantInt(&constant)))
      factor = getLabel(op->getOperand(0)).factor;
    else if (matchPattern(op->getOperand(0), m_ConstantInt(&constant)) &&
             isa<arith::MulIOp>(op))
      factor = getLabel(op->getOperand(1)).factor;
    int64_t c = factor ? constant.trySExtValue().value_or(0) : 0;
    int64_t product;
    if (c > 0 && isa<arith::MulIOp>(op) &&
        !llvm::MulOverflow(factor, c, product))
      label.factor = product;
    else if (c > 0 && isa<arith::DivSIOp, arith::DivUIOp>(op) &&
             factor % c == 0)
      label.factor = factor / c;
  }
  for (Value result : op->getResults())
    set(result, label);
}

void TokenAnalysis::visitUnknown(Operation *op) {
  SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  bool extent = false;
  for (Value value : used) {
    const TokenLabel &label = getLabel(value);
    extent |= label.isExtent();
    if (!label.isUniform() && !label.isExtent())
      return refuse(op, "is not known to work token by token");
    if (label.hasTokenDim())
      return refuse(op, "is not known to work token by token");
  }
  if (!isMemoryEffectFree(op))
    return refuse(op, "has side effects");
  if (!extent)
    return setUniform(op);
  if (op->getNumRegions() > 0)
    return refuse(op, "computes with the number of tokens");
  TokenLabel label;
  label.kind = TokenLabel::Kind::Extent;
  for (Value result : op->getResults())
    set(result, label);
}

void TokenAnalysis::visitAttention(Operation *op) {
  auto attention = cast<AttentionOp>(op);
  const int64_t expected[] = {0, 0, 1, 0};
  const char *names[] = {"query", "key", "value"};
  Value operands[] = {attention.getQuery(), attention.getKey(),
                      attention.getValue()};
  SetVector<Value> uniform(attention.getCaptures().begin(),
                           attention.getCaptures().end());
  getUsedValuesDefinedAbove(attention.getScore(), uniform);
  if (attention.getSinkLogits())
    uniform.insert(attention.getSinkLogits());
  SetVector<Value> all(uniform);
  all.insert(std::begin(operands), std::end(operands));
  for (Value value : all) {
    const TokenLabel label = getLabel(value);
    if (!label.isRefused())
      continue;
    for (Value result : op->getResults())
      set(result, label);
    return;
  }
  for (auto [name, value] : llvm::zip_equal(names, operands)) {
    const TokenLabel &label = getLabel(value);
    if (!label.isPerToken() || ArrayRef(label.inner) != ArrayRef(expected))
      return refuse(op, Twine("has a ") + name +
                            " that is not [1, heads, tokens, head_dim] of the "
                            "function's tokens");
    if (cast<RankedTensorType>(value.getType()).getDimSize(0) != 1)
      return refuse(op, Twine("has a ") + name + " of a batch other than 1");
  }
  for (Value value : uniform)
    if (!getLabel(value).isUniform() || getLabel(value).hasTokenDim())
      return refuse(op, "has sink logits or captures that depend on tokens");
  TokenLabel label;
  label.kind = TokenLabel::Kind::PerToken;
  label.inner.assign(std::begin(expected), std::end(expected));
  set(attention.getResult(), label);
  if (attention.getLse()) {
    label.inner.pop_back();
    set(attention.getLse(), label);
  }
}

void TokenAnalysis::visitRope(Operation *op) {
  auto rope = cast<RopeOp>(op);
  const TokenLabel &input = getLabel(rope.getInput());
  const TokenLabel &positions = getLabel(rope.getPositions());
  int64_t rank = input.inner.size();
  unsigned tokens = rank == 4 ? 2 : 0;
  auto tokenDim = input.getTokenDim();
  if (!input.isPerToken() || tokenDim != tokens || input.inner[tokens] != 1)
    return refuse(op, "rotates something else than tokens");
  auto positionShape =
      cast<RankedTensorType>(rope.getPositions().getType()).getShape();
  if (!positions.isPerToken() || !positions.getTokenDim() ||
      *positions.getTokenDim() != positions.inner.size() - 1 ||
      (positionShape.size() == 2 && positionShape[0] != 1))
    return refuse(op, "has positions that are not one per token");
  TokenLabel label = input;
  label.position = std::nullopt;
  set(rope.getResult(), label);
}
