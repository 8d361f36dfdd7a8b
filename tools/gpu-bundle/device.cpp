//===- device.cpp - kvc-device of the GPU bundle --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime's device conformance suite (runtime/test/device_*.cpp) on this
// machine's GPU: memory, streams, events, captured graphs, errors that name
// their call.
//
// Exit: 0 when all of it passes, 1 when something does not, 2 when there is no
// GPU.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/runtime.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    if (strncmp(argv[i], "--gtest_", 8) != 0) {
      const bool help = !strcmp(argv[i], "--help");
      fprintf(help ? stdout : stderr,
              "kvc-device: the runtime's device suite on this GPU\n"
              "  --gtest_filter=TEXT   tests whose name matches\n"
              "  --gtest_brief=1       failures alone\n");
      if (!help)
        fprintf(stderr, "kvc-device: expected an option, got %s\n", argv[i]);
      return help ? 0 : 2;
    }
  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  desc.kind = KVCRT_DEVICE_CUDA;
  kvcrt_device *device = nullptr;
  char text[500] = "";
  if (kvcrt_device_create(&desc, &device, text, sizeof(text)) != KVCRT_OK) {
    fprintf(stderr, "kvc-device: %s\n", text);
    return 2;
  }
  kvcrt_device_destroy(device);
  testing::GTEST_FLAG(filter) = "*/cuda";
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
