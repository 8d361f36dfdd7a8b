//===- Plan.cpp - attend's entry: who computes what -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the step's lengths, writes a list of tasks into the workspace and runs
// it. Sequences with few query rows take the decode schedule; their keys are
// spread over several tasks only while there are fewer tasks than the workers
// can use.
//
// Invariant: which schedule a sequence takes and where its splits lie depends
// on its own lengths alone. Counting and writing are the same code, so the
// workspace check sees exactly what is written.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace kvc::cpu {

/// Keys are split while there are fewer decode tasks than this per worker.
static constexpr int64_t kTasksPerWorker = 4;

namespace {
struct Plan {
  const Variant &variant;
  const TileShape &shape;
  AbiStruct<kvcrt_params> params;
  Num indptr, kvLens, numSeqs;

  Plan(KernelBuilder &b, const Variant &variant, const TileShape &shape,
       AbiStruct<kvcrt_params> params)
      : variant(variant), shape(shape), params(params) {
    AbiStruct<kvcrt_step_header> header(
        params.load(KVC_FIELD(kvcrt_params, step.header)));
    indptr = params.load(KVC_FIELD(kvcrt_params, step.qo_indptr));
    kvLens = params.load(KVC_FIELD(kvcrt_params, step.kv_len));
    numSeqs = b.toI64(header.load(KVC_FIELD(kvcrt_step_header, num_seqs)));
  }

  struct Sequence {
    Num numNew, kvLen, isDecode;
  };
  Sequence load(Num seq) const {
    Num numNew = loadI32(indptr, seq + 1) - loadI32(indptr, seq);
    return {numNew, loadI32(kvLens, seq),
            numNew * variant.group() <= shape.decodeRows};
  }

  /// {decode tasks if nothing is split, something is out of range}.
  Nums survey(KernelBuilder &b) const;

  struct Counts {
    Num tasks, folds, slots;
  };
  /// Walks the step's work; with non-null lists, also writes it down.
  Counts walk(KernelBuilder &b, Num split, Num tasks, Num folds) const;
};
} // namespace

Nums Plan::survey(KernelBuilder &b) const {
  Num columns,
      stride = params.load(KVC_FIELD(kvcrt_params, cache.block_table_stride));
  bool dense =
      variant.mask == MaskKind::dense_f32 || variant.mask == MaskKind::dense_i1;
  if (dense)
    columns = b.toI64(params.load(KVC_FIELD(kvcrt_params, mask_columns)));
  return b.loop(b.i64(0), numSeqs, 1, {b.i64(0), b.flag(false)},
                [&](Num seq, ArrayRef<Num> carried) -> Nums {
                  Sequence s = load(seq);
                  Num bad = carried[1] | (s.numNew < 0) | (s.kvLen < 0) |
                            (s.kvLen > stride * int64_t(variant.policy.block));
                  if (dense)
                    bad = bad | (s.kvLen > columns);
                  Num decodes = s.isDecode & (s.numNew > 0);
                  Num more =
                      select(decodes, b.i64(variant.kvHeads()), b.i64(0));
                  return {carried[0] + more, bad};
                });
}

static void writeTask(AbiStruct<Task> task, Num seq, Num kvHead, Num firstToken,
                      Num numTokens, Num firstTile, Num endTile, Num slot,
                      Num numSlots, bool prefill) {
  KernelBuilder &b = *seq.builder;
  task.store(KVC_FIELD(Task, seq), b.toI32(seq));
  task.store(KVC_FIELD(Task, kvHead), b.toI32(kvHead));
  task.store(KVC_FIELD(Task, firstToken), b.toI32(firstToken));
  task.store(KVC_FIELD(Task, numTokens), b.toI32(numTokens));
  task.store(KVC_FIELD(Task, firstTile), b.toI32(firstTile));
  task.store(KVC_FIELD(Task, endTile), b.toI32(endTile));
  task.store(KVC_FIELD(Task, slot), b.toI32(slot));
  task.store(KVC_FIELD(Task, numSlots), b.toI32(numSlots));
  task.store(KVC_FIELD(Task, prefill), b.i32(prefill));
}

