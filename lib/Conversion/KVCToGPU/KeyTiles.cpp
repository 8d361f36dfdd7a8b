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
                   int64_t stages, bool inTurn, bool rolled)
    : threads(threads), tileKeys(tileKeys), stages(stages), inTurn(inTurn),
      rolled(rolled), key(variant, true, tileKeys),
      value(variant, false, tileKeys) {}

CodeOperands PlaneLayout::codes(bool convertsFp8) const {
  return CodeOperands(rotated ? Attribute() : Attribute(storage), element,
                      convertsFp8);
}

int64_t KeyTiles::stageBytes() const {
  int64_t scales = (key.hasScale() + value.hasScale()) * tileKeys * 4;
  return llvm::alignTo(scalesOffset() + scales, 128);
}

int64_t KeyTiles::operandBytes() const {
  int64_t keys = key.decoded() ? key.operand.bytes() : 0,
          values = value.decoded() ? value.operand.bytes() : 0;
  return operandsInTurn() ? std::max(keys, values) : keys + values;
}

int64_t KeyTiles::bytes() const { return ringBytes() + operandBytes(); }

Num KeyTiles::stageAt(Num base, Num stage, int64_t offset) const {
  KernelBuilder &b = *base.builder;
  return b.at(b.at(base, stage * stageBytes()), offset);
}

Num KeyTiles::stageAfter(Num stage) const {
  return select(stage == stages - 1, stage.like(0), stage + 1);
}

Num KeyTiles::stageBefore(Num stage) const {
  return select(stage == 0, stage.like(double(stages - 1)), stage - 1);
}

Num KeyTiles::keys(Num base, Num stage) const {
  if (key.decoded())
    return base.builder->at(base, ringBytes());
  return stageAt(base, stage, 0);
}

