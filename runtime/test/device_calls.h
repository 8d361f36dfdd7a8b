//===- device_calls.h - calls that tests of devices have in common --------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For the fake driver's tests and for the suite that the GPU bundle compiles
// without them: the public API alone.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_DEVICE_CALLS_H
#define KVCRT_TEST_DEVICE_CALLS_H

#include "kvcrt/gpu.h"

#include <algorithm>
#include <string>

namespace kvcrt_test {

/// What the device's last failure says; empty when there was none.
inline std::string errorOf(kvcrt_device *device) {
  char text[700] = "";
  (void)kvcrt_device_get_error(device, text, sizeof(text));
  return text;
}

/// A kernel of blocks of 64 threads, with one image; both stay the caller's.
inline kvcrt_kernel kernelOf(const char *name, const kvcrt_image *image) {
  kvcrt_kernel kernel;
  KVCRT_INIT(&kernel);
  kernel.name = name;
  kernel.threads = 64;
  kernel.images = image;
  kernel.num_images = 1;
  return kernel;
}

/// Puts `blocks` blocks of the kernel into the stream, by the environment that
/// compiled code calls.
inline int32_t launchKernel(kvcrt_device *device, const kvcrt_kernel &kernel,
                            const void *params, uint64_t bytes, void *stream,
                            uint32_t blocks) {
  kvcrt_env env = *kvcrt_device_env(device);
  env.stream = stream;
  kvcrt_launch call;
  KVCRT_INIT(&call);
  call.kernel = &kernel;
  call.grid[0] = blocks;
  call.grid[1] = call.grid[2] = 1;
  call.params = params;
  call.params_size = bytes;
  return env.launch(env.context, &env, &call);
}

/// 1000 tokens of 16 heads of 128 bf16, from `base` on; a box is the first half
/// of a token's rows.
inline kvcrt_tensor_map_desc tensorMapDesc(void *base) {
  kvcrt_tensor_map_desc desc;
  KVCRT_INIT(&desc);
  desc.base = base;
  desc.element = KVCRT_BF16;
  desc.rank = 3;
  const uint64_t extent[] = {128, 16, 1000}, stride[] = {1, 256, 4096};
  const uint32_t box[] = {64, 16, 1};
  std::copy(extent, extent + 3, desc.extent);
  std::copy(stride, stride + 3, desc.stride);
  std::copy(box, box + 3, desc.box);
  desc.swizzle = KVCRT_SWIZZLE_128;
  return desc;
}

} // namespace kvcrt_test

#endif // KVCRT_TEST_DEVICE_CALLS_H
