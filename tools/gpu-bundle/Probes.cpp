//===- Probes.cpp - what a GPU can do at most, measured -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Probes.h"

#include <algorithm>

namespace kvc::bundle {

Times measure(const Machine &machine, int repeats,
              const std::function<void()> &enqueue) {
  kvcrt_device *device = machine.device;
  enqueue(); // loads what is launched
  require(device, kvcrt_device_synchronize(device, machine.stream),
          "first run");
  require(device, kvcrt_graph_begin(device, machine.stream), "capture");
  kvcrt_graph *graph = nullptr;
  try {
    enqueue();
  } catch (const Failure &) {
    // The stream is of use again only when its capture has ended.
    if (kvcrt_graph_end(device, machine.stream, &graph) == KVCRT_OK)
      kvcrt_graph_destroy(device, graph);
    throw;
  }
  require(device, kvcrt_graph_end(device, machine.stream, &graph), "capture");
  std::vector<void *> events;
  if (machine.onGpu())
    for (int i = 0; i <= repeats; ++i) {
      void *event = nullptr;
      require(device, kvcrt_event_create(device, &event), "event");
      events.push_back(event);
    }
  for (int warm = 0; warm < 2; ++warm)
    require(device, kvcrt_graph_launch(device, graph, machine.stream),
            "replay");
  for (int i = 0; i < repeats; ++i) {
    if (machine.onGpu())
      require(device,
              kvcrt_event_record(device, events[size_t(i)], machine.stream),
              "event");
    require(device, kvcrt_graph_launch(device, graph, machine.stream),
            "replay");
  }
  Times times;
  if (machine.onGpu()) {
    require(device, kvcrt_event_record(device, events.back(), machine.stream),
            "event");
    require(device, kvcrt_event_synchronize(device, events.back()), "replay");
    std::vector<double> seconds;
    for (int i = 0; i < repeats; ++i) {
      float milliseconds = 0;
      require(device,
              kvcrt_event_elapsed(device, events[size_t(i)],
                                  events[size_t(i) + 1], &milliseconds),
              "time");
      seconds.push_back(double(milliseconds) * 1e-3);
    }
    std::sort(seconds.begin(), seconds.end());
    times = {seconds[seconds.size() / 2], seconds[seconds.size() / 10],
             seconds[seconds.size() * 9 / 10]};
    for (void *event : events)
      (void)kvcrt_event_destroy(device, event);
  }
  kvcrt_graph_destroy(device, graph);
  return times;
}

/// Parameters of all probes, and a launch of one.
namespace {
struct Parameters {
  void *address;
  uint64_t count; // bytes, or rounds
  void *sink;
};
} // namespace

static void launch(const Machine &machine, const kvcrt_kernel &kernel,
                   uint32_t blocks, const Parameters &params) {
  const kvcrt_env env = machine.env();
  kvcrt_launch call;
  KVCRT_INIT(&call);
  call.kernel = &kernel;
  call.grid[0] = blocks;
  call.grid[1] = call.grid[2] = 1;
  call.params = &params;
  call.params_size = sizeof(params);
  require(machine.device, env.launch(env.context, &env, &call), kernel.name);
}

static kvcrt_kernel kernelOf(const char *name, uint32_t threads,
                             const kvcrt_image &image) {
  kvcrt_kernel kernel;
  KVCRT_INIT(&kernel);
  kernel.name = name;
  kernel.threads = threads;
  kernel.images = &image;
  kernel.num_images = 1;
  return kernel;
}

Limits probe(const Machine &machine) {
  Limits limits;
  if (!machine.onGpu())
    return limits;
  const std::string ptx = probePtx();
  const kvcrt_image image = {KVCRT_IMAGE_PTX, 80, ptx.c_str(), ptx.size() + 1,
                             "sm_80"};
  const kvcrt_kernel read = kernelOf("read_all", 256, image),
                     multiply = kernelOf("multiply_all", 256, image);
  Mirror memory(machine.device, machine.stream);
  const uint32_t blocks = uint32_t(machine.info.multiprocessors) * 8;
  // Whole rounds of all threads' four loads, many times the L2 cache.
  const uint64_t round = uint64_t(blocks) * 256 * 64;
  const uint64_t bytes = (1ull << 31) / round * round;
  Parameters params = {memory.scratch(bytes), bytes, memory.scratch(4)};
  limits.readBytesPerSecond =
      double(bytes) / measure(machine, 20, [&] {
                        launch(machine, read, blocks, params);
                      }).median;
  params.count = 4096;
  const double flops = double(params.count) * 4 * (2.0 * 16 * 8 * 16) *
                       (256 / 32) * double(blocks);
  limits.matrixFlopsPerSecond =
      flops / measure(machine, 20, [&] {
                launch(machine, multiply, blocks, params);
              }).median;
  require(machine.device, kvcrt_device_forget_kernels(machine.device),
          "unload");
  return limits;
}

OwnProbe ownProbe(int32_t sm) {
  OwnProbe own;
  if (sm == 90) {
    own = {"wgmma", "sm_90a", wgmmaPtx()};
    own.flops = 4 * (2.0 * 64 * 256 * 16);
  } else if (sm == 100 || sm == 103) {
    own = {"tcgen05", "sm_" + std::to_string(sm) + "a", ""};
    own.ptx = tcgen05Ptx(own.chip);
    own.flops = 16 * (2.0 * 128 * 256 * 16);
  }
  return own;
}

double probeOwn(const Machine &machine) {
  const OwnProbe own = ownProbe(machine.info.sm);
  if (own.name.empty())
    throw Failure("expected a matrix instruction of sm_" +
                  std::to_string(machine.info.sm) + " alone, got none");
  const kvcrt_image image = {KVCRT_IMAGE_PTX, machine.info.sm, own.ptx.c_str(),
                             own.ptx.size() + 1, own.chip.c_str()};
  const std::string name = "multiply_" + own.name;
  const kvcrt_kernel kernel = kernelOf(name.c_str(), 128, image);
  Mirror memory(machine.device, machine.stream);
  const uint32_t blocks = uint32_t(machine.info.multiprocessors) * 2;
  const Parameters params = {nullptr, 4096, memory.scratch(4)};
  const double seconds = measure(machine, 20, [&] {
                           launch(machine, kernel, blocks, params);
                         }).median;
  require(machine.device, kvcrt_device_forget_kernels(machine.device),
          "unload");
  return double(params.count) * own.flops * double(blocks) / seconds;
}

} // namespace kvc::bundle
