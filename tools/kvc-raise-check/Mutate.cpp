//===- Mutate.cpp - random edits of a graph -------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each edit is what somebody could have written instead: another operand, a
// neighbouring constant, a strict for a weak order, an axis for another, an op
// more or less. Invariant: an edit is a function of the graph and the generator
// alone, and leaves a graph that can be walked, though it may not verify.
//
//===----------------------------------------------------------------------===//

#include "Mutate.h"
#include "MutateValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace kvc::raisecheck {
namespace {

using Ops = SmallVector<Operation *>;

class Mutator {
public:
  Mutator(func::FuncOp function, std::mt19937_64 &random)
      : function(function), random(random), builder(function.getContext()) {}

  bool swapOperands();
  bool otherOperand();
  bool changeConstant();
  bool changePredicate();
  bool changeAxis();
  bool changeMap();
  bool changeOp();
  bool insertOp();
  bool dropOp();
  bool swapOps();
  bool changeSlice();
  bool turn();

private:
  size_t below(size_t bound) { return random() % std::max<size_t>(bound, 1); }
  template <typename T> T any(ArrayRef<T> list) {
    return list[below(list.size())];
  }
  Ops collect(llvm::function_ref<bool(Operation *)> fits) {
    Ops ops;
    function.walk([&](Operation *op) {
      // the region of a named op is what its name says, and not printed
      Operation *parent = op->getParentOp();
      bool isHidden =
          isa<linalg::LinalgOp>(parent) &&
          !isa<linalg::GenericOp, linalg::MapOp, linalg::ReduceOp>(parent);
      if (op != function && !isHidden && fits(op))
        ops.push_back(op);
    });
    return ops;
  }
  Operation *choose(llvm::function_ref<bool(Operation *)> fits) {
    Ops ops = collect(fits);
    return ops.empty() ? nullptr : any<Operation *>(ops);
  }
  bool replaceByName(Operation *op, StringRef name);
  void useInstead(Value value, Operation *made, Value instead);

  func::FuncOp function;
  std::mt19937_64 &random;
  OpBuilder builder;
};

/// Ops of one signature, each a mistake for another.
constexpr std::initializer_list<StringRef> alike[] = {
    {"arith.addf", "arith.subf", "arith.mulf", "arith.divf", "arith.maximumf",
     "arith.minimumf", "arith.maxnumf"},
    {"arith.addi", "arith.subi", "arith.muli", "arith.maxsi", "arith.minsi"},
    {"arith.divsi", "arith.floordivsi", "arith.remsi", "arith.ceildivsi"},
    {"arith.andi", "arith.ori", "arith.xori"},
    {"arith.extsi", "arith.extui"},
    {"arith.sitofp", "arith.uitofp"},
    {"math.exp", "math.exp2", "math.tanh", "math.sin", "math.cos", "math.absf",
     "math.sqrt", "math.floor", "arith.negf"},
    {"linalg.add", "linalg.sub", "linalg.mul", "linalg.div", "linalg.max",
     "linalg.min"},
    {"linalg.exp", "linalg.tanh", "linalg.negf", "linalg.abs", "linalg.floor",
     "linalg.square"}};

/// Named linalg ops carry a region that their name means: as a generic op, with
/// the scalar op in it replaced, it stays readable to raise.
StringRef scalarName(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Case("linalg.add", "arith.addf")
      .Case("linalg.sub", "arith.subf")
      .Case("linalg.mul", "arith.mulf")
      .Case("linalg.div", "arith.divf")
      .Case("linalg.max", "arith.maximumf")
      .Case("linalg.min", "arith.minimumf")
      .Case("linalg.exp", "math.exp")
      .Case("linalg.tanh", "math.tanh")
      .Case("linalg.negf", "arith.negf")
      .Case("linalg.abs", "math.absf")
      .Case("linalg.floor", "math.floor")
      .Default("");
}

bool isUnwritten(Value value) {
  return value.getDefiningOp<tensor::EmptyOp>() != nullptr;
}

bool Mutator::replaceByName(Operation *op, StringRef name) {
  builder.setInsertionPoint(op);
  OperationState state(op->getLoc(), name, op->getOperands(),
                       op->getResultTypes());
  if (!state.name.isRegistered())
    return false;
  Operation *made = builder.create(state);
  op->replaceAllUsesWith(made->getResults());
  op->erase();
  return true;
}

/// One use of `value`, or all of them, read `instead`, which `made` defines.
void Mutator::useInstead(Value value, Operation *made, Value instead) {
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : value.getUses())
    if (!made->isAncestor(use.getOwner()) && isBefore(made, use.getOwner()))
      uses.push_back(&use);
  // uses are listed in no order that means something: by their place
  llvm::sort(uses, [](OpOperand *a, OpOperand *b) {
    if (a->getOwner() != b->getOwner())
      return isBefore(a->getOwner(), b->getOwner());
    return a->getOperandNumber() < b->getOperandNumber();
  });
  if (uses.empty())
    return;
  if (below(3) == 0)
    for (OpOperand *use : uses)
      use->set(instead);
  else
    uses[below(uses.size())]->set(instead);
}

