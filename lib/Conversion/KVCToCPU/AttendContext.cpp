//===- AttendContext.cpp - a task's parameters, queries and tile loop -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: the order in which tiles are folded depends on the sequence's own
// lengths alone.
//
//===----------------------------------------------------------------------===//

#include "AttendContext.h"

using namespace mlir;

namespace kvc::cpu {

void forEachPiece(int64_t dim, int64_t lanes,
                  llvm::function_ref<void(int64_t, int64_t)> body) {
  int64_t offset = 0;
  for (int64_t width = lanes; width > 0; width /= 2)
    for (; dim - offset >= width; offset += width)
      body(offset, width);
}

Num VisibleTiles::tileOf(Num ordinal) const {
  return select(ordinal < sinkTiles, ordinal, ordinal - sinkTiles + firstTile);
}

VisibleTiles emitVisibleTiles(const Variant &variant, const TileShape &shape,
                              AbiStruct<kvcrt_params> params, Num kvLen,
                              Num lowIndex, Num highIndex) {
  KernelBuilder &b = *kvLen.builder;
  int64_t keys = shape.tileKeys;
  Num end = variant.causal ? max(min(kvLen, highIndex + 1), b.i64(0)) : kvLen;
  Num endTile = ceilDiv(end, keys);
  Num zero = b.i64(0);
  if (!variant.window)
    return {zero, zero, endTile};

  Num window = b.toI64(params.load(KVC_FIELD(kvcrt_params, window)));
  Num first = max(lowIndex - window + 1, zero);
  if (!variant.streaming()) {
    Num firstTile = min(first / keys, endTile);
    return {zero, firstTile, endTile - firstTile};
  }
  Num sinks =
      min(b.toI64(params.load(KVC_FIELD(kvcrt_params, sink_tokens))), end);
  Num sinkTiles = ceilDiv(sinks, keys);
  Num firstTile = min(max(first / keys, sinkTiles), endTile);
  return {sinkTiles, firstTile, sinkTiles + (endTile - firstTile)};
}

AttendContext emitTaskContext(KernelBuilder &b, const Variant &variant,
                              const TileShape &shape, TileAccess access,
                              AbiStruct<Closure> closure, AbiStruct<Task> task,
                              Num worker) {
  AbiStruct<kvcrt_params> params(closure.load(KVC_FIELD(Closure, params)));
  AttendContext c(b, variant, shape, access, params);

  c.seq = b.toI64(task.load(KVC_FIELD(Task, seq)));
  c.kvHead = b.toI64(task.load(KVC_FIELD(Task, kvHead)));
  c.firstToken = b.toI64(task.load(KVC_FIELD(Task, firstToken)));
  c.numTokens = b.toI64(task.load(KVC_FIELD(Task, numTokens)));
  c.loadSequence();
  c.rows = c.numTokens * variant.group();
  c.paddedRows = roundUp(c.rows, access.rowBlock);
  c.lowIndex = c.firstIndex + c.firstToken;
  c.highIndex = c.lowIndex + c.numTokens - 1;

  c.loadParameters();
  if (variant.rope())
    c.ropeTable = RopeTable::load(c.cache);

  ScratchLayout layout = ScratchLayout::get(shape);
  Num scratch = b.at(closure.load(KVC_FIELD(Closure, scratch)),
                     b.toI64(worker) * layout.size);
  c.query = b.at(scratch, layout.query);
  c.sinkQuery = b.at(scratch, layout.sinkQuery);
  c.scores = b.at(scratch, layout.scores);
  c.sinkScores = b.at(scratch, layout.sinkScores);
  c.rescale = b.at(scratch, layout.rescale);
  c.tables = b.at(scratch, layout.tables);
  c.packedTable = b.at(scratch, layout.packedTable);
  c.packedKey = b.at(scratch, layout.packedKey);
  c.packedValue = b.at(scratch, layout.packedValue);
  c.zeroRow = b.at(scratch, layout.zeroRow);
  c.state = SoftmaxState::at(b.at(scratch, layout.state),
                             StateLayout::get(shape.maxRows, shape));
  c.total = SoftmaxState::at(b.at(scratch, layout.total),
                             StateLayout::get(shape.decodeRows, shape));
  return c;
}

/// Writes `count` f32 zeros, a multiple of the vector length.
static void emitZero(KernelBuilder &b, Num address, int64_t count) {
  int64_t lanes = b.target.lanes();
  Num zero = b.constant(b.vec(lanes, b.f32()), 0);
  b.loop(b.i64(0), b.i64(count), lanes,
         [&](Num i) { b.store(zero, b.at(address, i * 4)); });
}

void emitLoadQueries(AttendContext &c) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  emitZero(b, c.zeroRow, std::max(c.shape.keyPitch, c.shape.valuePitch));
  Num data = c.params.load(KVC_FIELD(kvcrt_params, query.data));
  Num tokenStride = c.params.load(KVC_FIELD(kvcrt_params, query.token_stride));
  Num headStride = c.params.load(KVC_FIELD(kvcrt_params, query.head_stride));
  int64_t elementBytes = v.element.getIntOrFloatBitWidth() / 8;