Plan::Counts Plan::walk(KernelBuilder &b, Num split, Num tasks,
                        Num folds) const {
  bool write = static_cast<bool>(tasks);
  Num zero = b.i64(0), heads = b.i64(variant.kvHeads());
  auto decode = [&](Num seq, Sequence s, ArrayRef<Num> at) -> Nums {
    VisibleTiles tiles = emitVisibleTiles(variant, shape, params, s.kvLen,
                                          s.kvLen - s.numNew, s.kvLen - 1);
    Num pieces = select(
        split, max(ceilDiv(tiles.count, shape.splitTiles), b.i64(1)), b.i64(1));
    Num isSplit = pieces > 1;
    if (write)
      b.loop(zero, heads, 1, [&](Num head) {
        Num firstSlot = at[2] + head * pieces;
        b.loop(zero, pieces, 1, [&](Num piece) {
          Num first = piece * shape.splitTiles;
          Num end = select(isSplit, min(first + shape.splitTiles, tiles.count),
                           tiles.count);
          writeTask(
              AbiStruct<Task>(tasks).element(at[0] + head * pieces + piece),
              seq, head, zero, s.numNew, first, end,
              select(isSplit, firstSlot + piece, b.i64(-1)), zero, false);
        });
        b.ifThen(isSplit, [&] {
          writeTask(AbiStruct<Task>(folds).element(at[1] + head), seq, head,
                    zero, s.numNew, zero, zero, firstSlot, pieces, false);
        });
      });
    Num numFolds = select(isSplit, heads, zero);
    return {at[0] + heads * pieces, at[1] + numFolds,
            at[2] + numFolds * pieces};
  };
  auto prefill = [&](Num seq, Sequence s, ArrayRef<Num> at) -> Nums {
    Num blocks = ceilDiv(s.numNew, shape.prefillTokens);
    if (write)
      b.loop(zero, blocks, 1, [&](Num k) {
        // Causal work grows with the token: the longest tasks go first.
        Num first = (blocks - 1 - k) * shape.prefillTokens;
        Num count = min(s.numNew - first, b.i64(shape.prefillTokens));
        b.loop(zero, heads, 1, [&](Num head) {
          writeTask(AbiStruct<Task>(tasks).element(at[0] + k * heads + head),
                    seq, head, first, count, zero, zero, b.i64(-1), zero, true);
        });
      });
    return {at[0] + blocks * heads, at[1], at[2]};
  };
  Nums counts =
      b.loop(zero, numSeqs, 1, {zero, zero, zero},
             [&](Num seq, ArrayRef<Num> at) -> Nums {
               Sequence s = load(seq);
               return b.ifElse(
                   s.numNew > 0,
                   [&] {
                     return b.ifElse(
                         s.isDecode, [&] { return decode(seq, s, at); },
                         [&] { return prefill(seq, s, at); });
                   },
                   [&] { return Nums(at.begin(), at.end()); });
             });
  return {counts[0], counts[1], counts[2]};
}

/// Whether a pointer that the variant reads is null.
static Num emitMissesPointer(KernelBuilder &b, const Variant &v,
                             AbiStruct<kvcrt_params> p) {
  Num bad = b.flag(false);
  auto need = [&](Num pointer) { bad = bad | (pointer == b.nullPtr()); };
  need(p.load(KVC_FIELD(kvcrt_params, step.qo_indptr)));
  need(p.load(KVC_FIELD(kvcrt_params, step.kv_len)));
  need(p.load(KVC_FIELD(kvcrt_params, cache.block_table)));
  need(p.load(KVC_FIELD(kvcrt_params, cache.key.payload)));
  need(p.load(KVC_FIELD(kvcrt_params, cache.value.payload)));
  need(p.load(KVC_FIELD(kvcrt_params, query.data)));
  need(p.load(KVC_FIELD(kvcrt_params, out.data)));
  if (v.keyStorage.hasScale())
    need(p.load(KVC_FIELD(kvcrt_params, cache.key.scale)));
  if (v.valueStorage.hasScale())
    need(p.load(KVC_FIELD(kvcrt_params, cache.value.scale)));
  if (v.readsPositions())
    need(p.load(KVC_FIELD(kvcrt_params, step.positions)));
  if (v.rope()) {
    need(p.load(KVC_FIELD(kvcrt_params, cache.rope_table)));
    bad = bad | (p.load(KVC_FIELD(kvcrt_params, cache.rope_positions)) < 1);
  }
  if (v.alibi())
    need(p.load(KVC_FIELD(kvcrt_params, alibi_slopes)));
  if (v.sinkLogits)
    need(p.load(KVC_FIELD(kvcrt_params, sink_logits)));
  if (v.mask != MaskKind::none)
    need(p.load(KVC_FIELD(kvcrt_params, mask)));
  if (v.mask == MaskKind::packed)
    need(p.load(KVC_FIELD(kvcrt_params, mask_indptr)));
  if (v.lse)
    need(p.load(KVC_FIELD(kvcrt_params, lse)));
  if (v.window)
    bad = bad | (p.load(KVC_FIELD(kvcrt_params, window)) < 1);
  return bad | (p.load(KVC_FIELD(kvcrt_params, cache.block_size)) !=
                int64_t(v.policy.block));
}

