//===- Scalars.cpp - What one element of a tensor is computed from --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elements and their producers. Every producer is read at one symbolic index;
// reductions and ops that are not understood stay elements.
//
//===----------------------------------------------------------------------===//

#include "Scalars.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace kvc::raise {

/// Elements of a resource that is read wherever it is met.
static constexpr int64_t maxResource = int64_t(1) << 14;
static constexpr unsigned maxBodyOps = 256;
static constexpr unsigned maxConcatInputs = 64;
static constexpr unsigned maxUniformOps = 24;
/// Enough to find a tensor of the wanted layout among those seen.
static constexpr unsigned maxChain = 64;

void Expr::Profile(llvm::FoldingSetNodeID &id) const {
  id.AddInteger(static_cast<int>(kind));
  id.AddPointer(type.getAsOpaquePointer());
  id.AddPointer(constant.getAsOpaquePointer());
  id.AddPointer(affine.getAsOpaquePointer());
  id.AddPointer(tensor.getAsOpaquePointer());
  for (AffineExpr expr : index)
    id.AddPointer(expr.getAsOpaquePointer());
  if (op) {
    id.AddPointer(op->getName().getAsOpaquePointer());
    id.AddPointer(op->getAttrDictionary().getAsOpaquePointer());
  }
  for (const Expr *operand : operands)
    id.AddPointer(operand);
}

const Expr *Scalars::unique(Expr &&expr) {
  llvm::FoldingSetNodeID id;
  expr.Profile(id);
  void *place = nullptr;
  if (Expr *known = uniques.FindNodeOrInsertPos(id, place))
    return known;
  storage.push_back(std::move(expr));
  uniques.InsertNode(&storage.back(), place);
  return &storage.back();
}

const Expr *Scalars::constant(TypedAttr value) {
  Expr expr;
  expr.kind = Expr::Kind::Constant;
  expr.type = value.getType();
  expr.constant = value;
  return unique(std::move(expr));
}

const Expr *Scalars::affine(AffineExpr value, Type type) {
  Axes::Quiet quiet(axes);
  LinearForm form = axes.linearize(value);
  if (form.isConstant())
    if (TypedAttr attribute =
            toAttribute(Number{false, 0, form.constant}, type))
      return constant(attribute);
  Expr expr;
  expr.kind = Expr::Kind::Affine;
  expr.type = type;
  expr.affine = axes.toExpr(form);
  return unique(std::move(expr));
}

const Expr *Scalars::piece(AffineExpr condition, const Expr *yes,
                           const Expr *no) {
  Axes::Quiet quiet(axes);
  condition = axes.simplify(condition);
  if (std::optional<bool> decided = axes.isNonNegative(condition))
    return *decided ? yes : no;
  // what is known to hold, or not to hold, inside
  const AffineExpr otherwise = axes.simplify(-condition - 1);
  auto settled = [&](const Expr *part, bool holds) {
    if (part->is(Expr::Kind::Piece) && part->affine == condition)
      return part->operands[holds ? 0 : 1];
    if (part->is(Expr::Kind::Piece) && part->affine == otherwise)
      return part->operands[holds ? 1 : 0];
    return part;
  };
  yes = settled(yes, true);
  no = settled(no, false);
  if (yes == no)
    return yes;
  Expr expr;
  expr.kind = Expr::Kind::Piece;
  expr.type = yes->type;
  expr.affine = condition;
  expr.operands = {yes, no};
  return unique(std::move(expr));
}

Scalars::~Scalars() {
  for (auto &known : templates)
    known.second->destroy();
}

const Expr *Scalars::build(StringRef name, Type type,
                           ArrayRef<const Expr *> operands) {
  Operation *&op = templates[name];
  // only its name and attributes are ever read
  if (!op)
    op = Operation::create(
        OperationState(UnknownLoc::get(type.getContext()), name));
  return apply(op, type, operands);
}

const Expr *Scalars::scalarValue(Value value) {
  Attribute attribute;
  if (matchPattern(value, m_Constant(&attribute)) &&
      isa<IntegerAttr, FloatAttr>(attribute))
    return constant(cast<TypedAttr>(attribute));
  Expr expr;
  expr.kind = Expr::Kind::Element;
  expr.type = value.getType();
  expr.tensor = value;
  return unique(std::move(expr));
}

