//===- device_sim.cpp - a GPU that is simulated on this machine -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory and threads are a cpu device's; what is allocated or committed is
// global memory of a simulator, through which env.launch runs kernels. The one
// stream is null and every launch is complete when its call returns.
//
// Invariant: the simulator knows exactly the bytes that are usable now, so that
// a kernel's access to anything else is a finding.
//
//===----------------------------------------------------------------------===//
#include "device.h"
#include "kvcrt/sim.h"

#include <new>

namespace kvcrt {
namespace {

class SimDevice final : public kvcrt_device {
public:
  explicit SimDevice(const kvcrt_device_desc &desc)
      : host_(createCpuDevice(desc)) {
    if (kvcrt_sim_create(nullptr, &sim_))
      throw std::bad_alloc();
    env = host_->env;
    env.context = this;
    env.parallel_for = &parallelFor;
    env.log = host_->env.log ? &log : nullptr;
    env.launch = &launch;
  }
  ~SimDevice() override {
    freeAll();
    kvcrt_sim_destroy(sim_);
  }

  kvcrt_sim *sim() const { return sim_; }

  kvcrt_status reserve(uint64_t bytes, void **out_base) override {
    return host_->reserve(bytes, out_base);
  }
  kvcrt_status commit(void *base, uint64_t bytes) override {
    if (kvcrt_status status = host_->commit(base, bytes))
      return status;
    // A region that grows is one range, from its base on.
    kvcrt_sim_remove_memory(sim_, base);
    return kvcrt_sim_add_memory(sim_, base, bytes, 0, "pool");
  }
  void release(void *base, uint64_t bytes) override {
    kvcrt_sim_remove_memory(sim_, base);
    host_->release(base, bytes);
  }

  kvcrt_status copy(void *destination, const void *source, uint64_t bytes,
                    void *stream) override {
    return host_->copy(destination, source, bytes, stream);
  }
  kvcrt_status update(void *destination, const void *hostSource, uint64_t bytes,
                      void *stream) override {
    return host_->update(destination, hostSource, bytes, stream);
  }
  kvcrt_status read(void *hostDestination, const void *source, uint64_t bytes,
                    void *stream) override {
    return host_->read(hostDestination, source, bytes, stream);
  }
  kvcrt_status fill(void *destination, uint8_t value, uint64_t bytes,
                    void *stream) override {
    return host_->fill(destination, value, bytes, stream);
  }
  kvcrt_status synchronize(void *stream) override {
    return host_->synchronize(stream);
  }

protected:
  void *allocate(int32_t kind, uint64_t bytes) override {
    void *address = nullptr;
    if (host_->alloc(kind, bytes, &address))
      return nullptr;
    if (kvcrt_sim_add_memory(sim_, address, bytes, 0,
                             kind == KVCRT_MEMORY_PAYLOAD
                                 ? "a payload allocation"
                                 : "a control allocation")) {
      host_->free(address);
      return nullptr;
    }
    return address;
  }
  void deallocate(void *address, int32_t, uint64_t) override {
    kvcrt_sim_remove_memory(sim_, address);
    host_->free(address);
  }

private:
  static SimDevice &of(void *context) {
    return *static_cast<SimDevice *>(context);
  }
  static void parallelFor(void *context, int64_t count, kvcrt_task_fn body,
                          void *closure) {
    const kvcrt_env &host = of(context).host_->env;
    host.parallel_for(host.context, count, body, closure);
  }
  static void log(void *context, int32_t level, const char *message) {
    const kvcrt_env &host = of(context).host_->env;
    host.log(host.context, level, message);
  }
  static int32_t launch(void *context, const kvcrt_env *env,
                        const kvcrt_launch *launch) {
    if (kvcrt_status status = checkStruct(launch))
      return status;
    const kvcrt_kernel *kernel = launch->kernel;
    if (kvcrt_status status = checkStruct(kernel))
      return status;
    if (env->stream)
      return KVCRT_INVALID_ARGUMENT;
    for (uint32_t i = 0; i < kernel->num_images; ++i) {
      if (kernel->images[i].kind != KVCRT_IMAGE_SIM)
        continue;
      auto *image =
          static_cast<const kvcrt_sim_kernel *>(kernel->images[i].data);
      if (kvcrt_status status = checkStruct(image))
        return status;
      if (launch->params_size < image->params_size)
        return KVCRT_INVALID_ARGUMENT;
      const uint32_t block[3] = {kernel->threads, 1, 1};
      return kvcrt_sim_launch(of(context).sim_, env, image, launch->grid, block,
                              kernel->shared_bytes, launch->params);
    }
    if (env->log)
      env->log(
          env->context, /*level=*/2,
          "expected a kernel compiled with --target=sim:<chip> for the sim "
          "device");
    return KVCRT_UNSUPPORTED;
  }

  std::unique_ptr<kvcrt_device> host_; // memory and threads; constant
  kvcrt_sim *sim_ = nullptr;           // constant; has a lock of its own
};

} // namespace

std::unique_ptr<kvcrt_device> createSimDevice(const kvcrt_device_desc &desc) {
  return std::make_unique<SimDevice>(desc);
}

} // namespace kvcrt

kvcrt_sim *kvcrt_device_sim(kvcrt_device *device) {
  auto *sim = dynamic_cast<kvcrt::SimDevice *>(device);
  return sim ? sim->sim() : nullptr;
}
