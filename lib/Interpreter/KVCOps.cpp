//===- KVCOps.cpp - kvc ops through the reference -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function reads an op's operands and attributes and calls kvcref; no
// mathematics stands here. Invariant: shapes that verifiers cannot know
// statically are checked before the reference sees them.
//===----------------------------------------------------------------------===//
#include "kvc/Dialect/KVC/IR/KVC.h"
#include "kvc/Interpreter/Interpreter.h"

#include "kvcref/rope.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace kvc::interpreter {
namespace {

/// The operand as a tensor, or null when there is none.
using Values = llvm::DenseMap<mlir::Value, Datum>;

const Tensor *tensorOf(const Values &values, mlir::Value value) {
  if (!value)
    return nullptr;
  return std::get_if<Tensor>(&values.find(value)->second);
}

const Step &stepOf(const Values &values, mlir::Value value) {
  return *std::get<std::shared_ptr<Step>>(values.find(value)->second);
}

kvcref::Cache &cacheOf(const Values &values, mlir::Value value) {
  return *std::get<CacheRef>(values.find(value)->second);
}

/// `tensor` has the shape [extents], or an error at `op`.
LogicalResult expectShape(Operation *op, llvm::StringRef what,
                          const Tensor *tensor,
                          llvm::ArrayRef<int64_t> extents) {
  if (!tensor)
    return op->emitError("expected `")
           << what << "` to be a tensor; the interpreter runs no memrefs";
  if (llvm::ArrayRef(tensor->shape) == extents)
    return success();
  InFlightDiagnostic error = op->emitError("expected `") << what << "` of [";
  llvm::interleaveComma(extents, error);
  error << "], got [";
  llvm::interleaveComma(tensor->shape, error);
  return error << "]";
}

/// A mask operand as the two masks of the reference: one of them is set.
struct MaskViews {
  std::vector<uint8_t> visible;
  kvcref::View<const double, 4> additive;
  kvcref::View<const uint8_t, 4> boolean;

