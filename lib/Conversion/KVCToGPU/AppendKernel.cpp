//===- AppendKernel.cpp - this step's keys and values into the pool -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row (token, KV head) belongs to as many lanes as it has pieces of eight
// elements, rounded up to a power of two, so that a warp handles several rows
// of a small head. Keys are turned where the policy says so; the storage axis
// encodes.
//
// The rows are walked by a grid (the append kernel) or, in a decode kernel that
// appends, by the block whose task reads them.
//
// Invariant: a slot of -1 is skipped and a block outside the pool is reported,
// never written; block times stride is computed in 64 bits.
//
//===----------------------------------------------------------------------===//

#include "AttendContext.h"
#include "Kernels.h"
#include "Rotation.h"
#include "RowDivisor.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kvc::gpu {

static constexpr int64_t kThreads = 128, kPiece = 8;

namespace {
/// New rows and the plane that they go to: keys, values, or one of the two as a
/// lane chooses.
struct Destination {
  StorageAttrInterface storage;
  int64_t dim;
  Num rotated; // i1; null: never
  // Of the new rows.
  Num data, tokenStride, headStride;
  Num payload, payloadBlock, payloadHead, payloadToken;
  Num scale, scaleBlock, scaleHead, scaleToken; // null without

  static Destination keys(const Variant &v, AbiStruct<kvcrt_params> params);
  static Destination values(const Variant &v, AbiStruct<kvcrt_params> params);
  /// `keys` where `isKey` (i1), else `values`, which have the same form.
  static Destination choose(Num isKey, Destination keys, Destination values);

private:
  Destination(StorageAttrInterface storage, int64_t dim,
              AbiStruct<kvcrt_tensor> rows, AbiStruct<kvcrt_plane> plane);
};
} // namespace

Destination::Destination(StorageAttrInterface storage, int64_t dim,
                         AbiStruct<kvcrt_tensor> rows,
                         AbiStruct<kvcrt_plane> plane)
    : storage(storage), dim(dim) {
  data = rows.load(KVC_FIELD(kvcrt_tensor, data));
  tokenStride = rows.load(KVC_FIELD(kvcrt_tensor, token_stride));
  headStride = rows.load(KVC_FIELD(kvcrt_tensor, head_stride));
  payload = plane.load(KVC_FIELD(kvcrt_plane, payload));
  payloadBlock = plane.load(KVC_FIELD(kvcrt_plane, block_stride));
  payloadHead = plane.load(KVC_FIELD(kvcrt_plane, head_stride));
  payloadToken = plane.load(KVC_FIELD(kvcrt_plane, token_stride));
  if (!storage.hasScale())
    return;
  scale = plane.load(KVC_FIELD(kvcrt_plane, scale));
  scaleBlock = plane.load(KVC_FIELD(kvcrt_plane, scale_block_stride));
  scaleHead = plane.load(KVC_FIELD(kvcrt_plane, scale_head_stride));
  scaleToken = plane.load(KVC_FIELD(kvcrt_plane, scale_token_stride));
}

Destination Destination::keys(const Variant &v,
                              AbiStruct<kvcrt_params> params) {
  Destination to(v.keyStorage, v.keyDim(),
                 params.inner<kvcrt_tensor>(KVC_FIELD(kvcrt_params, new_key)),
                 params.inner<kvcrt_plane>(KVC_FIELD(kvcrt_params, cache.key)));
  if (v.rotatesAtAppend())
    to.rotated = params.address().builder->flag(true);
  return to;
}

Destination Destination::values(const Variant &v,
                                AbiStruct<kvcrt_params> params) {
  return Destination(
      v.valueStorage, v.valueDim(),
      params.inner<kvcrt_tensor>(KVC_FIELD(kvcrt_params, new_value)),
      params.inner<kvcrt_plane>(KVC_FIELD(kvcrt_params, cache.value)));
}

Destination Destination::choose(Num isKey, Destination keys,
                                Destination values) {
  static constexpr Num Destination::*kFields[] = {
      &Destination::data,         &Destination::tokenStride,
      &Destination::headStride,   &Destination::payload,
      &Destination::payloadBlock, &Destination::payloadHead,
      &Destination::payloadToken, &Destination::scale,
      &Destination::scaleBlock,   &Destination::scaleHead,
      &Destination::scaleToken};
  for (Num Destination::*field : kFields)
    if (keys.*field)
      keys.*field = select(isKey, keys.*field, values.*field);
  if (keys.rotated)
    keys.rotated = isKey;
  return keys;
}

