//===- MatchAttention.cpp - Put the recognised parts together -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks back from the product of probabilities and values. Loops that hold
// several axes (batch and head collapsed, heads and groups) are split where
// some reshape divides them, and the walk starts again.
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace kvc::raise {

namespace {
/// Divisors at which a loop is split, ascending, each dividing the next.
using Cuts = SmallVector<int64_t, 3>;

struct LoopAxes {
  SmallVector<AxisList> axes;             // per loop, outermost first
  SmallVector<SmallVector<int64_t>> unit; // the stride of each
};

struct Walk {
  linalg::LinalgOp op;
  Attempt &attempt;
  Axes &axes;
  Scalars &scalars;
  LoopAxes loops;
  LiteralTables &tables;
  HiddenGroups hidden;
  bool takesFloors;         // floors of scores are part of the mask
  bool floorFailed = false; // they are not, for this one

  bool refuse(StringRef id, const Twine &why, Operation *at = nullptr) {
    if (!attempt.refusal)
      attempt.refusal = {id, why.str(), at ? at : op.getOperation()};
    return false;
  }
  bool run();
  bool assign(Match &match, const Expr *v, ArrayRef<Operand> q,
              ArrayRef<Operand> k, unsigned reducedLoop, unsigned side);
  void chooseBatch(Roles &roles, const Expr *q);
  bool source(Match &match, ArrayRef<Operand> seen, const Layout &wanted,
              AffineExpr sequence, Source &result, bool mayTurn);
  std::optional<int64_t> shift(const Match &match);
};
} // namespace

static LoopAxes makeLoopAxes(Axes &axes, linalg::LinalgOp op,
                             ArrayRef<Cuts> cuts) {
  LoopAxes result;
  for (auto [extent, loopCuts] :
       llvm::zip_equal(op.getStaticLoopRanges(), cuts)) {
    AxisList list;
    SmallVector<int64_t> units;
    int64_t outer = extent;
    for (int64_t cut : llvm::reverse(loopCuts)) {
      list.push_back(
          axes.add(ShapedType::isDynamic(outer) ? outer : outer / cut));
      units.push_back(cut);
      outer = cut;
    }
    list.push_back(axes.add(outer));
    units.push_back(1);
    result.axes.push_back(list);
    result.unit.push_back(units);
  }
  return result;
}

/// Adds `cut` when it fits between the others.
static bool addCut(Cuts &cuts, int64_t cut, int64_t extent) {
  if (cut <= 1 || llvm::is_contained(cuts, cut) || cuts.size() >= 4 ||
      (!ShapedType::isDynamic(extent) && (cut >= extent || extent % cut != 0)))
    return false;
  for (int64_t other : cuts)
    if (std::max(other, cut) % std::min(other, cut) != 0)
      return false;
  cuts.push_back(cut);
  llvm::sort(cuts);
  return true;
}

/// Every use of `value`, seen through views, rounds it to `type` at once.
static bool isOnlyRoundedTo(Value value, Type type, unsigned depth = 8) {
  if (depth == 0 || value.use_empty())
    return false;
  return llvm::all_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp,
            linalg::TransposeOp>(user))
      return isOnlyRoundedTo(user->getResult(0), type, depth - 1);
    auto generic = dyn_cast<linalg::LinalgOp>(user);
    if (!generic || !generic.isDpsInput(&use))
      return false;
    Value argument = generic.getMatchingBlockArgument(&use);
    return llvm::all_of(argument.getUsers(), [&](Operation *inner) {
      auto round = dyn_cast<arith::TruncFOp>(inner);
      return round && round.getType() == type;
    });
  });
}

static unsigned widthOf(Type type) {
  return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
}

/// The narrowest type that an operand passes through on its way from its
/// source: what a graph rounds its queries to, it computes attention in.
static Type narrowestOf(ArrayRef<Operand> seen) {
  Type narrowest = seen.front().element->type;
  for (const Operand &operand : seen)
    if (widthOf(operand.element->type) < widthOf(narrowest))
      narrowest = operand.element->type;
  return narrowest;
}

