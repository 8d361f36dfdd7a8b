//===- KeyTiles.h - tiles of K and V through a ring -------------*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All threads of a block, or of a warp, copy tiles of keys and values from the
// pool into a ring of stages in shared memory; what is stored in another form
// than the products want (8-bit codes, keys that attend turns) is brought into
// it in a tile of its own before use.
//
//   stage s:  [keys as stored][values as stored][key scales][value scales]
//   operands, behind the ring:  [keys][values], or both in turn in one place
//
// Invariant: rows that no query of the task may see arrive as zeros with scale
// 0, and nothing of them is read.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_LIB_CONVERSION_KVCTOGPU_KEYTILES_H
#define KVC_LIB_CONVERSION_KVCTOGPU_KEYTILES_H

#include "AttendContext.h"
#include "CodeOperands.h"
#include "SharedTile.h"

namespace kvc::gpu {

/// One of the planes of K and V, as it lies in shared memory.
struct PlaneLayout {
  StorageAttrInterface storage;
  int64_t dim;
  bool rotated;       // by attend
  mlir::Type element; // of the products
  SharedTile stored;
  SharedTile operand; // rows of `element`, as products read them
  PlaneLayout() = default;
  PlaneLayout(const Variant &variant, bool isKey, int64_t tileKeys);
  /// Whether `operand` is made of `stored`, or is it.
  bool decoded() const { return rotated || storage.hasScale(); }
  bool hasScale() const { return StorageAttrInterface(storage).hasScale(); }
  /// How codes become operands, where there is a short way.
  CodeOperands codes(bool convertsFp8) const;
  /// What goes with the scale of each row.
  double scaleFactor() const {
    CodeOperands direct = codes(false);
    return direct ? direct.factor() : 1;
  }
};

struct KeyTiles {
  /// With `inTurn`, values become operands where keys were, when both do.
  /// `rolled`: rows become operands in a loop, which takes the least registers.
  KeyTiles(const Variant &variant, int64_t threads, int64_t tileKeys,
           int64_t stages, bool inTurn = false, bool rolled = false);

  int64_t bytes() const;      // of shared memory
  int64_t stageBytes() const; // a multiple of 128
  int64_t ringBytes() const { return stages * stageBytes(); }
  int64_t operandBytes() const; // that lie behind the ring
  /// By each thread `thread` (i32) of `threads`, a block's or a warp's: the
  /// blocks (i32) where tile `tile` lies, for emitCopy some time later: loads
  /// of a table take longer than anything else on the way. Looks at nothing
  /// where `exists` (i1, the same for all) is false.
  Nums lookUp(const AttendContext &c, Num thread, Num tile, Num exists) const;
  /// Copies tile `tile`, whose blocks are `found`, into stage `stage` and
  /// commits; where `exists` is false, commits only.
  void emitCopy(const AttendContext &c, Num base, Num thread, Num tile,
                Num stage, Num exists, llvm::ArrayRef<Num> found) const;
  /// Starts the ring: `copy(ordinal, what lookUp(ordinal) found)` for the first
  /// tiles. All are looked up before the first is copied, and the copies, which
  /// wait for nothing, are a loop.
  void emitFill(KernelBuilder &b, llvm::function_ref<Nums(Num)> lookUp,
                llvm::function_ref<void(Num, llvm::ArrayRef<Num>)> copy) const;
  /// Makes the operands of `stage`, when they are not what is stored; of values
  /// that come in turn, emitDecodeValues does. Both stand between barriers (of
  /// the block or the warp).
  void emitDecode(const AttendContext &c, Num base, Num thread, Num tile,
                  Num stage) const;
  void emitDecodeValues(const AttendContext &c, Num base, Num thread, Num tile,
                        Num stage) const;
  /// Tiles of operands and the scales of `stage`, f32 per key.
  Num keys(Num base, Num stage) const;
  Num values(Num base, Num stage) const;
  Num keyScales(Num base, Num stage) const;
  Num valueScales(Num base, Num stage) const;
  /// Neighbours of `stage` in the ring.
  Num stageAfter(Num stage) const;
  Num stageBefore(Num stage) const;
  bool decodes() const { return key.decoded() || value.decoded(); }
  bool operandsInTurn() const {
    return inTurn && key.decoded() && value.decoded();
  }

  int64_t threads, tileKeys, stages;
  bool inTurn, rolled;
  PlaneLayout key, value;

private:
  TileWalk walkOf(const PlaneLayout &layout) const {
    return TileWalk(threads, tileKeys, layout.stored.chunks);
  }
  /// Whether each tile lies in one block.
  bool inOneBlock(const AttendContext &c) const;
  void emitCopyPlane(const AttendContext &c, const PlaneLayout &layout,
                     AbiStruct<kvcrt_plane> plane, Num thread, Num target,
                     Num tile, Num found) const;
  void emitDecodePlane(const AttendContext &c, const PlaneLayout &layout,
                       Num thread, Num stored, Num operands, Num tile) const;
  void emitCopyScales(const AttendContext &c, Num thread, Num target, Num tile,
                      Num found) const;
  Num stageAt(Num base, Num stage, int64_t offset) const;
  int64_t scalesOffset() const {
    return key.stored.bytes() + value.stored.bytes();
  }
};

} // namespace kvc::gpu

#endif // KVC_LIB_CONVERSION_KVCTOGPU_KEYTILES_H