  b.loop(b.i64(0), c.rows, 1, [&](Num row) {
    Num token = c.rowToken(row);
    Num source = b.at(data, (c.stepToken + token) * tokenStride +
                                c.rowHead(row) * headStride);
    auto fill = [&](Num target) {
      emitZero(b, b.at(target, (c.shape.keyPitch - b.target.lanes()) * 4),
               b.target.lanes());
      forEachPiece(v.keyDim(), b.target.lanes(),
                   [&](int64_t at, int64_t width) {
                     Num piece = b.load(b.vec(width, v.element),
                                        b.at(source, at * elementBytes));
                     b.store(b.toF32(piece), b.at(target, at * 4));
                   });
    };
    Num target = b.at(c.query, row * c.shape.keyRowBytes());
    fill(target);
    if (!v.rope())
      return;
    Num position = c.rowPosition(token);
    if (v.needsSinkQuery()) {
      Num sinkTarget = b.at(c.sinkQuery, row * c.shape.keyRowBytes());
      fill(sinkTarget);
      emitRotateRow(v, c.ropeTable, sinkTarget,
                    c.sinkPosition(token, position));
    }
    emitRotateRow(v, c.ropeTable, target, position);
  });
  b.loop(c.rows, c.paddedRows, 1, [&](Num row) {
    emitZero(b, b.at(c.query, row * c.shape.keyRowBytes()), c.shape.keyPitch);
    if (v.needsSinkQuery())
      emitZero(b, b.at(c.sinkQuery, row * c.shape.keyRowBytes()),
               c.shape.keyPitch);
  });
}

void emitTileLoop(AttendContext &c, const VisibleTiles &tiles, Num first,
                  Num end) {
  KernelBuilder &b = c.b;
  int64_t tableBytes = RowTableLayout::get(c.shape).size;
  auto tableOf = [&](Num ordinal) {
    return b.at(c.tables, (ordinal & 1) * tableBytes);
  };
  b.ifThen(first < end, [&] {
    emitRowTable(c, tiles.tileOf(first), tableOf(first));
    b.loop(first, end, 1, [&](Num ordinal) {
      Num tile = tiles.tileOf(ordinal);
      Num begin = tile * c.shape.tileKeys;
      Num keys = min(c.kvLen - begin, b.i64(c.shape.tileKeys));
      Num table = tableOf(ordinal);
      // One tile ahead, so that its rows can be prefetched through the block
      // table while this one is computed. At the end it names itself.
      Num next = min(ordinal + 1, end - 1);
      Num nextTable = tableOf(next);
      b.ifThen(next != ordinal,
               [&] { emitRowTable(c, tiles.tileOf(next), nextTable); });
      emitPackRows(c, table, tile, keys);
      emitScores(c, c.query, c.scores, table, nextTable, keys);
      if (c.variant.needsSinkQuery())
        b.ifThen(begin < c.sinkTokens, [&] {
          emitScores(c, c.sinkQuery, c.sinkScores, table, nextTable, keys);
        });
      auto rest = [&](bool steady) {
        emitSoftmax(c, tile, steady);
        emitValues(c, table, nextTable, keys, /*guarded=*/!steady);
        return Nums{};
      };
      // A mask is looked at key by key.
      if (c.variant.mask != MaskKind::none) {
        rest(false);
        return;
      }
      b.ifElse(
          emitIsSteady(c, begin, begin + c.shape.tileKeys, c.lowIndex,
                       c.highIndex),
          [&] { return rest(true); }, [&] { return rest(false); });
    });
  });
}

} // namespace kvc::cpu