/// The greatest magnitude of a row of which `lanes` lanes hold `elements`
/// each; a NaN among them is the result.
static Num rowMagnitude(ArrayRef<Num> elements, int64_t lanes) {
  KernelBuilder &b = *elements[0].builder;
  auto larger = [&](Num x, Num y) {
    return b.num(arith::MaximumFOp::create(b, x.value, y.value));
  };
  Num largest;
  for (Num x : elements) {
    Num magnitude = b.num(math::AbsFOp::create(b, x.value));
    largest = largest ? larger(largest, magnitude) : magnitude;
  }
  for (int64_t step = lanes / 2; step > 0; step /= 2)
    largest = larger(largest, shuffleXor(largest, step));
  return largest;
}

namespace {
/// Tokens [begin, begin + count) of the step for `heads` KV heads from `head`
/// on, as all warps of a grid or of a block walk them.
struct Walk {
  Num begin, count, head;
  int64_t heads;
  Num warp, warps;
};
} // namespace

/// Lanes that a row of `dim` elements takes.
static int64_t lanesOf(int64_t dim) { return llvm::PowerOf2Ceil(dim / kPiece); }

/// Appends row `head` of token `token`, by the lanes that have a piece of it;
/// `exists` (i1): there is one.
static void emitAppendRow(KernelBuilder &b, const Variant &v,
                          AbiStruct<kvcrt_params> params, const Destination &to,
                          Num token, Num head, Num exists) {
  auto cache = params.inner<kvcrt_cache>(KVC_FIELD(kvcrt_params, cache));
  int64_t pieces = to.dim / kPiece;
  int64_t lanes = lanesOf(to.dim);
  Num piece = laneId(b) & (lanes - 1);
  Num firstElement = min(piece, b.i32(pieces - 1)) * kPiece;
  Num errorWord = cache.load(KVC_FIELD(kvcrt_cache, error_word));

  Num slot =
      loadStepI32(cache.load(KVC_FIELD(kvcrt_cache, slot_mapping)), token);
  Num block = slot / int64_t(v.policy.block);
  Num wanted = exists & (slot >= 0);
  Num inPool = block < cache.load(KVC_FIELD(kvcrt_cache, num_blocks));
  b.ifThen(wanted & isFalse(inPool),
           [&] { emitRaiseError(errorWord, KVCRT_ERROR_BLOCK_RANGE); });
  Num writes = wanted & inPool & (piece < pieces);

  Num source = b.at(to.data, b.toI64(token) * to.tokenStride +
                                 b.toI64(head) * to.headStride);
  auto read = [&](Stepped at, int64_t count) {
    return readGlobalRow(v.element, source, at, count);
  };
  auto plain = [&] { return read(firstElement, kPiece); };
  Nums elements;
  if (to.rotated) {
    elements = b.ifElse(
        to.rotated,
        [&] {
          Num position = loadStepI32(
              params.load(KVC_FIELD(kvcrt_params, step.positions)), token);
          Angles angles = Angles::at(cache, v, position, writes);
          return emitRotatedPiece(v, angles, firstElement, kPiece, read);
        },
        plain);
  } else {
    elements = plain();
  }
  RowScale scale;
  RowDivisor<Num> divisor;
  if (to.storage.hasScale()) {
    Num largest = b.splatVector(rowMagnitude(elements, lanes), 1);
    scale = to.storage.emitScale(b, b.getLoc(), largest.value);
    divisor = rowDivisor(b.num(scale.scale), reciprocal);
  }
  auto quotient = [&](Value piece) {
    auto splat = [&](Num x) { return b.splat(x, kPiece); };
    return RowDivisor<Num>{splat(divisor.unit), splat(divisor.divisor),
                           splat(divisor.reciprocal)}
        .quotient(b.num(piece))
        .value;
  };
  SmallVector<Value> scalars;
  for (Num element : elements)
    scalars.push_back(element.value);
  Value values = vector::FromElementsOp::create(
      b, VectorType::get(kPiece, b.f32()), scalars);
  Num codes = b.num(to.storage.emitEncode(b, b.getLoc(), values, scale.scale,
                                          scale.zeroPoint, quotient));
  Num place = slot % int64_t(v.policy.block);
  b.ifThen(writes, [&] {
    Num target = b.at(to.payload, b.toI64(block) * to.payloadBlock +
                                      b.toI64(head) * to.payloadHead +
                                      b.toI64(place) * to.payloadToken);
    int64_t bits = to.storage.getBits();
    target = b.at(target, b.toI64(firstElement) * bits / 8);
    // No access is wider than 16 bytes: rows are aligned to no more.
    int64_t width = std::min(kPiece, 128 / bits);
    for (int64_t i = 0; i < kPiece; i += width)
      b.store(b.slice(codes, i, width), b.at(target, i * bits / 8),
              unsigned(width * bits / 8));
  });
  if (!to.storage.hasScale())
    return;
  b.ifThen(writes & (piece == 0), [&] {
    Num value = b.num(scale.scale);
    b.store(value, b.at(to.scale, b.toI64(block) * to.scaleBlock +
                                      b.toI64(head) * to.scaleHead +
                                      b.toI64(place) * to.scaleToken));
    // Infinities and NaN leave nothing of themselves when subtracted.
    b.ifThen(isNan(value - value),
             [&] { emitRaiseError(errorWord, KVCRT_ERROR_NAN_INPUT); });
  });
}

