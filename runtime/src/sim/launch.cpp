//===- launch.cpp - the simulator's C API ---------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: blocks are kept from launch to launch (stacks and shadow are
// expensive); each is used by one worker at a time.
//
//===----------------------------------------------------------------------===//
#include "../message.h"
#include "block.h"

#include <numeric>

using namespace kvcrt;
using namespace kvcrt::sim;

struct kvcrt_sim {
  explicit kvcrt_sim(const kvcrt_sim_options &options)
      : seed(options.seed),
        maxShared(options.max_shared_bytes ? options.max_shared_bytes : 232448),
        report(options.max_findings ? options.max_findings : 64) {}

  uint64_t seed;
  const uint32_t maxShared;
  Report report;
  std::mutex mutex; // guards memory's set of ranges and the launch
  GlobalMemory memory;
  std::vector<std::unique_ptr<Block>> blocks; // one per worker
};

namespace {

struct Run {
  Launch launch;
  std::vector<std::unique_ptr<Block>> *blocks;
  uint64_t count, step, offset;
  uint32_t sharedBytes;
  std::atomic<bool> failed{false};
};

/// Blocks in a random order: multiplication by a number without a common
/// divisor is a permutation.
void runBlock(void *closure, int64_t index, int32_t worker) {
  auto *run = static_cast<Run *>(closure);
  if (run->launch.stop)
    return;
  Block &block = *(*run->blocks)[size_t(worker)];
  if (block.launch != &run->launch &&
      !block.prepare(run->launch, run->sharedBytes)) {
    run->failed = run->launch.stop = true;
    return;
  }
  block.run((uint64_t(index) * run->step + run->offset) % run->count);
}

kvcrt_status refuse(const kvcrt_env *env, kvcrt_status status,
                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));
kvcrt_status refuse(const kvcrt_env *env, kvcrt_status status,
                    const char *format, ...) {
  if (env && env->log) {
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    env->log(env->context, /*level=*/2, text);
  }
  return status;
}

kvcrt_status check(const kvcrt_sim &sim, const kvcrt_env *env,
                   const kvcrt_sim_kernel *kernel, const uint32_t grid[3],
                   const uint32_t block[3], uint32_t sharedBytes,
                   const void *params) {
  if (kvcrt_status status = checkStruct(kernel))
    return status;
  if (!kernel->name || !kernel->function || !grid || !block ||
      (kernel->params_size && !params))
    return KVCRT_INVALID_ARGUMENT;
  if (kernel->table_size > sizeof(kvcrt_sim_table))
    return refuse(
        env, KVCRT_VERSION_MISMATCH,
        "%s: expected at most %zu bytes of intrinsics, got %u; it was "
        "made for a newer simulator",
        kernel->name, sizeof(kvcrt_sim_table), kernel->table_size);
  const uint64_t threads = uint64_t(block[0]) * block[1] * block[2];
  const uint64_t blocks = uint64_t(grid[0]) * grid[1] * grid[2];
  if (threads == 0 || threads > kMaxThreads)
    return refuse(env, KVCRT_INVALID_ARGUMENT,
                  "%s: expected 1 to %u threads a block, got %llu",
                  kernel->name, kMaxThreads,
                  static_cast<unsigned long long>(threads));
  if (blocks == 0 || blocks > UINT32_MAX)
    return refuse(env, KVCRT_INVALID_ARGUMENT,
                  "%s: expected 1 to 2^32 - 1 blocks, got %llu", kernel->name,
                  static_cast<unsigned long long>(blocks));
  for (int i = 0; i < 3; ++i)
    if (kernel->required_threads[i] && kernel->required_threads[i] != block[i])
      return refuse(env, KVCRT_INVALID_ARGUMENT,
                    "%s: expected %u x %u x %u threads, got %u x %u x %u",
                    kernel->name, kernel->required_threads[0],
                    kernel->required_threads[1], kernel->required_threads[2],
                    block[0], block[1], block[2]);
  for (uint32_t i = 0; i < kernel->num_shared; ++i) {
    const kvcrt_sim_shared &variable = kernel->shared[i];
    const uint64_t end = uint64_t(variable.address) - KVCRT_SIM_SHARED_BASE +
                         (variable.bytes ? variable.bytes : sharedBytes);
    if (end > sim.maxShared)
      return refuse(env, KVCRT_INVALID_ARGUMENT,
                    "%s: expected at most %u bytes of shared memory, got %llu",
                    kernel->name, sim.maxShared,
                    static_cast<unsigned long long>(end));
  }
  return KVCRT_OK;
}

} // namespace

kvcrt_status kvcrt_sim_create(const kvcrt_sim_options *options,
                              kvcrt_sim **out_sim) {
  kvcrt_sim_options defaults = {};
  defaults.struct_size = sizeof(defaults);
  defaults.abi_version = KVCRT_ABI_VERSION;
  if (!options)
    options = &defaults;
  if (kvcrt_status status = checkStruct(options))
    return status;
  if (!out_sim || options->max_shared_bytes > (16u << 20))
    return KVCRT_INVALID_ARGUMENT;
  try {
    *out_sim = new kvcrt_sim(*options);
  } catch (const std::bad_alloc &) {
    return KVCRT_OUT_OF_MEMORY;
  }
  return KVCRT_OK;
}