  /// `mask` has the strides of `shape`, 0 where it has extent 1 and `full` has
  /// more.
  MaskViews(const Tensor &mask, std::array<int64_t, 4> shape,
            std::array<int64_t, 4> full) {
    kvcref::View<const double, 4> numbers(mask.numbers.data(), shape);
    for (int d = 0; d < 4; ++d)
      if (shape[d] == 1 && full[d] != 1) {
        numbers.shape[d] = full[d];
        numbers.stride[d] = 0;
      }
    if (!mask.elementType.isInteger(1)) {
      additive = numbers;
      return;
    }
    visible.assign(mask.numbers.begin(), mask.numbers.end());
    boolean = {visible.data(), numbers.shape, numbers.stride};
  }
};

kvcref::FullyMasked convert(FullyMasked rule) {
  switch (rule) {
  case FullyMasked::nan:
    return kvcref::FullyMasked::NaN;
  case FullyMasked::uniform:
    return kvcref::FullyMasked::Uniform;
  case FullyMasked::zero:
    return kvcref::FullyMasked::Zero;
  }
  llvm_unreachable("all rules are converted");
}

/// The tensor's numbers, rounded to `elementType`.
template <int Rank>
Tensor toTensor(Type elementType, kvcref::View<const double, Rank> numbers) {
  Tensor tensor(elementType, numbers.shape);
  std::copy_n(numbers.data, tensor.numbers.size(), tensor.numbers.begin());
  tensor.round();
  return tensor;
}

Tensor toTensor(Type elementType, llvm::ArrayRef<int64_t> integers) {
  Tensor tensor(elementType, {int64_t(integers.size())});
  llvm::copy(integers, tensor.numbers.begin());
  return tensor;
}

Type elementTypeOf(mlir::Value value) { return getElementTypeOrSelf(value); }

//===----------------------------------------------------------------------===//
// Stateless ops
//===----------------------------------------------------------------------===//

LogicalResult evaluateAttention(AttentionOp op, kvcref::ScoreEdit edit,
                                Values &values) {
  const Tensor *q = tensorOf(values, op.getQuery());
  const Tensor *k = tensorOf(values, op.getKey());
  const Tensor *v = tensorOf(values, op.getValue());
  const int64_t batches = q->shape[0], heads = q->shape[1],
                queries = q->shape[2], kvHeads = k->shape[1],
                keys = k->shape[2];
  if (failed(
          expectShape(op, "key", k, {batches, kvHeads, keys, q->shape[3]})) ||
      failed(
          expectShape(op, "value", v, {batches, kvHeads, keys, v->shape[3]})))
    return failure();

  kvcref::AttentionOptions options;
  options.score.scale = op.getScale().convertToFloat();
  if (op.getSoftcap())
    options.score.softcap = op.getSoftcap()->convertToFloat();
  options.score.edit = std::move(edit);
  options.causal = op.getCausal();
  options.window = op.getWindow().value_or(0);
  options.fullyMasked = convert(op.getFullyMasked());
  std::optional<MaskViews> mask;
  if (const Tensor *tensor = tensorOf(values, op.getMask())) {
    int64_t maskBatches = tensor->shape[0] == 1 ? 1 : batches;
    int64_t maskHeads = tensor->shape[1] == 1 ? 1 : heads;
    if (failed(expectShape(op, "mask", tensor,
                           {maskBatches, maskHeads, queries, keys})))
      return failure();
    mask.emplace(*tensor,
                 std::array<int64_t, 4>{maskBatches, maskHeads, queries, keys},
                 std::array<int64_t, 4>{batches, heads, queries, keys});
    options.additiveMask = mask->additive;
    options.booleanMask = mask->boolean;
  }
  if (const Tensor *sinks = tensorOf(values, op.getSinkLogits())) {
    if (failed(expectShape(op, "sink_logits", sinks, {heads})))
      return failure();
    options.sinkLogits = sinks->view<1>();
  }

  kvcref::AttentionResult result =
      kvcref::attention(q->view<4>(), k->view<4>(), v->view<4>(), options);
  values[op.getResult()] =
      toTensor<4>(elementTypeOf(op.getResult()), result.out);
  if (op.getLse())
    values[op.getLse()] = toTensor<3>(elementTypeOf(op.getLse()), result.lse);
  return success();
}

LogicalResult evaluateRope(RopeOp op, Values &values) {
  Tensor x = *tensorOf(values, op.getInput());
  const Tensor *positions = tensorOf(values, op.getPositions());
  const kvcrt_rope_params rope = op.getRope().getParams();
  if (kvcref::checkRope(rope) != KVCRT_OK)
    return op.emitError("expected a rotation that the reference runs, got ")
           << op.getRope();

  // [T, H, D] with [T] is [1, S, H, D] in another order of the same loops.
  const bool ragged = x.rank() == 3;
  const int64_t batches = ragged ? 1 : x.shape[0];
  const int64_t heads = x.shape[1];
  const int64_t tokens = ragged ? x.shape[0] : x.shape[2];
  const bool perBatch = positions->rank() == 2;
  llvm::SmallVector<int64_t> expected = {tokens};
  if (perBatch)
    expected = {batches, tokens};
  if (failed(expectShape(op, "positions", positions, expected)))
    return failure();
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t t = 0; t < tokens; ++t) {
        const int64_t at = perBatch ? b * tokens + t : t;
        kvcref::View<double, 1> row =
            ragged ? x.view<3>()[t][h] : x.view<4>()[b][h][t];
        kvcref::rotate(rope, int64_t(positions->numbers[at]), row);
      }
  x.round();
  values[op.getResult()] = std::move(x);
  return success();
}