/// tensor.concat and tensor.insert_slice: which source an index falls into.
const Expr *Scalars::defineRegion(Value tensor, ArrayRef<AffineExpr> at) {
  if (auto concat = tensor.getDefiningOp<tensor::ConcatOp>()) {
    unsigned dim = concat.getDim();
    SmallVector<int64_t> starts;
    int64_t offset = 0;
    if (concat.getInputs().size() > maxConcatInputs)
      return nullptr;
    for (Value input : concat.getInputs()) {
      int64_t size = cast<RankedTensorType>(input.getType()).getDimSize(dim);
      if (ShapedType::isDynamic(size) && input != concat.getInputs().back())
        return nullptr;
      starts.push_back(offset);
      offset += ShapedType::isDynamic(size) ? 0 : size;
    }
    const Expr *result = nullptr;
    for (int64_t i = starts.size() - 1; i >= 0; --i) {
      // an input that the index is proven to miss is not even looked at
      if (result && axes.isNonNegative(at[dim] - starts[i + 1]) == true)
        break;
      Index index(at);
      index[dim] = axes.simplify(at[dim] - starts[i]);
      const Expr *part = element(concat.getInputs()[i], index);
      result = result ? piece(at[dim] - starts[i + 1], result, part) : part;
    }
    return result;
  }
  auto insert = tensor.getDefiningOp<tensor::InsertSliceOp>();
  if (!insert || !insert.hasUnitStride())
    return nullptr;
  llvm::SmallBitVector dropped = insert.getDroppedDims();
  Index inside;
  SmallVector<AffineExpr> conditions;
  SmallVector<OpFoldResult> offsets = insert.getMixedOffsets(),
                            sizes = insert.getMixedSizes();
  for (unsigned d = 0; d < at.size(); ++d) {
    std::optional<int64_t> offset = getConstantIntValue(offsets[d]),
                           size = getConstantIntValue(sizes[d]);
    int64_t destSize = insert.getDestType().getDimSize(d);
    if (!offset)
      return nullptr;
    bool whole = *offset == 0 && size && *size == destSize;
    if (!whole && !size) {
      OpFoldResult origin = originOfSize(insert.getDest(), d);
      whole = *offset == 0 && origin && origin == sizes[d];
    }
    if (!whole) {
      if (!size)
        return nullptr;
      conditions.push_back(at[d] - *offset);
      conditions.push_back(
          getAffineConstantExpr(*offset + *size - 1, axes.getContext()) -
          at[d]);
    }
    if (!dropped.test(d))
      inside.push_back(axes.simplify(at[d] - *offset));
  }
  bool allInside = llvm::all_of(
      conditions, [&](AffineExpr c) { return axes.isNonNegative(c) == true; });
  if (allInside)
    return element(insert.getSource(), inside);
  const Expr *outside = element(insert.getDest(), at);
  if (llvm::any_of(conditions, [&](AffineExpr c) {
        return axes.isNonNegative(c) == false;
      }))
    return outside;
  const Expr *result = element(insert.getSource(), inside);
  for (AffineExpr condition : conditions)
    result = piece(condition, result, outside);
  return result;
}

const Expr *Scalars::element(Value tensor, ArrayRef<AffineExpr> at) {
  if (!isa<RankedTensorType>(tensor.getType()))
    return scalarValue(tensor);
  SmallVector<Element> chain = viewChain(axes, {tensor, axes.simplify(at)});
  const Element &deepest = chain.back();
  // weights are resources too, and are not read
  if (DenseElementsAttr attribute = literalOf(deepest.tensor, maxResource))
    if (const Expr *value = constantElement(attribute, deepest.index))
      return value;
  Expr expr;
  expr.kind = Expr::Kind::Element;
  expr.type = cast<RankedTensorType>(deepest.tensor.getType()).getElementType();
  expr.tensor = deepest.tensor;
  expr.index = deepest.index;
  const Expr *result = unique(std::move(expr));
  SmallVector<Element> &known = chains[result];
  if (known.size() < maxChain)
    known.insert(known.begin(), chain.begin(), chain.end());
  return result;
}

ArrayRef<Element> Scalars::seenThrough(const Expr *element) const {
  auto it = chains.find(element);
  return it == chains.end() ? ArrayRef<Element>() : it->second;
}

