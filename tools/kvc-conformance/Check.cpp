//===- Check.cpp - run one cell and judge it ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: kernels get a workspace of exactly the size that they asked for,
// of 0xff bytes and followed by bytes that must stay.
//
//===----------------------------------------------------------------------===//

#include "Check.h"

#include "kvcref/formats.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace kvc::conformance {

namespace {
constexpr size_t kGuard = 256; // bytes behind the workspace, before the fence
constexpr char kGuardByte = 0x5a;

/// An environment whose parallel_for runs tasks backwards, on workers in turn:
/// an order that nothing may rely on.
class Environment {
public:
  Environment(const CompiledVariant &kernels, const kvcrt_capacity &capacity,
              SimEngine *sim = nullptr)
      : bytes(kernels.workspace(&capacity)), workspace(bytes + kGuard),
        sim(sim) {
    std::memset(workspace.data() + bytes, kGuardByte, kGuard);
    env.struct_size = sizeof(kvcrt_env);
    env.abi_version = KVCRT_ABI_VERSION;
    env.context = this;
    env.launch = sim ? &launch : nullptr;
    env.parallel_for = run;
    env.num_workers = capacity.num_workers;
    env.workspace = workspace.data();
    env.workspace_size = bytes;
  }
  const kvcrt_env *get() const { return &env; }
  bool guardIsIntact() {
    const char *begin = workspace.data() + bytes;
    return std::all_of(begin, begin + kGuard,
                       [](char c) { return c == kGuardByte; });
  }

private:
  static void run(void *context, int64_t count, kvcrt_task_fn body,
                  void *closure) {
    int32_t workers = static_cast<Environment *>(context)->env.num_workers;
    for (int64_t i = count - 1; i >= 0; --i)
      body(closure, i, int32_t(i % workers));
  }
  static int32_t launch(void *context, const kvcrt_env *,
                        const kvcrt_launch *launch) {
    return static_cast<Environment *>(context)->sim->launch(*launch);
  }
  size_t bytes;
  Memory workspace;
  SimEngine *sim;
  kvcrt_env env{};
};

/// One sequence of a step as a step of its own, on the same memory.
struct AloneStep {
  AloneStep(const kvcrt_params &all, int32_t row) : params(all) {
    first = all.step.qo_indptr[row];
    indptr[1] = all.step.qo_indptr[row + 1] - int32_t(first);
    header.num_seqs = 1;
    header.num_tokens = indptr[1];
    header.max_q_len = indptr[1];
    header.max_kv_len = all.step.kv_len[row];
    params.step.header = &header;
    params.step.qo_indptr = indptr;
    params.step.kv_len += row;
    params.step.positions += first;
    params.cache.block_table += row * all.cache.block_table_stride;
    params.cache.first_block += row;
    if (params.cache.position_offset)
      params.cache.position_offset += row;
    auto advance = [](auto *&pointer, int64_t bytes) {
      using Pointer = std::remove_reference_t<decltype(pointer)>;
      pointer = reinterpret_cast<Pointer>(reinterpret_cast<uintptr_t>(pointer) +
                                          bytes);
    };
    advance(params.query.data, first * all.query.token_stride);
    advance(params.out.data, first * all.out.token_stride);
    advance(params.lse, first * all.lse_token_stride);
    if (all.mask && !all.mask_indptr)
      advance(params.mask, first * all.mask_token_stride);
    if (all.mask_indptr) {
      params.mask_indptr += row;
      params.mask_first_column += row;
    }
  }
  AloneStep(const AloneStep &) = delete;

  kvcrt_params params;
  kvcrt_step_header header{};
  int32_t indptr[2] = {0, 0};
  int64_t first;
};
} // namespace

/// The bytes of the kernels' pool; none of one that is mostly address space.
static std::vector<char> copyPool(Fixture &fixture) {
  std::vector<char> bytes;
  fixture.forEachRange(
      [&](const void *base, size_t size, std::string_view name) {
        const char *from = static_cast<const char *>(base);
        if ((name == "pool" || name == "scales") && size < (size_t(1) << 30))
          bytes.insert(bytes.end(), from, from + size);
      });
  return bytes;
}