Num KeyTiles::values(Num base, Num stage) const {
  bool behindKeys = key.decoded() && !operandsInTurn();
  if (value.decoded())
    return base.builder->at(base, ringBytes() +
                                      (behindKeys ? key.operand.bytes() : 0));
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

/// The block that holds `key`, -1 where `visible` (i1) is false or the table
/// names none of the pool.
static Num emitFindBlock(const AttendContext &c, Num visible, Num key) {
  KernelBuilder &b = c.b;
  return b.ifElse(
      visible,
      [&]() -> Nums {
        Num block =
            loadStepI32(c.blockRow, key / int64_t(c.variant.policy.block));
        Num inPool = (block >= 0) & (block < c.numBlocks);
        b.ifThen(isFalse(inPool),
                 [&] { emitRaiseError(c.errorWord, KVCRT_ERROR_BLOCK_RANGE); });
        return {select(inPool, block, b.i32(-1))};
      },
      [&]() -> Nums { return {b.i32(-1)}; })[0];
}

namespace {
/// The rows that a warp copies, one a lane, so that one load finds the blocks
/// of all of them; shuffles bring them to the lanes that copy.
struct WarpRows {
  const TileWalk &walk;
  int64_t rowsAPass() const { return 32 / walk.perRow; } // of this warp
  int64_t count() const { return walk.passes() * rowsAPass(); }

  /// The row of lane `thread` % 32 among those of its warp.
  Num row(Num thread) const {
    Num mine = (thread & 31) % count();
    return mine % rowsAPass() + mine / rowsAPass() * walk.rowsPerPass() +
           thread / 32 * rowsAPass();
  }
  /// What the lane of the row that `thread` copies in pass `pass` has found.
  Num ofPass(Num found, Num thread, int64_t pass) const {
    return shuffleFrom(found, (thread & 31) / walk.perRow + pass * rowsAPass());
  }
};
} // namespace

bool KeyTiles::inOneBlock(const AttendContext &c) const {
  return c.variant.policy.block % tileKeys == 0;
}

/// {of the keys' rows, of the values' when others, of the scales'}.
Nums KeyTiles::lookUp(const AttendContext &c, Num thread, Num tile,
                      Num exists) const {
  Num first = tile * tileKeys;
  if (inOneBlock(c))
    return {emitFindBlock(c, exists & c.maySeeSome(first, tileKeys), first)};
  auto find = [&](Num row) {
    Num key = first + row;
    // A warp may have more lanes than there are rows.
    return emitFindBlock(c, exists & (row < tileKeys) & c.maySee(key), key);
  };
  TileWalk keyWalk = walkOf(key), valueWalk = walkOf(value);
  Nums found = {find(WarpRows{keyWalk}.row(thread))};
  if (valueWalk.perRow != keyWalk.perRow)
    found.push_back(find(WarpRows{valueWalk}.row(thread)));
  if (key.hasScale() || value.hasScale())
    found.push_back(find(thread % tileKeys));
  return found;
}

void KeyTiles::emitCopyPlane(const AttendContext &c, const PlaneLayout &layout,
                             AbiStruct<kvcrt_plane> plane, Num thread,
                             Num target, Num tile, Num found) const {
  KernelBuilder &b = c.b;
  TileWalk walk = walkOf(layout);
  int64_t blockSize = c.variant.policy.block;
  Num blockStride = plane.load(KVC_FIELD(kvcrt_plane, block_stride));
  Num tokenStride = plane.load(KVC_FIELD(kvcrt_plane, token_stride));
  Num head = b.toI64(c.kvHead);
  Num myRow = thread / walk.perRow, myChunk = thread % walk.perRow;
  // The same for all tiles: the head, and this thread's place in a row.
  Num base = b.at(plane.load(KVC_FIELD(kvcrt_plane, payload)),
                  head * plane.load(KVC_FIELD(kvcrt_plane, head_stride)) +
                      b.toI64(myChunk) * 16);
  Nums blocks; // of each pass
  bool oneBlock = inOneBlock(c);
  for (int64_t pass = 0; pass < (oneBlock ? 1 : walk.passes()); ++pass)
    blocks.push_back(oneBlock ? found
                              : WarpRows{walk}.ofPass(found, thread, pass));
  int64_t pass = 0;
  Num source;
  walk.forEach(
      b, thread,
      [&](Num row) -> Nums {
        Num key = tile * tileKeys + row;
        Num block = blocks[oneBlock ? 0 : pass];
        Num readable = block >= 0;
        // Where nothing may be read, the address is not looked at.
        block = max(block, b.i32(0));
        if (!oneBlock) {
          source = b.at(base, b.toI64(block) * blockStride +
                                  b.toI64(key % blockSize) * tokenStride);
        } else if (pass == 0) {
          Num slot = tile * tileKeys % blockSize;
          source = b.at(b.at(base, b.toI64(myRow) * tokenStride),
                        b.toI64(block) * blockStride);
          if (blockSize != tileKeys)
            source = b.at(source, b.toI64(slot) * tokenStride);
        } else {
          source = b.at(source, tokenStride * walk.rowsPerPass());
        }
        if (oneBlock)
          readable = readable & c.maySee(key);
        ++pass;
        return {source, readable};
      },
      [&](ArrayRef<Num> place, Stepped row, ArrayRef<Stepped> chunks) {
        copyAsync(layout.stored.address(target, row, chunks[0]),
                  b.at(place[0], chunks[0].offset * 16), place[1]);
      });
}

/// One row a thread: the keys' scales, then the values'.
void KeyTiles::emitCopyScales(const AttendContext &c, Num thread, Num target,
                              Num tile, Num found) const {
  KernelBuilder &b = c.b;
  Num row = thread % tileKeys, key = tile * tileKeys + row;
  Num readable = (found >= 0) & c.maySee(key);
  Num block = max(found, b.i32(0));
  Num slot = key % int64_t(c.variant.policy.block);
  auto keyPlane = c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, key)),
       valuePlane = c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, value));
  bool both = this->key.hasScale() && value.hasScale();
  auto copy = [&](auto field, Num place) {
    Num head = b.toI64(c.kvHead);
    Num from = b.at(field(KVC_FIELD(kvcrt_plane, scale)),
                    head * field(KVC_FIELD(kvcrt_plane, scale_head_stride)));
    from = b.at(
        from,
        b.toI64(block) * field(KVC_FIELD(kvcrt_plane, scale_block_stride)) +
            b.toI64(slot) * field(KVC_FIELD(kvcrt_plane, scale_token_stride)));
    b.ifThen(place < (both ? 2 : 1) * tileKeys,
             [&] { copyAsync(b.at(target, place * 4), from, readable, 4); });
  };
  if (!both) {
    auto plane = this->key.hasScale() ? keyPlane : valuePlane;
    return copy([&](auto field) { return plane.load(field); }, thread);
  }
  // Enough threads for both planes at once, or each does a row of each.
  if (threads >= 2 * tileKeys) {
    Num isKey = thread < tileKeys;
    return copy(
        [&](auto field) {
          return select(isKey, keyPlane.load(field), valuePlane.load(field));
        },
        thread);
  }
  copy([&](auto field) { return keyPlane.load(field); }, thread);
  copy([&](auto field) { return valuePlane.load(field); }, thread + tileKeys);
}