bool Mutator::swapOperands() {
  Operation *op =
      choose([](Operation *op) { return op->getNumOperands() > 1; });
  if (!op)
    return false;
  unsigned a = below(op->getNumOperands()), b = below(op->getNumOperands());
  Value x = op->getOperand(a), y = op->getOperand(b);
  if (x == y || x.getType() != y.getType() || isUnwritten(x) != isUnwritten(y))
    return false;
  op->setOperand(a, y);
  op->setOperand(b, x);
  return true;
}

bool Mutator::otherOperand() {
  Operation *op =
      choose([](Operation *op) { return op->getNumOperands() > 0; });
  if (!op)
    return false;
  OpOperand &operand = op->getOpOperand(below(op->getNumOperands()));
  SmallVector<Value> others = visibleValues(op, operand.get().getType());
  llvm::erase(others, operand.get());
  // what nobody wrote may hold anything: nothing to compare. (As an init it
  // stays, raise has to refuse that.)
  auto style = dyn_cast<DestinationStyleOpInterface>(op);
  if (!style || !style.isDpsInit(&operand))
    llvm::erase_if(others, isUnwritten);
  if (others.empty())
    return false;
  operand.set(any<Value>(others));
  return true;
}

bool Mutator::changeConstant() {
  auto op = dyn_cast_or_null<arith::ConstantOp>(
      choose([](Operation *op) { return isa<arith::ConstantOp>(op); }));
  if (!op)
    return false;
  TypedAttr changed = changeNumber(op.getValue(), random);
  if (!changed || changed == op.getValue())
    return false;
  builder.setInsertionPoint(op);
  auto made = arith::ConstantOp::create(builder, op.getLoc(), changed);
  useInstead(op.getResult(), made, made.getResult());
  return true;
}

bool Mutator::changePredicate() {
  Operation *op = choose(
      [](Operation *op) { return isa<arith::CmpIOp, arith::CmpFOp>(op); });
  if (!op)
    return false;
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    auto predicate = *arith::symbolizeCmpIPredicate(below(10));
    bool changed = predicate != cmp.getPredicate();
    cmp.setPredicate(predicate);
    return changed;
  }
  auto cmp = cast<arith::CmpFOp>(op);
  // not `false` and `true`: upstream canonicalizer crashes on those of sitofp
  auto predicate = *arith::symbolizeCmpFPredicate(1 + below(14));
  bool changed = predicate != cmp.getPredicate();
  cmp.setPredicate(predicate);
  return changed;
}

