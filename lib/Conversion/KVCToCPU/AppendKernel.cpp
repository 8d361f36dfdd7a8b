//===- AppendKernel.cpp - this step's keys and values into the pool -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotates a key where the policy says so, encodes it by its storage and writes
// it to its slot. Invariant: a slot of -1 is skipped and a block outside the
// pool is reported, never written.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

using namespace mlir;

namespace kvc::cpu {

/// Tokens of one parallel task.
static constexpr int64_t kTokensPerTask = 8;

namespace {
/// One of new_key and new_value with the plane that it goes to.
struct Destination {
  const Variant &variant;
  StorageAttrInterface storage;
  int64_t dim;
  Num data, tokenStride, headStride;
  AbiStruct<kvcrt_plane> plane;
  Num errorWord;
};
} // namespace

/// Encodes the row at `source` (of type `type`) to slot `slot` of `block`.
static void emitStoreRow(KernelBuilder &b, const Destination &to, Num source,
                         Type type, Num block, Num head, Num slot) {
  AbiStruct<kvcrt_plane> p = to.plane;
  int64_t elementBytes = type.getIntOrFloatBitWidth() / 8;
  SmallVector<Value> pieces;
  forEachPiece(to.dim, b.target.lanes(), [&](int64_t at, int64_t width) {
    Num piece = b.load(b.vec(width, type), b.at(source, at * elementBytes));
    pieces.push_back(b.toF32(piece).value);
  });
  RowScale scale = to.storage.emitScale(b, b.getLoc(), pieces);
  Num row = b.at(p.load(KVC_FIELD(kvcrt_plane, payload)),
                 block * p.load(KVC_FIELD(kvcrt_plane, block_stride)) +
                     head * p.load(KVC_FIELD(kvcrt_plane, head_stride)) +
                     slot * p.load(KVC_FIELD(kvcrt_plane, token_stride)));
  auto piece = pieces.begin();
  forEachPiece(to.dim, b.target.lanes(), [&](int64_t at, int64_t width) {
    Num codes =
        b.num(to.storage.emitEncode(b, b.getLoc(), *piece++, scale.scale,
                                    scale.zeroPoint, /*quotient=*/nullptr));
    b.store(codes, b.at(row, at * to.storage.getBits() / 8));
  });
  if (!to.storage.hasScale())
    return;
  Num value = b.num(scale.scale);
  b.store(value,
          b.at(p.load(KVC_FIELD(kvcrt_plane, scale)),
               block * p.load(KVC_FIELD(kvcrt_plane, scale_block_stride)) +
                   head * p.load(KVC_FIELD(kvcrt_plane, scale_head_stride)) +
                   slot * p.load(KVC_FIELD(kvcrt_plane, scale_token_stride))));
  // Infinities and NaN leave nothing of themselves when subtracted.
  b.ifThen(isNan(value - value),
           [&] { emitRaiseError(to.errorWord, KVCRT_ERROR_NAN_INPUT); });
}

static void emitAppendToken(KernelBuilder &b, const Variant &v,
                            AbiStruct<kvcrt_params> params, Num scratchRow,
                            Num token, Num block, Num slot) {
  auto cache = params.inner<kvcrt_cache>(KVC_FIELD(kvcrt_params, cache));
  Num errorWord = cache.load(KVC_FIELD(kvcrt_cache, error_word));
  Destination key{v,
                  v.keyStorage,
                  v.keyDim(),
                  params.load(KVC_FIELD(kvcrt_params, new_key.data)),
                  params.load(KVC_FIELD(kvcrt_params, new_key.token_stride)),
                  params.load(KVC_FIELD(kvcrt_params, new_key.head_stride)),
                  cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, key)),
                  errorWord};
  Destination value{
      v,
      v.valueStorage,
      v.valueDim(),
      params.load(KVC_FIELD(kvcrt_params, new_value.data)),
      params.load(KVC_FIELD(kvcrt_params, new_value.token_stride)),
      params.load(KVC_FIELD(kvcrt_params, new_value.head_stride)),
      cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, value)),
      errorWord};
  int64_t elementBytes = v.element.getIntOrFloatBitWidth() / 8;

  b.loop(b.i64(0), b.i64(v.kvHeads()), 1, [&](Num head) {
    auto rowOf = [&](const Destination &d) {
      return b.at(d.data, token * d.tokenStride + head * d.headStride);
    };
    Num source = rowOf(key);
    Type type = v.element;
    if (v.rotatesAtAppend()) {
      forEachPiece(
          v.keyDim(), b.target.lanes(), [&](int64_t at, int64_t width) {
            Num piece =
                b.load(b.vec(width, type), b.at(source, at * elementBytes));
            b.store(b.toF32(piece), b.at(scratchRow, at * 4));
          });
      Num positions = params.load(KVC_FIELD(kvcrt_params, step.positions));
      emitRotateRow(v, RopeTable::load(cache), scratchRow,
                    loadI32(positions, token));
      source = scratchRow;
      type = b.f32();
    }
    emitStoreRow(b, key, source, type, block, head, slot);
    emitStoreRow(b, value, rowOf(value), v.element, block, head, slot);
  });
}

