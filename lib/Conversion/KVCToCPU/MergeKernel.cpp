//===- MergeKernel.cpp - partial attentions become one --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// out = sum_p exp(lse_p - m) out_p / (sum_p exp(lse_p - m) + exp(sink - m)): a
// softmax whose scores are the lse, finished as any other row. Invariant: a
// partial whose lse is -inf saw nothing, and its output is not looked at.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"
#include "MathPolynomials.h"

using namespace mlir;

namespace kvc::cpu {

namespace {
/// partial_out [P][T][H][D] and partial_lse [P][T][H] at one (token, head).
struct Partials {
  Num out, lse, count;      // addresses of partial 0
  Num outStride, lseStride; // bytes from a partial to the next

  Num lseOf(Num p) const {
    KernelBuilder &b = *out.builder;
    return b.load(b.f32(), b.at(lse, p * lseStride));
  }
};
} // namespace

void KernelEmitter::emitMerge() {
  const Variant &v = variant;
  auto mergeHead = [&](KernelBuilder &b, AbiStruct<kvcrt_params> params,
                       Num token, Num head) {
    Num row = token * v.queryHeads + head;
    Num rows = emitNumTokens(b, params) * v.queryHeads;
    int64_t rowBytes = v.valueDim() * 4;
    Partials partials{
        b.at(params.load(KVC_FIELD(kvcrt_params, partial_out)), row * rowBytes),
        b.at(params.load(KVC_FIELD(kvcrt_params, partial_lse)), row * 4),
        b.toI64(params.load(KVC_FIELD(kvcrt_params, num_partials))),
        rows * rowBytes, rows * 4};
    Num sink;
    if (v.sinkLogits)
      sink = loadF32(params.load(KVC_FIELD(kvcrt_params, sink_logits)), head);
    Num highest = b.loop(b.i64(0), partials.count, 1, {b.negInf(b.f32())},
                         [&](Num p, ArrayRef<Num> carried) -> Nums {
                           return {max(carried[0], partials.lseOf(p))};
                         })[0];
    Num reference = finiteMax(highest);
    Num sum =
        b.loop(b.i64(0), partials.count, 1, {b.f32(0)},
               [&](Num p, ArrayRef<Num> carried) -> Nums {
                 return {carried[0] + emitExp(partials.lseOf(p) - reference)};
               })[0];
    RowFinish end = emitFinishRow(engineMath, highest, sum, sink);
    Num target =
        b.at(params.load(KVC_FIELD(kvcrt_params, out.data)),
             token * params.load(KVC_FIELD(kvcrt_params, out.token_stride)) +
                 head * params.load(KVC_FIELD(kvcrt_params, out.head_stride)));
    int64_t elementBytes = v.element.getIntOrFloatBitWidth() / 8;
    forEachPiece(
        v.valueDim(), b.target.lanes(), [&](int64_t at, int64_t width) {
          Type type = b.vec(width, b.f32());
          Num acc = b.loop(
              b.i64(0), partials.count, 1, {b.constant(type, 0)},
              [&](Num p, ArrayRef<Num> carried) -> Nums {
                Num lse = partials.lseOf(p);
                Num weight = emitExp(lse - reference) * end.factor;
                Num piece = b.load(
                    type,
                    b.at(b.at(partials.out, p * partials.outStride), at * 4));
                Num added = fma(b.splat(weight, width), piece, carried[0]);
                return {select(lse == b.negInf(b.f32()), carried[0], added)};
              })[0];
          b.store(b.roundTo(acc, v.element), b.at(target, at * elementBytes));
        });
    if (!v.lse)
      return;
    Num lseRow =
        b.at(params.load(KVC_FIELD(kvcrt_params, lse)),
             token * params.load(KVC_FIELD(kvcrt_params, lse_token_stride)));
    b.store(end.lse, b.at(lseRow, head * 4));
  };

  func::FuncOp task = emitTaskFunction(
      "_merge_task",
      [&](KernelBuilder &b, AbiStruct<Closure> closure, Num token, Num) {
        // The closure of a merge is the parameter block itself.
        AbiStruct<kvcrt_params> params(closure.address());
        b.loop(b.i64(0), b.i64(v.queryHeads), 1,
               [&](Num head) { mergeHead(b, params, token, head); });
      });

  emitKernel("_merge", [&](KernelBuilder &b, AbiStruct<kvcrt_env> env,
                           AbiStruct<kvcrt_params> params) {
    Num null = b.nullPtr();
    Num bad = (params.load(KVC_FIELD(kvcrt_params, partial_out)) == null) |
              (params.load(KVC_FIELD(kvcrt_params, partial_lse)) == null) |
              (params.load(KVC_FIELD(kvcrt_params, out.data)) == null) |
              (params.load(KVC_FIELD(kvcrt_params, num_partials)) < 0);
    if (v.lse)
      bad = bad | (params.load(KVC_FIELD(kvcrt_params, lse)) == null);
    if (v.sinkLogits)
      bad = bad | (params.load(KVC_FIELD(kvcrt_params, sink_logits)) == null);
    return emitUnless(b, bad, KVCRT_INVALID_ARGUMENT, [&] {
      emitParallelFor(b, env, emitNumTokens(b, params), task, params.address());
      return b.i32(KVCRT_OK);
    });
  });
}

} // namespace kvc::cpu