void kvcrt_sim_destroy(kvcrt_sim *sim) { delete sim; }

void kvcrt_sim_set_seed(kvcrt_sim *sim, uint64_t seed) { sim->seed = seed; }

kvcrt_status kvcrt_sim_add_memory(kvcrt_sim *sim, const void *base,
                                  uint64_t bytes, uint32_t flags,
                                  const char *name) {
  if (!sim)
    return KVCRT_INVALID_ARGUMENT;
  std::lock_guard<std::mutex> lock(sim->mutex);
  return sim->memory.add(reinterpret_cast<uint64_t>(base), bytes, flags, name);
}

kvcrt_status kvcrt_sim_remove_memory(kvcrt_sim *sim, const void *base) {
  if (!sim)
    return KVCRT_INVALID_ARGUMENT;
  std::lock_guard<std::mutex> lock(sim->mutex);
  return sim->memory.remove(reinterpret_cast<uint64_t>(base));
}

kvcrt_status kvcrt_sim_mark(kvcrt_sim *sim, const void *address, uint64_t bytes,
                            int32_t defined) {
  if (!sim)
    return KVCRT_INVALID_ARGUMENT;
  std::lock_guard<std::mutex> lock(sim->mutex);
  return sim->memory.mark(reinterpret_cast<uint64_t>(address), bytes,
                          defined != 0);
}

kvcrt_status kvcrt_sim_launch(kvcrt_sim *sim, const kvcrt_env *env,
                              const kvcrt_sim_kernel *kernel,
                              const uint32_t grid[3], const uint32_t block[3],
                              uint32_t dynamic_shared_bytes,
                              const void *params) {
  if (!sim || !kernel)
    return KVCRT_INVALID_ARGUMENT;
  if (kvcrt_status status =
          check(*sim, env, kernel, grid, block, dynamic_shared_bytes, params))
    return status;
  std::lock_guard<std::mutex> lock(sim->mutex);
  try {
    sim->memory.beginLaunch();
    Run run;
    run.blocks = &sim->blocks;
    run.sharedBytes = dynamic_shared_bytes;
    run.count = uint64_t(grid[0]) * grid[1] * grid[2];
    run.step = 1;
    run.offset = 0;
    if (sim->seed) {
      run.offset = sim->seed % run.count;
      run.step = (sim->seed * 0x9e3779b97f4a7c15u >> 33) % run.count + 1;
      while (std::gcd(run.step, run.count) != 1)
        ++run.step;
    }
    Launch &launch = run.launch;
    launch.env = env;
    launch.kernel = kernel;
    launch.numThreads = block[0] * block[1] * block[2];
    for (int i = 0; i < 3; ++i) {
      launch.grid[i] = grid[i];
      launch.threads[i] = block[i];
    }
    launch.params = params;
    launch.seed = sim->seed;
    launch.memory = &sim->memory;
    launch.report = &sim->report;
    const bool parallel = env && env->parallel_for && env->num_workers > 1;
    const size_t workers = parallel ? size_t(env->num_workers) : 1;
    while (sim->blocks.size() < workers)
      sim->blocks.push_back(std::make_unique<Block>(sim->maxShared));
    const uint64_t before = sim->report.count();
    if (parallel)
      env->parallel_for(env->context, int64_t(run.count), &runBlock, &run);
    else
      for (uint64_t i = 0; i < run.count; ++i)
        runBlock(&run, int64_t(i), 0);
    for (auto &used : sim->blocks)
      used->launch = nullptr;
    if (run.failed)
      return KVCRT_OUT_OF_MEMORY;
    return sim->report.count() == before ? KVCRT_OK : KVCRT_DEVICE_ERROR;
  } catch (const std::bad_alloc &) {
    return KVCRT_OUT_OF_MEMORY;
  }
}

uint64_t kvcrt_sim_finding_count(const kvcrt_sim *sim) {
  return sim ? sim->report.kept() : 0;
}

kvcrt_status kvcrt_sim_finding_at(const kvcrt_sim *sim, uint64_t index,
                                  kvcrt_sim_finding *out_finding) {
  if (!sim || !out_finding || index >= sim->report.kept())
    return KVCRT_INVALID_ARGUMENT;
  const Finding &finding = sim->report.at(size_t(index));
  out_finding->kind = finding.kind;
  for (int i = 0; i < 3; ++i) {
    out_finding->block[i] = finding.block[i];
    out_finding->thread[i] = finding.thread[i];
  }
  out_finding->kernel = finding.kernel.c_str();
  out_finding->location = finding.location.c_str();
  out_finding->message = finding.message.c_str();
  return KVCRT_OK;
}

void kvcrt_sim_clear_findings(kvcrt_sim *sim) {
  if (sim)
    sim->report.clear();
}
