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
/// One of new_key and new_value with the plane that it goes to.
struct Destination {
  StorageAttrInterface storage;
  int64_t dim;
  bool rotated;
  Num data, tokenStride, headStride;
  AbiStruct<kvcrt_plane> plane;
};
} // namespace

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
/// Rows [first, end) of a plane, as the warps of a grid or of a block walk
/// them: `first` is the warp's first, `step` what all warps take at once.
struct Walk {
  Num first, end, step;
  /// Token of the step and KV head of a row.
  llvm::function_ref<std::pair<Num, Num>(Num row)> placeOf;
};
} // namespace

/// Lanes that a row of `dim` elements takes.
static int64_t lanesOf(int64_t dim) { return llvm::PowerOf2Ceil(dim / kPiece); }

/// Appends the rows of one plane that this warp walks over.
static void emitAppendRows(KernelBuilder &b, const Variant &v,
                           AbiStruct<kvcrt_params> params,
                           const Destination &to, const Walk &walk) {
  Step named(b, "append rows");
  auto cache = params.inner<kvcrt_cache>(KVC_FIELD(kvcrt_params, cache));
  int64_t pieces = to.dim / kPiece;
  int64_t lanes = lanesOf(to.dim);
  Num errorWord = cache.load(KVC_FIELD(kvcrt_cache, error_word));
  Num slots = cache.load(KVC_FIELD(kvcrt_cache, slot_mapping));
  Num numBlocks = cache.load(KVC_FIELD(kvcrt_cache, num_blocks));
  AbiStruct<kvcrt_plane> p = to.plane;

  Num lane = laneId(b);
  Num piece = lane & (lanes - 1);
  Num firstElement = min(piece, b.i32(pieces - 1)) * kPiece;
  // Uniform over the warp: the shuffles below need all lanes.
  b.loopBy(walk.first, walk.end, walk.step, [&](Num first) {
    Num row = first + (lane >> llvm::Log2_64(lanes));
    Num exists = row < walk.end;
    const std::pair<Num, Num> at = walk.placeOf(min(row, walk.end - 1));
    Num token = at.first, head = at.second;
    Num slot = loadStepI32(slots, token);
    Num block = slot / int64_t(v.policy.block);
    Num wanted = exists & (slot >= 0);
    Num inPool = block < numBlocks;
    b.ifThen(wanted & isFalse(inPool),
             [&] { emitRaiseError(errorWord, KVCRT_ERROR_BLOCK_RANGE); });
    Num writes = wanted & inPool & (piece < pieces);

    Num source = b.at(to.data, b.toI64(token) * to.tokenStride +
                                   b.toI64(head) * to.headStride);
    auto read = [&](Num at, int64_t count, bool whole) {
      return readGlobalRow(v.element, source, at, count, whole);
    };
    Nums elements;
    if (to.rotated) {
      Num position = loadStepI32(
          params.load(KVC_FIELD(kvcrt_params, step.positions)), token);
      Angles angles = Angles::at(cache, v, position, writes);
      elements = emitRotatedPiece(v, angles, firstElement, kPiece, read);
    } else {
      elements = read(firstElement, kPiece, true);
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
      Num target = b.at(
          p.load(KVC_FIELD(kvcrt_plane, payload)),
          b.toI64(block) * p.load(KVC_FIELD(kvcrt_plane, block_stride)) +
              b.toI64(head) * p.load(KVC_FIELD(kvcrt_plane, head_stride)) +
              b.toI64(place) * p.load(KVC_FIELD(kvcrt_plane, token_stride)));
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
      b.store(value,
              b.at(p.load(KVC_FIELD(kvcrt_plane, scale)),
                   b.toI64(block) *
                           p.load(KVC_FIELD(kvcrt_plane, scale_block_stride)) +
                       b.toI64(head) *
                           p.load(KVC_FIELD(kvcrt_plane, scale_head_stride)) +
                       b.toI64(place) *
                           p.load(KVC_FIELD(kvcrt_plane, scale_token_stride))));
      // Infinities and NaN leave nothing of themselves when subtracted.
      b.ifThen(isNan(value - value),
               [&] { emitRaiseError(errorWord, KVCRT_ERROR_NAN_INPUT); });
    });
  });
}

/// new_key and new_value with their planes.
static std::array<Destination, 2> destinations(const Variant &v,
                                               AbiStruct<kvcrt_params> params) {
  auto cache = params.inner<kvcrt_cache>(KVC_FIELD(kvcrt_params, cache));
  return {
      Destination{v.keyStorage, v.keyDim(), v.rotatesAtAppend(),
                  params.load(KVC_FIELD(kvcrt_params, new_key.data)),
                  params.load(KVC_FIELD(kvcrt_params, new_key.token_stride)),
                  params.load(KVC_FIELD(kvcrt_params, new_key.head_stride)),
                  cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, key))},
      Destination{v.valueStorage, v.valueDim(), false,
                  params.load(KVC_FIELD(kvcrt_params, new_value.data)),
                  params.load(KVC_FIELD(kvcrt_params, new_value.token_stride)),
                  params.load(KVC_FIELD(kvcrt_params, new_value.head_stride)),
                  cache.inner<kvcrt_plane>(KVC_FIELD(kvcrt_cache, value))}};
}

void emitAppendTokens(const AttendContext &c, Num begin, Num end,
                      int64_t warps) {
  KernelBuilder &b = c.b;
  for (const Destination &to : destinations(c.variant, c.params)) {
    int64_t rowsPerWarp = 32 / lanesOf(to.dim);
    emitAppendRows(b, c.variant, c.params, to,
                   {begin + warpId(b) * rowsPerWarp, end,
                    b.i32(warps * rowsPerWarp),
                    [&](Num row) -> std::pair<Num, Num> {
                      return {c.stepToken + row, c.kvHead};
                    }});
  }
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
        Num warps = gridBlocks(b) * (kThreads / 32);
        Num warp = blockId(b) * (kThreads / 32) + warpId(b);
        for (const Destination &to : destinations(variant, params)) {
          int64_t rowsPerWarp = 32 / lanesOf(to.dim);
          emitAppendRows(
              b, variant, params, to,
              {warp * rowsPerWarp, tokens * variant.kvHeads(),
               warps * rowsPerWarp, [&](Num row) -> std::pair<Num, Num> {
                 return {row / variant.kvHeads(), row % variant.kvHeads()};
               }});
        }
      });
}

} // namespace kvc::gpu