Outcome runCell(const Spec &spec, const Batch &batch,
                const CompiledVariant &kernels, uint64_t seed,
                float scaleFactor) {
  Fixture fixture(spec, batch, seed);
  kvcref::Variant reference = fixture.reference();
  std::optional<SimEngine> sim;
  if (kernels.gpu) {
    sim.emplace(spec, batch, *kernels.gpu, seed);
    sim->add(fixture);
  }
  SimEngine *engine = sim ? &*sim : nullptr;
  Environment environment(kernels, fixture.capacity(batch.workers), engine);
  Outcome outcome;
  outcome.problem = fixture.problem();
  if (!outcome.problem.empty())
    return outcome;
  // A simulated launch says more than a status.
  auto expectKernel = [&](int32_t status, const char *what) {
    std::string findings = engine ? engine->takeFindings() : "";
    if (status != KVCRT_OK || !findings.empty())
      outcome.problem += std::string(what) + " answers status " +
                         std::to_string(status) + ": " + findings + "; ";
    return status == KVCRT_OK && findings.empty();
  };
  auto expectOk = [&](kvcrt_status status, const char *what) {
    if (status != KVCRT_OK)
      outcome.problem += std::string(what) + " answers status " +
                         std::to_string(int(status)) + "; ";
    return status == KVCRT_OK;
  };

  // Pool 0 is the kernels', pool 1 the reference's.
  for (bool history : {true, false}) {
    kvcrt_params ours =
        history ? fixture.historyParams(0) : fixture.attendParams(0);
    kvcrt_params theirs =
        history ? fixture.historyParams(1) : fixture.attendParams(1);
    if (!expectKernel(kernels.append(environment.get(), &ours), "append"))
      return outcome;
    expectOk(kvcref::append(reference, theirs), "reference append");
  }
  outcome.appendError = compareStored(spec, batch, fixture.attendParams(0),
                                      fixture.attendParams(1));

  fixture.freeInvisibleBlocks();
  kvcrt_params params = fixture.attendParams(0);
  fixture.poisonOutputs();
  if (!expectOk(kvcref::attend(reference, params), "reference attend"))
    return outcome;
  int64_t tokens = fixture.numTokens();
  const kvcrt_policy &p = spec.policy;
  auto read = [&] {
    return kvcref::readTensor(params.out, p.element, tokens, spec.queryHeads,
                              p.value_dim);
  };
  kvcref::Array<double, 3> expected = read();
  const kvcref::LseRange expectedLse =
      expectLse(spec, reference, params, fixture, engine != nullptr);
  if (fixture.errorWord)
    outcome.problem += "the reference sets error bits; ";

  fixture.poisonOutputs();
  params.scale *= scaleFactor;
  if (engine && !expectOk(engine->plan(params, fixture.attendHeader()), "plan"))
    return outcome;
  if (!expectKernel(kernels.attend(environment.get(), &params), "attend"))
    return outcome;
  outcome.outError = outputError(batch, read(), expected);
  if (spec.lse)
    outcome.lseError = compareLse(copyLse(fixture), expectedLse);
  if (fixture.errorWord)
    outcome.problem +=
        "error word is " + std::to_string(fixture.errorWord) + "; ";
  if (!environment.guardIsIntact())
    outcome.problem += "writes behind its workspace; ";

  // The same bits, however many workers share the work, and whatever else is
  // in the batch.
  std::vector<char> first(fixture.out.data(),
                          fixture.out.data() + fixture.out.size());
  int32_t others = batch.workers == 1 ? 8 : 1;
  Environment other(kernels, fixture.capacity(others), engine);
  fixture.poisonOutputs();
  kvcrt_params again = params;
  if (engine) {
    // Fewer blocks than tasks: each takes several, one after another.
    again.decode_blocks = std::min(again.decode_blocks, 2);
    again.prefill_blocks = std::min(again.prefill_blocks, 2);
  }
  expectKernel(kernels.attend(other.get(), &again), "second attend");
  if (!std::equal(first.begin(), first.end(), fixture.out.data()))
    outcome.problem += "output depends on the number of workers; ";
  // Attend that appends: over other rows in the same slots.
  if (engine && engine->mayAppend) {
    const std::vector<char> stored = copyPool(fixture);
    fixture.swapSigns();
    kvcrt_params others = fixture.attendParams(0);
    expectKernel(kernels.append(environment.get(), &others), "other append");
    fixture.swapSigns();
    fixture.poisonOutputs();
    kvcrt_params fused = params;
    fused.attend_appends = 1;
    expectKernel(kernels.attend(environment.get(), &fused),
                 "attend that appends");
    if (!std::equal(first.begin(), first.end(), fixture.out.data()))
      outcome.problem += "output differs when attend appends; ";
    if (copyPool(fixture) != stored)
      outcome.problem += "attend appends other rows than append; ";
  }
  // Refused where no launch may append.
  if (tokens > 0 && (!engine || params.prefill_blocks > 0)) {
    kvcrt_params fused = params;
    fused.attend_appends = 1;
    const int32_t wanted = engine ? KVCRT_INVALID_ARGUMENT : KVCRT_UNSUPPORTED;
    if (kernels.attend(environment.get(), &fused) != wanted)
      outcome.problem += "attend that must not append is not refused; ";
  }
  // Simulated, two of the sequences.
  std::vector<size_t> chosen(batch.sequences.size());
  std::iota(chosen.begin(), chosen.end(), 0);
  for (Random random(seed); engine && chosen.size() > 2;)
    chosen.erase(chosen.begin() + random.below(int64_t(chosen.size())));
  for (size_t s : chosen) {
    fixture.poisonOutputs();
    AloneStep alone(params, int32_t(s));
    if (engine) {
      engine->add(&alone.header, sizeof(alone.header), "header");
      engine->add(alone.indptr, sizeof(alone.indptr), "qo_indptr");
      expectOk(engine->plan(alone.params, alone.header), "plan");
    }
    expectKernel(kernels.attend(other.get(), &alone.params),
                 "attend of one sequence");
    if (engine) {
      engine->remove(&alone.header);
      engine->remove(alone.indptr);
    }
    size_t begin = alone.first * params.out.token_stride;
    size_t end = begin + alone.header.num_tokens * params.out.token_stride;
    // Splits that the plan chooses are the batch's.
    const bool fixedSplits = !engine || batch.splitKeys > 0;
    if (fixedSplits && !std::equal(first.begin() + begin, first.begin() + end,
                                   fixture.out.data() + begin))
      outcome.problem += "output of sequence " + std::to_string(s) +
                         " depends on the rest of the batch; ";
  }
  return outcome;
}

