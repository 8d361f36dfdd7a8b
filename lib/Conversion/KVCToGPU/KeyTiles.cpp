//===- KeyTiles.cpp - tiles of K and V through a ring ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: block times stride is computed in 64 bits, and a table entry is
// read only for a block that holds a key some query of the task may see.
//
//===----------------------------------------------------------------------===//

#include "KeyTiles.h"
#include "Rotation.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kvc::gpu {

PlaneLayout::PlaneLayout(const Variant &v, bool isKey, int64_t tileKeys)
    : storage(isKey ? v.keyStorage : v.valueStorage),
      dim(isKey ? v.keyDim() : v.valueDim()),
      rotated(isKey && v.rotatesAtAttend()), element(operandType(v, storage)),
      stored(SharedTile::ofBytes(tileKeys, dim * storage.getBits() / 8)),
      operand(SharedTile::ofBytes(tileKeys,
                                  dim * element.getIntOrFloatBitWidth() / 8)) {}

KeyTiles::KeyTiles(const Variant &variant, int64_t threads, int64_t tileKeys,
                   int64_t stages)
    : threads(threads), tileKeys(tileKeys), stages(stages),
      key(variant, true, tileKeys), value(variant, false, tileKeys) {}

int64_t KeyTiles::stageBytes() const {
  int64_t scales = (key.hasScale() + value.hasScale()) * tileKeys * 4;
  return llvm::alignTo(scalesOffset() + scales, 128);
}

int64_t KeyTiles::bytes() const {
  return stages * stageBytes() + (key.decoded() ? key.operand.bytes() : 0) +
         (value.decoded() ? value.operand.bytes() : 0);
}

Num KeyTiles::stageAt(Num base, Num stage, int64_t offset) const {
  KernelBuilder &b = *base.builder;
  return b.at(b.at(base, stage * stageBytes()), offset);
}

Num KeyTiles::keys(Num base, Num stage) const {
  if (key.decoded())
    return base.builder->at(base, stages * stageBytes());
  return stageAt(base, stage, 0);
}

Num KeyTiles::values(Num base, Num stage) const {
  if (value.decoded())
    return base.builder->at(base,
                            stages * stageBytes() +
                                (key.decoded() ? key.operand.bytes() : 0));
  return stageAt(base, stage, key.stored.bytes());
}

Num KeyTiles::keyScales(Num base, Num stage) const {
  return stageAt(base, stage, scalesOffset());
}

Num KeyTiles::valueScales(Num base, Num stage) const {
  return stageAt(base, stage,
                 scalesOffset() + (key.hasScale() ? tileKeys * 4 : 0));
}

//===----------------------------------------------------------------------===//
// From the pool to a stage
//===----------------------------------------------------------------------===//

/// The block that holds `key`, and whether it is there to be read.
static std::pair<Num, Num> emitFindBlock(const AttendContext &c, Num key) {
  KernelBuilder &b = c.b;
  Nums found = b.ifElse(
      c.maySee(key),
      [&]() -> Nums {
        Num block =
            loadStepI32(c.blockRow, key / int64_t(c.variant.policy.block));
        Num inPool = (block >= 0) & (block < c.numBlocks);
        b.ifThen(isFalse(inPool),
                 [&] { emitRaiseError(c.errorWord, KVCRT_ERROR_BLOCK_RANGE); });
        return {select(inPool, block, b.i32(0)), inPool};
      },
      [&]() -> Nums { return {b.i32(0), b.flag(false)}; });
  return {found[0], found[1]};
}

static void emitCopyPlane(const AttendContext &c, const PlaneLayout &layout,
                          AbiStruct<kvcrt_plane> plane, const TileWalk &walk,
                          Num thread, Num target, Num scales, Num tile,
                          int64_t tileKeys) {
  KernelBuilder &b = c.b;
  Num payload = plane.load(KVC_FIELD(kvcrt_plane, payload));
  Num blockStride = plane.load(KVC_FIELD(kvcrt_plane, block_stride));
  Num tokenStride = plane.load(KVC_FIELD(kvcrt_plane, token_stride));
  Num head = b.toI64(c.kvHead);
  Num headBase =
      b.at(payload, head * plane.load(KVC_FIELD(kvcrt_plane, head_stride)));
  int64_t blockSize = c.variant.policy.block;
  walk.forEach(
      b, thread,
      [&](Num row) -> Nums {
        Num key = tile * tileKeys + row;
        std::pair<Num, Num> found = emitFindBlock(c, key);
        Num block = found.first, readable = found.second;
        Num slot = key % blockSize;
        Num source = b.at(headBase, b.toI64(block) * blockStride +
                                        b.toI64(slot) * tokenStride);
        if (layout.hasScale()) {
          // One of the row's threads brings the scale.
          b.ifThen(thread % walk.perRow == 0, [&] {
            Num scale = plane.load(KVC_FIELD(kvcrt_plane, scale));
            Num at = b.at(
                scale,
                b.toI64(block) *
                        plane.load(KVC_FIELD(kvcrt_plane, scale_block_stride)) +
                    head *
                        plane.load(KVC_FIELD(kvcrt_plane, scale_head_stride)) +
                    b.toI64(slot) *
                        plane.load(KVC_FIELD(kvcrt_plane, scale_token_stride)));
            copyAsync(b.at(scales, row * 4), select(readable, at, scale),
                      readable, 4);
          });
        }
        // Where nothing may be read, the address is not looked at.
        return {select(readable, source, headBase), readable};
      },
      [&](ArrayRef<Num> found, Num row, Num chunk) {
        copyAsync(layout.stored.address(target, row, chunk),
                  b.at(found[0], chunk * 16), found[1]);
      });
}

