//===- device_cpu.cpp - this machine's memory and threads -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory is the process's own; the one stream is null and every operation is
// complete when its call returns. Threads are a oneTBB arena, the only place in
// the house that knows oneTBB: a worker's number is its slot in the arena, so
// it is below num_workers whichever thread runs. Builds for one purpose (the
// GPU bundle) go without it, with one worker.
//
//===----------------------------------------------------------------------===//
#include "device.h"
#include "host_memory.h"

#include <cstring>
#ifndef KVCRT_WITHOUT_TBB
#include <tbb/blocked_range.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#endif

namespace kvcrt {
namespace {

#ifdef KVCRT_WITHOUT_TBB
/// One worker, the caller.
class Arena {
public:
  explicit Arena(int32_t) {}
  int32_t size() { return 1; }
  void run(int64_t count, kvcrt_task_fn body, void *closure) {
    for (int64_t index = 0; index < count; ++index)
      body(closure, index, 0);
  }
};
#else
class Arena {
public:
  /// workers: 0 = as many as the process may run on.
  explicit Arena(int32_t workers)
      : arena_(workers ? workers : tbb::info::default_concurrency()) {}
  int32_t size() { return arena_.max_concurrency(); }
  void run(int64_t count, kvcrt_task_fn body, void *closure) {
    arena_.execute([&] {
      tbb::parallel_for(
          tbb::blocked_range<int64_t>(0, count, 1),
          [&](const tbb::blocked_range<int64_t> &range) {
            const int32_t worker = tbb::this_task_arena::current_thread_index();
            for (int64_t index = range.begin(); index < range.end(); ++index)
              body(closure, index, worker);
          },
          tbb::simple_partitioner());
    });
  }

private:
  tbb::task_arena arena_;
};
#endif

class CpuDevice final : public kvcrt_device {
public:
  explicit CpuDevice(const kvcrt_device_desc &desc)
      : arena_(desc.num_workers), userContext_(desc.log_context),
        userLog_(desc.log) {
    env.struct_size = sizeof(env);
    env.abi_version = KVCRT_ABI_VERSION;
    env.context = this;
    env.parallel_for = &parallelFor;
    env.num_workers = arena_.size();
    env.log = userLog_ ? &log : nullptr;
  }
  ~CpuDevice() override { freeAll(); }

  kvcrt_status reserve(uint64_t bytes, void **out_base) override {
    *out_base = reserveAddressSpace(bytes);
    return *out_base ? KVCRT_OK : KVCRT_OUT_OF_MEMORY;
  }
  kvcrt_status commit(void *base, uint64_t bytes) override {
    return commitPages(base, bytes) ? KVCRT_OK : KVCRT_OUT_OF_MEMORY;
  }
  void release(void *base, uint64_t bytes) override {
    releaseAddressSpace(base, bytes);
  }

  kvcrt_status copy(void *destination, const void *source, uint64_t bytes,
                    void *stream) override {
    if (stream)
      return KVCRT_INVALID_ARGUMENT;
    memcpy(destination, source, bytes);
    return KVCRT_OK;
  }
  kvcrt_status update(void *destination, const void *hostSource, uint64_t bytes,
                      void *stream) override {
    return copy(destination, hostSource, bytes, stream);
  }
  kvcrt_status read(void *hostDestination, const void *source, uint64_t bytes,
                    void *stream) override {
    return copy(hostDestination, source, bytes, stream);
  }
  kvcrt_status fill(void *destination, uint8_t value, uint64_t bytes,
                    void *stream) override {
    if (stream)
      return KVCRT_INVALID_ARGUMENT;
    memset(destination, value, bytes);
    return KVCRT_OK;
  }
  kvcrt_status synchronize(void *stream) override {
    return stream ? KVCRT_INVALID_ARGUMENT : KVCRT_OK;
  }

protected:
  void *allocate(int32_t kind, uint64_t bytes) override {
    return allocateHost(bytes, kind == KVCRT_MEMORY_PAYLOAD);
  }
  void deallocate(void *address, int32_t, uint64_t bytes) override {
    freeHost(address, bytes);
  }

private:
  static void parallelFor(void *context, int64_t count, kvcrt_task_fn body,
                          void *closure) {
    auto *device = static_cast<CpuDevice *>(context);
    // One piece, or one worker: waking an arena would cost more than the work.
    if (count <= 1 || device->env.num_workers == 1) {
      for (int64_t index = 0; index < count; ++index)
        body(closure, index, 0);
      return;
    }
    device->arena_.run(count, body, closure);
  }

  static void log(void *context, int32_t level, const char *message) {
    auto *device = static_cast<CpuDevice *>(context);
    device->userLog_(device->userContext_, level, message);
  }

  Arena arena_;       // shared by all calls of parallel_for
  void *userContext_; // constant
  void (*userLog_)(void *, int32_t, const char *); // constant
};

} // namespace

std::unique_ptr<kvcrt_device> createCpuDevice(const kvcrt_device_desc &desc) {
  return std::make_unique<CpuDevice>(desc);
}

} // namespace kvcrt
