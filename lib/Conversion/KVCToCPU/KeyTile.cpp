//===- KeyTile.cpp - from the block table to the rows of a tile -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row table turns any pool (block size, order, foreign strides) into one
// pointer per key, so that nothing after it knows about blocks. A packed tile
// turns any storage into rows of f32.
//
// Invariant: block id times stride is computed in 64 bits, and a table entry is
// read only for a block that holds a key some query may see.
//
//===----------------------------------------------------------------------===//

#include "AttendContext.h"

#include <numeric>

using namespace mlir;

namespace kvc::cpu {

Num RowReader::read(Num offset, int64_t width) const {
  KernelBuilder &b = *row.builder;
  if (!storage)
    return b.load(b.vec(width, b.f32()), b.at(row, offset * 4));
  Type payload = storage.getPayloadType();
  Num bytes = offset * storage.getBits() / 8;
  Num codes = b.load(b.vec(width, payload), b.at(row, bytes));
  return b.num(storage.emitDecode(b, b.getLoc(), codes.value, scale.value,
                                  zeroPoint.value));
}

namespace {
/// The strides and bases of one of the two planes.
struct Plane {
  AbiStruct<kvcrt_plane> plane;
  StorageAttrInterface storage;
  Num payload, blockStride, headStride, tokenStride;
  Num scale, scaleBlockStride, scaleHeadStride, scaleTokenStride;

  Plane(AbiStruct<kvcrt_plane> p, StorageAttrInterface storage)
      : plane(p), storage(storage) {
    payload = p.load(KVC_FIELD(kvcrt_plane, payload));
    blockStride = p.load(KVC_FIELD(kvcrt_plane, block_stride));
    headStride = p.load(KVC_FIELD(kvcrt_plane, head_stride));
    tokenStride = p.load(KVC_FIELD(kvcrt_plane, token_stride));
    if (!storage.hasScale())
      return;
    scale = p.load(KVC_FIELD(kvcrt_plane, scale));
    scaleBlockStride = p.load(KVC_FIELD(kvcrt_plane, scale_block_stride));
    scaleHeadStride = p.load(KVC_FIELD(kvcrt_plane, scale_head_stride));
    scaleTokenStride = p.load(KVC_FIELD(kvcrt_plane, scale_token_stride));
  }