/// Axes of reduce, broadcast, transpose, softmax, index, concat and dim.
bool Mutator::changeAxis() {
  auto names = {StringRef("dimensions"), StringRef("permutation"),
                StringRef("dimension"), StringRef("dim")};
  Operation *op = choose([&](Operation *op) {
    return llvm::any_of(names, [&](StringRef name) {
      return op->getInherentAttr(name) && *op->getInherentAttr(name);
    });
  });
  if (!op)
    return false;
  for (StringRef name : names) {
    std::optional<Attribute> attribute = op->getInherentAttr(name);
    if (!attribute || !*attribute)
      continue;
    if (auto number = dyn_cast<IntegerAttr>(*attribute)) {
      auto changed = IntegerAttr::get(number.getType(), below(4));
      op->setAttr(name, changed);
      return changed != number;
    }
    auto array = dyn_cast<DenseI64ArrayAttr>(*attribute);
    if (!array || array.empty())
      return false;
    SmallVector<int64_t> axes(array.asArrayRef());
    auto style = cast<DestinationStyleOpInterface>(op);
    auto type = cast<ShapedType>(op->getOperand(0).getType());
    // upstream's verifier of broadcast reads past its axes otherwise
    int64_t axis =
        below(isa<linalg::BroadcastOp>(op)
                  ? cast<ShapedType>(style.getDpsInits()[0].getType()).getRank()
                  : type.getRank());
    if (name == "permutation")
      std::swap(axes[below(axes.size())], axes[below(axes.size())]);
    else if (!llvm::is_contained(axes, axis))
      axes[below(axes.size())] = axis;
    llvm::sort(axes.begin(), name == "permutation" ? axes.begin() : axes.end());
    auto changed = builder.getDenseI64ArrayAttr(axes);
    op->setAttr(name, changed);
    return changed != array;
  }
  return false;
}

/// One result of one indexing map: another loop, or two of them swapped.
bool Mutator::changeMap() {
  Operation *op = choose([](Operation *op) {
    return op->getAttrOfType<ArrayAttr>("indexing_maps") ||
           (op->getInherentAttr("indexing_maps") &&
            *op->getInherentAttr("indexing_maps"));
  });
  auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!structured)
    return false;
  SmallVector<AffineMap> maps = structured.getIndexingMapsArray();
  AffineMap &map = maps[below(maps.size())];
  if (map.getNumResults() == 0)
    return false;
  SmallVector<AffineExpr> results(map.getResults());
  if (below(2))
    std::swap(results[below(results.size())], results[below(results.size())]);
  else
    results[below(results.size())] =
        builder.getAffineDimExpr(below(map.getNumDims()));
  AffineMap changed =
      AffineMap::get(map.getNumDims(), 0, results, builder.getContext());
  if (changed == map)
    return false;
  map = changed;
  op->setAttr("indexing_maps", builder.getAffineMapArrayAttr(maps));
  return true;
}

bool Mutator::changeOp() {
  SmallVector<StringRef> others;
  Operation *op = choose([&](Operation *op) {
    return llvm::any_of(alike, [&](const auto &names) {
      return llvm::is_contained(names, op->getName().getStringRef());
    });
  });
  if (!op)
    return false;
  StringRef name = op->getName().getStringRef();
  for (const auto &names : alike)
    if (llvm::is_contained(names, name))
      for (StringRef other : names)
        if (other != name)
          others.push_back(other);
  StringRef other = any<StringRef>(others);
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    StringRef scalar = scalarName(other);
    IRRewriter rewriter(op->getContext());
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::GenericOp> generic =
        linalg::generalizeNamedOp(rewriter, structured);
    if (failed(generic) || scalar.empty())
      return false;
    return replaceByName(&generic->getRegion().front().front(), scalar);
  }
  return replaceByName(op, other);
}

bool Mutator::insertOp() {
  // after a scalar in a body, or after a whole tensor
  Operation *op = choose([](Operation *op) {
    return op->getNumResults() == 1 && !isa<linalg::FillOp>(op) &&
           isa<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
  });
  if (!op)
    return false;
  builder.setInsertionPointAfter(op);
  Value value = op->getResult(0);
  if (isa<arith::ConstantOp, tensor::EmptyOp>(op) && below(4))
    return false;
  Operation *first = nullptr;
  Value changed = insertAfter(builder, value, random, first);
  if (!changed)
    return false;
  useInstead(value, first, changed);
  return true;
}

/// What an op computes is replaced by one of what it read.
bool Mutator::dropOp() {
  Operation *op = choose([](Operation *op) {
    return op->getNumResults() == 1 && !op->use_empty() &&
           llvm::is_contained(op->getOperandTypes(),
                              op->getResult(0).getType());
  });
  if (!op)
    return false;
  SmallVector<Value> fitting;
  for (Value operand : op->getOperands())
    if (operand.getType() == op->getResult(0).getType() &&
        !isUnwritten(operand))
      fitting.push_back(operand);
  if (fitting.empty())
    return false;
  op->getResult(0).replaceAllUsesWith(any<Value>(fitting));
  op->erase();
  return true;
}

