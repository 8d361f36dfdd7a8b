//===- cuda_fixture.h - the cuda device over the fake driver --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_CUDA_FIXTURE_H
#define KVCRT_TEST_CUDA_FIXTURE_H

#include "device_calls.h"
#include "fake_cuda.h"

#include <gtest/gtest.h>

#include <cstring>
#include <dlfcn.h>
#include <string>
#include <vector>

namespace kvcrt_test {

/// Kernel parameters of the tests: adds *add to out[0 .. *count).
struct AddParams {
  const int32_t *count;
  const int32_t *add;
  int32_t *out;
};

inline void runAdd(const void *params, unsigned) {
  AddParams p;
  memcpy(&p, params, sizeof(p));
  for (int32_t i = 0; i < *p.count; ++i)
    p.out[i] += *p.add;
}

/// One layer, 1 head of 16, f32, pages of 4.
inline kvcrt_group_desc smallGroup(int32_t blocks) {
  kvcrt_group_desc group = {};
  group.policy.kv_heads = 1;
  group.policy.key_dim = group.policy.value_dim = 16;
  group.policy.block = 4;
  group.policy.key.symmetric = group.policy.value.symmetric = 1;
  group.num_layers = 1;
  group.num_blocks = blocks;
  return group;
}

class FakeCudaTest : public testing::Test {
protected:
  void SetUp() override {
    library = dlopen(KVCRT_TEST_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    fake =
        static_cast<const FakeControls *>(dlsym(library, "fake_cuda_controls"));
    ASSERT_NE(fake, nullptr);
    fake->reset();
    kernel = kernelOf("add", images);
    kernel.shared_bytes = 100 << 10;
    images[0] = {KVCRT_IMAGE_CUBIN, 90, &code, sizeof(code), "sm_90a"};
    images[1] = {KVCRT_IMAGE_PTX, 90, &assembly, sizeof(assembly), "sm_90a"};
  }
  void TearDown() override {
    kvcrt_device_destroy(device);
    device = nullptr;
    if (fake && expectNothingLeft) {
      EXPECT_EQ(fake->live(), 0) << fake->log();
    }
    if (fake)
      fake->reset();
    if (library)
      dlclose(library);
  }

  kvcrt_status tryCreate(const char *driver = KVCRT_TEST_FAKE_CUDA,
                         int32_t ordinal = 0) {
    kvcrt_device_desc desc;
    KVCRT_INIT(&desc);
    desc.kind = KVCRT_DEVICE_CUDA;
    desc.num_workers = 1;
    desc.driver = driver;
    desc.ordinal = ordinal;
    desc.log_context = &log;
    desc.log = [](void *context, int32_t, const char *text) {
      static_cast<std::string *>(context)->append(text).append("\n");
    };
    char text[500] = "";
    const kvcrt_status status =
        kvcrt_device_create(&desc, &device, text, sizeof(text));
    message = text;
    return status;
  }
  void create() { ASSERT_EQ(tryCreate(), KVCRT_OK) << message; }

  std::string error() { return errorOf(device); }
  int32_t *alloc(int32_t count) {
    void *address = nullptr;
    EXPECT_EQ(kvcrt_device_alloc(device, KVCRT_MEMORY_PAYLOAD,
                                 uint64_t(count) * 4, &address),
              KVCRT_OK);
    return static_cast<int32_t *>(address);
  }
  void put(int32_t *to, std::vector<int32_t> values, void *stream = nullptr) {
    ASSERT_EQ(kvcrt_device_update(device, to, values.data(), values.size() * 4,
                                  stream),
              KVCRT_OK);
  }
  std::vector<int32_t> get(const int32_t *from, int32_t count,
                           void *stream = nullptr) {
    std::vector<int32_t> values(count);
    EXPECT_EQ(kvcrt_device_read(device, values.data(), from,
                                uint64_t(count) * 4, stream),
              KVCRT_OK);
    return values;
  }
  int32_t launch(const void *params, uint64_t bytes, void *stream,
                 uint32_t blocks = 3) {
    return launchKernel(device, kernel, params, bytes, stream, blocks);
  }
  int32_t launch(const AddParams &params, void *stream, uint32_t blocks = 3) {
    return launch(&params, sizeof(params), stream, blocks);
  }
  /// How often a call was made.
  int calls(const std::string &symbol) {
    const std::string text = std::string("\n") + fake->log();
    int count = 0;
    for (size_t at = text.find("\n" + symbol); at != std::string::npos;
         at = text.find("\n" + symbol, at + 1)) {
      const char next = text[at + 1 + symbol.size()];
      count += next == ' ' || next == '\n';
    }
    return count;
  }

  void *library = nullptr;
  const FakeControls *fake = nullptr;
  kvcrt_device *device = nullptr;
  std::string message, log;
  bool expectNothingLeft = true;
  FakeImage code = {{'F', 'A', 'K', 'E', 'C', 'U', 'D', 'A'},
                    "add",
                    sizeof(AddParams),
                    runAdd,
                    0,
                    nullptr};
  FakeImage assembly = code;
  kvcrt_image images[2] = {};
  kvcrt_kernel kernel = {};
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_CUDA_FIXTURE_H
