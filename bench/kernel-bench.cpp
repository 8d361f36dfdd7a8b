//===- kernel-bench.cpp - attend beside the memory it reads ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times decode and prefill of the CPU engine, and in the same run the read
// bandwidth of this machine, so that a number stands beside what it could be.
// Medians of interleaved repetitions; the load average is printed, because a
// busy neighbour halves everything.
//
// Invariant: pools are larger than the caches by far, except where a line says
// otherwise, on huge pages where the kernel grants them.
//
//===----------------------------------------------------------------------===//

#include "../tools/kvc-conformance/Fixture.h"
#include "../tools/kvc-conformance/Jit.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>

using namespace kvc::conformance;

static llvm::cl::opt<int> numThreads("workers", llvm::cl::init(2),
                                     llvm::cl::desc("Worker threads"));
static llvm::cl::opt<int> repetitions("repetitions", llvm::cl::init(9),
                                      llvm::cl::desc("Of each line"));
static llvm::cl::opt<unsigned> vectorBits("vector-bits", llvm::cl::init(0),
                                          llvm::cl::desc("0: widest"));
static llvm::cl::opt<bool>
    bestOnly("best", llvm::cl::desc("Best instead of median, of times and of "
                                    "bandwidth: for a machine that is shared"));
static llvm::cl::opt<std::string> only("only", llvm::cl::desc("Lines that hold "
                                                              "this text"));

namespace {
/// Threads that take indices from a common counter.
class Workers {
public:
  explicit Workers(int count) : count(count) {
    for (int w = 1; w < count; ++w)
      threads.emplace_back([this, w] { serve(w); });
  }
  ~Workers() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      stop = true;
      ++generation;
    }
    wake.notify_all();
    for (std::thread &t : threads)
      t.join();
  }
  void run(int64_t tasks, const std::function<void(int64_t, int)> &work) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      body = &work;
      total = tasks;
      next = 0;
      busy = count - 1;
      ++generation;
    }
    wake.notify_all();
    drain(0);
    while (busy.load(std::memory_order_acquire) != 0)
      std::this_thread::yield();
  }
  const int count;

private:
  void drain(int worker) {
    for (int64_t i; (i = next.fetch_add(1)) < total;)
      (*body)(i, worker);
  }
  void serve(int worker) {
    uint64_t seen = 0;
    for (;;) {
      {
        std::unique_lock<std::mutex> lock(mutex);
        wake.wait(lock, [&] { return generation != seen; });
        seen = generation;
        if (stop)
          return;
      }
      drain(worker);
      busy.fetch_sub(1, std::memory_order_release);
    }
  }
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable wake;
  uint64_t generation = 0;
  bool stop = false;
  const std::function<void(int64_t, int)> *body = nullptr;
  std::atomic<int64_t> next{0};
  std::atomic<int> busy{0};
  int64_t total = 0;
};
} // namespace

static void parallelFor(void *context, int64_t count, kvcrt_task_fn body,
                        void *closure) {
  static_cast<Workers *>(context)->run(
      count, [&](int64_t i, int worker) { body(closure, i, worker); });
}

