//===- AttentionMath.cpp - from a score to an output, written once --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   m' = max(m, max s);  w = exp(s - m');  f = exp(m - m');  l = l f + sum w
//   ... accumulators: o = o f + w . v (TileProducts.cpp) ...
//
// on rows of scores in scratch, a vector at a time. What a score is and how a
// row ends is in ../Kernel (ScoreEdits, AttendTask), for every engine; this
// step is each engine's own, since a GPU's lanes hold fragments of two rows.
//
// Invariant: a row with nothing visible has m = -inf and l = 0 and never makes
// a NaN: differences are taken from a finite stand-in for such a maximum.
//
//===----------------------------------------------------------------------===//

#include "AttendContext.h"
#include "ScoreRow.h"

using namespace mlir;

namespace kvc::cpu {

void emitSoftmax(AttendContext &c, Num tile, bool steady) {
  KernelBuilder &b = c.b;
  const TileShape &shape = c.shape;
  int64_t lanes = shape.lanes, chunks = shape.tileKeys / lanes;
  Num tileBegin = tile * shape.tileKeys;

  b.loop(b.i64(0), c.rows, 1, [&](Num row) {
    ScoreRow at(c, c.rowToken(row), c.rowHead(row));
    Num scoreRow = b.at(c.scores, row * shape.scoreRowBytes());
    Num sinkRow = b.at(c.sinkScores, row * shape.scoreRowBytes());

    Nums scores;
    Num highest;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      int64_t offset = chunk * lanes;
      Type type = b.vec(lanes, b.f32());
      Num dot = b.load(type, b.at(scoreRow, offset * 4));
      Num sinkDot;
      if (c.variant.needsSinkQuery() && !steady)
        sinkDot = b.load(type, b.at(sinkRow, offset * 4));
      Num score = at.edit(dot, sinkDot, tileBegin + offset, steady);
      highest = highest ? max(highest, score) : score;
      scores.push_back(score);
    }

    Num maxAt = b.at(c.state.max, row * 4), sumAt = b.at(c.state.sum, row * 4);
    Num before = b.load(b.f32(), maxAt);
    Num after = max(before, b.maximum(highest));
    Num reference = finiteMax(after);
    Num factor = emitExp(before - reference);
    Num sum;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      Num weights = emitExp(scores[chunk] - b.splat(reference, lanes));
      b.store(weights, b.at(scoreRow, chunk * lanes * 4));
      sum = sum ? sum + weights : weights;
    }
    b.store(after, maxAt);
    b.store(fma(b.load(b.f32(), sumAt), factor, b.sum(sum)), sumAt);
    b.store(factor, b.at(c.rescale, row * 4));
  });
}

/// Calls `body(offset)` for each whole vector of an accumulator row, in bytes.
static void forEachVector(AttendContext &c,
                          llvm::function_ref<void(Num)> body) {
  KernelBuilder &b = c.b;
  b.loop(b.i64(0), b.i64(c.shape.valueRowBytes()), c.shape.lanes * 4, body);
}

void emitClearState(AttendContext &c, SoftmaxState state, Num rows) {
  KernelBuilder &b = c.b;
  Type type = b.vec(c.shape.lanes, b.f32());
  b.loop(b.i64(0), rows, 1, [&](Num row) {
    b.store(b.negInf(b.f32()), b.at(state.max, row * 4));
    b.store(b.f32(0), b.at(state.sum, row * 4));
    Num acc = b.at(state.acc, row * c.shape.valueRowBytes());
    forEachVector(c,
                  [&](Num at) { b.store(b.constant(type, 0), b.at(acc, at)); });
  });
}

void emitFoldState(AttendContext &c, SoftmaxState into, SoftmaxState part,
                   Num rows) {
  KernelBuilder &b = c.b;
  Type type = b.vec(c.shape.lanes, b.f32());
  b.loop(b.i64(0), rows, 1, [&](Num row) {
    Num mineAt = b.at(into.max, row * 4);
    Num mine = b.load(b.f32(), mineAt), theirs = loadF32(part.max, row);
    Num both = max(mine, theirs);
    Num reference = finiteMax(both);
    Num keep = emitExp(mine - reference), add = emitExp(theirs - reference);
    b.store(both, mineAt);
    Num sumAt = b.at(into.sum, row * 4);
    b.store(fma(b.load(b.f32(), sumAt), keep, loadF32(part.sum, row) * add),
            sumAt);
    Num target = b.at(into.acc, row * c.shape.valueRowBytes());
    Num source = b.at(part.acc, row * c.shape.valueRowBytes());
    forEachVector(c, [&](Num at) {
      Num old = b.load(type, b.at(target, at));
      Num more = b.load(type, b.at(source, at)) * b.splat(add, c.shape.lanes);
      b.store(fma(old, b.splat(keep, c.shape.lanes), more), b.at(target, at));
    });
  });
}

void emitFinish(AttendContext &c, SoftmaxState state) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  Num data = c.params.load(KVC_FIELD(kvcrt_params, out.data));
  Num tokenStride = c.params.load(KVC_FIELD(kvcrt_params, out.token_stride));
  Num headStride = c.params.load(KVC_FIELD(kvcrt_params, out.head_stride));
  int64_t elementBytes = v.element.getIntOrFloatBitWidth() / 8;

  b.loop(b.i64(0), c.rows, 1, [&](Num row) {
    Num token = c.stepToken + c.rowToken(row), head = c.rowHead(row);
    Num m = loadF32(state.max, row), l = loadF32(state.sum, row);
    RowFinish end = emitFinishRow(c, head, m, l);
    Num target = b.at(data, token * tokenStride + head * headStride);
    Num acc = b.at(state.acc, row * c.shape.valueRowBytes());
    forEachPiece(v.valueDim(), c.shape.lanes, [&](int64_t at, int64_t width) {
      Num piece = b.load(b.vec(width, b.f32()), b.at(acc, at * 4));
      Num result = b.roundTo(piece * b.splat(end.factor, width), v.element);
      b.store(result, b.at(target, at * elementBytes));
    });
    if (!v.lse)
      return;
    Num lseRow =
        b.at(c.params.load(KVC_FIELD(kvcrt_params, lse)),
             token * c.params.load(KVC_FIELD(kvcrt_params, lse_token_stride)));
    b.store(end.lse, b.at(lseRow, head * 4));
  });
}

} // namespace kvc::cpu
