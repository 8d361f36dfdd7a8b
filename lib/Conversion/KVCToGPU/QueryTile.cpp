//===- QueryTile.cpp - a block's queries in shared memory -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This is done once a task: what keeps the memory busy is worth its code, and
// no more.
//
//===----------------------------------------------------------------------===//

#include "QueryTile.h"

#include "RangeFactor.h"
#include "Rotation.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace kvc::gpu {

/// Chunks that a thread has in flight where they are turned or scaled: as many
/// as hide the memory's latency.
static constexpr int64_t kAtOnce = 4;

namespace {
/// What threads know of a row before they take its chunks.
struct QueryRow {
  Num source;
  Num factor;  // null where queries have none
  Nums angles; // where they are turned: the row's, and those for the sinks

  Nums values() const;
  static QueryRow of(const Variant &variant, ArrayRef<Num> values);
};

/// Emits the loads of one tile.
class QueryLoad {
public:
  QueryLoad(const QueryTile &queries, const AttendContext &c,
            const QueryPlace &place, int64_t threads);
  void emit(bool inSteps);

private:
  QueryRow findRow(Num r) const;
  Num largest(Num source, Num firstChunk) const;
  void copyChunk(const QueryRow &row, Stepped r, Stepped chunk) const;
  void turnChunks(const QueryRow &row, Stepped r,
                  ArrayRef<Stepped> chunks) const;
  Nums read(const QueryRow &row, Stepped first, int64_t elements) const {
    return readGlobalRow(v.element, row.source, first, elements);
  }
  void put(Nums piece, const QueryRow &row, Num target, Stepped r,
           Stepped chunk) const;

  const QueryTile &queries;
  const AttendContext &c;
  KernelBuilder &b;
  const Variant &v;
  const QueryPlace &place;
  const int64_t count; // elements of a chunk
  const TileWalk walk;
  const bool isCopy;
  Num data, tokenStride, headStride;
};
} // namespace

Nums QueryRow::values() const {
  Nums all = {source};
  if (factor)
    all.push_back(factor);
  all.append(angles);
  return all;
}

QueryRow QueryRow::of(const Variant &variant, ArrayRef<Num> values) {
  QueryRow row;
  row.source = values[0];
  values = values.drop_front();
  if (scalesQueries(variant)) {
    row.factor = values[0];
    values = values.drop_front();
  }
  row.angles = Nums(values);
  return row;
}

QueryLoad::QueryLoad(const QueryTile &queries, const AttendContext &c,
                     const QueryPlace &place, int64_t threads)
    : queries(queries), c(c), b(c.b), v(queries.variant), place(place),
      count(pieceOf(queries.element)),
      walk(threads, queries.tile.rows, queries.tile.chunks,
           v.rope() ? partnerPieces(v, count) : 0),
      isCopy(!v.rope() && !scalesQueries(v) && queries.element == v.element),
      data(c.params.load(KVC_FIELD(kvcrt_params, query.data))),
      tokenStride(c.params.load(KVC_FIELD(kvcrt_params, query.token_stride))),
      headStride(c.params.load(KVC_FIELD(kvcrt_params, query.head_stride))) {}

/// The largest magnitude of a row, of which this thread has the chunks from
/// `firstChunk` on that are perRow apart, and its neighbours the others.
Num QueryLoad::largest(Num source, Num firstChunk) const {
  const Type element = v.element;
  Num most;
  auto meet = [&](Num magnitude) {
    most = most ? maxNumber(most, magnitude) : magnitude;
  };
  for (int64_t chunk = 0; chunk < walk.chunks; chunk += walk.perRow) {
    Stepped first = Stepped(firstChunk, chunk) * count;
    if (element.isF32()) {
      for (Num x : readGlobalRow(element, source, first, count))
        meet(b.num(math::AbsFOp::create(b, x.value)));
      continue;
    }
    // Two at once: 16-bit floats without their signs.
    Num words =
        loadInvariant(b.vec(4, b.i32()), addressOf(source, first, 2), 16);
    for (int64_t i = 0; i < 4; ++i)
      meet(b.num(LLVM::BitcastOp::create(
          b, b.vec(2, element), (b.lane(words, i) & 0x7fff7fff).value)));
  }
  if (!element.isF32())
    most = maxNumber(b.toF32(b.lane(most, 0)), b.toF32(b.lane(most, 1)));
  return laneMax(most, walk.perRow);
}