const Expr *Scalars::evaluateBody(linalg::LinalgOp op, Value value,
                                  ArrayRef<AffineExpr> loops) {
  Block *body = op.getBlock();
  if (!body || body->getOperations().size() > maxBodyOps)
    return nullptr;
  llvm::DenseMap<Value, const Expr *> known;
  auto valueOf = [&](Value v) -> const Expr * {
    if (auto it = known.find(v); it != known.end())
      return it->second;
    if (auto argument = dyn_cast<BlockArgument>(v);
        argument && argument.getOwner() == body) {
      OpOperand *operand = op.getMatchingOpOperand(argument);
      std::optional<Index> index = operandIndex(axes, op, *operand, loops);
      const Expr *result = index ? element(operand->get(), *index) : nullptr;
      if (result && op.isDpsInit(operand))
        result = expand(result); // what a sum starts from
      known[v] = result;
      return result;
    }
    if (v.getParentBlock() == body)
      return nullptr; // not computed: depends on something unknown
    return element(v, {});
  };
  for (Operation &inner : body->without_terminator()) {
    if (inner.getNumResults() != 1)
      continue;
    const Expr *result = nullptr;
    if (auto loop = dyn_cast<linalg::IndexOp>(inner)) {
      if (loop.getDim() < loops.size() && loops[loop.getDim()])
        result = affine(loops[loop.getDim()], inner.getResult(0).getType());
    } else if (isMemoryEffectFree(&inner) && inner.getNumRegions() == 0) {
      SmallVector<const Expr *> operands;
      Value extracted;
      auto extract = dyn_cast<tensor::ExtractOp>(inner);
      ValueRange read = inner.getOperands();
      if (extract) {
        extracted = extract.getTensor();
        read = extract.getIndices();
      }
      for (Value operand : read)
        operands.push_back(valueOf(operand));
      if (!llvm::is_contained(operands, nullptr))
        result = operands.empty() && inner.getNumOperands() == 0
                     ? element(inner.getResult(0), {})
                     : apply(&inner, inner.getResult(0).getType(), operands,
                             extracted);
    }
    known[inner.getResult(0)] = result;
  }
  return valueOf(value);
}

/// One producer deeper, or null.
const Expr *Scalars::define(const Expr *expr) {
  Operation *op = expr->tensor.getDefiningOp();
  if (!op)
    return nullptr;
  if (!isa<RankedTensorType>(expr->tensor.getType())) {
    // a scalar computed outside of any body
    if (op->getNumResults() != 1 || op->getNumRegions() != 0 ||
        op->getNumOperands() == 0 || !isMemoryEffectFree(op) ||
        !llvm::all_of(op->getOperandTypes(),
                      [](Type t) { return t.isIntOrIndexOrFloat(); }))
      return nullptr;
    SmallVector<const Expr *> operands;
    for (Value operand : op->getOperands())
      operands.push_back(element(operand, {}));
    return apply(op, expr->type, operands);
  }
  if (const Expr *region = defineRegion(expr->tensor, expr->index))
    return region;
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return element(splat.getInput(), {});
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    unsigned result = cast<OpResult>(expr->tensor).getResultNumber();
    std::optional<Index> loops =
        solveLoops(axes, linalgOp, result, expr->index);
    if (!loops)
      return nullptr;
    // a sum of one term is that term
    SmallVector<int64_t> extents = linalgOp.getStaticLoopRanges();
    for (auto [loop, extent] : llvm::zip_equal(*loops, extents))
      if (!loop && extent == 1)
        loop = getAffineConstantExpr(0, axes.getContext());
    if (llvm::is_contained(*loops, AffineExpr()))
      return nullptr;
    Operation *yield = linalgOp.getBlock()->getTerminator();
    return evaluateBody(linalgOp, yield->getOperand(result), *loops);
  }
  if (OpTrait::hasElementwiseMappableTraits(op) && op->getNumResults() == 1) {
    SmallVector<const Expr *> operands;
    for (Value operand : op->getOperands())
      operands.push_back(element(operand, expr->index));
    return apply(op, expr->type, operands);
  }
  return nullptr;
}

const Expr *Scalars::expand(const Expr *expr) {
  if (!expr->is(Expr::Kind::Element))
    return expr;
  auto [it, inserted] = expanded.try_emplace(expr, expr);
  if (!inserted)
    return it->second;
  if (const Expr *definition = define(expr))
    return expanded[expr] = definition;
  return expr;
}

static bool isFloatOf16OrMore(Type type) {
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type);
}

const Expr *Scalars::look(const Expr *expr) {
  for (unsigned i = 0; i < 64; ++i) {
    const Expr *next = expand(expr);
    if (next->isApply<arith::ExtFOp, arith::TruncFOp>() &&
        isFloatOf16OrMore(next->type) &&
        isFloatOf16OrMore(next->operands[0]->type)) {
      narrowest = std::min(narrowest, next->type.getIntOrFloatBitWidth());
      next = next->operands[0];
    }
    if (next == expr)
      return expr;
    expr = next;
  }
  return expr;
}

