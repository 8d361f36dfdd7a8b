//===- MergeKernel.cpp - partial attentions become one --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   out = sum_p w_p out_p / (sum_p w_p + e^sink),  w_p = e^(lse_p)
//
// as a softmax whose scores are the partial results' lse: its state is folded
// in the order of the partial results and finished as any other row. A row
// (token, query head) belongs to as many lanes as it has pieces of four
// elements, so that a warp handles several rows of a small head.
//
// Invariant: a partial result whose lse is -inf saw nothing, and its output is
// not read.
//
//===----------------------------------------------------------------------===//

#include "AttentionMath.h"
#include "Kernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kvc::gpu {

static constexpr int64_t kThreads = 128, kPiece = 4;

namespace {
/// The partial results of one row.
struct Partials {
  Num out, lse;             // addresses of the first
  Num outStride, lseStride; // bytes from one to the next, i64
  Num count;                // i32

  /// In powers of two.
  Num logSum(Num p) const {
    KernelBuilder &b = *out.builder;
    return engineMath.finished(
        loadInvariant(b.f32(), b.at(lse, b.toI64(p) * lseStride), 4));
  }
  Nums piece(Num p, Num column) const {
    KernelBuilder &b = *out.builder;
    Num four = loadInvariant(
        b.vec(kPiece, b.f32()),
        b.at(b.at(out, b.toI64(p) * outStride), b.toI64(column) * 4), 16);
    Nums elements;
    for (int64_t i = 0; i < kPiece; ++i)
      elements.push_back(b.lane(four, i));
    return elements;
  }
};
} // namespace

/// The weighted sums of this lane's elements, then the sum of the weights, all
/// over 2^reference.
static Nums emitFold(KernelBuilder &b, const Partials &partials,
                     ArrayRef<Num> columns, Num reference) {
  Nums initial(columns.size() * kPiece + 1, b.f32(0));
  auto add = [&](Num p, ArrayRef<Num> before) -> Nums {
    Num logSum = partials.logSum(p);
    return b.ifElse(
        logSum == b.negInf(b.f32()), [&] { return Nums(before); },
        [&] {
          Num weight = exp2Approx(logSum - reference);
          Nums after;
          for (Num column : columns)
            for (Num element : partials.piece(p, column))
              after.push_back(fma(element, weight, before[after.size()]));
          after.push_back(before.back() + weight);
          return after;
        });
  };
  return b.loop(b.i32(0), partials.count, 1, initial, add);
}

/// One row of out and lse; `piece` (i32) is the lane's first piece of it.
static void emitMergeRow(KernelBuilder &b, const Variant &v,
                         AbiStruct<kvcrt_params> params,
                         const Partials &partials, Num row, Num piece,
                         int64_t lanes) {
  Step named(b, "merge rows");
  int64_t dim = v.valueDim();
  Num token = row / v.queryHeads, head = row % v.queryHeads;
  Nums columns, safe;
  for (int64_t d = 0; d < dim; d += lanes * kPiece) {
    Num column = piece * kPiece + d;
    columns.push_back(column);
    // Lanes beyond the row read its beginning and write nothing.
    safe.push_back(d + lanes * kPiece <= dim
                       ? column
                       : select(column < dim, column, b.i32(0)));
  }
  Num highest = b.loop(b.i32(0), partials.count, 1, {b.negInf(b.f32())},
                       [&](Num p, ArrayRef<Num> before) -> Nums {
                         return {max(before[0], partials.logSum(p))};
                       })[0];
  Nums folded = emitFold(b, partials, safe, finiteMax(highest));

  Num sink;
  if (v.sinkLogits)
    sink = loadStepF32(params.load(KVC_FIELD(kvcrt_params, sink_logits)), head);
  RowFinish end = emitFinishRow(engineMath, highest, folded.back(), sink);
  Num out = b.at(
      params.load(KVC_FIELD(kvcrt_params, out.data)),
      b.toI64(token) * params.load(KVC_FIELD(kvcrt_params, out.token_stride)) +
          b.toI64(head) *
              params.load(KVC_FIELD(kvcrt_params, out.head_stride)));
  for (auto [i, column] : llvm::enumerate(columns)) {
    const Num *sums = &folded[i * kPiece];
    auto write = [&, column = column] {
      if (v.element.isF32()) {
        SmallVector<Value> four;
        for (int64_t k = 0; k < kPiece; ++k)
          four.push_back((sums[k] * end.factor).value);
        b.store(b.num(vector::FromElementsOp::create(
                    b, VectorType::get(kPiece, b.f32()), four)),
                b.at(out, b.toI64(column) * 4), 16);
        return;
      }
      auto pair = [&](int64_t k) {
        return packPair(sums[k] * end.factor, sums[k + 1] * end.factor,
                        v.element)
            .value;
      };
      Num words = b.num(vector::FromElementsOp::create(
          b, VectorType::get(2, b.i32()), ValueRange{pair(0), pair(2)}));
      b.store(words, b.at(out, b.toI64(column) * 2), 8);
    };
    if (safe[i].value == column.value)
      write();
    else
      b.ifThen(column < dim, write);
  }
  if (!v.lse)
    return;
  b.ifThen(piece == 0, [&] {
    Num lse = b.at(params.load(KVC_FIELD(kvcrt_params, lse)),
                   b.toI64(token) *
                       params.load(KVC_FIELD(kvcrt_params, lse_token_stride)));
    b.store(end.lse, b.at(lse, b.toI64(head) * 4), 4);
  });
}

void KernelEmitter::emitMerge() {
  const Variant &v = variant;
  emitKernel(
      "_merge", kThreads, /*sharedBytes=*/0, HotLoop(),
      [&](KernelBuilder &b, AbiStruct<kvcrt_params> params) {
        int64_t rowBytes = v.valueDim() * 4;
        int64_t lanes = std::min<int64_t>(
            32, int64_t(llvm::PowerOf2Ceil(uint64_t(v.valueDim() / kPiece))));
        int64_t rowsPerBlock = kThreads / lanes;
        Num header = params.load(KVC_FIELD(kvcrt_params, step.header));
        Num tokens = loadInvariant(
            b.i32(),
            b.at(header, int64_t(offsetof(kvcrt_step_header, num_tokens))), 4);
        Num rows = tokens * v.queryHeads;
        Num first =
            blockId(b) * rowsPerBlock + (threadId(b) >> llvm::Log2_64(lanes));
        Num piece = threadId(b) & (lanes - 1);
        b.loopBy(first, rows, gridBlocks(b) * rowsPerBlock, [&](Num row) {
          Num wide = b.toI64(row), all = b.toI64(rows);
          Partials partials{
              b.at(params.load(KVC_FIELD(kvcrt_params, partial_out)),
                   wide * rowBytes),
              b.at(params.load(KVC_FIELD(kvcrt_params, partial_lse)), wide * 4),
              all * rowBytes, all * 4,
              params.load(KVC_FIELD(kvcrt_params, num_partials))};
          emitMergeRow(b, v, params, partials, row, piece, lanes);
        });
      });
}

} // namespace kvc::gpu
