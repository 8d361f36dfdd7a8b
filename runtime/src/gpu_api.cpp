//===- gpu_api.cpp - the C API of kvcrt/gpu.h -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks pointers and versions, lets no exception pass the C border, and
// answers KVCRT_UNSUPPORTED for devices without kernels.
//
//===----------------------------------------------------------------------===//
#include "device.h"
#include "gpu.h"

#include <new>

using namespace kvcrt;

kvcrt_graph::~kvcrt_graph() = default;
Gpu::~Gpu() = default;

/// Runs `call(Gpu &)`; `valid`: what the caller gave is complete.
template <typename Call>
static kvcrt_status onGpu(kvcrt_device *device, bool valid, Call &&call) {
  if (!device || !valid)
    return KVCRT_INVALID_ARGUMENT;
  Gpu *gpu = device->gpu();
  if (!gpu)
    return KVCRT_UNSUPPORTED;
  try {
    return call(*gpu);
  } catch (const std::bad_alloc &) {
    return KVCRT_OUT_OF_MEMORY;
  }
}

kvcrt_status kvcrt_device_get_info(kvcrt_device *device,
                                   kvcrt_device_info *out_info) {
  if (kvcrt_status status = checkStruct(out_info))
    return status;
  return onGpu(device, true, [&](Gpu &gpu) { return gpu.info(out_info); });
}

kvcrt_status kvcrt_device_get_error(kvcrt_device *device, char *message,
                                    size_t message_size) {
  return onGpu(device, message && message_size, [&](Gpu &gpu) {
    const std::string text = gpu.lastError();
    if (text.empty())
      return KVCRT_NOT_FOUND;
    return Message{message, message_size}.fail(KVCRT_OK, "%s", text.c_str());
  });
}

kvcrt_status kvcrt_kernel_prepare(kvcrt_device *device,
                                  const kvcrt_kernel *kernel,
                                  int32_t *out_blocks_per_multiprocessor) {
  if (kvcrt_status status = checkStruct(kernel))
    return status;
  return onGpu(device, out_blocks_per_multiprocessor != nullptr, [&](Gpu &gpu) {
    return gpu.prepare(kernel, out_blocks_per_multiprocessor);
  });
}

kvcrt_status kvcrt_device_forget_kernels(kvcrt_device *device) {
  return onGpu(device, true, [](Gpu &gpu) { return gpu.forgetKernels(); });
}

kvcrt_status kvcrt_stream_create(kvcrt_device *device, void **out_stream) {
  return onGpu(device, out_stream,
               [&](Gpu &gpu) { return gpu.streamCreate(out_stream); });
}

kvcrt_status kvcrt_stream_destroy(kvcrt_device *device, void *stream) {
  return onGpu(device, stream,
               [&](Gpu &gpu) { return gpu.streamDestroy(stream); });
}

kvcrt_status kvcrt_event_create(kvcrt_device *device, void **out_event) {
  return onGpu(device, out_event,
               [&](Gpu &gpu) { return gpu.eventCreate(out_event); });
}

kvcrt_status kvcrt_event_destroy(kvcrt_device *device, void *event) {
  return onGpu(device, event,
               [&](Gpu &gpu) { return gpu.eventDestroy(event); });
}

kvcrt_status kvcrt_event_record(kvcrt_device *device, void *event,
                                void *stream) {
  return onGpu(device, event,
               [&](Gpu &gpu) { return gpu.eventRecord(event, stream); });
}

kvcrt_status kvcrt_event_wait(kvcrt_device *device, void *event, void *stream) {
  return onGpu(device, event,
               [&](Gpu &gpu) { return gpu.eventWait(event, stream); });
}

kvcrt_status kvcrt_event_query(kvcrt_device *device, void *event) {
  return onGpu(device, event, [&](Gpu &gpu) { return gpu.eventQuery(event); });
}

kvcrt_status kvcrt_event_synchronize(kvcrt_device *device, void *event) {
  return onGpu(device, event,
               [&](Gpu &gpu) { return gpu.eventSynchronize(event); });
}

kvcrt_status kvcrt_event_elapsed(kvcrt_device *device, void *begin, void *end,
                                 float *out_milliseconds) {
  return onGpu(device, begin && end && out_milliseconds, [&](Gpu &gpu) {
    return gpu.eventElapsed(begin, end, out_milliseconds);
  });
}

kvcrt_status kvcrt_device_alloc_async(kvcrt_device *device, uint64_t bytes,
                                      void *stream, void **out_address) {
  const bool valid = out_address && bytes && bytes <= uint64_t(1) << 46;
  return onGpu(device, valid, [&](Gpu &gpu) {
    return gpu.allocAsync(bytes, stream, out_address);
  });
}

kvcrt_status kvcrt_device_free_async(kvcrt_device *device, void *address,
                                     void *stream) {
  return onGpu(device, true, [&](Gpu &gpu) {
    return address ? gpu.freeAsync(address, stream) : KVCRT_OK;
  });
}

kvcrt_status kvcrt_graph_begin(kvcrt_device *device, void *stream) {
  return onGpu(device, true, [&](Gpu &gpu) { return gpu.graphBegin(stream); });
}

kvcrt_status kvcrt_graph_end(kvcrt_device *device, void *stream,
                             kvcrt_graph **out_graph) {
  return onGpu(device, out_graph,
               [&](Gpu &gpu) { return gpu.graphEnd(stream, out_graph); });
}

kvcrt_status kvcrt_graph_launch(kvcrt_device *device, kvcrt_graph *graph,
                                void *stream) {
  return onGpu(device, graph,
               [&](Gpu &gpu) { return gpu.graphLaunch(graph, stream); });
}

void kvcrt_graph_destroy(kvcrt_device *device, kvcrt_graph *graph) {
  if (device && graph && device->gpu())
    device->gpu()->graphDestroy(graph);
}

kvcrt_status kvcrt_tensor_map_encode(kvcrt_device *device,
                                     const kvcrt_tensor_map_desc *desc,
                                     kvcrt_tensor_map *out_map) {
  if (kvcrt_status status = checkStruct(desc))
    return status;
  bool valid = out_map && desc->base && desc->rank >= 1 && desc->rank <= 5 &&
               desc->swizzle >= KVCRT_SWIZZLE_NONE &&
               desc->swizzle <= KVCRT_SWIZZLE_128;
  for (int32_t d = 0; valid && d < desc->rank; ++d)
    valid = desc->extent[d] > 0 && desc->box[d] > 0 && desc->box[d] <= 256 &&
            (d == 0 || desc->stride[d] % 16 == 0);
  return onGpu(device, valid,
               [&](Gpu &gpu) { return gpu.tensorMap(*desc, out_map); });
}