/// z = g(f(x), ..) becomes f(g(x, ..)): the order of scale, mask, cast.
bool Mutator::swapOps() {
  auto isLink = [](Operation *op) {
    return op->getNumResults() == 1 && op->getNumOperands() > 0 &&
           op->getOperand(0).getType() == op->getResult(0).getType();
  };
  Operation *outer = choose([&](Operation *op) {
    Operation *inner =
        op->getNumOperands() ? op->getOperand(0).getDefiningOp() : nullptr;
    return inner && isLink(op) && isLink(inner) &&
           inner->getBlock() == op->getBlock() &&
           inner->getResult(0).getType() == op->getResult(0).getType() &&
           inner->hasOneUse();
  });
  if (!outer)
    return false;
  Operation *inner = outer->getOperand(0).getDefiningOp();
  Value source = inner->getOperand(0);
  inner->moveAfter(outer);
  outer->getResult(0).replaceAllUsesWith(inner->getResult(0));
  outer->setOperand(0, source);
  inner->setOperand(0, outer->getResult(0));
  return true;
}

bool Mutator::changeSlice() {
  Operation *op = choose([](Operation *op) {
    return isa<tensor::ExtractSliceOp, tensor::InsertSliceOp>(op);
  });
  if (!op)
    return false;
  StringRef name = below(4) ? "static_offsets" : "static_strides";
  auto array = cast<DenseI64ArrayAttr>(*op->getInherentAttr(name));
  if (array.empty())
    return false;
  SmallVector<int64_t> numbers(array.asArrayRef());
  int64_t &number = numbers[below(numbers.size())];
  if (ShapedType::isDynamic(number))
    return false;
  number += below(2) ? 1 : -1;
  op->setAttr(name, builder.getDenseI64ArrayAttr(numbers));
  return true;
}

/// Two equal dimensions of a tensor change places.
bool Mutator::turn() {
  Operation *op = choose([](Operation *op) {
    return op->getNumResults() == 1 && !op->use_empty() &&
           equalDimensions(op->getResult(0).getType()).size() > 1;
  });
  if (!op)
    return false;
  Value value = op->getResult(0);
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> equal = equalDimensions(type);
  SmallVector<int64_t> order =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  std::swap(order[equal[0]], order[equal[1]]);
  builder.setInsertionPointAfter(op);
  auto init = tensor::EmptyOp::create(builder, op->getLoc(), type.getShape(),
                                      type.getElementType());
  auto turned =
      linalg::TransposeOp::create(builder, op->getLoc(), value, init, order);
  useInstead(value, turned, turned->getResult(0));
  return true;
}

} // namespace

void generalize(func::FuncOp function) {
  SmallVector<linalg::LinalgOp> named;
  function.walk([&](linalg::LinalgOp op) {
    if (!isa<linalg::GenericOp, linalg::FillOp, linalg::ReduceOp>(op))
      named.push_back(op);
  });
  IRRewriter rewriter(function.getContext());
  for (linalg::LinalgOp op : named) {
    rewriter.setInsertionPoint(op);
    (void)linalg::generalizeNamedOp(rewriter, op);
  }
}

const std::vector<std::string> editNames = {
    "swap-operands", "other-operand", "constant", "predicate",
    "axis",          "indexing-map",  "other-op", "insert-op",
    "drop-op",       "swap-ops",      "slice",    "transpose"};

std::optional<unsigned> mutate(func::FuncOp function, std::mt19937_64 &random) {
  using Edit = bool (Mutator::*)();
  constexpr Edit edits[] = {&Mutator::swapOperands,   &Mutator::otherOperand,
                            &Mutator::changeConstant, &Mutator::changePredicate,
                            &Mutator::changeAxis,     &Mutator::changeMap,
                            &Mutator::changeOp,       &Mutator::insertOp,
                            &Mutator::dropOp,         &Mutator::swapOps,
                            &Mutator::changeSlice,    &Mutator::turn};
  unsigned edit = random() % std::size(edits);
  Mutator mutator(function, random);
  if (!(mutator.*edits[edit])())
    return std::nullopt;
  return edit;
}

} // namespace kvc::raisecheck
