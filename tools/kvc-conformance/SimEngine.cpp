//===- SimEngine.cpp - the device of cells that run in the simulator ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: split sizes are fixed in keys, so that results may not depend on
// what else is in the batch.
//
//===----------------------------------------------------------------------===//

#include "SimEngine.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

namespace kvc::conformance {

namespace {
struct SimDeleter {
  void operator()(kvcrt_sim *sim) const { kvcrt_sim_destroy(sim); }
};
} // namespace

/// Stacks and shadow are dear: one simulator a thread.
static kvcrt_sim *simOfThread(unsigned sharedPerBlock) {
  static thread_local std::unique_ptr<kvcrt_sim, SimDeleter> sim;
  static thread_local unsigned shared = 0;
  if (!sim || shared != sharedPerBlock) {
    kvcrt_sim_options options{};
    options.struct_size = sizeof(options);
    options.abi_version = KVCRT_ABI_VERSION;
    options.max_shared_bytes = sharedPerBlock;
    kvcrt_sim *made = nullptr;
    if (kvcrt_sim_create(&options, &made) != KVCRT_OK)
      std::abort();
    sim.reset(made);
    shared = sharedPerBlock;
  }
  return sim.get();
}

SimEngine::SimEngine(const Spec &spec, const Batch &batch,
                     const GpuKernels &kernels, uint64_t seed)
    : spec(spec), batch(batch), kernels(kernels),
      sim(simOfThread(kernels.sharedPerBlock)) {
  kvcrt_sim_set_seed(sim, seed);
  kvcrt_sim_clear_findings(sim);
}

SimEngine::~SimEngine() {
  for (const void *base : ranges)
    kvcrt_sim_remove_memory(sim, base);
}

void SimEngine::add(const void *base, size_t bytes, const char *name,
                    uint32_t flags) {
  if (bytes == 0)
    return;
  if (kvcrt_sim_add_memory(sim, base, bytes, flags, name) == KVCRT_OK)
    ranges.push_back(base);
}

void SimEngine::remove(const void *base) {
  auto it = std::find(ranges.begin(), ranges.end(), base);
  if (it == ranges.end())
    return;
  ranges.erase(it);
  kvcrt_sim_remove_memory(sim, base);
}

void SimEngine::add(Fixture &fixture) {
  fixture.forEachRange([&](const void *base, size_t bytes, const char *name) {
    add(base, bytes, name);
  });
}

kvcrt_status SimEngine::plan(kvcrt_params &params, kvcrt_step_header &header) {
  constexpr int32_t kDecodeRows = 16, kPrefillRows = 64, kTileKeys = 64;
  const kvcrt_policy &p = spec.policy;
  kvcrt_plan_desc desc{};
  desc.struct_size = sizeof(desc);
  desc.abi_version = KVCRT_ABI_VERSION;
  desc.kv_heads = p.kv_heads;
  desc.group = spec.queryHeads / p.kv_heads;
  desc.decode_rows = kDecodeRows;
  desc.prefill_rows = kPrefillRows;
  desc.tile_keys = kTileKeys;
  desc.decode_resident = 16;
  desc.prefill_resident = 16;
  desc.causal = spec.causal;
  bool windowed = spec.window || p.retention != KVCRT_RETAIN_ALL;
  desc.window = windowed ? spec.windowSize : 0;
  desc.sink_tokens = p.retention == KVCRT_RETAIN_STREAMING ? p.sink_tokens : 0;
  desc.split_keys = batch.splitKeys;
  desc.decode_tokens = kernels.decode ? 8 : 0;

  kvcrt_plan_sizes sizes{};
  const std::vector<int32_t> bounds =
      hostBounds(batch, params, header.num_seqs);
  int32_t longest = 1;
  for (int32_t bound : bounds)
    longest = std::max(longest, bound);
  if (kvcrt_status status = kvcrt_plan_attend_sizes(
          &desc, std::max(header.num_seqs, 1), std::max(header.num_tokens, 1),
          longest, &sizes))
    return status;
  for (const void *base : {static_cast<const void *>(tasks.data()),
                           static_cast<const void *>(counters.data()),
                           static_cast<const void *>(splitOut.data()),
                           static_cast<const void *>(splitState.data())})
    remove(base);
  tasks.assign(size_t(sizes.tasks), {});
  counters.assign(size_t(sizes.groups), 0);
  int64_t rows = int64_t(sizes.slots) * kDecodeRows;
  splitOut.assign(size_t(rows * p.value_dim), NAN);
  splitState.assign(size_t(rows * 2), NAN);
  add(tasks.data(), tasks.size() * sizeof(kvcrt_task), "tasks",
      KVCRT_SIM_MEMORY_CONSTANT);
  add(counters.data(), counters.size() * 4, "counters");
  // Nobody may read a partial result that nobody wrote.
  add(splitOut.data(), splitOut.size() * 4, "split_out",
      KVCRT_SIM_MEMORY_UNDEFINED);
  add(splitState.data(), splitState.size() * 4, "split_state",
      KVCRT_SIM_MEMORY_UNDEFINED);

  kvcrt_plan plan{};
  plan.tasks = tasks.data();
  plan.capacity = sizes;
  if (kvcrt_status status = kvcrt_plan_attend(
          &desc, header.num_seqs, params.step.qo_indptr, bounds.data(), &plan))
    return status;
  header.num_tasks = plan.num_tasks;
  header.num_prefill_tasks = plan.num_prefill_tasks;
  params.tasks = tasks.data();
  params.counters = counters.data();
  params.split_out = splitOut.data();
  params.split_state = splitState.data();
  params.decode_blocks = plan.decode_blocks;
  params.prefill_blocks = plan.prefill_blocks;
  mayAppend = plan.appends != 0;
  return KVCRT_OK;
}

kvcrt_status SimEngine::launch(const kvcrt_launch &launch) {
  const kvcrt_kernel &kernel = *launch.kernel;
  for (uint32_t i = 0; i < kernel.num_images; ++i) {
    if (kernel.images[i].kind != KVCRT_IMAGE_SIM)
      continue;
    auto *image = static_cast<const kvcrt_sim_kernel *>(kernel.images[i].data);
    const uint32_t block[3] = {kernel.threads, 1, 1};
    return kvcrt_sim_launch(sim, nullptr, image, launch.grid, block,
                            kernel.shared_bytes, launch.params);
  }
  return KVCRT_UNSUPPORTED;
}

std::string SimEngine::takeFindings() {
  std::string text;
  kvcrt_sim_finding finding;
  for (uint64_t i = 0;
       i < 3 && kvcrt_sim_finding_at(sim, i, &finding) == KVCRT_OK; ++i)
    text += std::string(finding.message) + "; ";
  kvcrt_sim_clear_findings(sim);
  return text;
}

} // namespace kvc::conformance