LogicalResult evaluateMerge(MergeOp op, Values &values) {
  const Tensor *out = tensorOf(values, op.getPartialOut());
  const Tensor *lse = tensorOf(values, op.getPartialLse());
  if (!out || !lse)
    return op.emitError("expected tensors; the interpreter runs no memrefs");
  if (failed(expectShape(op, "partial_lse", lse,
                         llvm::ArrayRef(out->shape).drop_back())))
    return failure();
  kvcref::View<const double, 1> sinks;
  if (const Tensor *tensor = tensorOf(values, op.getSinkLogits())) {
    if (failed(expectShape(op, "sink_logits", tensor, {out->shape[2]})))
      return failure();
    sinks = tensor->view<1>();
  }
  kvcref::MergeResult merged =
      kvcref::merge(out->view<4>(), lse->view<3>(), sinks);
  values[op->getResult(0)] =
      toTensor<3>(elementTypeOf(op->getResult(0)), merged.out);
  values[op->getResult(1)] =
      toTensor<2>(elementTypeOf(op->getResult(1)), merged.lse);
  return success();
}

//===----------------------------------------------------------------------===//
// Ops on a step and its caches
//===----------------------------------------------------------------------===//

LogicalResult evaluateAppend(AppendOp op, Values &values) {
  const Step &step = stepOf(values, op.getStep());
  kvcref::Cache &cache = cacheOf(values, op.getCache());
  const kvcrt_policy &policy = cache.getPolicy();
  const Tensor *k = tensorOf(values, op.getKey());
  const Tensor *v = tensorOf(values, op.getValue());
  const int64_t tokens = step.numTokens();
  if (failed(expectShape(op, "key", k,
                         {tokens, policy.kv_heads, policy.key_dim})) ||
      failed(expectShape(op, "value", v,
                         {tokens, policy.kv_heads, policy.value_dim})))
    return failure();
  cache.append(step.rows, k->view<3>(), v->view<3>(), step.positionsView());
  return success();
}

LogicalResult evaluateAttend(AttendOp op, kvcref::ScoreEdit edit,
                             Values &values) {
  const Step &step = stepOf(values, op.getStep());
  kvcref::Cache &cache = cacheOf(values, op.getCache());
  const kvcrt_policy &policy = cache.getPolicy();
  const Tensor *q = tensorOf(values, op.getQuery());
  const int64_t tokens = step.numTokens();
  if (!q)
    return op.emitError("expected tensors; the interpreter runs no memrefs");
  const int64_t heads = q->shape[1];
  if (failed(expectShape(op, "query", q, {tokens, heads, policy.key_dim})))
    return failure();

  kvcref::AttendOptions options;
  options.score.scale = op.getScale().convertToFloat();
  if (op.getSoftcap())
    options.score.softcap = op.getSoftcap()->convertToFloat();
  options.score.edit = std::move(edit);
  options.causal = op.getCausal();
  options.window = op.getWindow().value_or(0);
  auto type = cast<CacheType>(op.getCache().getType());
  llvm::SmallVector<float> given = type.getPosition().getSlopes(heads);
  std::vector<double> slopes(given.begin(), given.end());
  if (!slopes.empty())
    options.score.alibiSlopes = {slopes.data(), {heads}};

  int64_t longest = 0;
  for (const kvcref::StepRow &row : step.rows) {
    int64_t held = cache.length(row.sequence);
    if (held < row.newTokens)
      return op.emitError("expected sequence ")
             << row.sequence << " to hold this step's " << row.newTokens
             << " tokens, got " << held << "; append comes before attend";
    longest = std::max(longest, held);
  }
  std::optional<MaskViews> mask;
  if (const Tensor *tensor = tensorOf(values, op.getMask())) {
    const int64_t columns = tensor->shape[1];
    if (tensor->shape[0] != tokens || columns < longest)
      return op.emitError("expected `mask` of ")
             << tokens << " rows and at least " << longest << " columns, got ["
             << tensor->shape[0] << ", " << columns << "]";
    mask.emplace(*tensor, std::array<int64_t, 4>{1, 1, tokens, columns},
                 std::array<int64_t, 4>{1, heads, tokens, columns});
    // The reference wants [T][Hq][M].
    auto byToken = [](auto view) {
      decltype(view[0]) result = view[0];
      std::swap(result.shape[0], result.shape[1]);
      std::swap(result.stride[0], result.stride[1]);
      return result;
    };
    if (mask->additive)
      options.additiveMask = byToken(mask->additive);
    else
      options.booleanMask = byToken(mask->boolean);
  }
  if (const Tensor *sinks = tensorOf(values, op.getSinkLogits())) {
    if (failed(expectShape(op, "sink_logits", sinks, {heads})))
      return failure();
    options.sinkLogits = sinks->view<1>();
  }

  kvcref::Array<double, 3> out({tokens, heads, policy.value_dim});
  kvcref::Array<double, 2> lse({tokens, heads});
  cache.attend(options, step.rows, q->view<3>(), step.positionsView(), out,
               lse);
  values[op->getResult(0)] = toTensor<3>(elementTypeOf(op->getResult(0)), out);
  if (op.getLse())
    values[op->getResult(1)] =
        toTensor<2>(elementTypeOf(op->getResult(1)), lse);
  return success();
}

