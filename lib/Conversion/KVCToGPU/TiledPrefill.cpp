//===- TiledPrefill.cpp - many query rows ---------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block takes a tile of rows (query tokens x group of one KV head) of one
// sequence; each warp owns 16 of them. Tiles of keys pass through a ring that
// the block shares: one barrier a tile, copies of the tiles ahead in flight
// behind the products. Scores, weights and outputs stay in registers.
//
// Hopper's warp-specialised schedule (wgmma, TMA) is another file beside this
// one over the same AttentionMath and ScoreEdits.
//
// Invariant: a row sees its keys tile by tile in order, whatever the grid.
//
//===----------------------------------------------------------------------===//

#include "AttentionMath.h"
#include "KeyTiles.h"
#include "Rotation.h"
#include "ScoreEdits.h"

using namespace mlir;

namespace kvc::gpu {

namespace {
/// Sizes of the schedule, from the variant and the chip alone.
struct PrefillShape {
  int64_t warps = 4, tileKeys = 64, stages = 3;
  bool queriesInRegisters = true;
  int64_t threads() const { return warps * 32; }
  int64_t rows() const { return warps * 16; }
  SharedTile queryTile(const Variant &v) const {
    return SharedTile::ofBytes(rows(), v.keyDim() * 2);
  }
  int64_t queryBytes(const Variant &v) const {
    return queryTile(v).bytes() * (v.needsSinkQuery() ? 2 : 1);
  }
  KeyTiles keyTiles(const Variant &v) const {
    return KeyTiles(v, threads(), tileKeys, stages);
  }
  int64_t sharedBytes(const Variant &v) const {
    return queryBytes(v) + keyTiles(v).bytes();
  }
  /// The deepest ring that leaves room for two blocks, else for one; fewer
  /// keys where even two stages do not fit.
  static FailureOr<PrefillShape> get(const Variant &v, const Chip &chip);
};

/// Emits the kernel for one task.
class Prefill {
public:
  Prefill(AttendContext &c, const PrefillShape &shape)
      : c(c), b(c.b), v(c.variant), shape(shape), tiles(shape.keyTiles(v)),
        queryTile(shape.queryTile(v)), queries(sharedMemory(b)),
        sinkQueries(b.at(queries, queryTile.bytes())),
        ring(sharedMemory(b, shape.queryBytes(v))) {}

  void run();

private:
  void loadQueries();
  Nums queryFragment(Num base, int64_t step);
  Nums products(Num queryBase, ArrayRef<Nums> fragments, Num stage);
  void editScores(MutableArrayRef<Num> scores, ArrayRef<Num> sinkScores,
                  Num tile, Num stage);
  void addValues(MutableArrayRef<Num> out, ArrayRef<Num> weights, Num stage);
  void finish(SoftmaxState state, ArrayRef<Num> out);
  /// Row of the task that half `half` of this lane's fragments is.
  Num row(int half) { return warpRow + (lane >> 2) + 8 * half; }