/// Chooses the tensor to start from: of the wanted element type, as deep as
/// possible, in a layout that can be brought into `wanted`.
bool Walk::source(Match &match, ArrayRef<Operand> seen, const Layout &wanted,
                  AffineExpr sequence, Source &result, bool mayTurn) {
  AffineExpr channel =
      wanted.back().empty() ? AffineExpr() : wanted.back().front();
  auto accept = [&](const Operand &operand) {
    auto chosen = chooseSource(scalars, operand.element, wanted);
    if (!chosen)
      return false;
    result.element = operand.element;
    std::tie(result.tensor, result.layout) = *chosen;
    match.scale *= operand.scale;
    match.runtimeScales.append(operand.runtimeScales.begin(),
                               operand.runtimeScales.end());
    return true;
  };
  auto hasType = [&](const Operand &operand) {
    return operand.element->type == match.elementType;
  };
  for (const Operand &operand : llvm::reverse(seen)) {
    if (mayTurn && channel && sequence) {
      Refusal why;
      if (auto rope = matchRope(scalars, tables, operand.element, sequence,
                                channel, why)) {
        // a factor before the rotation is a factor after it
        SmallVector<Operand> inner = peelOperand(scalars, rope->x);
        for (Operand &x : llvm::reverse(inner)) {
          x.scale *= operand.scale * rope->magnitude;
          x.runtimeScales.append(operand.runtimeScales);
          if (!hasType(x) || !accept(x))
            continue;
          result.rope = rope;
          return true;
        }
      } else if (why) {
        attempt.ropeRefusals.push_back(why);
      }
    }
    if (hasType(operand) && accept(operand))
      return true;
  }
  // none of that type: start from the narrower one and widen, which is exact
  for (const Operand &operand : llvm::reverse(seen))
    if (widthOf(operand.element->type) < widthOf(match.elementType) &&
        accept(operand))
      return true;
  // what fusion pulled into the product is computed on its own again
  if (const Operand &deepest = seen.back();
      deepest.element->is(Expr::Kind::Apply)) {
    result.element = deepest.element;
    match.scale *= deepest.scale;
    match.runtimeScales.append(deepest.runtimeScales.begin(),
                               deepest.runtimeScales.end());
    return true;
  }
  return refuse("layout", "an operand's elements are not in an order that "
                          "reshapes and transposes can bring into batch, "
                          "head, position, channel");
}

/// Keys less queries, when known: constants, or two sizes of one origin.
std::optional<int64_t> Walk::shift(const Match &match) {
  if (match.roles.query.empty())
    return std::nullopt;
  AffineExpr query = match.roles.query.front();
  if (match.roles.key.empty())
    return ShapedType::isDynamic(axes.extent(query))
               ? std::nullopt
               : std::optional<int64_t>(1 - axes.extent(query));
  AffineExpr key = match.roles.key.front();
  if (!ShapedType::isDynamic(axes.extent(query)) &&
      !ShapedType::isDynamic(axes.extent(key)))
    return axes.extent(key) - axes.extent(query);
  SmallVector<std::pair<Value, unsigned>> ofQuery, ofKey;
  auto collect = [&](const Expr *expr) {
    for (const Element &seen : scalars.seenThrough(expr))
      for (auto [d, at] : llvm::enumerate(seen.index)) {
        if (at == query)
          ofQuery.push_back({seen.tensor, d});
        if (at == key)
          ofKey.push_back({seen.tensor, d});
      }
  };
  collect(match.score.productElement);
  collect(match.q.element);
  collect(match.k.element);
  for (auto [a, dimA] : ofQuery)
    for (auto [b, dimB] : ofKey)
      if (haveSameSize(a, dimA, b, dimB))
        return 0;
  return std::nullopt;
}

bool Walk::assign(Match &match, const Expr *v, ArrayRef<Operand> q,
                  ArrayRef<Operand> k, unsigned reducedLoop, unsigned side) {
  // batch loops are in all three maps, query loops not in the values' map
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  AffineMap outMap = maps[op.getNumDpsInputs()];
  std::optional<llvm::SmallBitVector> pLoops = loopsOfFactor(op, side),
                                      vLoops = loopsOfFactor(op, 1 - side);
  if (!pLoops || !vLoops)
    return refuse("product-operands",
                  "a factor of the product of probabilities and values reads "
                  "its sum");
  SmallVector<AxisList> batch, query;
  AxisList valueAxes;
  for (AffineExpr expr : outMap.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      continue;
    unsigned loop = dim.getPosition();
    bool inV = vLoops->test(loop);
    if (inV && pLoops->test(loop))
      batch.push_back(loops.axes[loop]);
    else if (inV)
      valueAxes.append(loops.axes[loop]);
    else
      query.push_back(loops.axes[loop]);
  }
  AffineExpr key = loops.axes[reducedLoop].front();
  std::optional<Roles> roles =
      assignRoles(scalars, batch, query, valueAxes, q.back().element,
                  k.back().element, v, match.score.masks, key,
                  match.score.product.axis, hidden, attempt.refusal, op);
  if (!roles)
    return false;
  match.roles = *roles;
  chooseBatch(match.roles, q.back().element);
  return true;
}

