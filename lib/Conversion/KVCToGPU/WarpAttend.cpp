//===- WarpAttend.cpp - one warp's rows against tiles of keys -------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WarpAttend.h"

#include "ScoreRow.h"

using namespace mlir;

namespace kvc::gpu {

//===----------------------------------------------------------------------===//
// Queries in registers
//===----------------------------------------------------------------------===//

WarpAttend::WarpAttend(AttendContext &c, const KeyTiles &tiles,
                       const QueryTile &queryTile, QueryPlace queries, Num ring,
                       Num warpRow, bool inRegisters, bool inLoop)
    : c(c), b(c.b), v(c.variant), tiles(tiles), queryTile(queryTile),
      queries(queries), ring(ring), warpRow(warpRow), lane(laneId(c.b)),
      inRegisters(inRegisters), inLoop(inLoop) {
  assert((!tiles.operandsInTurn() || tiles.threads == 32) &&
         "values in turn are decoded between syncs of a warp");
  // The warp's first and last row that exist; a warp without any takes the
  // block's last row.
  Num last = c.endRow - 1;
  lowIndex = c.firstIndex + c.rowToken(min(c.firstRow + warpRow, last));
  highIndex = c.firstIndex + c.rowToken(min(c.firstRow + warpRow + 15, last));
  if (!inRegisters)
    return;
  if (!v.needsSinkQuery())
    fragments = queryFragments(queries.rows);
  if (scalesQueries(v))
    inverseFactors = loadInverseFactors();
}

/// What gives the factors of this lane's two rows back.
Nums WarpAttend::loadInverseFactors() {
  Nums two;
  for (int half = 0; half < 2; ++half)
    two.push_back(b.load(b.f32(), queries.inverseFactor(row(half)), 4));
  return two;
}

/// A fragment of chunks 2 step and 2 step + 1 of the warp's queries: 16
/// elements, or 8 of f32.
Nums WarpAttend::queryFragment(Num base, int64_t step) {
  return loadMatrix(
      MatrixLane::rowsFirst(b).address(queryTile.tile, base, warpRow, 2 * step),
      4, false);
}

SmallVector<Nums> WarpAttend::queryFragments(Num base) {
  SmallVector<Nums> all;
  for (int64_t step = 0; step < queryTile.tile.chunks / 2; ++step)
    all.push_back(queryFragment(base, step));
  return all;
}

TileQuery TileQuery::of(const Variant &variant, const VisibleTiles &visible,
                        Num ordinal, int64_t stride) {
  if (!variant.needsSinkQuery())
    return {};
  Num isSinks = ordinal < visible.sinkTiles;
  return {isSinks, isFalse(isSinks) & (ordinal - stride < visible.sinkTiles)};
}

//===----------------------------------------------------------------------===//
// One tile of keys
//===----------------------------------------------------------------------===//

/// Dot products of the warp's queries and the keys of `stage`: four per eight
/// keys.
Nums WarpAttend::products(Num base, ArrayRef<Nums> held, Num stage) {
  Step named(b, "queries times keys");
  Nums scores(tiles.tileKeys / 8 * 4, b.f32(0));
  Num keys = tiles.keys(ring, stage);
  MatrixLane at = MatrixLane::chunksFirst(b);
  // Two chunks of queries from `base` on and of keys from `keys` on.
  auto add = [&](MutableArrayRef<Num> scores, Num base, Num keys,
                 int64_t step) {
    Nums q = held.empty() ? queryFragment(base, step) : held[step];
    for (int64_t key = 0; key < tiles.tileKeys; key += 16) {
      Nums k = loadMatrix(
          at.address(tiles.key.operand, keys, b.i32(key), 2 * step), 4, false);
      for (int64_t part = 0; part < 2; ++part) {
        MutableArrayRef<Num> sums = scores.slice((key / 8 + part) * 4, 4);
        Nums next = multiply(queryTile.element, q,
                             ArrayRef(k).slice(part * 2, 2), sums);
        llvm::copy(next, sums.begin());
      }
    }
  };
  constexpr int64_t kGroup = 4; // steps, as far as swizzles reach
  int64_t step = 0, steps = queryTile.tile.chunks / 2;
  if (inLoop && steps >= 2 * kGroup) {
    assert(held.empty() && "registers are not indexed");
    step = steps / kGroup * kGroup;
    scores =
        b.rolledLoop(b.i32(0), b.i32(step * 32), kGroup * 32, scores,
                     [&](Num bytes, ArrayRef<Num> before) {
                       Nums after(before);
                       for (int64_t i = 0; i < kGroup; ++i)
                         add(after, b.at(base, bytes), b.at(keys, bytes), i);
                       return after;
                     });
  }
  // Else all of a row is loaded at once, into registers that are spilled.
  bool waits = queryTile.element.isF32();
  for (; step < steps; ++step) {
    if (waits && step > 0 && step % kGroup == 0)
      warpSync(b);
    add(scores, base, keys, step);
  }
  return scores;
}

/// Bytes from the scale of the lane's first key to that of score `i`.
static int64_t scalePlace(size_t i) { return int64_t(i / 4 * 8 + i % 2) * 4; }

static Num loadScale(const PlaneLayout &layout, Num at) {
  KernelBuilder &b = *at.builder;
  Num scale = b.load(b.f32(), at);
  double factor = layout.scaleFactor();
  return factor == 1 ? scale : scale * factor;
}

void WarpAttend::editScores(MutableArrayRef<Num> scores, Num isSinks, Num tile,
                            Num stage) {
  Step named(b, "edit scores");
  Num begin = tile * tiles.tileKeys;
  Num firstKey = begin + ((lane & 3) << 1);
  if (scalesQueries(v)) {
    Nums inverse = inRegisters ? inverseFactors : loadInverseFactors();
    for (size_t i = 0; i < scores.size(); ++i)
      scores[i] = scores[i] * inverse[i / 2 % 2];
  }
  if (tiles.key.hasScale()) {
    Num scales = b.at(tiles.keyScales(ring, stage), (lane & 3) << 3);
    for (size_t i = 0; i < scores.size(); ++i) {
      // Rows of both halves have the same keys: CSE leaves one load of each.
      Num scale = loadScale(tiles.key, b.at(scales, scalePlace(i)));
      scores[i] = scores[i] * scale;
    }
  }
  auto edit = [&](bool steady) {
    Nums edited(scores.begin(), scores.end());
    for (int half = 0; half < 2; ++half) {
      ScoreRow at(c, min(c.firstRow + row(half), c.endRow - 1), firstKey);
      for (size_t i = 0; i < scores.size(); ++i) {
        if (int(i / 2 % 2) != half)
          continue;
        int64_t column = int64_t(i / 4 * 8 + i % 2);
        Num key = firstKey + column;
        edited[i] = at.edit(scores[i], column, steady);
        // Keys that meet the other query come, or came, with it.
        if (isSinks && !steady)
          edited[i] = select((key < c.sinkTokens) ^ isSinks, b.negInf(b.f32()),
                             edited[i]);
      }
    }
    return edited;
  };
  Nums edited =
      v.mask != MaskKind::none
          ? edit(false)
          : b.ifElse(
                emitIsSteady(c, begin, begin + tiles.tileKeys, lowIndex,
                             highIndex),
                [&] { return edit(true); }, [&] { return edit(false); });
  llvm::copy(edited, scores.begin());
}

/// The scales of the values of `stage` go with their weights.
void WarpAttend::scaleWeights(MutableArrayRef<Num> weights, Num stage) {
  if (!tiles.value.hasScale())
    return;
  Step named(b, "weights times values");
  Num scales = b.at(tiles.valueScales(ring, stage), (lane & 3) << 3);
  for (size_t i = 0; i < weights.size(); ++i) {
    Num scale = loadScale(tiles.value, b.at(scales, scalePlace(i)));
    // A key that is not seen may have a NaN for its scale.
    weights[i] = select(weights[i] == 0.0, weights[i], weights[i] * scale);
  }
}

/// out += weights . values of `stage`.
void WarpAttend::addValues(MutableArrayRef<Num> out, ArrayRef<Num> weights,
                           Num stage) {
  Step named(b, "weights times values");
  Num base = tiles.values(ring, stage);
  MatrixLane at = MatrixLane::rowsFirst(b);
  Type element = tiles.value.element;
  if (element.isF32())
    return addWideValues(out, weights, base);
  for (int64_t key = 0; key < tiles.tileKeys; key += 16) {
    ArrayRef<Num> w = weights.slice(key / 8 * 4, 8);
    Nums p = {packPair(w[0], w[1], element), packPair(w[2], w[3], element),
              packPair(w[4], w[5], element), packPair(w[6], w[7], element)};
    for (int64_t d = 0; d < v.valueDim(); d += 16) {
      Nums pair = loadMatrix(
          at.address(tiles.value.operand, base, b.i32(key), d / 8), 4, true);
      for (int64_t part = 0; part < 2; ++part) {
        MutableArrayRef<Num> sums = out.slice((d / 8 + part) * 4, 4);
        Nums next =
            multiply(element, p, ArrayRef(pair).slice(part * 2, 2), sums);
        llvm::copy(next, sums.begin());
      }
    }
  }
}

/// The same for f32, which ldmatrix cannot transpose: lane l reads column l / 4
/// of keys 2 (l % 4) and the next, in the order in which it holds their
/// weights; the sum does not mind which key stands in which place of k.
void WarpAttend::addWideValues(MutableArrayRef<Num> out, ArrayRef<Num> weights,
                               Num base) {
  Num row = (lane & 3) << 1, chunk = lane >> 4;
  MatrixLane at[2] = {{row, chunk}, {row + 1, chunk}};
  Num column = ((lane >> 2) & 3) << 2;
  for (int64_t key = 0; key < tiles.tileKeys; key += 8) {
    if (key > 0)
      warpSync(b); // see products
    ArrayRef<Num> w = weights.slice(key / 8 * 4, 4);
    Nums p = {w[0], w[2], w[1], w[3]};
    for (int64_t d = 0; d < v.valueDim(); d += 8) {
      Nums pair;
      for (const MatrixLane &place : at)
        pair.push_back(b.load(
            b.f32(),
            b.at(place.address(tiles.value.operand, base, b.i32(key), d / 4),
                 column),
            4));
      MutableArrayRef<Num> sums = out.slice(d / 8 * 4, 4);
      llvm::copy(multiply(b.f32(), p, pair, sums), sums.begin());
    }
  }
}

Nums WarpAttend::start() {
  Nums carried = SoftmaxState::empty(b).values();
  carried.append(outSize(), b.f32(0));
  if (scalesWeights(v))
    carried.append(WeightFactors::none(b).values());
  if (inRegisters && v.needsSinkQuery())
    for (const Nums &fragment : queryFragments(queryTile.sinks(queries.rows)))
      carried.append(fragment);
  return carried;
}

Nums WarpAttend::attend(Num tile, TileQuery query, Num stage,
                        ArrayRef<Num> before) {
  SoftmaxState state = stateOf(before);
  Nums out(outOf(before).take_front(outSize())), scores;
  Nums rest(outOf(before).drop_front(outSize()));
  // The factors, where there are any, and the query that is held.
  WeightFactors weightFactors(
      scalesWeights(v) ? Nums(ArrayRef(rest).take_front(2)) : Nums());
  Nums held(ArrayRef(rest).drop_front(weightFactors.values().size()));
  if (!query.isSinks) {
    scores = products(queries.rows, fragments, stage);
  } else if (!inRegisters) {
    scores = products(
        select(query.isSinks, queryTile.sinks(queries.rows), queries.rows), {},
        stage);
  } else {
    held = b.ifElse(
        query.turns,
        [&] {
          Nums all;
          for (const Nums &fragment : queryFragments(queries.rows))
            all.append(fragment);
          return all;
        },
        [&] { return held; });
    SmallVector<Nums> pieces;
    for (size_t i = 0; i < held.size(); i += 4)
      pieces.push_back(Nums(ArrayRef(held).slice(i, 4)));
    scores = products(queries.rows, pieces, stage);
  }
  editScores(scores, query.isSinks, tile, stage);
  Nums decays = emitSoftmax(scores, state);
  scaleWeights(scores, stage);
  // After the first tiles, a maximum seldom changes, and a factor neither.
  Num changed = (decays[0] != 1.0) | (decays[1] != 1.0);
  if (scalesWeights(v))
    changed = changed | weightFactors.overflow(scores);
  Nums kept = out;
  kept.append(weightFactors.values());
  kept = b.ifElse(
      anyLane(changed),
      [&] {
        Nums next, factors;
        if (scalesWeights(v)) {
          WeightFactors updated = weightFactors;
          std::tie(updated, decays) = weightFactors.update(scores, decays);
          factors = updated.values();
        }
        for (size_t i = 0; i < out.size(); ++i)
          next.push_back(out[i] * decays[i / 2 % 2]);
        next.append(factors);
        return next;
      },
      [&] { return kept; });
  out = Nums(ArrayRef(kept).take_front(outSize()));
  if (scalesWeights(v)) {
    weightFactors = WeightFactors(Nums(ArrayRef(kept).drop_front(outSize())));
    weightFactors.apply(scores);
  }
  if (tiles.operandsInTurn()) {
    // Where this warp's lanes have read the keys.
    warpSync(b);
    tiles.emitDecodeValues(c, ring, lane, tile, stage);
    warpSync(b);
  }
  addValues(out, scores, stage);
  Nums next = state.values();
  next.append(out);
  next.append(weightFactors.values());
  next.append(held);
  return next;
}

Nums WarpAttend::finish(ArrayRef<Num> carried) const {
  Nums all(carried.begin(), carried.end());
  if (scalesWeights(v))
    WeightFactors(Nums(outOf(carried).slice(outSize(), 2)))
        .remove(MutableArrayRef<Num>(all).slice(4, outSize()));
  return all;
}

} // namespace kvc::gpu
