//===- device_null.cpp - addresses without memory -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs schedulers and tests at any size: payload is address space that faults
// when somebody touches it, copies of it do nothing, and parallel_for drops its
// work. Control memory is real, since step arrays are what such runs look at.
//
//===----------------------------------------------------------------------===//
#include "device.h"
#include "host_memory.h"

namespace kvcrt {
namespace {

class NullDevice final : public kvcrt_device {
public:
  explicit NullDevice(const kvcrt_device_desc &desc) {
    env.struct_size = sizeof(env);
    env.abi_version = KVCRT_ABI_VERSION;
    env.context = desc.log_context;
    env.parallel_for = [](void *, int64_t, kvcrt_task_fn, void *) {};
    env.num_workers = desc.num_workers ? desc.num_workers : 1;
    env.log = desc.log;
  }
  ~NullDevice() override { freeAll(); }

  kvcrt_status reserve(uint64_t bytes, void **out_base) override {
    *out_base = reserveAddressSpace(bytes);
    return *out_base ? KVCRT_OK : KVCRT_OUT_OF_MEMORY;
  }
  kvcrt_status commit(void *, uint64_t) override { return KVCRT_OK; }
  void release(void *base, uint64_t bytes) override {
    releaseAddressSpace(base, bytes);
  }

  kvcrt_status copy(void *, const void *, uint64_t, void *stream) override {
    return synchronize(stream);
  }
  kvcrt_status update(void *, const void *, uint64_t, void *stream) override {
    return synchronize(stream);
  }
  kvcrt_status read(void *, const void *, uint64_t, void *stream) override {
    return synchronize(stream);
  }
  kvcrt_status fill(void *, uint8_t, uint64_t, void *stream) override {
    return synchronize(stream);
  }
  kvcrt_status synchronize(void *stream) override {
    return stream ? KVCRT_INVALID_ARGUMENT : KVCRT_OK;
  }

protected:
  void *allocate(int32_t kind, uint64_t bytes) override {
    return kind == KVCRT_MEMORY_CONTROL ? allocateHost(bytes, false)
                                        : reserveAddressSpace(bytes);
  }
  void deallocate(void *address, int32_t kind, uint64_t bytes) override {
    if (kind == KVCRT_MEMORY_CONTROL)
      freeHost(address, bytes);
    else
      releaseAddressSpace(address, bytes);
  }
};

} // namespace

std::unique_ptr<kvcrt_device> createNullDevice(const kvcrt_device_desc &desc) {
  return std::make_unique<NullDevice>(desc);
}

} // namespace kvcrt