/// Batch and heads may share one loop. The split between them follows a tensor
/// of queries that has them apart (keys may have a unit dimension for the group
/// there); without one it stays as it is. The number of heads is a constant:
/// what is not known is batch.
void Walk::chooseBatch(Roles &roles, const Expr *q) {
  AxisList all = roles.batch;
  all.append(roles.kvHeads);
  auto isUnknown = [&](AffineExpr axis) {
    return ShapedType::isDynamic(axes.extent(axis));
  };
  for (unsigned n = 0; n <= all.size(); ++n) {
    Roles tried = roles;
    tried.batch.assign(all.begin(), all.begin() + n);
    tried.kvHeads.assign(all.begin() + n, all.end());
    if (llvm::any_of(tried.kvHeads, isUnknown))
      continue;
    auto source = chooseSource(scalars, q, tried.q());
    if (!source || source->second != tried.q())
      continue;
    roles = tried;
    return;
  }
  if (llvm::any_of(roles.kvHeads, isUnknown)) {
    roles.batch = all;
    roles.kvHeads.clear();
  }
}

bool Walk::run() {
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (llvm::is_contained(extents, 0))
    return false; // nothing is computed
  std::optional<unsigned> reduced;
  for (unsigned l = 0; l < kinds.size(); ++l) {
    if (kinds[l] == utils::IteratorType::parallel || extents[l] == 1)
      continue;
    if (reduced)
      return false;
    reduced = l;
  }
  if (!reduced || loops.axes[*reduced].size() != 1)
    return false;
  AffineExpr key = loops.axes[*reduced].front();
  Index at;
  for (auto [list, units] : llvm::zip_equal(loops.axes, loops.unit)) {
    AffineExpr whole = getAffineConstantExpr(0, axes.getContext());
    for (auto [axis, unit] : llvm::zip_equal(list, units))
      whole = whole + axis * unit;
    at.push_back(axes.simplify(whole));
  }
  AffineMap outMap = op.getIndexingMapsArray()[op.getNumDpsInputs()];
  Element result{op->getResult(0), {}};
  for (AffineExpr expr : outMap.getResults())
    result.index.push_back(axes.simplify(expr.replaceDims(at)));

  auto sum = matchReduction(scalars,
                            scalars.element(result.tensor, result.index), key);
  if (!sum || sum->kind != Reduction::Kind::Sum)
    return false;
  const Expr *body = scalars.look(sum->body);
  if (!body->isApply<arith::MulFOp>())
    return false;

  Match match;
  match.values = op;
  const Expr *v = nullptr;
  scalars.resetNarrowest();
  for (unsigned side : {0u, 1u}) {
    auto softmax = matchSoftmax(scalars, body->operands[side], key,
                                attempt.anchor, attempt.refusal);
    if (!softmax && attempt.refusal)
      return false;
    if (!softmax)
      continue;
    match.softmax = *softmax;
    v = body->operands[1 - side];
    break;
  }
  if (!v)
    return false;
  match.anchor = attempt.anchor;
  if (scalars.asReal(sum->init) != 0.0)
    return refuse("product-init", "the product of probabilities and values "
                                  "does not start from zero");
  auto score = matchScore(scalars, match.softmax, key, attempt.anchor,
                          takesFloors, attempt.refusal);
  if (!score)
    return false;
  match.score = *score;
  match.scale = score->scale;
  if (axes.extent(score->product.axis) == 0)
    return refuse("product-body", "the head dimension is empty");
  match.runtimeScales.assign(score->runtimeScales.begin(),
                             score->runtimeScales.end());

  // queries and keys, values
  SmallVector<Operand> first = peelOperand(scalars, score->a);
  SmallVector<Operand> second = peelOperand(scalars, score->b);
  SmallVector<Operand> values = peelOperand(scalars, v);
  llvm::erase_if(values, [](const Operand &o) {
    return o.scale != 1.0 || !o.runtimeScales.empty();
  });
  if (values.empty())
    values.push_back({v, 1.0, {}});
  bool firstIsKey = mentions(first.back().element, key),
       secondIsKey = mentions(second.back().element, key);
  if (firstIsKey == secondIsKey)
    return refuse("product-operands",
                  "not one operand of the scores depends on the key position",
                  score->product.op);
  SmallVector<Operand> &q = firstIsKey ? second : first,
                       &k = firstIsKey ? first : second;

  // one element type for all: what the product yields, or what they were
  Type wide = getElementTypeOrSelf(result.tensor.getType());
  Type narrow = narrowestOf(q);
  bool allNarrow = narrow == narrowestOf(k) && narrow == narrowestOf(values);
  if (!isa<Float16Type, BFloat16Type, Float32Type>(wide))
    return refuse("element-type", "only f16, bf16 and f32 are recognised");
  match.elementType = allNarrow && widthOf(narrow) < widthOf(wide) &&
                              isOnlyRoundedTo(result.tensor, narrow)
                          ? narrow
                          : wide;
  unsigned precision = widthOf(wide);
  for (auto *seen : {&q, &k, &values})
    precision = std::min(precision, widthOf(narrowestOf(*seen)));
  if (scalars.getNarrowest() < precision)
    return refuse("rounding", "scores or probabilities are rounded to a "
                              "narrower type than queries, keys and values");
  match.isRounded = scalars.getNarrowest() < 32;

  unsigned side = v == body->operands[1] ? 0 : 1;
  if (!assign(match, values.back().element, q, k, *reduced, side))
    return false;
  if (const Expr *&sink = match.softmax.sink) {
    unsigned budget = 64;
    if (const Expr *whole = scalars.expandAll(sink, budget))
      sink = whole;
    for (unsigned a = 0; a < axes.size(); ++a) {
      AffineExpr axis = getAffineDimExpr(a, axes.getContext());
      if (axes.extent(axis) != 1 && mentions(sink, axis) &&
          !llvm::is_contained(match.roles.heads(), axis))
        return refuse("sink", "the sink depends on more than the head");
    }
  }
  AffineExpr query =
      match.roles.query.empty() ? AffineExpr() : match.roles.query.front();
  if (!source(match, q, match.roles.q(), query, match.q, true) ||
      !source(match, k, match.roles.k(), key, match.k, true) ||
      !source(match, values, match.roles.v(), key, match.v, false))
    return false;
  std::optional<Layout> layout = layoutOf(axes, result);
  if (!layout)
    return refuse("layout", "the result's elements are not in a known order");
  match.resultLayout = *layout;
  auto mask = planMask(scalars, match.score, match.softmax, query, key,
                       shift(match), attempt.refusal);
  if (!mask) {
    floorFailed = match.score.hasFloor;
    return false;
  }
  match.mask = *mask;
  for (const Expr *bias : mask->biases) {
    const Expr *edited =
        match.score.edit ? match.score.edit : match.score.productElement;
    match.score.edit = scalars.build(
        "arith.addf", Float32Type::get(axes.getContext()), {edited, bias});
  }
  attempt.match = std::move(match);
  return true;
}