void KeyTiles::emitCopy(const AttendContext &c, Num base, Num thread, Num tile,
                        Num stage, Num exists, ArrayRef<Num> found) const {
  Step named(*base.builder, "copy keys and values");
  KernelBuilder &b = c.b;
  b.ifThen(exists, [&] {
    bool shared = inOneBlock(c) || walkOf(key).perRow == walkOf(value).perRow;
    emitCopyPlane(c, key,
                  c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, key)),
                  thread, stageAt(base, stage, 0), tile, found[0]);
    emitCopyPlane(c, value,
                  c.cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, value)),
                  thread, stageAt(base, stage, key.stored.bytes()), tile,
                  found[shared ? 0 : 1]);
    if (key.hasScale() || value.hasScale())
      emitCopyScales(c, thread, stageAt(base, stage, scalesOffset()), tile,
                     found.back());
  });
  copyCommit(b);
}

void KeyTiles::emitFill(
    KernelBuilder &b, llvm::function_ref<Nums(Num)> lookUp,
    llvm::function_ref<void(Num, ArrayRef<Num>)> copy) const {
  const int64_t ahead = stages - 1;
  SmallVector<Nums> found;
  for (int64_t ordinal = 0; ordinal < ahead; ++ordinal)
    found.push_back(lookUp(b.i32(ordinal)));
  if (ahead == 1)
    return copy(b.i32(0), found[0]);
  b.rolledLoop(b.i32(0), b.i32(ahead), 1, [&](Num ordinal) {
    Nums mine = found[0];
    for (int64_t other = 1; other < ahead; ++other)
      for (auto [place, its] : llvm::zip(mine, found[other]))
        place = select(ordinal == other, its, place);
    copy(ordinal, mine);
  });
}

//===----------------------------------------------------------------------===//
// From what is stored to operands
//===----------------------------------------------------------------------===//

/// `count` codes (a multiple of four) at `from` as f32, by way of f16, which
/// holds them exactly.
static Nums readCodes(const CodeOperands &operands, Num from, int64_t count) {
  KernelBuilder &b = *from.builder;
  Num codes = b.load(b.vec(count / 4, b.i32()), from, unsigned(count));
  Nums elements;
  for (int64_t i = 0; i < count / 4; ++i) {
    auto [low, high] = operands.convert(b.lane(codes, i));
    for (Num pair : {low, high}) {
      auto [first, second] = unpackPair(pair, b.getF16Type());
      elements.append({first, second});
    }
  }
  return elements;
}

/// Elements of the row `row` of `stored` at `base`, as a RowReader does, codes
/// without their scale.
static Nums readSharedRow(const PlaneLayout &layout, bool convertsFp8, Num base,
                          Stepped row, Stepped first, int64_t count) {
  KernelBuilder &b = *base.builder;
  StorageAttrInterface storage = layout.storage;
  int64_t bits = storage.getBits(), perChunk = 128 / bits;
  Num place = b.at(layout.stored.address(base, row, first / perChunk),
                   first % perChunk * (bits / 8));
  // Integers have an instruction each.
  CodeOperands codes(storage, b.getF16Type(), convertsFp8);
  if (codes.areFloats() && count % 4 == 0)
    return readCodes(codes, place, count);
  Value piece = b.load(VectorType::get(count, storage.getPayloadType()), place,
                       unsigned(count * bits / 8))
                    .value;
  Value scale;
  if (storage.hasScale())
    scale = b.f32(1).value;
  Num decoded = b.num(storage.emitDecode(b, b.getLoc(), piece, scale, Value()));
  Nums elements;
  for (int64_t i = 0; i < count; ++i)
    elements.push_back(b.lane(decoded, i));
  return elements;
}

/// Loads of codes that hide each other's latency, of two registers each: fewer
/// beside outputs of 256.
static size_t loadsAtOnce(const Variant &v) {
  return v.valueDim() <= 192 ? 4 : 2;
}

