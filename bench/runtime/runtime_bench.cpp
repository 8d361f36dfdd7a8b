//===- runtime_bench.cpp - what scheduling a step costs the host ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The null device: addresses without memory, so that only bookkeeping is timed.
// Goals (docs/runtime.md): a step for 900 running sequences within 20 us, 30 ns
// a token. Arguments are sequences / groups; group 0 keeps all, group 1 a
// window.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/plan.h"
#include "kvcrt/runtime.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

void require(kvcrt_status status) {
  if (status)
    abort();
}

/// Kernels with 16 rows a tile on 132 SMs of two blocks.
kvcrt_plan_desc planDesc() {
  kvcrt_plan_desc desc;
  kvcrt_struct_init(&desc, sizeof(desc));
  desc.kv_heads = 8;
  desc.group = 4;
  desc.decode_rows = 16;
  desc.prefill_rows = 64;
  desc.tile_keys = 64;
  desc.decode_resident = 264;
  desc.prefill_resident = 132;
  desc.causal = 1;
  desc.decode_tokens = 8;
  return desc;
}

/// A runtime with `count` sequences of `length` committed tokens.
class Running {
public:
  Running(int32_t count, int32_t groups, int32_t length, int32_t maxTokens,
          bool planned = false) {
    const kvcrt_plan_desc plan = planDesc();
    kvcrt_device_desc deviceDesc;
    KVCRT_INIT(&deviceDesc);
    deviceDesc.kind = KVCRT_DEVICE_NULL;
    require(kvcrt_device_create(&deviceDesc, &device_, nullptr, 0));
    std::vector<kvcrt_group_desc> list(groups);
    for (int32_t g = 0; g < groups; ++g) {
      kvcrt_policy &p = list[g].policy;
      p.kv_heads = 8;
      p.key_dim = p.value_dim = 128;
      p.element = p.key.format = p.value.format = KVCRT_BF16;
      p.key.symmetric = p.value.symmetric = 1;
      p.block = 16;
      if (g) {
        p.retention = KVCRT_RETAIN_WINDOW;
        p.window = 1024;
      }
      list[g].plan = planned ? &plan : nullptr;
      list[g].num_layers = 16;
      list[g].num_blocks = count * (kMaxLength / 16);
    }
    kvcrt_runtime_desc desc;
    KVCRT_INIT(&desc);
    desc.device = device_;
    desc.groups = list.data();
    desc.num_groups = groups;
    desc.capacity.max_seqs = count;
    desc.capacity.max_tokens = maxTokens;
    desc.capacity.max_kv_len = kMaxLength;
    desc.max_logit_rows = maxTokens;
    require(kvcrt_runtime_create(&desc, &runtime, nullptr, 0));
    for (int32_t i = 0; i < count; ++i) {
      kvcrt_sequence name;
      require(kvcrt_sequence_create(runtime, &name));
      // Lengths differ, so that blocks do not fill up in the same step.
      const kvcrt_step_entry entry = {name, length + i % 16, 0};
      kvcrt_step_view view;
      require(kvcrt_step_begin(runtime, &entry, 1, &view, nullptr, 0));
      finish(view.id);
      entries.push_back({name, 1, 0});
    }
  }
  ~Running() {
    kvcrt_runtime_destroy(runtime);
    kvcrt_device_destroy(device_);
  }
  void finish(uint64_t step) {
    require(kvcrt_step_submit(runtime, step, nullptr));
    require(kvcrt_step_commit(runtime, step, nullptr));
    require(kvcrt_step_retire(runtime, step));
  }

  static constexpr int32_t kMaxLength = 16384;
  kvcrt_runtime *runtime = nullptr;
  std::vector<kvcrt_step_entry> entries;

private:
  kvcrt_device *device_ = nullptr;
};

/// Takes the sequences back to the start before they reach their limit.
void rewind(Running &running, int32_t tokens) {
  for (const kvcrt_step_entry &entry : running.entries)
    require(kvcrt_sequence_rollback(running.runtime, entry.sequence, tokens));
}