LogicalResult evaluateGather(GatherOp op, Values &values) {
  const Step &step = stepOf(values, op.getStep());
  const int64_t row = std::get<double>(values.find(op.getSeq())->second);
  if (row < 0 || row >= int64_t(step.rows.size()))
    return op.emitError("expected a row of the step below ")
           << step.rows.size() << ", got " << row;
  const kvcref::Cache &cache = cacheOf(values, op.getCache());
  const kvcrt_policy &policy = cache.getPolicy();
  kvcref::History held = cache.gather(step.rows[row].sequence);
  // A sequence that never appended has no views to copy.
  held.key.shape = {held.key.shape[0], policy.kv_heads, policy.key_dim};
  held.value.shape = {held.value.shape[0], policy.kv_heads, policy.value_dim};
  values[op.getKey()] = toTensor<3>(elementTypeOf(op.getKey()), held.key);
  values[op.getValue()] = toTensor<3>(elementTypeOf(op.getValue()), held.value);
  return success();
}

} // namespace

LogicalResult Interpreter::evaluateKVC(Operation *op, Values &values) {
  bool editFailed = false;
  auto edited = [&](auto attention, auto evaluate) -> LogicalResult {
    if (!attention->getResults().empty() || isa<AttentionOp>(op)) {
      kvcref::ScoreEdit edit = makeScoreEdit(
          attention.getScore(), attention.getCaptures(), values, editFailed);
      LogicalResult result = evaluate(attention, std::move(edit), values);
      return failure(failed(result) || editFailed);
    }
    return op->emitError("expected tensors; the interpreter runs no memrefs");
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AttentionOp attention) {
        return edited(attention, evaluateAttention);
      })
      .Case([&](AttendOp attend) { return edited(attend, evaluateAttend); })
      .Case([&](RopeOp rope) { return evaluateRope(rope, values); })
      .Case([&](MergeOp merge) { return evaluateMerge(merge, values); })
      .Case([&](AppendOp append) { return evaluateAppend(append, values); })
      .Case([&](GatherOp gather) { return evaluateGather(gather, values); })
      .Case([&](StepPositionsOp positions) {
        const Step &step = stepOf(values, positions.getStep());
        values[positions.getResult()] =
            toTensor(elementTypeOf(positions.getResult()), step.positions);
        return success();
      })
      .Case([&](StepNumTokensOp count) {
        const Step &step = stepOf(values, count.getStep());
        values[count.getResult()] = double(step.numTokens());
        return success();
      })
      .Case([&](StepLogitRowsOp rows) {
        // The last new token of each sequence that has one.
        llvm::SmallVector<int64_t> last;
        int64_t token = 0;
        for (const kvcref::StepRow &row : stepOf(values, rows.getStep()).rows) {
          token += row.newTokens;
          if (row.newTokens)
            last.push_back(token - 1);
        }
        values[rows.getResult()] =
            toTensor(elementTypeOf(rows.getResult()), last);
        return success();
      })
      .Default([](Operation *other) {
        return other->emitError(
                   "expected an op that the interpreter knows, got `")
               << other->getName() << "`";
      });
}

} // namespace kvc::interpreter