  bool hasScale() const { return static_cast<bool>(scale); }
};

/// Address of the first token of a block, and the step to the next token.
struct Run {
  Num payload, tokenStride, scale, scaleTokenStride;
};
} // namespace

static Run runOf(const Plane &plane, Num block, Num head) {
  KernelBuilder &b = *block.builder;
  Run run{
      b.at(plane.payload, block * plane.blockStride + head * plane.headStride),
      plane.tokenStride,
      {},
      {}};
  if (plane.hasScale()) {
    run.scale = b.at(plane.scale, block * plane.scaleBlockStride +
                                      head * plane.scaleHeadStride);
    run.scaleTokenStride = plane.scaleTokenStride;
  }
  return run;
}

static Nums flatten(const Run &key, const Run &value) {
  Nums all;
  for (const Run &run : {key, value}) {
    all.append({run.payload, run.tokenStride});
    if (run.scale)
      all.append({run.scale, run.scaleTokenStride});
  }
  return all;
}

static Run unflatten(ArrayRef<Num> &nums, bool hasScale) {
  Run run{nums[0], nums[1], {}, {}};
  if (hasScale)
    run.scale = nums[2], run.scaleTokenStride = nums[3];
  nums = nums.drop_front(hasScale ? 4 : 2);
  return run;
}

void emitRowTable(AttendContext &c, Num tile, Num table) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  RowTableLayout layout = RowTableLayout::get(c.shape);
  Plane key(c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, key)),
            v.keyStorage);
  Plane value(c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, value)),
              v.valueStorage);
  Num stride = c.cache.load(KVC_FIELD(kvcrt_cache, block_table_stride));
  Num blockRow = b.at(c.cache.load(KVC_FIELD(kvcrt_cache, block_table)),
                      c.seq * stride * 4);

  // Keys that some query of the task may see: [low, limit), and the sinks.
  Num limit = v.causal ? min(c.kvLen, c.highIndex + 1) : c.kvLen;
  Num low = b.i64(0);
  if (v.window)
    low = max(c.lowIndex - c.window + 1, low);
  int64_t blockSize = v.policy.block;
  Num firstBlocks = c.cache.load(KVC_FIELD(kvcrt_cache, first_block));
  low = b.ifElse(
      firstBlocks != b.nullPtr(),
      [&]() -> Nums {
        return {max(low, loadI32(firstBlocks, c.seq) * blockSize)};
      },
      [&]() -> Nums { return {low}; })[0];
  auto maySee = [&](Num index, Num last) {
    Num reachable = last >= low;
    if (v.streaming())
      reachable = reachable | (index < c.sinkTokens);
    return (index < limit) & reachable;
  };

  // Keys that are neighbours in a tile and surely in one block.
  int64_t run = std::gcd(blockSize, c.shape.tileKeys);
  Run none{c.zeroRow, b.i64(0), c.zeroRow, b.i64(0)};
  auto noRun = [&]() -> Nums {
    Run k = none, w = none;
    if (!key.hasScale())
      k.scale = {};
    if (!value.hasScale())
      w.scale = {};
    return flatten(k, w);
  };
  b.loop(b.i64(0), b.i64(c.shape.tileKeys), run, [&](Num start) {
    Num index = tile * c.shape.tileKeys + start;
    Nums found = b.ifElse(
        maySee(index, index + (run - 1)),
        [&]() -> Nums {
          Num block = loadI32(blockRow, index / blockSize);
          Num inPool = (block >= 0) & (block < c.numBlocks);
          return b.ifElse(
              inPool,
              [&]() -> Nums {
                Run k = runOf(key, block, c.kvHead);
                Run w = runOf(value, block, c.kvHead);
                Num slot = index % blockSize;
                for (Run *r : {&k, &w}) {
                  r->payload = b.at(r->payload, slot * r->tokenStride);
                  if (r->scale)
                    r->scale = b.at(r->scale, slot * r->scaleTokenStride);
                }
                return flatten(k, w);
              },
              [&]() -> Nums {
                emitRaiseError(c.errorWord, KVCRT_ERROR_BLOCK_RANGE);
                return noRun();
              });
        },
        noRun);
    ArrayRef<Num> rest = found;
    Run k = unflatten(rest, key.hasScale());
    Run w = unflatten(rest, value.hasScale());
    b.loop(b.i64(0), b.i64(run), 1, [&](Num i) {
      Num slot = start + i;
      Num readable = maySee(index + i, index + i);
      auto put = [&](const Run &r, int64_t rows, int64_t scales) {
        Num row = b.at(r.payload, i * r.tokenStride);
        b.store(select(readable, row, c.zeroRow),
                b.at(b.at(table, rows), slot * 8));
        if (!r.scale)
          return;
        Num where = b.at(r.scale, i * r.scaleTokenStride);
        Num scale = b.load(b.f32(), select(readable, where, c.zeroRow));
        b.store(scale, b.at(b.at(table, scales), slot * 4));
      };
      put(k, layout.key, layout.keyScale);
      put(w, layout.value, layout.valueScale);
    });
  });
}

/// Decodes row `j` of `table` into `target`.
static void emitUnpackRow(AttendContext &c, StorageAttrInterface storage,
                          Num rows, Num scales, int64_t dim, Num j,
                          Num target) {
  KernelBuilder &b = c.b;
  RowReader reader{storage, b.load(b.ptr(), b.at(rows, j * 8)), {}, {}};
  if (storage.hasScale())
    reader.scale = b.load(b.f32(), b.at(scales, j * 4));
  forEachPiece(dim, b.target.lanes(), [&](int64_t offset, int64_t width) {
    b.store(reader.read(b.i64(offset), width), b.at(target, offset * 4));
  });
}

void emitPackRows(AttendContext &c, Num table, Num tile, Num keys) {
  KernelBuilder &b = c.b;
  const Variant &v = c.variant;
  RowTableLayout layout = RowTableLayout::get(c.shape);
  // The products read whole blocks of keys; rows from `keys` on are zeros.
  Num padded = roundUp(keys, TileShape::keyBlock);
  if (c.access.packKeys)
    b.loop(b.i64(0), padded, 1, [&](Num j) {
      Num target = b.at(c.packedKey, j * c.shape.keyRowBytes());
      emitUnpackRow(c, v.keyStorage, b.at(table, layout.key),
                    b.at(table, layout.keyScale), v.keyDim(), j, target);
      b.store(target, b.at(b.at(c.packedTable, layout.key), j * 8));
      if (v.rotatesAtAttend())
        b.ifThen(j < keys, [&] {
          emitRotateRow(v, c.ropeTable, target,
                        tile * c.shape.tileKeys + j + c.positionOffset);
        });
    });
  if (c.access.packValues)
    b.loop(b.i64(0), keys, 1, [&](Num j) {
      Num target = b.at(c.packedValue, j * c.shape.valueRowBytes());
      emitUnpackRow(c, v.valueStorage, b.at(table, layout.value),
                    b.at(table, layout.valueScale), v.valueDim(), j, target);
      b.store(target, b.at(b.at(c.packedTable, layout.value), j * 8));
    });
}

} // namespace kvc::cpu
