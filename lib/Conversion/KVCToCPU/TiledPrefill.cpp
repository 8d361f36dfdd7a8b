//===- TiledPrefill.cpp - many query rows ---------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A task is a block of query tokens of one KV head. Each tile of keys is
// decoded (and rotated) once into scratch and read from there by all rows of
// the block, unless the cache holds plain f32 already.
//
// Invariant: one task sees all keys of its rows, tile by tile in order.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

using namespace mlir;

namespace kvc::cpu {

static bool isF32(StorageAttrInterface storage) {
  return !storage.hasScale() && storage.getPayloadType().isF32();
}

void KernelEmitter::emitTiledPrefill(KernelBuilder &b,
                                     AbiStruct<Closure> closure,
                                     AbiStruct<Task> task, Num worker) {
  TileAccess access{variant.rotatesAtAttend() || !isF32(variant.keyStorage),
                    !isF32(variant.valueStorage), shape.prefillRowBlock};
  AttendContext c =
      emitTaskContext(b, variant, shape, access, closure, task, worker);
  emitLoadQueries(c);
  emitClearState(c, c.state, c.paddedRows);
  VisibleTiles tiles = emitVisibleTiles(variant, shape, c.params, c.kvLen,
                                        c.lowIndex, c.highIndex);
  emitTileLoop(c, tiles, b.i64(0), tiles.count);
  emitFinish(c, c.state);
}

} // namespace kvc::cpu