void KeyTiles::emitCopy(const AttendContext &c, Num base, Num thread, Num tile,
                        Num stage, Num exists) const {
  KernelBuilder &b = c.b;
  b.ifThen(exists, [&] {
    emitCopyPlane(
        c, key, c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, key)),
        TileWalk(threads, tileKeys, key.stored.chunks), thread,
        stageAt(base, stage, 0), keyScales(base, stage), tile, tileKeys);
    emitCopyPlane(c, value,
                  c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, value)),
                  TileWalk(threads, tileKeys, value.stored.chunks), thread,
                  stageAt(base, stage, key.stored.bytes()),
                  valueScales(base, stage), tile, tileKeys);
  });
  copyCommit(b);
}

//===----------------------------------------------------------------------===//
// From what is stored to operands
//===----------------------------------------------------------------------===//

/// Elements of the row `row` of `stored` at `base`, codes without their scale.
static Nums readSharedRow(const PlaneLayout &layout, Num base, Num row,
                          Num first, int64_t count, bool whole) {
  KernelBuilder &b = *base.builder;
  StorageAttrInterface storage = layout.storage;
  int64_t bits = storage.getBits(), perChunk = 128 / bits;
  Type payload = storage.getPayloadType();
  auto load = [&](Num at, int64_t width) {
    Num place = layout.stored.address(base, row, at / perChunk);
    place = b.at(place, (at % perChunk) * (bits / 8));
    Value codes = b.load(VectorType::get(width, payload), place,
                         unsigned(whole ? width * bits / 8 : bits / 8))
                      .value;
    Value scale;
    if (storage.hasScale())
      scale = b.f32(1).value;
    return b.num(storage.emitDecode(b, b.getLoc(), codes, scale, Value()));
  };
  Nums elements;
  Num piece = load(first, count);
  for (int64_t i = 0; i < count; ++i)
    elements.push_back(b.lane(piece, i));
  return elements;
}

static void emitDecodePlane(const AttendContext &c, const PlaneLayout &layout,
                            int64_t threads, int64_t tileKeys, Num thread,
                            Num stored, Num operands, Num tile) {
  KernelBuilder &b = c.b;
  TileWalk walk(threads, tileKeys, layout.operand.chunks);
  walk.forEach(
      b, thread,
      [&](Num row) -> Nums {
        if (!layout.rotated)
          return {};
        Num key = tile * tileKeys + row;
        Angles angles = Angles::at(c.cache, c.variant, key + c.positionOffset,
                                   c.maySee(key));
        return {angles.row};
      },
      [&](ArrayRef<Num> found, Num row, Num chunk) {
        auto read = [&](Num first, int64_t count, bool whole) {
          return readSharedRow(layout, stored, row, first, count, whole);
        };
        int64_t count = pieceOf(layout.element);
        Num first = chunk * count;
        Nums piece = layout.rotated
                         ? emitRotatedPiece(c.variant, Angles{found[0]}, first,
                                            count, read)
                         : read(first, count, true);
        storePiece(piece, layout.operand.address(operands, row, chunk),
                   layout.element);
      });
}

void KeyTiles::emitDecode(const AttendContext &c, Num base, Num thread,
                          Num tile, Num stage) const {
  if (key.decoded())
    emitDecodePlane(c, key, threads, tileKeys, thread, stageAt(base, stage, 0),
                    keys(base, stage), tile);
  if (value.decoded())
    emitDecodePlane(c, value, threads, tileKeys, thread,
                    stageAt(base, stage, key.stored.bytes()),
                    values(base, stage), tile);
}

} // namespace kvc::gpu