  AttendContext &c;
  KernelBuilder &b;
  const Variant &v;
  const PrefillShape &shape;
  KeyTiles tiles;
  SharedTile queryTile;
  Num queries, sinkQueries, ring;
  Num lane, warpRow;
  Num warpLow, warpHigh; // indices of this warp's queries
};
} // namespace

FailureOr<PrefillShape> PrefillShape::get(const Variant &v, const Chip &chip) {
  PrefillShape shape;
  shape.queriesInRegisters = v.keyDim() <= 128 && v.valueDim() <= 128;
  for (int64_t budget : {chip.sharedBytesPerSM / 2 - 1024, chip.sharedBytes})
    for (int64_t keys : {64, 32})
      for (int64_t stages : {3, 2}) {
        shape.tileKeys = keys;
        shape.stages = stages;
        // Two blocks an SM are worth less than whole tiles.
        if (keys == 32 && budget != chip.sharedBytes)
          continue;
        if (shape.sharedBytes(v) <= budget)
          return shape;
      }
  VariantOp op = v.op;
  return op.emitOpError("expected tiles that fit the shared memory of a block, "
                        "got ")
         << shape.sharedBytes(v) << " bytes of " << chip.sharedBytes
         << "; use a smaller head_dim or another chip";
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

void Prefill::loadQueries() {
  Num data = c.params.load(KVC_FIELD(kvcrt_params, query.data));
  Num tokenStride = c.params.load(KVC_FIELD(kvcrt_params, query.token_stride));
  Num headStride = c.params.load(KVC_FIELD(kvcrt_params, query.head_stride));
  TileWalk walk(shape.threads(), shape.rows(), queryTile.chunks);
  walk.forEach(
      b,
      [&](Num r) -> Nums {
        Num taskRow = c.firstRow + r;
        Num exists = taskRow < c.endRow;
        Num safe = min(taskRow, c.endRow - 1);
        Num token = c.rowToken(safe);
        Num source = b.at(data, b.toI64(c.stepToken + token) * tokenStride +
                                    b.toI64(c.rowHead(safe)) * headStride);
        Nums found = {exists, source};
        if (!v.rope())
          return found;
        Num position = c.rowPosition(token);
        found.push_back(Angles::at(c.cache, v, position, exists).row);
        if (v.needsSinkQuery())
          found.push_back(
              Angles::at(c.cache, v, c.sinkPosition(token, position), exists)
                  .row);
        return found;
      },
      [&](ArrayRef<Num> found, Num r, Num chunk) {
        auto read = [&](Num first, int64_t count, bool whole) {
          return readGlobalRow(v.element, found[1], first, count, whole);
        };
        auto put = [&](Nums piece, Num base) {
          // Rows that do not exist are zero.
          for (Num &x : piece)
            x = select(found[0], x, b.f32(0));
          storePiece(piece, queryTile.address(base, r, chunk), v.element);
        };
        Num first = chunk * 8;
        if (!v.rope())
          return put(read(first, 8, true), queries);
        put(emitRotatedPiece(v, Angles{found[2]}, first, 8, read), queries);
        if (v.needsSinkQuery())
          put(emitRotatedPiece(v, Angles{found[3]}, first, 8, read),
              sinkQueries);
      });
}

/// A fragment of elements [16 step, 16 step + 16) of the warp's queries.
Nums Prefill::queryFragment(Num base, int64_t step) {
  return loadMatrix(
      MatrixLane::rowsFirst(b).address(queryTile, base, warpRow, 2 * step), 4,
      false);
}

//===----------------------------------------------------------------------===//
// One tile of keys
//===----------------------------------------------------------------------===//

/// Dot products of the warp's queries and the keys of `stage`: four per eight
/// keys.
Nums Prefill::products(Num queryBase, ArrayRef<Nums> fragments, Num stage) {
  Nums scores(shape.tileKeys / 8 * 4, b.f32(0));
  Num base = tiles.keys(ring, stage);
  MatrixLane at = MatrixLane::chunksFirst(b);
  for (int64_t step = 0; step < v.keyDim() / 16; ++step) {
    Nums q =
        fragments.empty() ? queryFragment(queryBase, step) : fragments[step];
    for (int64_t key = 0; key < shape.tileKeys; key += 16) {
      Nums k = loadMatrix(
          at.address(tiles.key.operand, base, b.i32(key), 2 * step), 4, false);
      for (int64_t part = 0; part < 2; ++part) {
        MutableArrayRef<Num> sums =
            MutableArrayRef<Num>(scores).slice((key / 8 + part) * 4, 4);
        Nums next =
            multiply(v.element, q, ArrayRef(k).slice(part * 2, 2), sums);
        llvm::copy(next, sums.begin());
      }
    }
  }
  return scores;
}

void Prefill::editScores(MutableArrayRef<Num> scores, ArrayRef<Num> sinkScores,
                         Num tile, Num stage) {
  Num begin = tile * shape.tileKeys;
  Num firstKey = begin + ((lane & 3) << 1);
  Nums sinks(sinkScores);
  if (tiles.key.hasScale()) {
    Num scales = b.at(tiles.keyScales(ring, stage), (lane & 3) << 3);
    for (size_t i = 0; i < scores.size(); ++i) {
      // Rows of both halves have the same keys: CSE leaves one load of each.
      Num scale = b.load(b.f32(), b.at(scales, int64_t(i / 4 * 8 + i % 2) * 4));
      scores[i] = scores[i] * scale;
      if (!sinks.empty())
        sinks[i] = sinks[i] * scale;
    }
  }
  auto edit = [&](bool steady) {
    Nums edited(scores.begin(), scores.end());
    for (int half = 0; half < 2; ++half) {
      ScoreRow at(c, min(c.firstRow + row(half), c.endRow - 1));
      for (size_t i = 0; i < scores.size(); ++i)
        if (int(i / 2 % 2) == half)
          edited[i] = at.edit(scores[i], sinks.empty() ? Num() : sinks[i],
                              firstKey + int64_t(i / 4 * 8 + i % 2), steady);
    }
    return edited;
  };
  Nums edited =
      v.mask != MaskKind::none
          ? edit(false)
          : b.ifElse(
                emitIsSteady(c, begin, begin + shape.tileKeys, warpLow,
                             warpHigh),
                [&] { return edit(true); }, [&] { return edit(false); });
  llvm::copy(edited, scores.begin());
}

/// out += weights . values of `stage`.
void Prefill::addValues(MutableArrayRef<Num> out, ArrayRef<Num> weights,
                        Num stage) {
  Num base = tiles.values(ring, stage);
  MatrixLane at = MatrixLane::rowsFirst(b);
  Nums scaled(weights.begin(), weights.end());
  if (tiles.value.hasScale()) {
    Num scales = tiles.valueScales(ring, stage);
    for (size_t i = 0; i < scaled.size(); ++i) {
      Num scale = b.load(b.f32(), b.at(b.at(scales, ((lane & 3) << 3)),
                                       int64_t(i / 4 * 8 + i % 2) * 4));
      // A key that is not seen may have a NaN for its scale.
      scaled[i] = select(scaled[i] == 0.0, scaled[i], scaled[i] * scale);
    }
  }
  for (int64_t key = 0; key < shape.tileKeys; key += 16) {
    ArrayRef<Num> w = ArrayRef(scaled).slice(key / 8 * 4, 8);
    Nums p = {packPair(w[0], w[1], v.element), packPair(w[2], w[3], v.element),
              packPair(w[4], w[5], v.element), packPair(w[6], w[7], v.element)};
    for (int64_t d = 0; d < v.valueDim(); d += 16) {
      Nums pair = loadMatrix(
          at.address(tiles.value.operand, base, b.i32(key), d / 8), 4, true);
      for (int64_t part = 0; part < 2; ++part) {
        MutableArrayRef<Num> sums = out.slice((d / 8 + part) * 4, 4);
        Nums next =
            multiply(v.element, p, ArrayRef(pair).slice(part * 2, 2), sums);
        llvm::copy(next, sums.begin());
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// The end
//===----------------------------------------------------------------------===//

void Prefill::finish(SoftmaxState state, ArrayRef<Num> out) {
  Num data = c.params.load(KVC_FIELD(kvcrt_params, out.data));
  Num tokenStride = c.params.load(KVC_FIELD(kvcrt_params, out.token_stride));
  Num headStride = c.params.load(KVC_FIELD(kvcrt_params, out.head_stride));
  for (int half = 0; half < 2; ++half) {
    Num sum = laneSum(state.sum[half], 4);
    Num taskRow = c.firstRow + row(half);
    b.ifThen(taskRow < c.endRow, [&] {
      Num token = c.stepToken + c.rowToken(taskRow), head = c.rowHead(taskRow);
      RowFinish end = emitFinishRow(c, head, state.max[half], sum);
      Num target =
          b.at(data, b.toI64(token) * tokenStride + b.toI64(head) * headStride);
      target = b.at(target, (lane & 3) << 2);
      for (int64_t d = 0; d < v.valueDim(); d += 8) {
        size_t i = size_t(d / 8 * 4 + half * 2);
        Num pair =
            packPair(out[i] * end.factor, out[i + 1] * end.factor, v.element);
        b.store(pair, b.at(target, d * 2), 4);
      }
      if (!v.lse)
        return;
      b.ifThen((lane & 3) == 0, [&] {
        Num lseRow =
            b.at(c.params.load(KVC_FIELD(kvcrt_params, lse)),
                 b.toI64(token) *
                     c.params.load(KVC_FIELD(kvcrt_params, lse_token_stride)));
        b.store(end.lse, b.at(lseRow, b.toI64(head) * 4));
      });
    });
  }
}

void Prefill::run() {
  lane = laneId(b);
  warpRow = warpId(b) * 16;
  // The warp's first and last row that exist; a warp without any takes the
  // block's last row.
  Num last = c.endRow - 1;
  warpLow = c.firstIndex + c.rowToken(min(c.firstRow + warpRow, last));
  warpHigh = c.firstIndex + c.rowToken(min(c.firstRow + warpRow + 15, last));

  // The task before may still be reading shared memory.
  blockBarrier(b);
  VisibleTiles visible = emitVisibleTiles(c, shape.tileKeys);
  auto copy = [&](Num ordinal, Num stage) {
    tiles.emitCopy(c, ring, visible.tileOf(ordinal), stage,
                   ordinal < visible.count);
  };
  for (int64_t stage = 0; stage < shape.stages - 1; ++stage)
    copy(b.i32(stage), b.i32(stage));
  loadQueries();
  blockBarrier(b);
  SmallVector<Nums> fragments;
  if (shape.queriesInRegisters)
    for (int64_t step = 0; step < v.keyDim() / 16; ++step)
      fragments.push_back(queryFragment(queries, step));

  Nums carried = SoftmaxState::empty(b).values();
  carried.append(v.valueDim() / 8 * 4, b.f32(0));
  carried =
      b.loop(b.i32(0), visible.count, 1, carried,
             [&](Num ordinal, ArrayRef<Num> before) -> Nums {
               Num stage = ordinal % shape.stages;
               Num tile = visible.tileOf(ordinal);
               copyWait(b, shape.stages - 2);
               // This tile is there for all, and the one before is no longer
               // read.
               blockBarrier(b);
               Num ahead = ordinal + (shape.stages - 1);
               copy(ahead, ahead % shape.stages);
               if (tiles.decodes()) {
                 tiles.emitDecode(c, ring, tile, stage);
                 blockBarrier(b);
               }
               SoftmaxState state = SoftmaxState::from(before.take_front(4));
               Nums out(before.drop_front(4));
               Nums scores = products(queries, fragments, stage), sinkScores;
               if (v.needsSinkQuery())
                 sinkScores = b.ifElse(
                     tile * shape.tileKeys < c.sinkTokens,
                     [&] { return products(sinkQueries, {}, stage); },
                     [&] { return scores; });
               editScores(scores, sinkScores, tile, stage);
               Nums factors = emitSoftmax(scores, state);
               for (size_t i = 0; i < out.size(); ++i)
                 out[i] = out[i] * factors[i / 2 % 2];
               addValues(out, scores, stage);
               Nums next = state.values();
               next.append(out);
               return next;
             });
  // Nothing may land in the next task's stages.
  copyWait(b, 0);
  finish(SoftmaxState::from(ArrayRef(carried).take_front(4)),
         ArrayRef(carried).drop_front(4));
}

LogicalResult KernelEmitter::emitTiledPrefill() {
  FailureOr<PrefillShape> shape = PrefillShape::get(variant, chip);
  if (failed(shape))
    return failure();
  emitKernel("_attend_prefill", shape->threads(), shape->sharedBytes(variant),
             [&](KernelBuilder &b, AbiStruct<kvcrt_params> params) {
               AbiStruct<kvcrt_step_header> header(
                   params.load(KVC_FIELD(kvcrt_params, step.header)));
               auto count = [&](size_t offset) {
                 return loadInvariant(
                     b.i32(), b.at(header.address(), int64_t(offset)), 4);
               };
               Num decode = count(offsetof(kvcrt_step_header, num_tasks));
               Num prefill =
                   count(offsetof(kvcrt_step_header, num_prefill_tasks));
               AbiStruct<kvcrt_task> tasks(
                   params.load(KVC_FIELD(kvcrt_params, tasks)));
               b.loopBy(blockId(b), prefill, gridBlocks(b), [&](Num index) {
                 AttendContext c =
                     emitLoadTask(b, variant, params,
                                  tasks.element(decode + index), shape->rows());
                 Prefill(c, *shape).run();
               });
             });
  return success();
}

} // namespace kvc::gpu
