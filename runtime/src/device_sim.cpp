//===- device_sim.cpp - a GPU that is simulated on this machine -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory and threads are a cpu device's; what is allocated or committed is
// global memory of a simulator, through which env.launch runs kernels. The one
// stream is null and every launch is complete when its call returns; between
// graph begin and end it is kept instead, to run whenever the graph is
// launched.
//
// Invariant: the simulator knows exactly the bytes that are usable now, so that
// a kernel's access to anything else is a finding.
//
//===----------------------------------------------------------------------===//
#include "device.h"
#include "gpu.h"
#include "kvcrt/sim.h"

#include <array>
#include <functional>
#include <new>
#include <vector>

namespace kvcrt {
namespace {

struct SimGraph final : kvcrt_graph {
  std::vector<std::function<int32_t()>> nodes;
};

class SimDevice final : public HostedDevice, public Gpu {
public:
  explicit SimDevice(const kvcrt_device_desc &desc) : HostedDevice(desc) {
    if (kvcrt_sim_create(nullptr, &sim_))
      throw std::bad_alloc();
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
    return now(stream, [=] {
      return host_->copy(destination, source, bytes, nullptr);
    });
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
    return now(stream,
               [=] { return host_->fill(destination, value, bytes, nullptr); });
  }
  kvcrt_status synchronize(void *stream) override {
    return host_->synchronize(stream);
  }

  Gpu *gpu() override { return this; }
  kvcrt_status graphBegin(void *stream) override {
    if (stream || capture_)
      return KVCRT_INVALID_ARGUMENT;
    capture_ = std::make_unique<SimGraph>();
    return KVCRT_OK;
  }
  kvcrt_status graphEnd(void *stream, kvcrt_graph **out) override {
    if (stream || !capture_)
      return KVCRT_INVALID_ARGUMENT;
    *out = capture_.release();
    return KVCRT_OK;
  }
  kvcrt_status graphLaunch(kvcrt_graph *graph, void *stream) override {
    if (stream || capture_)
      return KVCRT_INVALID_ARGUMENT;
    for (auto &node : static_cast<SimGraph *>(graph)->nodes)
      if (int32_t status = node())
        return kvcrt_status(status);
    return KVCRT_OK;
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
  /// Does what is enqueued on the one stream, or keeps it for a graph.
  template <typename Work> kvcrt_status now(void *stream, Work &&work) {
    if (stream)
      return KVCRT_INVALID_ARGUMENT;
    if (!capture_)
      return kvcrt_status(work());
    try {
      capture_->nodes.emplace_back(std::forward<Work>(work));
      return KVCRT_OK;
    } catch (const std::bad_alloc &) {
      return KVCRT_OUT_OF_MEMORY;
    }
  }
  static SimDevice &of(void *context) {
    return *static_cast<SimDevice *>(static_cast<kvcrt_device *>(context));
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
      SimDevice &device = of(context);
      const auto run = [image, kernel, &device](const uint32_t *grid,
                                                const kvcrt_env *environment,
                                                const void *params) {
        const uint32_t block[3] = {kernel->threads, 1, 1};
        return kvcrt_sim_launch(device.sim_, environment, image, grid, block,
                                kernel->shared_bytes, params);
      };
      if (!device.capture_)
        return run(launch->grid, env, launch->params);
      // By value: what a captured launch has is what it was given.
      const char *bytes = static_cast<const char *>(launch->params);
      const std::array<uint32_t, 3> grid = {launch->grid[0], launch->grid[1],
                                            launch->grid[2]};
      try {
        std::vector<char> copy(bytes, bytes + launch->params_size);
        return device.now(nullptr, [run, grid, copy, &device] {
          return run(grid.data(), &device.env, copy.data());
        });
      } catch (
          const std::bad_alloc &) { // no exception passes a kernel's frames
        return KVCRT_OUT_OF_MEMORY;
      }
    }
    if (env->log)
      env->log(
          env->context, /*level=*/2,
          "expected a kernel compiled with --target=sim:<chip> for the sim "
          "device");
    return KVCRT_UNSUPPORTED;
  }

  kvcrt_sim *sim_ = nullptr;          // constant; has a lock of its own
  std::unique_ptr<SimGraph> capture_; // of the one stream, so of one thread
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