void KernelEmitter::emitAttend() {
  auto taskAt = [](Num list, Num index) {
    return AbiStruct<Task>(list).element(index);
  };
  func::FuncOp decode = emitTaskFunction(
      "_decode_task",
      [&](KernelBuilder &b, AbiStruct<Closure> closure, Num index, Num worker) {
        Num tasks = closure.load(KVC_FIELD(Closure, tasks));
        emitSplitDecode(b, closure, taskAt(tasks, index), worker);
      });
  func::FuncOp prefill = emitTaskFunction(
      "_prefill_task",
      [&](KernelBuilder &b, AbiStruct<Closure> closure, Num index, Num worker) {
        Num tasks = closure.load(KVC_FIELD(Closure, tasks));
        emitTiledPrefill(b, closure, taskAt(tasks, index), worker);
      });
  func::FuncOp attend = emitTaskFunction(
      "_attend_task",
      [&](KernelBuilder &b, AbiStruct<Closure> closure, Num index, Num worker) {
        Num tasks = closure.load(KVC_FIELD(Closure, tasks));
        auto call = [&](func::FuncOp callee) {
          func::CallOp::create(
              b, callee,
              ValueRange{closure.address().value, index.value, worker.value});
          return Nums{};
        };
        Num isPrefill =
            taskAt(tasks, index).load(KVC_FIELD(Task, prefill)) != 0;
        b.ifElse(
            isPrefill, [&] { return call(prefill); },
            [&] { return call(decode); });
      });
  func::FuncOp fold = emitTaskFunction(
      "_fold_task",
      [&](KernelBuilder &b, AbiStruct<Closure> closure, Num index, Num worker) {
        Num tasks = closure.load(KVC_FIELD(Closure, foldTasks));
        emitFoldSplits(b, closure, taskAt(tasks, index), worker);
      });

  emitKernel("_attend", [&](KernelBuilder &b, AbiStruct<kvcrt_env> env,
                            AbiStruct<kvcrt_params> params) {
    auto run = [&](const Plan &plan, Num split) {
      Num workers = b.toI64(env.load(KVC_FIELD(kvcrt_env, num_workers)));
      Plan::Counts counts = plan.walk(b, split, {}, {});
      WorkspaceParts parts = emitWorkspaceParts(
          shape, counts.tasks, counts.folds, counts.slots, workers);
      Num workspace = env.load(KVC_FIELD(kvcrt_env, workspace));
      Num small = (workspace == b.nullPtr()) |
                  (env.load(KVC_FIELD(kvcrt_env, workspace_size)) < parts.size);
      return emitUnless(b, small, KVCRT_WORKSPACE_TOO_SMALL, [&] {
        AbiStruct<Closure> closure(workspace);
        Num tasks = b.at(workspace, parts.tasks);
        Num folds = b.at(workspace, parts.foldTasks);
        closure.store(KVC_FIELD(Closure, env), env.address());
        closure.store(KVC_FIELD(Closure, params), params.address());
        closure.store(KVC_FIELD(Closure, tasks), tasks);
        closure.store(KVC_FIELD(Closure, foldTasks), folds);
        closure.store(KVC_FIELD(Closure, partials),
                      b.at(workspace, parts.partials));
        closure.store(KVC_FIELD(Closure, scratch),
                      b.at(workspace, parts.scratch));
        plan.walk(b, split, tasks, folds);
        emitParallelFor(b, env, counts.tasks, attend, workspace);
        b.ifThen(counts.folds > 0, [&] {
          emitParallelFor(b, env, counts.folds, fold, workspace);
        });
        return b.i32(KVCRT_OK);
      });
    };
    auto attendAll = [&]() -> Num {
      return emitUnless(
          b, emitMissesPointer(b, variant, params), KVCRT_INVALID_ARGUMENT,
          [&] {
            Plan plan(b, variant, shape, params);
            Nums survey = plan.survey(b);
            return emitUnless(b, survey[1], KVCRT_INVALID_ARGUMENT, [&] {
              Num workers =
                  b.toI64(env.load(KVC_FIELD(kvcrt_env, num_workers)));
              Num split =
                  (workers > 1) & (survey[0] < workers * kTasksPerWorker);
              return run(plan, split);
            });
          });
    };
    Num appends = params.load(KVC_FIELD(kvcrt_params, attend_appends)) != 0;
    return emitUnless(b, appends, KVCRT_UNSUPPORTED, attendAll);
  });
}

void KernelEmitter::emitWorkspace() {
  Type ptr = LLVM::LLVMPointerType::get(builder.getContext());
  emitFunction(
      "_workspace", ptr, builder.getI64Type(), /*isPublic=*/true,
      [&](KernelBuilder &b, ArrayRef<Num> arguments) -> Nums {
        AbiStruct<kvcrt_capacity> capacity(arguments[0]);
        auto load = [&](auto field) { return b.toI64(capacity.load(field)); };
        Num tokens = load(KVC_FIELD(kvcrt_capacity, max_tokens));
        Num seqs = load(KVC_FIELD(kvcrt_capacity, max_seqs));
        Num kvLen = load(KVC_FIELD(kvcrt_capacity, max_kv_len));
        Num workers = load(KVC_FIELD(kvcrt_capacity, num_workers));
        int64_t heads = variant.kvHeads();
        Num splits =
            max(ceilDiv(kvLen, shape.tileKeys * shape.splitTiles), b.i64(1));
        // Fewer than kTasksPerWorker tasks per worker are split.
        Num folds = workers * kTasksPerWorker, slots = folds * splits;
        Num blocks = ceilDiv(tokens, shape.prefillTokens) + seqs;
        Num tasks = (seqs + blocks) * heads + slots;
        return {emitWorkspaceParts(shape, tasks, folds, slots, workers).size};
      });
}

} // namespace kvc::cpu