namespace {
/// Chunks of eight codes that become operands. An assembler leaves a load
/// behind the stores that it stands behind, since they may meet; so a few loads
/// go first, lest a warp wait for each.
class CodeChunks {
public:
  /// `atOnce`: how many chunks are loaded before the first is stored.
  CodeChunks(const CodeOperands &operands, size_t atOnce)
      : operands(operands), atOnce(atOnce) {}
  ~CodeChunks() { storeLoaded(); }
  /// From codes at `from` to a chunk at `to`.
  void add(Num from, Num to) {
    KernelBuilder &b = *from.builder;
    loaded.push_back({b.load(b.vec(2, b.i32()), from, 8), to});
    if (loaded.size() == atOnce)
      storeLoaded();
  }

private:
  void storeLoaded() {
    for (auto [codes, to] : loaded)
      store(codes, to);
    loaded.clear();
  }
  void store(Num codes, Num to) const;

  const CodeOperands &operands;
  const size_t atOnce;
  SmallVector<std::pair<Num, Num>> loaded; // codes, and where they go
};
} // namespace

void CodeChunks::store(Num codes, Num to) const {
  KernelBuilder &b = *to.builder;
  Num words = b.num(LLVM::PoisonOp::create(b, b.vec(4, b.i32())));
  for (int64_t i = 0; i < 2; ++i) {
    auto [low, high] = operands.convert(b.lane(codes, i));
    words = b.num(LLVM::InsertElementOp::create(b, words.value, low.value,
                                                b.i32(2 * i).value));
    words = b.num(LLVM::InsertElementOp::create(b, words.value, high.value,
                                                b.i32(2 * i + 1).value));
  }
  b.store(words, to, 16);
}

void KeyTiles::emitDecodePlane(const AttendContext &c,
                               const PlaneLayout &layout, Num thread,
                               Num stored, Num operands, Num tile) const {
  KernelBuilder &b = c.b;
  int64_t count = pieceOf(layout.element);
  // A piece and its partner at once take registers that outputs of 256 and the
  // scores of more than 16 keys do not leave.
  bool pairs = layout.rotated && !rolled &&
               (tileKeys <= 16 || c.variant.valueDim() <= 192);
  TileWalk walk(threads, tileKeys, layout.operand.chunks,
                pairs ? partnerPieces(c.variant, count) : 0);
  CodeOperands direct = layout.codes(c.convertsFp8);
  // Turned keys and f8 without an instruction for it: work of many steps,
  // whose registers spill beside outputs of 256 when passes interleave.
  bool inLoop = rolled || (walk.isLong() && (c.variant.rotatesAtAttend() ||
                                             direct.takesManySteps()));
  bool inOnePiece = !inLoop && tileKeys % walk.rowsPerPass() == 0;
  CodeChunks codeChunks(direct, inOnePiece ? loadsAtOnce(c.variant) : 1);
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
      [&](ArrayRef<Num> found, Stepped row, ArrayRef<Stepped> chunks) {
        Num to = layout.operand.address(operands, row, chunks[0]);
        if (direct)
          return codeChunks.add(
              b.at(layout.stored.address(stored, row, chunks[0] / 2),
                   chunks[0] % 2 * 8),
              to);
        auto read = [&](Stepped first, int64_t count) {
          return readSharedRow(layout, c.convertsFp8, stored, row, first,
                               count);
        };
        Stepped first = chunks[0] * count;
        if (chunks.size() == 2) {
          auto [low, high] =
              emitRotatedPair(c.variant, {found[0]}, first, count, read);
          storePiece(low, to, layout.element);
          return storePiece(high,
                            layout.operand.address(operands, row, chunks[1]),
                            layout.element);
        }
        Nums piece = layout.rotated ? emitRotatedPiece(c.variant, {found[0]},
                                                       first, count, read)
                                    : read(first, count);
        storePiece(piece, to, layout.element);
      },
      /*passesAtOnce=*/inLoop ? 1 : 0);
}

void KeyTiles::emitDecode(const AttendContext &c, Num base, Num thread,
                          Num tile, Num stage) const {
  Step named(*base.builder, "decode stored rows");
  if (key.decoded())
    emitDecodePlane(c, key, thread, stageAt(base, stage, 0), keys(base, stage),
                    tile);
  if (value.decoded() && !operandsInTurn())
    emitDecodeValues(c, base, thread, tile, stage);
}

void KeyTiles::emitDecodeValues(const AttendContext &c, Num base, Num thread,
                                Num tile, Num stage) const {
  Step named(*base.builder, "decode stored rows");
  emitDecodePlane(c, value, thread, stageAt(base, stage, key.stored.bytes()),
                  values(base, stage), tile);
}

} // namespace kvc::gpu