QueryRow QueryLoad::findRow(Num r) const {
  Num mine = min(c.firstRow + r, c.endRow - 1);
  Num token = c.rowToken(mine);
  QueryRow row;
  row.source = b.at(data, b.toI64(c.stepToken + token) * tokenStride +
                              b.toI64(c.rowHead(mine)) * headStride);
  if (scalesQueries(v)) {
    Num firstChunk = threadId(b) % walk.perRow;
    row.factor = queryFactor(largest(row.source, firstChunk));
    b.ifThen((firstChunk == 0) & (r < walk.rows), [&] {
      b.store(inverseFactor(row.factor), place.inverseFactor(r), 4);
    });
  }
  if (!v.rope())
    return row;
  auto angles = [&](Num position) {
    return Angles::at(c.cache, v, position, /*active=*/Num()).row;
  };
  Num position = c.rowPosition(token);
  row.angles.push_back(angles(position));
  if (v.needsSinkQuery())
    row.angles.push_back(angles(c.sinkPosition(token, position)));
  return row;
}

void QueryLoad::put(Nums piece, const QueryRow &row, Num target, Stepped r,
                    Stepped chunk) const {
  if (row.factor)
    for (Num &x : piece)
      x = x * row.factor;
  storePiece(piece, queries.tile.address(target, r, chunk), queries.element);
}

void QueryLoad::copyChunk(const QueryRow &row, Stepped r, Stepped chunk) const {
  Num bytes =
      loadInvariant(b.vec(4, b.i32()), addressOf(row.source, chunk, 16), 16);
  b.store(bytes, queries.tile.address(place.rows, r, chunk), 16);
}

/// A chunk, or one and that of its partners, for each position that the row is
/// turned to.
void QueryLoad::turnChunks(const QueryRow &row, Stepped r,
                           ArrayRef<Stepped> chunks) const {
  Nums targets = {place.rows};
  if (v.needsSinkQuery())
    targets.push_back(queries.sinks(place.rows));
  auto reader = [&](Stepped first, int64_t elements) {
    return read(row, first, elements);
  };
  Stepped first = chunks[0] * count;
  for (auto [target, angles] : llvm::zip(targets, row.angles)) {
    if (chunks.size() == 1) {
      put(emitRotatedPiece(v, {angles}, first, count, reader), row, target, r,
          chunks[0]);
      continue;
    }
    auto [low, high] = emitRotatedPair(v, {angles}, first, count, reader);
    put(low, row, target, r, chunks[0]);
    put(high, row, target, r, chunks[1]);
  }
}

void QueryLoad::emit(bool inSteps) {
  const int64_t perThread = walk.chunks / walk.perRow;
  walk.forEach(
      b, threadId(b), [&](Num r) { return findRow(r).values(); },
      [&](ArrayRef<Num> found, Stepped r, ArrayRef<Stepped> chunks) {
        QueryRow row = QueryRow::of(v, found);
        if (isCopy)
          copyChunk(row, r, chunks[0]);
        else if (v.rope())
          turnChunks(row, r, chunks);
        else
          put(read(row, chunks[0] * count, count), row, place.rows, r,
              chunks[0]);
      },
      /*passesAtOnce=*/isCopy ? 0 : std::max<int64_t>(1, kAtOnce / perThread),
      /*chunksInLoop=*/inSteps || v.needsSinkQuery() ||
          (!isCopy && perThread > kAtOnce));
}

void QueryTile::emitLoad(const AttendContext &c, const QueryPlace &place,
                         int64_t threads, bool inSteps) const {
  Step named(c.b, "load queries");
  QueryLoad(*this, c, place, threads).emit(inSteps);
}

} // namespace kvc::gpu