/// Appends `walk`'s keys and values. Where both have one form, they are rows of
/// one list, keys first, and one code does for both.
static void emitAppendRows(KernelBuilder &b, const Variant &v,
                           AbiStruct<kvcrt_params> params, const Walk &walk) {
  Step named(b, "append rows");
  const Destination keys = Destination::keys(v, params),
                    values = Destination::values(v, params);
  Num rows = walk.count * walk.heads, lane = laneId(b);
  auto append = [&](int64_t dim, Num end,
                    llvm::function_ref<Destination(Num & row)> destination) {
    int64_t lanes = lanesOf(dim), rowsPerWarp = 32 / lanes;
    // Uniform over the warp: the shuffles inside need all lanes.
    b.loopBy(
        walk.warp * rowsPerWarp, end, walk.warps * rowsPerWarp, [&](Num first) {
          Num row = first + (lane >> llvm::Log2_64(lanes));
          Num exists = row < end;
          row = min(row, end - 1);
          Destination to = destination(row);
          Num token = row, head = walk.head;
          if (walk.heads > 1) {
            token = row / walk.heads;
            head = head + row % walk.heads;
          }
          emitAppendRow(b, v, params, to, walk.begin + token, head, exists);
        });
  };
  if (keys.storage == values.storage && keys.dim == values.dim)
    return append(keys.dim, rows * 2, [&](Num &row) {
      Num isKey = row < rows;
      row = select(isKey, row, row - rows);
      return Destination::choose(isKey, keys, values);
    });
  for (const Destination &one : {keys, values})
    append(one.dim, rows, [&](Num &) { return one; });
}

void emitAppendTokens(const AttendContext &c, Num begin, Num end,
                      int64_t warps) {
  emitAppendRows(c.b, c.variant, c.params,
                 {c.stepToken + begin, max(end - begin, begin.like(0)),
                  c.kvHead, 1, warpId(c.b), c.b.i32(warps)});
}

void KernelEmitter::emitAppend() {
  emitKernel(
      "_append", kThreads, /*sharedBytes=*/0, HotLoop(),
      [&](KernelBuilder &b, AbiStruct<kvcrt_params> params) {
        AbiStruct<kvcrt_step_header> header(
            params.load(KVC_FIELD(kvcrt_params, step.header)));
        Num tokens = loadInvariant(
            b.i32(),
            b.at(header.address(), offsetof(kvcrt_step_header, num_tokens)), 4);
        constexpr int64_t kWarps = kThreads / 32;
        emitAppendRows(b, variant, params,
                       {b.i32(0), tokens, b.i32(0), variant.kvHeads(),
                        blockId(b) * kWarps + warpId(b),
                        gridBlocks(b) * kWarps});
      });
}

} // namespace kvc::gpu