Attempt matchAttention(linalg::LinalgOp op, LiteralTables &tables) {
  SmallVector<Cuts> cuts(op.getNumLoops());
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  Attempt attempt;
  bool writeGroupsOut = false;
  bool takesFloors = true;
  for (unsigned round = 0; round < 7; ++round) {
    attempt = Attempt();
    attempt.axes = std::make_unique<Axes>(op->getContext());
    attempt.scalars = std::make_unique<Scalars>(*attempt.axes, tables);
    Walk walk{op,
              attempt,
              *attempt.axes,
              *attempt.scalars,
              makeLoopAxes(*attempt.axes, op, cuts),
              tables,
              {writeGroupsOut, {}},
              takesFloors};
    bool matched = walk.run();
    // the floor is an edit of the score then, and the masks inside with it
    if (walk.floorFailed) {
      takesFloors = false;
      continue;
    }
    if (!matched && attempt.refusal.id == "layout" &&
        !walk.hidden.found.empty())
      writeGroupsOut = true;
    // split loops where a reshape of something seen divides them
    bool split = writeGroupsOut && !walk.hidden.writtenOut;
    for (auto &[axis, divisors] : attempt.axes->getCuts())
      for (unsigned l = 0; l < walk.loops.axes.size(); ++l)
        for (auto [expr, unit] :
             llvm::zip_equal(walk.loops.axes[l], walk.loops.unit[l]))
          if (cast<AffineDimExpr>(expr).getPosition() == axis &&
              op.getIteratorTypesArray()[l] == utils::IteratorType::parallel)
            for (int64_t divisor : divisors)
              split |= addCut(cuts[l], divisor * unit, extents[l]);
    if (!split)
      break;
  }
  return attempt;
}

} // namespace kvc::raise
