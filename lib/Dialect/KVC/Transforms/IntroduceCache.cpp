//===- IntroduceCache.cpp - A stateless decoder becomes one step ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The proofs; StepBuilder writes. Nothing is changed before everything is
// proven. In a stateless graph of batch 1, position and row of a token are the
// same number and a causal attention reads rows 0..i; in a step they are not,
// and the rows before lie in the cache. The two agree for a graph in which
// attention is the only op that relates tokens to one another.
//
//===----------------------------------------------------------------------===//

#include "StepBuilder.h"
#include "kvc/Dialect/KVC/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/Support/FormatVariadic.h"

namespace kvc {
#define GEN_PASS_DEF_INTRODUCECACHEPASS
#include "kvc/Dialect/KVC/Transforms/Passes.h.inc"
} // namespace kvc

#define DEBUG_TYPE "kvc-introduce-cache"

using namespace mlir;
using namespace kvc;

static std::string toText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

namespace {
class Prover {
public:
  Prover(func::FuncOp func, const IntroduceCachePassOptions &options)
      : func(func), options(options) {}

  /// Fills `plan`, or says in a remark why there is none.
  bool prove(StepPlan &plan);
  const TokenAnalysis &getAnalysis() const { return *analysis; }
  int64_t getMaxPositions() const { return maxPositions; }

private:
  bool refuse(StringRef id, Operation *at, const Twine &why);
  bool collectLive(StepPlan &plan);
  bool addRoots(SetVector<Operation *> &worklist);
  bool provePerToken(const StepPlan &plan);
  bool proveMask(const StepPlan &plan, AttentionOp attention);
  bool planCaches(StepPlan &plan);
  void noteFullyMasked(AttentionOp attention);
  bool readMaxPositions(const StepPlan &plan);
  bool dependsOnArgument(const StepPlan &plan, Value mask);
  bool isRead(const StepPlan &plan, BlockArgument argument);
  bool chooseTokens(const StepPlan &plan);

  func::FuncOp func;
  const IntroduceCachePassOptions &options;
  SmallVector<TokenAnalysis::Input> inputs;
  std::optional<TokenAnalysis> analysis;
  int64_t maxPositions = 0;
};
} // namespace

bool Prover::refuse(StringRef id, Operation *at, const Twine &why) {
  auto options = remark::RemarkOpts::name(id)
                     .category(DEBUG_TYPE)
                     .function(func.getName());
  remark::missed(at->getLoc(), options) << why.str();
  return false;
}

/// What runs whatever is returned.
bool Prover::addRoots(SetVector<Operation *> &worklist) {
  for (Operation &op : func.front().without_terminator()) {
    if (isMemoryEffectFree(&op) || isa<linalg::LinalgOp>(op))
      continue;
    auto assertion = dyn_cast<cf::AssertOp>(op);
    if (!assertion)
      return refuse("side-effect", &op,
                    "`" + op.getName().getStringRef() +
                        "` may have side effects, which a step would repeat");
    const TokenLabel &label = analysis->getLabel(assertion.getArg());
    if (label.isUniform()) {
      worklist.insert(&op);
      continue;
    }
    auto options = remark::RemarkOpts::name("dropped-assertion")
                       .category(DEBUG_TYPE)
                       .function(func.getName());
    remark::analysis(op.getLoc(), options)
        << ("assertion `" + Twine(assertion.getMsg()) +
            "` depends on the tokens of one sequence and is left out")
               .str();
  }
  return true;
}

bool Prover::collectLive(StepPlan &plan) {
  SetVector<Operation *> worklist;
  if (!addRoots(worklist))
    return false;
  auto need = [&](Value value) {
    if (Operation *def = value.getDefiningOp())
      worklist.insert(def);
  };
  for (Value operand : func.front().getTerminator()->getOperands())
    need(operand);
  for (size_t i = 0; i < worklist.size(); ++i) {
    Operation *op = worklist[i];
    SetVector<Value> used(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), used);
    if (auto attention = dyn_cast<AttentionOp>(op))
      if (Value mask = attention.getMask())
        used.remove(mask); // dropped, or refused by proveMask
    for (Value value : used)
      need(value);
  }
  plan.live = std::move(worklist);
  return true;
}

/// Puts the input that says how many tokens there are first.
bool Prover::chooseTokens(const StepPlan &plan) {
  auto it = llvm::find_if(inputs, [&](const TokenAnalysis::Input &input) {
    return !input.isPosition && isRead(plan, func.getArgument(input.argument));
  });
  if (it == inputs.end())
    return refuse("no-tokens", func,
                  "expected results that depend on an argument of tokens");
  std::iter_swap(inputs.begin(), it);
  return true;
}

/// Whether a result needs more of `argument` than its size.
bool Prover::isRead(const StepPlan &plan, BlockArgument argument) {
  return llvm::any_of(argument.getUsers(), [&](Operation *user) {
    Operation *op = func.front().findAncestorOpInBlock(*user);
    auto attention = dyn_cast<AttentionOp>(op);
    if (attention && attention.getMask() == argument)
      return false;
    return !isa<tensor::DimOp>(op) &&
           (plan.live.contains(op) || isa<func::ReturnOp>(op));
  });
}

