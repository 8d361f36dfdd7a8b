/*===- kvcrt/gpu.h - streams, events, graphs, tensor maps -*- C -*-===*
 *
 * Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What a GPU has beyond kvcrt/runtime.h's device calls. Conventions as there;
 * a device that lacks something answers KVCRT_UNSUPPORTED (cpu and null lack
 * all of it, sim has graphs alone).
 *
 * Handles are the driver's own (CUstream, CUevent), so that a caller's streams
 * and events serve as well as those made here. Every call makes the device's
 * context current for its own duration only.
 *
 * A graph is the launches, copies and fills that were enqueued on a stream
 * between begin and end. Kernel parameters and grids are fixed in it; what they
 * point to is read when it runs: captured over the arrays of one step slot, it
 * replays that slot's later steps, whatever their lengths. Run a step once
 * before it is captured, so that all kernels are loaded.
 *===----------------------------------------------------------------------===*/
#ifndef KVCRT_GPU_H
#define KVCRT_GPU_H

#include "kvcrt/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kvcrt_device_info {
  uint32_t struct_size;
  uint32_t abi_version;
  char name[96];
  int32_t sm; /* compute capability: 90 */
  int32_t multiprocessors;
  int32_t shared_bytes_per_block; /* that a kernel can ask for */
  int32_t shared_bytes_per_multiprocessor;
  int32_t l2_bytes;
  int32_t clock_khz;
  int32_t memory_clock_khz;
  int32_t memory_bus_bits;
  int32_t driver_version; /* 13000 = CUDA 13.0 */
  int32_t reserved0;
  uint64_t memory_bytes;
} kvcrt_device_info;

kvcrt_status kvcrt_device_get_info(kvcrt_device *device,
                                   kvcrt_device_info *out_info);

/* Why the last call that failed on this device did: "cuLaunchKernel of `x`:
 * CUDA_ERROR_...: ...". KVCRT_NOT_FOUND when none has failed. The same line
 * goes to the device's log. */
kvcrt_status kvcrt_device_get_error(kvcrt_device *device, char *message,
                                    size_t message_size);

/*===-- Kernels --===*/

/* Loads a kernel, as its first launch would, and says how many of its blocks a
 * multiprocessor runs at once (kvcrt_plan_desc: x multiprocessors). */
kvcrt_status kvcrt_kernel_prepare(kvcrt_device *device,
                                  const kvcrt_kernel *kernel,
                                  int32_t *out_blocks_per_multiprocessor);
/* Unloads all kernels. A kvcrt_kernel is known by its address: call this before
 * its artefact is closed while the device stays. Nothing may be running. */
kvcrt_status kvcrt_device_forget_kernels(kvcrt_device *device);

/*===-- Streams and events --===*/

kvcrt_status kvcrt_stream_create(kvcrt_device *device, void **out_stream);
kvcrt_status kvcrt_stream_destroy(kvcrt_device *device, void *stream);

/* An event takes times, for kvcrt_event_elapsed. */
kvcrt_status kvcrt_event_create(kvcrt_device *device, void **out_event);
kvcrt_status kvcrt_event_destroy(kvcrt_device *device, void *event);
kvcrt_status kvcrt_event_record(kvcrt_device *device, void *event,
                                void *stream);
/* What is enqueued on `stream` later waits for the event. */
kvcrt_status kvcrt_event_wait(kvcrt_device *device, void *event, void *stream);
/* KVCRT_BUSY while it has not come. */
kvcrt_status kvcrt_event_query(kvcrt_device *device, void *event);
kvcrt_status kvcrt_event_synchronize(kvcrt_device *device, void *event);
kvcrt_status kvcrt_event_elapsed(kvcrt_device *device, void *begin, void *end,
                                 float *out_milliseconds);

/*===-- Memory of a stream --===*/

/* From a pool that keeps what is freed; contents undefined; ordered by the
 * stream, without a word to the host. */
kvcrt_status kvcrt_device_alloc_async(kvcrt_device *device, uint64_t bytes,
                                      void *stream, void **out_address);
kvcrt_status kvcrt_device_free_async(kvcrt_device *device, void *address,
                                     void *stream);

/*===-- Graphs --===*/

typedef struct kvcrt_graph kvcrt_graph;

/* KVCRT_INVALID_ARGUMENT: the stream is being captured already, or is one that
 * cannot be (CUDA: null). */
kvcrt_status kvcrt_graph_begin(kvcrt_device *device, void *stream);
/* Ends a capture. Failing, it leaves no capture either. */
kvcrt_status kvcrt_graph_end(kvcrt_device *device, void *stream,
                             kvcrt_graph **out_graph);
kvcrt_status kvcrt_graph_launch(kvcrt_device *device, kvcrt_graph *graph,
                                void *stream);
void kvcrt_graph_destroy(kvcrt_device *device, kvcrt_graph *graph);

/*===-- Tensor maps --===*/

typedef enum kvcrt_swizzle {
  KVCRT_SWIZZLE_NONE = 0,
  KVCRT_SWIZZLE_32 = 1, /* bytes */
  KVCRT_SWIZZLE_64 = 2,
  KVCRT_SWIZZLE_128 = 3
} kvcrt_swizzle;

/* A box of a tensor in device memory, for TMA (sm_90 and later). Dimensions
 * innermost first; strides of dimensions 1 and up. Elements out of bounds are
 * zeros. */
typedef struct kvcrt_tensor_map_desc {
  uint32_t struct_size;
  uint32_t abi_version;
  void *base;         /* 16-byte aligned */
  int32_t element;    /* kvcrt_format of 8, 16 or 32 bits */
  int32_t rank;       /* 1 to 5 */
  uint64_t extent[5]; /* elements */
  uint64_t stride[5]; /* bytes, multiples of 16; [0] is not read */
  uint32_t box[5];    /* elements, at most 256 each */
  int32_t swizzle;    /* kvcrt_swizzle */
} kvcrt_tensor_map_desc;

kvcrt_status kvcrt_tensor_map_encode(kvcrt_device *device,
                                     const kvcrt_tensor_map_desc *desc,
                                     kvcrt_tensor_map *out_map);

#ifdef __cplusplus
}
#endif

#endif /* KVCRT_GPU_H */