/// One decode step as a scheduler makes it: begin, submit, commit, retire.
void Step(benchmark::State &state) {
  Running running(state.range(0), state.range(1), 500, 8192);
  kvcrt_step_view view;
  for (auto _ : state) {
    require(kvcrt_step_begin(running.runtime, running.entries.data(),
                             running.entries.size(), &view, nullptr, 0));
    running.finish(view.id);
    if (view.step->header->max_kv_len == Running::kMaxLength) {
      state.SkipWithError("sequences are full; lower the number of iterations");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Step)->Args({900, 1})->Args({900, 2})->Args({64, 1})->Iterations(
    8000);

/// A decode step with its attention cut into tasks, for 132 SMs of two blocks.
void StepWithPlan(benchmark::State &state) {
  Running running(state.range(0), 1, 500, 8192, true);
  kvcrt_step_view view;
  for (auto _ : state) {
    require(kvcrt_step_begin(running.runtime, running.entries.data(),
                             running.entries.size(), &view, nullptr, 0));
    running.finish(view.id);
  }
  state.counters["tasks"] = view.plans[0].header->num_tasks;
}
BENCHMARK(StepWithPlan)->Arg(900)->Arg(64)->Iterations(2000);

/// begin alone.
void StepBegin(benchmark::State &state) {
  Running running(state.range(0), state.range(1), 500, 8192);
  kvcrt_step_view view;
  for (auto _ : state) {
    require(kvcrt_step_begin(running.runtime, running.entries.data(),
                             running.entries.size(), &view, nullptr, 0));
    state.PauseTiming();
    running.finish(view.id);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(StepBegin)->Args({900, 1})->Args({900, 2})->Iterations(8000);

/// The same step when every entry has moved to another row: full rewrites.
void StepAfterShuffle(benchmark::State &state) {
  Running running(state.range(0), 1, 500, 8192);
  kvcrt_step_view view;
  for (auto _ : state) {
    std::rotate(running.entries.begin(), running.entries.begin() + 1,
                running.entries.end());
    require(kvcrt_step_begin(running.runtime, running.entries.data(),
                             running.entries.size(), &view, nullptr, 0));
    running.finish(view.id);
  }
}
BENCHMARK(StepAfterShuffle)->Arg(900)->Iterations(2000);

/// Prefill: tokens of one sequence per step, per token.
void AppendTokens(benchmark::State &state) {
  const int32_t tokens = state.range(0);
  Running running(1, 1, 1, 8192);
  running.entries[0].new_tokens = tokens;
  kvcrt_step_view view;
  for (auto _ : state) {
    require(kvcrt_step_begin(running.runtime, running.entries.data(), 1, &view,
                             nullptr, 0));
    running.finish(view.id);
    rewind(running, tokens);
  }
  state.SetItemsProcessed(state.iterations() * tokens);
}
BENCHMARK(AppendTokens)->Arg(1)->Arg(2048);

/// extend and roll back of one token on one sequence: two calls.
void ExtendRollback(benchmark::State &state) {
  Running running(1, state.range(0), 1, 8192);
  const kvcrt_sequence name = running.entries[0].sequence;
  for (auto _ : state) {
    require(kvcrt_sequence_extend(running.runtime, name, 1));
    require(kvcrt_sequence_rollback(running.runtime, name, 1));
  }
}
BENCHMARK(ExtendRollback)->Arg(1)->Arg(2);

/// fork and release of a sequence of 8192 tokens: 512 blocks shared.
void ForkRelease(benchmark::State &state) {
  Running running(1, 1, 8192 - 16, 8192);
  for (auto _ : state) {
    kvcrt_sequence child;
    require(kvcrt_sequence_fork(running.runtime, running.entries[0].sequence,
                                &child));
    require(kvcrt_sequence_release(running.runtime, child));
  }
}
BENCHMARK(ForkRelease);

/// Plan of a step over 8 KV heads, for 132 SMs of two blocks; decode of lengths
/// from 1 to 4096. `kind` & 1: one sequence of 128k among them; & 2: the last
/// sequence has 100 new tokens on 8,192 keys; & 4: one to eight new tokens
/// each.
void PlanAttend(benchmark::State &state) {
  const kvcrt_plan_desc desc = planDesc();
  const int32_t sequences = state.range(0), kind = state.range(1);
  std::vector<int32_t> indptr(sequences + 1), lengths(sequences);
  for (int32_t s = 0; s < sequences; ++s) {
    const bool prefills = kind & 2 && s + 1 == sequences;
    const int32_t tokens = prefills ? 100 : kind & 4 ? 1 + s % 8 : 1;
    indptr[s + 1] = indptr[s] + tokens;
    lengths[s] =
        prefills ? 8192 : tokens + int32_t((s * 2654435761u >> 7) % 4096);
  }
  if (kind & 1)
    lengths[sequences / 2] = 131072;
  kvcrt_plan plan = {};
  require(kvcrt_plan_attend_sizes(&desc, sequences, indptr[sequences], 131072,
                                  &plan.capacity));
  std::vector<kvcrt_task> tasks(plan.capacity.tasks);
  plan.tasks = tasks.data();
  for (auto _ : state)
    require(kvcrt_plan_attend(&desc, sequences, indptr.data(), lengths.data(),
                              &plan));
  state.counters["tasks"] = plan.used.tasks;
}
BENCHMARK(PlanAttend)
    ->Args({900, 0})
    ->Args({900, 1})
    ->Args({900, 2})
    ->Args({900, 3})
    ->Args({900, 4})
    ->Args({32, 1})
    ->Args({1, 1});

/// What a plan cannot be faster than: its tasks written once, in order.
void PlanStores(benchmark::State &state) {
  std::vector<kvcrt_task> tasks(state.range(0));
  for (auto _ : state) {
    std::memset(tasks.data(), 1, tasks.size() * sizeof(kvcrt_task));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(PlanStores)->Arg(7200);

} // namespace
