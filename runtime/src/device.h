//===- device.h - what a pool and a step need from a device ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface that every device implements; runtime/test/device_test.cpp is
// its specification, run against each of them. A region is address space whose
// base never moves and whose leading part is memory; an allocation is a piece
// of memory by itself. Operations are ordered by their stream.
//
// Control memory is addressable by the host. Kernels of a device with memory of
// its own do not read it: step arrays then exist twice, written in control
// memory and brought to the device by `upload` (step_arrays.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_DEVICE_H
#define KVCRT_SRC_DEVICE_H

#include "kvcrt/runtime.h"
#include "message.h"

#include <memory>
#include <mutex>
#include <unordered_map>

namespace kvcrt {
class Gpu;
}

/// The C API's opaque device is the interface itself.
struct kvcrt_device {
  virtual ~kvcrt_device();

  /// Address space for `bytes`, 2 MiB aligned; nothing of it is usable yet.
  virtual kvcrt_status reserve(uint64_t bytes, void **out_base) = 0;
  /// Makes the first `bytes` of a region usable; new bytes are zero.
  virtual kvcrt_status commit(void *base, uint64_t bytes) = 0;
  virtual void release(void *base, uint64_t bytes) = 0;

  virtual kvcrt_status copy(void *destination, const void *source,
                            uint64_t bytes, void *stream) = 0;
  virtual kvcrt_status update(void *destination, const void *hostSource,
                              uint64_t bytes, void *stream) = 0;
  virtual kvcrt_status read(void *hostDestination, const void *source,
                            uint64_t bytes, void *stream) = 0;
  virtual kvcrt_status fill(void *destination, uint8_t value, uint64_t bytes,
                            void *stream) = 0;
  virtual kvcrt_status synchronize(void *stream) = 0;

  /// Whether kernels read control memory at its own address.
  virtual bool sharesControlMemory() const { return true; }
  /// Copies `rows` rows of `bytes`, both sides `pitch` apart, from control
  /// memory, which must not change before the stream has come past.
  virtual kvcrt_status upload(void *destination, const void *source,
                              uint64_t bytes, uint64_t rows, uint64_t pitch,
                              void *stream);

  /// The calls of kvcrt/gpu.h; null where there are none.
  virtual kvcrt::Gpu *gpu() { return nullptr; }

  /// A piece of memory that the registry below keeps the size of.
  kvcrt_status alloc(int32_t kind, uint64_t bytes, void **out);
  kvcrt_status free(void *address);
  kvcrt_status reserveWorkspace(uint64_t bytes);

  kvcrt_env env = {}; // owner: the device; changed by reserveWorkspace only

protected:
  virtual void *allocate(int32_t kind, uint64_t bytes) = 0;
  virtual void deallocate(void *address, int32_t kind, uint64_t bytes) = 0;
  /// Frees what a user left; derived destructors call it, since `deallocate`
  /// is theirs.
  void freeAll();

private:
  struct Allocation {
    int32_t kind; // kvcrt_memory_kind
    uint64_t bytes;
  };
  std::mutex mutex_; // guards allocations_
  std::unordered_map<void *, Allocation> allocations_;
};

namespace kvcrt {

/// A device whose threads and log are a cpu device's. env.context is the
/// kvcrt_device.
class HostedDevice : public kvcrt_device {
protected:
  explicit HostedDevice(const kvcrt_device_desc &desc);

  const std::unique_ptr<kvcrt_device> host_;

private:
  static const kvcrt_env &hostOf(void *context);
};

std::unique_ptr<kvcrt_device> createCpuDevice(const kvcrt_device_desc &desc);
std::unique_ptr<kvcrt_device> createNullDevice(const kvcrt_device_desc &desc);
std::unique_ptr<kvcrt_device> createSimDevice(const kvcrt_device_desc &desc);
/// Fails with a message where there is no driver or no GPU.
kvcrt_status createCudaDevice(const kvcrt_device_desc &desc,
                              std::unique_ptr<kvcrt_device> &out,
                              Message message);

} // namespace kvcrt

#endif // KVCRT_SRC_DEVICE_H