Outcome runMergeCell(const Spec &spec, const CompiledVariant &kernels,
                     uint64_t seed) {
  constexpr int32_t partials = 3, tokens = 5;
  Batch batch{"merge", {{tokens, tokens}}, Pool::Hnd, 1, 0};
  Fixture fixture(spec, batch, seed);
  std::optional<SimEngine> sim;
  if (kernels.gpu) {
    sim.emplace(spec, batch, *kernels.gpu, seed);
    sim->add(fixture);
  }
  Environment environment(kernels, fixture.capacity(1), sim ? &*sim : nullptr);
  Random random(seed);
  int64_t rows = tokens * spec.queryHeads, dim = spec.policy.value_dim;
  std::vector<float> partialOut(partials * rows * dim),
      partialLse(partials * rows);
  for (float &x : partialOut)
    x = float(random.uniform());
  for (int64_t i = 0; i < partials * rows; ++i) {
    partialLse[i] = float(20 * random.uniform());
    // A partial that saw nothing; row 0 saw nothing at all.
    if (i % rows == 0 || random.below(4) == 0) {
      partialLse[i] = -INFINITY;
      std::fill_n(partialOut.begin() + i * dim, dim, NAN);
    }
  }
  kvcrt_params params = fixture.attendParams(0);
  params.partial_out = partialOut.data();
  params.partial_lse = partialLse.data();
  params.num_partials = partials;
  if (sim) {
    sim->add(partialOut.data(), partialOut.size() * 4, "partial_out");
    sim->add(partialLse.data(), partialLse.size() * 4, "partial_lse");
  }

  Outcome outcome;
  auto read = [&] {
    return kvcref::readTensor(params.out, spec.policy.element, tokens,
                              spec.queryHeads, dim);
  };
  fixture.poisonOutputs();
  kvcref::merge(fixture.reference(), params);
  kvcref::Array<double, 3> expected = read();
  const kvcref::LseRange expectedLse =
      expectLse(spec, fixture.reference(), params, fixture, false);
  fixture.poisonOutputs();
  if (int32_t status = kernels.merge(environment.get(), &params)) {
    outcome.problem = "merge answers status " + std::to_string(status) +
                      (sim ? ": " + sim->takeFindings() : "");
    return outcome;
  }
  outcome.outError = relativeError(read(), expected);
  if (spec.lse)
    outcome.lseError = compareLse(copyLse(fixture), expectedLse);
  return outcome;
}

} // namespace kvc::conformance
