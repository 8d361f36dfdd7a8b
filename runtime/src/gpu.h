//===- gpu.h - what a device with kernels has beyond memory ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The calls of kvcrt/gpu.h as an interface; a device implements those that it
// can. gpu_api.cpp has checked the arguments.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_GPU_H
#define KVCRT_SRC_GPU_H

#include "kvcrt/gpu.h"

#include <string>

/// The C API's opaque graph; made and destroyed by its device.
struct kvcrt_graph {
  virtual ~kvcrt_graph();
};

namespace kvcrt {

class Gpu {
public:
  virtual ~Gpu();
  virtual kvcrt_status info(kvcrt_device_info *) { return KVCRT_UNSUPPORTED; }
  /// Empty when nothing has failed.
  virtual std::string lastError() { return {}; }
  virtual kvcrt_status prepare(const kvcrt_kernel *, int32_t *) {
    return KVCRT_UNSUPPORTED;
  }
  virtual kvcrt_status forgetKernels() { return KVCRT_OK; }
  virtual kvcrt_status streamCreate(void **) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status streamDestroy(void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status eventCreate(void **) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status eventDestroy(void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status eventRecord(void *, void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status eventWait(void *, void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status eventQuery(void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status eventSynchronize(void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status eventElapsed(void *, void *, float *) {
    return KVCRT_UNSUPPORTED;
  }
  virtual kvcrt_status allocAsync(uint64_t, void *, void **) {
    return KVCRT_UNSUPPORTED;
  }
  virtual kvcrt_status freeAsync(void *, void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status graphBegin(void *) { return KVCRT_UNSUPPORTED; }
  virtual kvcrt_status graphEnd(void *, kvcrt_graph **) {
    return KVCRT_UNSUPPORTED;
  }
  virtual kvcrt_status graphLaunch(kvcrt_graph *, void *) {
    return KVCRT_UNSUPPORTED;
  }
  virtual void graphDestroy(kvcrt_graph *graph) { delete graph; }
  virtual kvcrt_status tensorMap(const kvcrt_tensor_map_desc &,
                                 kvcrt_tensor_map *) {
    return KVCRT_UNSUPPORTED;
  }
};

} // namespace kvcrt

#endif // KVCRT_SRC_GPU_H