static double seconds(const std::function<void()> &work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

static double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Bytes per second that all workers read together out of `pages`.
static double readOnce(Workers &workers, Memory &pages) {
  constexpr size_t piece = 4u << 20;
  std::atomic<uint64_t> sink{0};
  double time = seconds([&] {
    workers.run(int64_t(pages.size() / piece), [&](int64_t i, int) {
      const uint64_t *p =
          reinterpret_cast<const uint64_t *>(pages.data() + i * piece);
      uint64_t sums[32] = {};
      for (size_t k = 0; k < piece / 8; k += 32)
        for (int j = 0; j < 32; ++j)
          sums[j] ^= p[k + j];
      sink ^= std::accumulate(sums, sums + 32, uint64_t(0));
    });
  });
  return double(pages.size() / piece * piece) / time;
}

static Spec benchSpec(int32_t queryHeads, int32_t kvHeads, int32_t element,
                      int32_t format) {
  Spec spec;
  spec.policy = kvcref::makePolicy(kvHeads, 128, 128, element);
  spec.queryHeads = queryHeads;
  spec.lse = false;
  for (kvcrt_storage *s : {&spec.policy.key, &spec.policy.value}) {
    s->format = format;
    if (format == KVCRT_I8) {
      s->kind = KVCRT_STORAGE_QUANT;
      s->axis = KVCRT_AXIS_TOKEN;
      s->symmetric = 1;
    }
  }
  return spec;
}

struct Line {
  const char *name;
  int32_t queryHeads, kvHeads, element, format;
  int32_t newTokens, kvLen;
};

/// One line of the table. The pool is filled through append.
static void runLine(const Line &line, Workers &workers, Memory &memory) {
  Spec spec =
      benchSpec(line.queryHeads, line.kvHeads, line.element, line.format);
  JitOptions options;
  options.vectorBits = vectorBits;
  llvm::Expected<CompiledVariant> kernels =
      compileVariant(spec.toMlir(), options);
  if (!kernels) {
    llvm::errs() << llvm::toString(kernels.takeError()) << "\n";
    std::exit(1);
  }
  Batch batch{line.name, {{line.newTokens, line.kvLen}}, Pool::Hnd, 1, 0};
  Fixture fixture(spec, batch, 1);
  kvcrt_capacity capacity = fixture.capacity(workers.count);
  Memory workspace(kernels->workspace(&capacity));
  kvcrt_env env{};
  env.struct_size = sizeof(env);
  env.abi_version = KVCRT_ABI_VERSION;
  env.context = &workers;
  env.parallel_for = parallelFor;
  env.num_workers = workers.count;
  env.workspace = workspace.data();
  env.workspace_size = workspace.size();
  kvcrt_params history = fixture.historyParams(0),
               now = fixture.attendParams(0);
  kernels->append(&env, &history);
  kernels->append(&env, &now);

  std::vector<double> times, bandwidths;
  for (int k = 0; k < repetitions; ++k) {
    // Reading another pool in between also empties the caches.
    bandwidths.push_back(readOnce(workers, memory));
    times.push_back(seconds([&] {
      if (kernels->attend(&env, &now) != KVCRT_OK)
        std::exit(1);
    }));
  }
  double time =
      bestOnly ? *std::min_element(times.begin(), times.end()) : median(times);
  double bandwidth =
      bestOnly ? *std::max_element(bandwidths.begin(), bandwidths.end())
               : median(bandwidths);
  bool quantised = line.format == KVCRT_I8;
  double rowBytes = 128 * (quantised                  ? 1
                           : line.format == KVCRT_F32 ? 4
                                                      : 2) +
                    (quantised ? 4 : 0);
  double bytes = 2.0 * line.kvLen * line.kvHeads * rowBytes;
  // Causal: query i of n meets kvLen - n + i + 1 keys.
  double n = line.newTokens;
  double pairs = n * line.kvLen - n * (n - 1) / 2;
  double flops = 4.0 * 128 * pairs * line.queryHeads;
  llvm::outs() << llvm::formatv(
      "{0,-34} {1,9:f3} ms {2,7:f1} GB/s ({3,5:f1} % of {4:f1}) {5,8:f1} "
      "GFLOP/s\n",
      line.name, time * 1e3, bytes / time * 1e-9,
      100 * bytes / time / bandwidth, bandwidth * 1e-9, flops / time * 1e-9);
}

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv, "kvc kernel bench\n");
  initializeJit();
  Workers workers(numThreads);
  Memory memory(512u << 20);
  double load[3] = {};
  getloadavg(load, 3);
  llvm::outs() << llvm::formatv("threads {0}, load average {1:f2}\n",
                                int(numThreads), load[0]);
  const Line lines[] = {
      {"decode 32/8 d128 16k f16", 32, 8, KVCRT_F16, KVCRT_F16, 1, 16384},
      {"decode 32/8 d128 1k f16, in cache", 32, 8, KVCRT_F16, KVCRT_F16, 1,
       1024},
      {"decode 32/8 d128 64k f16", 32, 8, KVCRT_F16, KVCRT_F16, 1, 65536},
      {"decode 32/8 d128 16k f32", 32, 8, KVCRT_F32, KVCRT_F32, 1, 16384},
      {"decode 32/8 d128 16k i8", 32, 8, KVCRT_F16, KVCRT_I8, 1, 16384},
      {"decode 32/32 d128 16k f16", 32, 32, KVCRT_F16, KVCRT_F16, 1, 16384},
      {"prefill 8/2 d128 2k f32", 8, 2, KVCRT_F32, KVCRT_F32, 2048, 2048},
      {"prefill 8/2 d128 2k f16", 8, 2, KVCRT_F16, KVCRT_F16, 2048, 2048},
      {"prefill 8/8 d128 2k f32", 8, 8, KVCRT_F32, KVCRT_F32, 2048, 2048}};
  for (const Line &line : lines)
    if (std::string(line.name).find(only) != std::string::npos)
      runLine(line, workers, memory);
  return 0;
}
