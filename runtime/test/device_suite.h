//===- device_suite.h - the devices of the conformance suite ----*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The suite is device_test.cpp, for all, and device_gpu_test.cpp, for those
// with streams. The GPU bundle compiles both for the machine's GPU
// (kvc-device).
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_DEVICE_SUITE_H
#define KVCRT_TEST_DEVICE_SUITE_H

#include "device.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kvcrt_test {

struct Kind {
  const char *name;
  kvcrt_device_kind kind;
  bool keepsBytes;
  const char *driver; // cuda's; null = the machine's
};

/// The machine's GPU, and a fake one where there is that.
inline std::vector<Kind> gpuKinds() {
  std::vector<Kind> kinds = {{"cuda", KVCRT_DEVICE_CUDA, true, nullptr}};
#ifdef KVCRT_TEST_FAKE_CUDA
  kinds.push_back({"cuda_over_a_fake_driver", KVCRT_DEVICE_CUDA, true,
                   KVCRT_TEST_FAKE_CUDA});
#endif
  return kinds;
}

inline std::vector<Kind> deviceKinds() {
  std::vector<Kind> kinds = gpuKinds();
  kinds.push_back({"cpu", KVCRT_DEVICE_CPU, true, nullptr});
  kinds.push_back({"null", KVCRT_DEVICE_NULL, false, nullptr});
#ifndef KVCRT_WITHOUT_SIM
  kinds.push_back({"sim", KVCRT_DEVICE_SIM, true, nullptr});
#endif
  return kinds;
}

inline std::string nameOf(const testing::TestParamInfo<Kind> &info) {
  return info.param.name;
}

class Device : public testing::TestWithParam<Kind> {
protected:
  void SetUp() override {
    if (isCuda() && !GetParam().driver) {
      char text[300] = "";
      kvcrt_device_desc desc = describe(2);
      const kvcrt_status status =
          kvcrt_device_create(&desc, &device, text, sizeof(text));
      if (status == KVCRT_NOT_FOUND)
        GTEST_SKIP() << "no GPU here: " << text;
      ASSERT_EQ(status, KVCRT_OK) << text;
      return;
    }
    device = make(2);
  }
  void TearDown() override { kvcrt_device_destroy(device); }
  static bool isCuda() { return GetParam().kind == KVCRT_DEVICE_CUDA; }
  static kvcrt_device_desc describe(int32_t workers) {
    kvcrt_device_desc desc;
    KVCRT_INIT(&desc);
    desc.kind = GetParam().kind;
    desc.num_workers = workers;
    desc.driver = GetParam().driver;
    return desc;
  }
  static kvcrt_device *make(int32_t workers) {
    kvcrt_device_desc desc = describe(workers);
    kvcrt_device *made = nullptr;
    EXPECT_EQ(kvcrt_device_create(&desc, &made, nullptr, 0), KVCRT_OK);
    return made;
  }
  void *alloc(uint64_t bytes, kvcrt_memory_kind kind = KVCRT_MEMORY_PAYLOAD) {
    void *address = nullptr;
    EXPECT_EQ(kvcrt_device_alloc(device, kind, bytes, &address), KVCRT_OK);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(address) % 128, 0u);
    return address;
  }
  void expectBytes(const void *address, size_t offset, uint8_t value) {
    uint8_t read = 0;
    EXPECT_EQ(kvcrt_device_read(device, &read,
                                static_cast<const char *>(address) + offset, 1,
                                nullptr),
              KVCRT_OK);
    if (GetParam().keepsBytes) {
      EXPECT_EQ(read, value) << "offset " << offset;
    }
  }
  kvcrt_device *device = nullptr;
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_DEVICE_SUITE_H