const Expr *Scalars::expandAll(const Expr *expr, unsigned &budget) {
  if (budget == 0)
    return nullptr;
  --budget;
  const Expr *next = expand(expr);
  if (next != expr)
    return expandAll(next, budget);
  if (expr->operands.empty())
    return expr;
  SmallVector<const Expr *> operands;
  for (const Expr *operand : expr->operands) {
    operands.push_back(expandAll(operand, budget));
    if (!operands.back())
      return nullptr;
  }
  if (expr->is(Expr::Kind::Piece))
    return piece(expr->affine, operands[0], operands[1]);
  return apply(expr->op, expr->type, operands, expr->tensor);
}

const Expr *
Scalars::substitute(const Expr *expr,
                    const llvm::DenseMap<AffineExpr, AffineExpr> &values) {
  auto position = [&](AffineExpr at) {
    Axes::Quiet quiet(axes);
    return axes.substitute(at, values);
  };
  switch (expr->kind) {
  case Expr::Kind::Constant:
    return expr;
  case Expr::Kind::Affine:
    return affine(position(expr->affine), expr->type);
  case Expr::Kind::Element: {
    if (expr->index.empty())
      return expr;
    Index index;
    for (AffineExpr at : expr->index)
      index.push_back(axes.substitute(at, values));
    return element(expr->tensor, index);
  }
  case Expr::Kind::Apply:
  case Expr::Kind::Piece:
    break;
  }
  SmallVector<const Expr *> operands;
  for (const Expr *operand : expr->operands)
    operands.push_back(substitute(operand, values));
  if (expr->is(Expr::Kind::Piece))
    return piece(position(expr->affine), operands[0], operands[1]);
  return apply(expr->op, expr->type, operands, expr->tensor);
}

bool Scalars::equal(const Expr *a, const Expr *b, unsigned depth) {
  if (a == b)
    return true;
  if (depth == 0 || a->type != b->type)
    return false;
  const Expr *nextA = expand(a), *nextB = expand(b);
  if (nextA == nextB)
    return true;
  if (nextA != a || nextB != b)
    return equal(nextA, nextB, depth - 1);
  if (a->kind != b->kind || a->operands.size() != b->operands.size() ||
      a->operands.empty() || a->affine != b->affine || a->tensor != b->tensor)
    return false;
  if (a->op && (a->op->getName() != b->op->getName() ||
                a->op->getAttrDictionary() != b->op->getAttrDictionary()))
    return false;
  return llvm::all_of(
      llvm::zip_equal(a->operands, b->operands), [&](auto pair) {
        return equal(std::get<0>(pair), std::get<1>(pair), depth - 1);
      });
}

std::optional<double> Scalars::asReal(const Expr *expr) {
  expr = look(expr);
  // a scale that is computed: sqrt(1 / sqrt(channels))
  if (expr->is(Expr::Kind::Apply) && isUniform(expr)) {
    unsigned budget = maxUniformOps;
    if (const Expr *whole = expandAll(expr, budget))
      expr = whole;
  }
  if (!expr->is(Expr::Kind::Constant))
    return std::nullopt;
  std::optional<Number> number = toNumber(expr->constant);
  if (!number || !number->isFloat)
    return std::nullopt;
  return number->real;
}

bool isUniform(const Expr *expr) {
  bool uniform = true;
  walkExpr(expr, [&](const Expr *e) {
    if (e->affine)
      uniform = false;
    for (AffineExpr at : e->index)
      uniform &= isa<AffineConstantExpr>(at);
  });
  return uniform;
}

bool mentions(const Expr *expr, AffineExpr axis) {
  bool found = false;
  walkExpr(expr, [&](const Expr *e) {
    found |= e->affine && mentions(e->affine, axis);
    found |= mentions(e->index, axis);
  });
  return found;
}

void walkExpr(const Expr *expr, llvm::function_ref<void(const Expr *)> visit) {
  llvm::SmallSetVector<const Expr *, 32> seen;
  seen.insert(expr);
  for (unsigned i = 0; i < seen.size(); ++i) {
    const Expr *e = seen[i];
    visit(e);
    seen.insert(e->operands.begin(), e->operands.end());
  }
}

unsigned countLeaves(const Expr *expr, unsigned limit) {
  if (!expr->is(Expr::Kind::Piece))
    return 1;
  unsigned left = countLeaves(expr->operands[0], limit);
  return left >= limit ? left
                       : left + countLeaves(expr->operands[1], limit - left);
}

} // namespace kvc::raise