bool Prover::provePerToken(const StepPlan &plan) {
  // in program order: the first offender is the one to report
  auto check = [&](Operation *user, Value value) {
    const TokenLabel &label = analysis->getLabel(value);
    if (!label.isRefused())
      return true;
    const TokenRefusal &refusal = analysis->getRefusals()[label.refusal];
    return refuse("not-token-wise", refusal.op, refusal.why);
  };
  for (Operation &op : func.front())
    if (plan.live.contains(&op))
      for (Value result : op.getResults())
        if (!check(&op, result))
          return false;
  Operation *terminator = func.front().getTerminator();
  for (auto [i, operand] : llvm::enumerate(terminator->getOperands())) {
    const TokenLabel &label = analysis->getLabel(operand);
    if (label.isExtent())
      return refuse("not-token-wise", terminator,
                    "result " + Twine(i) + " is the number of tokens");
    auto dim = label.getTokenDim();
    if (label.hasTokenDim() && (!dim || label.inner[*dim] != 1))
      return refuse("not-token-wise", terminator,
                    "result " + Twine(i) + " has not one row per token");
  }
  return true;
}

/// Whether `mask` reads an argument that serves for masks alone.
bool Prover::dependsOnArgument(const StepPlan &plan, Value mask) {
  SetVector<Value> slice;
  slice.insert(mask);
  for (size_t i = 0; i < slice.size(); ++i) {
    if (auto argument = dyn_cast<BlockArgument>(slice[i])) {
      if (!isRead(plan, argument) &&
          !func.getArgAttr(argument.getArgNumber(), "kvc.param"))
        return true;
      continue;
    }
    Operation *def = slice[i].getDefiningOp();
    slice.insert(def->operand_begin(), def->operand_end());
    getUsedValuesDefinedAbove(def->getRegions(), slice);
  }
  return false;
}

bool Prover::proveMask(const StepPlan &plan, AttentionOp attention) {
  Value mask = attention.getMask();
  if (!mask) {
    if (attention.getCausal())
      return true;
    return refuse("not-causal", attention,
                  "attention is not causal: its queries see later keys, which "
                  "a cache does not hold yet");
  }
  if (!dependsOnArgument(plan, mask))
    return refuse("mask-operand", attention,
                  "attention has a mask that is not proven causal and is "
                  "computed in the graph");
  if (!options.assumeCausalMask)
    return refuse("mask-operand", attention,
                  "attention has a mask that comes from an argument of the "
                  "function; assume-causal-mask takes it to be the causal one");
  return true;
}

/// A causal query sees itself, unless its score region says otherwise.
void Prover::noteFullyMasked(AttentionOp attention) {
  if (attention.getScore().empty() ||
      attention.getFullyMasked() == FullyMasked::zero)
    return;
  auto options = remark::RemarkOpts::name("fully-masked")
                     .category(DEBUG_TYPE)
                     .function(func.getName());
  remark::analysis(attention.getLoc(), options)
      << (Twine("a query whose score region hides every key yields 0 in a step "
                "and ") +
          stringifyFullyMasked(attention.getFullyMasked()) + " before")
             .str();
}

bool Prover::readMaxPositions(const StepPlan &plan) {
  auto least = [&](int64_t limit) {
    if (limit > 0 && (maxPositions == 0 || limit < maxPositions))
      maxPositions = limit;
  };
  if (options.maxPositions < 0 || options.maxPositions > INT32_MAX)
    return refuse("geometry", func,
                  "expected max-positions in [0, 2147483647], got " +
                      Twine(options.maxPositions));
  least(options.maxPositions);
  least(analysis->getPositionLimit(
      [&](Operation *op) { return plan.live.contains(op); }));
  for (Operation *op : {func.getOperation(), func->getParentOp()}) {
    Attribute attribute = op->getAttr("kvc.max_positions");
    if (!attribute)
      continue;
    auto number = dyn_cast<IntegerAttr>(attribute);
    if (!number || !number.getType().isSignlessInteger(64) ||
        number.getInt() < 0 || number.getInt() > INT32_MAX)
      return refuse("geometry", op,
                    "expected kvc.max_positions to be an i64 in [0, "
                    "2147483647]");
    least(number.getInt());
  }
  return true;
}