static Num emitMissesPointer(KernelBuilder &b, const Variant &v,
                             AbiStruct<kvcrt_params> p) {
  Num bad = b.flag(false);
  auto need = [&](Num pointer) { bad = bad | (pointer == b.nullPtr()); };
  need(p.load(KVC_FIELD(kvcrt_params, new_key.data)));
  need(p.load(KVC_FIELD(kvcrt_params, new_value.data)));
  need(p.load(KVC_FIELD(kvcrt_params, cache.key.payload)));
  need(p.load(KVC_FIELD(kvcrt_params, cache.value.payload)));
  need(p.load(KVC_FIELD(kvcrt_params, cache.slot_mapping)));
  if (v.keyStorage.hasScale())
    need(p.load(KVC_FIELD(kvcrt_params, cache.key.scale)));
  if (v.valueStorage.hasScale())
    need(p.load(KVC_FIELD(kvcrt_params, cache.value.scale)));
  if (v.rotatesAtAppend()) {
    need(p.load(KVC_FIELD(kvcrt_params, step.positions)));
    need(p.load(KVC_FIELD(kvcrt_params, cache.rope_table)));
    bad = bad | (p.load(KVC_FIELD(kvcrt_params, cache.rope_positions)) < 1);
  }
  return bad | (p.load(KVC_FIELD(kvcrt_params, cache.block_size)) !=
                int64_t(v.policy.block));
}

void KernelEmitter::emitAppend() {
  func::FuncOp task = emitTaskFunction(
      "_append_task",
      [&](KernelBuilder &b, AbiStruct<Closure> closure, Num index, Num worker) {
        AbiStruct<kvcrt_params> params(
            closure.load(KVC_FIELD(Closure, params)));
        auto cache = params.inner<kvcrt_cache>(KVC_FIELD(kvcrt_params, cache));
        ScratchLayout layout = ScratchLayout::get(shape);
        Num row = b.at(b.at(closure.load(KVC_FIELD(Closure, scratch)),
                            b.toI64(worker) * layout.size),
                       layout.row);
        Num slots = cache.load(KVC_FIELD(kvcrt_cache, slot_mapping));
        Num numBlocks = b.toI64(cache.load(KVC_FIELD(kvcrt_cache, num_blocks)));
        Num begin = index * kTokensPerTask;
        Num end = min(begin + kTokensPerTask, emitNumTokens(b, params));
        b.loop(begin, end, 1, [&](Num token) {
          Num slot = loadI32(slots, token);
          Num block = slot / variant.policy.block;
          b.ifThen(slot >= 0, [&] {
            b.ifElse(
                block < numBlocks,
                [&] {
                  emitAppendToken(b, variant, params, row, token, block,
                                  slot % variant.policy.block);
                  return Nums{};
                },
                [&] {
                  emitRaiseError(cache.load(KVC_FIELD(kvcrt_cache, error_word)),
                                 KVCRT_ERROR_BLOCK_RANGE);
                  return Nums{};
                });
          });
        });
      });

  emitKernel("_append", [&](KernelBuilder &b, AbiStruct<kvcrt_env> env,
                            AbiStruct<kvcrt_params> params) {
    return emitUnless(
        b, emitMissesPointer(b, variant, params), KVCRT_INVALID_ARGUMENT, [&] {
          Num zero = b.i64(0);
          Num workers = b.toI64(env.load(KVC_FIELD(kvcrt_env, num_workers)));
          WorkspaceParts parts =
              emitWorkspaceParts(shape, zero, zero, zero, workers);
          Num workspace = env.load(KVC_FIELD(kvcrt_env, workspace));
          Num small =
              (workspace == b.nullPtr()) |
              (env.load(KVC_FIELD(kvcrt_env, workspace_size)) < parts.size);
          return emitUnless(b, small, KVCRT_WORKSPACE_TOO_SMALL, [&] {
            AbiStruct<Closure> closure(workspace);
            closure.store(KVC_FIELD(Closure, params), params.address());
            closure.store(KVC_FIELD(Closure, scratch),
                          b.at(workspace, parts.scratch));
            emitParallelFor(b, env,
                            ceilDiv(emitNumTokens(b, params), kTokensPerTask),
                            task, workspace);
            return b.i32(KVCRT_OK);
          });
        });
  });
}

} // namespace kvc::cpu
