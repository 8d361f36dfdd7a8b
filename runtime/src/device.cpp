//===- device.cpp - the device calls of the C API -------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks arguments once for all devices, and keeps the registry of allocations.
//
//===----------------------------------------------------------------------===//
#include "device.h"

#include <new>

using namespace kvcrt;

kvcrt_device::~kvcrt_device() = default;

kvcrt_status kvcrt_device::alloc(int32_t kind, uint64_t bytes, void **out) {
  if (!out || bytes == 0 || bytes > (uint64_t(1) << 46) ||
      (kind != KVCRT_MEMORY_PAYLOAD && kind != KVCRT_MEMORY_CONTROL))
    return KVCRT_INVALID_ARGUMENT;
  void *address = nullptr;
  try {
    address = allocate(kind, bytes);
    if (!address)
      return KVCRT_OUT_OF_MEMORY;
    std::lock_guard<std::mutex> lock(mutex_);
    allocations_.emplace(address, Allocation{kind, bytes});
  } catch (const std::bad_alloc &) {
    if (address)
      deallocate(address, kind, bytes);
    return KVCRT_OUT_OF_MEMORY;
  }
  *out = address;
  return KVCRT_OK;
}

kvcrt_status kvcrt_device::free(void *address) {
  if (!address)
    return KVCRT_OK;
  Allocation found;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    auto it = allocations_.find(address);
    if (it == allocations_.end())
      return KVCRT_NOT_FOUND;
    found = it->second;
    allocations_.erase(it);
  }
  deallocate(address, found.kind, found.bytes);
  return KVCRT_OK;
}

void kvcrt_device::freeAll() {
  for (auto &[address, allocation] : allocations_)
    deallocate(address, allocation.kind, allocation.bytes);
  allocations_.clear();
}

kvcrt_status kvcrt_device::upload(void *, const void *, uint64_t, uint64_t,
                                  uint64_t, void *) {
  return KVCRT_UNSUPPORTED; // nobody asks where control memory is shared
}

kvcrt_status kvcrt_device::reserveWorkspace(uint64_t bytes) {
  if (bytes <= env.workspace_size)
    return KVCRT_OK;
  void *larger = nullptr;
  // Control memory: every device's host can address it.
  if (kvcrt_status status = alloc(KVCRT_MEMORY_CONTROL, bytes, &larger))
    return status;
  free(env.workspace);
  env.workspace = larger;
  env.workspace_size = bytes;
  return KVCRT_OK;
}

const kvcrt_env &HostedDevice::hostOf(void *context) {
  auto *device = static_cast<kvcrt_device *>(context);
  return static_cast<HostedDevice *>(device)->host_->env;
}

HostedDevice::HostedDevice(const kvcrt_device_desc &desc)
    : host_(createCpuDevice(desc)) {
  env = host_->env;
  env.context = static_cast<kvcrt_device *>(this);
  env.parallel_for = [](void *context, int64_t count, kvcrt_task_fn body,
                        void *closure) {
    const kvcrt_env &host = hostOf(context);
    host.parallel_for(host.context, count, body, closure);
  };
  if (env.log)
    env.log = [](void *context, int32_t level, const char *message) {
      const kvcrt_env &host = hostOf(context);
      host.log(host.context, level, message);
    };
}

kvcrt_status kvcrt_device_create(const kvcrt_device_desc *desc,
                                 kvcrt_device **out_device, char *message,
                                 size_t message_size) {
  Message text{message, message_size};
  if (kvcrt_status status = checkStruct(desc))
    return text.fail(status, "expected a kvcrt_device_desc of ABI version %u",
                     KVCRT_ABI_VERSION);
  if (!out_device)
    return text.fail(KVCRT_INVALID_ARGUMENT, "expected out_device, got null");
  if (desc->num_workers < 0)
    return text.fail(KVCRT_INVALID_ARGUMENT,
                     "expected num_workers >= 0, got %d", desc->num_workers);
  try {
    std::unique_ptr<kvcrt_device> device;
    switch (desc->kind) {
    case KVCRT_DEVICE_CPU:
      device = createCpuDevice(*desc);
      break;
    case KVCRT_DEVICE_NULL:
      device = createNullDevice(*desc);
      break;
    case KVCRT_DEVICE_SIM:
#ifdef KVCRT_WITHOUT_SIM
      return text.fail(KVCRT_UNSUPPORTED,
                       "expected a build with the simulator, got one without");
#else
      device = createSimDevice(*desc);
      break;
#endif
    case KVCRT_DEVICE_CUDA:
      if (kvcrt_status status = createCudaDevice(*desc, device, text))
        return status;
      break;
    default:
      return text.fail(KVCRT_INVALID_ARGUMENT,
                       "expected device kind cpu (0), null (1), sim (2) or "
                       "cuda (3), got %d",
                       desc->kind);
    }
    *out_device = device.release();
    return KVCRT_OK;
  } catch (const std::exception &error) {
    return text.fail(KVCRT_OUT_OF_MEMORY, "cannot start the device: %s",
                     error.what());
  }
}

void kvcrt_device_destroy(kvcrt_device *device) { delete device; }

const kvcrt_env *kvcrt_device_env(const kvcrt_device *device) {
  return device ? &device->env : nullptr;
}

kvcrt_status kvcrt_device_reserve_workspace(kvcrt_device *device,
                                            uint64_t bytes) {
  return device ? device->reserveWorkspace(bytes) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_device_alloc(kvcrt_device *device, int32_t kind,
                                uint64_t bytes, void **out_address) {
  return device ? device->alloc(kind, bytes, out_address)
                : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_device_free(kvcrt_device *device, void *address) {
  return device ? device->free(address) : KVCRT_INVALID_ARGUMENT;
}

kvcrt_status kvcrt_device_copy(kvcrt_device *device, void *destination,
                               const void *source, uint64_t bytes,
                               void *stream) {
  if (!device || (bytes && (!destination || !source)))
    return KVCRT_INVALID_ARGUMENT;
  return bytes ? device->copy(destination, source, bytes, stream) : KVCRT_OK;
}

kvcrt_status kvcrt_device_update(kvcrt_device *device, void *destination,
                                 const void *host_source, uint64_t bytes,
                                 void *stream) {
  if (!device || (bytes && (!destination || !host_source)))
    return KVCRT_INVALID_ARGUMENT;
  return bytes ? device->update(destination, host_source, bytes, stream)
               : KVCRT_OK;
}

kvcrt_status kvcrt_device_read(kvcrt_device *device, void *host_destination,
                               const void *source, uint64_t bytes,
                               void *stream) {
  if (!device || (bytes && (!host_destination || !source)))
    return KVCRT_INVALID_ARGUMENT;
  return bytes ? device->read(host_destination, source, bytes, stream)
               : KVCRT_OK;
}

kvcrt_status kvcrt_device_fill(kvcrt_device *device, void *destination,
                               uint8_t value, uint64_t bytes, void *stream) {
  if (!device || (bytes && !destination))
    return KVCRT_INVALID_ARGUMENT;
  return bytes ? device->fill(destination, value, bytes, stream) : KVCRT_OK;
}

kvcrt_status kvcrt_device_synchronize(kvcrt_device *device, void *stream) {
  return device ? device->synchronize(stream) : KVCRT_INVALID_ARGUMENT;
}