/// The cache of attentions that share their keys and values; null when a cache
/// cannot have such a geometry.
static CacheType makeCacheType(ArrayRef<AttentionOp> readers,
                               int64_t maxPositions) {
  AttentionOp attention = readers.front();
  auto key = cast<RankedTensorType>(attention.getKey().getType());
  auto value = cast<RankedTensorType>(attention.getValue().getType());
  Type element = key.getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return {};
  for (int64_t size : {key.getDimSize(1), key.getDimSize(3),
                       value.getDimSize(1), value.getDimSize(3)})
    if (size < 1 || size > 65536) // dynamic is negative
      return {};
  auto type = CacheType::get(key.getDimSize(1), key.getDimSize(3),
                             value.getDimSize(3), element, maxPositions);
  // what one reader still needs, all keep
  int64_t window = 0;
  for (AttentionOp reader : readers) {
    std::optional<uint64_t> own = reader.getWindow();
    if (!own)
      return type;
    window = std::max<int64_t>(window, *own);
  }
  if (window < 1 || window > INT32_MAX)
    return {};
  MLIRContext *context = type.getContext();
  return CacheType::get(context, type.getKvHeads(), type.getKeyDim(),
                        type.getValueDim(), element, type.getLayout(),
                        type.getKeyStorage(), type.getValueStorage(),
                        type.getPosition(), WindowAttr::get(context, window),
                        type.getRollback(), maxPositions);
}

bool Prover::planCaches(StepPlan &plan) {
  // the same keys and values are one cache, appended to once
  llvm::MapVector<std::pair<Value, Value>, SmallVector<AttentionOp>> readers;
  for (auto attention : func.getOps<AttentionOp>())
    if (plan.live.contains(attention))
      readers[{attention.getKey(), attention.getValue()}].push_back(attention);
  if (readers.empty())
    return refuse("no-attention", func,
                  "no kvc.attention reaches a result of @" + func.getName());
  for (auto &[operands, group] : readers) {
    for (AttentionOp attention : group) {
      if (!proveMask(plan, attention))
        return false;
      noteFullyMasked(attention);
      auto query = cast<RankedTensorType>(attention.getQuery().getType());
      if (query.isDynamicDim(1))
        return refuse("geometry", attention,
                      "expected a static number of query heads");
      plan.cacheOf[attention] = plan.caches.size();
    }
    CacheType type = makeCacheType(group, maxPositions);
    if (!type)
      return refuse("geometry", group.front(),
                    "expected f32, f16 or bf16 elements and static heads and "
                    "head_dim in [1, 65536], got key " +
                        toText(operands.first.getType()) + ", value " +
                        toText(operands.second.getType()));
    plan.caches.push_back({type, group.front()});
  }
  return true;
}

bool Prover::prove(StepPlan &plan) {
  if (!func.getBody().hasOneBlock())
    return refuse("not-token-wise", func,
                  "expected a function of one block, got several");
  std::string why;
  inputs = findTokenInputs(func, why);
  if (inputs.empty())
    return refuse("no-tokens", func, why);
  analysis.emplace(func, inputs);
  plan.func = func;
  plan.inputs = inputs;
  return collectLive(plan) && chooseTokens(plan) && readMaxPositions(plan) &&
         planCaches(plan) && provePerToken(plan);
}

namespace {
struct IntroduceCache : kvc::impl::IntroduceCachePassBase<IntroduceCache> {
  using IntroduceCachePassBase::IntroduceCachePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    func::FuncOp stateless = findFunction(module);
    if (!stateless)
      return;
    IntroduceCachePassOptions options{assumeCausalMask, maxPositions};
    Prover prover(stateless, options);
    StepPlan plan;
    if (!prover.prove(plan))
      return;
    func::FuncOp step = StepBuilder(plan, prover.getAnalysis()).build();
    if (int64_t limit = prover.getMaxPositions())
      step->setAttr("kvc.max_positions",
                    Builder(&getContext()).getI64IntegerAttr(limit));
    auto remarkOptions = remark::RemarkOpts::name("introduce-cache")
                             .category(DEBUG_TYPE)
                             .function(stateless.getName());
    remark::passed(stateless.getLoc(), remarkOptions)
        << llvm::formatv("@{0} became @step: {1} attentions, {2} caches, "
                         "max_positions {3}",
                         stateless.getName(), plan.cacheOf.size(),
                         plan.caches.size(), prover.getMaxPositions())
               .str();
    stateless.erase();
  }

  /// The one function with stateless attention; null, with a remark.
  func::FuncOp findFunction(ModuleOp module);
};
} // namespace

func::FuncOp IntroduceCache::findFunction(ModuleOp module) {
  auto missed = [](StringRef id, Operation *at, const Twine &why) {
    auto options = remark::RemarkOpts::name(id).category(DEBUG_TYPE);
    remark::missed(at->getLoc(), options) << why.str();
    return func::FuncOp();
  };
  func::FuncOp found;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (func->hasAttr("kvc.recompute") || func.getName() == "step")
      continue;
    bool hasAttention =
        func.walk([](AttentionOp) { return WalkResult::interrupt(); })
            .wasInterrupted();
    if (!hasAttention)
      continue;
    if (found)
      return missed("several-functions", func,
                    "expected one function with kvc.attention, got @" +
                        found.getName() + " and @" + func.getName());
    found = func;
  }
  if (!found)
    return missed("no-attention", module, "no function holds kvc.attention");
  if (module.lookupSymbol("step"))
    return missed("in-use", found, "the module has a symbol @step already");
  if (!SymbolTable::symbolKnownUseEmpty(found, module))
    return missed("in-use", found,
                  "@" + found.getName() + " is called; inline it first");
  return found;
}
