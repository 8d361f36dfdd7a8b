//===- device_test.cpp - what every device promises -----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One suite, run for each device. A device that keeps no bytes (null) has the
// same statuses and addresses; only comparisons of payload are left out.
//
//===----------------------------------------------------------------------===//
#include "device_suite.h"

#include <atomic>
#include <thread>

using namespace kvcrt_test;

namespace {

TEST_P(Device, AllocationsAreZeroedAndApart) {
  for (uint64_t bytes : {1ull, 1000ull, 3ull << 20}) {
    void *a = alloc(bytes), *b = alloc(bytes);
    EXPECT_NE(a, b);
    expectBytes(a, bytes - 1, 0);
    EXPECT_EQ(kvcrt_device_free(device, a), KVCRT_OK);
    EXPECT_EQ(kvcrt_device_free(device, a), KVCRT_NOT_FOUND);
    EXPECT_EQ(kvcrt_device_free(device, b), KVCRT_OK);
  }
  EXPECT_EQ(kvcrt_device_free(device, nullptr), KVCRT_OK);
}

TEST_P(Device, RefusesWhatIsNoSize) {
  void *address = nullptr;
  EXPECT_EQ(kvcrt_device_alloc(device, KVCRT_MEMORY_PAYLOAD, 0, &address),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(
      kvcrt_device_alloc(device, KVCRT_MEMORY_PAYLOAD, 1ull << 60, &address),
      KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_device_alloc(device, 7, 64, &address),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_device_alloc(nullptr, KVCRT_MEMORY_PAYLOAD, 64, &address),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(address, nullptr);
}

TEST_P(Device, ControlMemoryIsAddressableByTheHost) {
  int32_t *words = static_cast<int32_t *>(alloc(4096, KVCRT_MEMORY_CONTROL));
  EXPECT_EQ(words[1023], 0);
  words[1023] = 7;
  EXPECT_EQ(words[1023], 7);
  EXPECT_EQ(kvcrt_device_free(device, words), KVCRT_OK);
}

TEST_P(Device, OperationsFollowTheirOrder) {
  void *a = alloc(512), *b = alloc(512);
  const uint8_t source[4] = {1, 2, 3, 4};
  EXPECT_EQ(kvcrt_device_fill(device, a, 9, 512, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_device_update(device, a, source, 4, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_device_copy(device, b, a, 512, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_device_fill(device, a, 0, 512, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_device_synchronize(device, nullptr), KVCRT_OK);
  expectBytes(b, 3, 4);
  expectBytes(b, 4, 9);
  expectBytes(b, 511, 9);
  expectBytes(a, 3, 0);
  kvcrt_device_free(device, a);
  kvcrt_device_free(device, b);
}

TEST_P(Device, OperationsCheckTheirArguments) {
  void *a = alloc(64);
  int stream = 0;
  EXPECT_EQ(kvcrt_device_copy(device, a, nullptr, 1, nullptr),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_device_copy(device, nullptr, nullptr, 0, nullptr), KVCRT_OK);
  if (!isCuda()) { // there is one stream, null
    EXPECT_EQ(kvcrt_device_fill(device, a, 1, 1, &stream),
              KVCRT_INVALID_ARGUMENT);
    EXPECT_EQ(kvcrt_device_synchronize(device, &stream),
              KVCRT_INVALID_ARGUMENT);
  }
  kvcrt_device_free(device, a);
}

TEST_P(Device, RegionsGrowInPlace) {
  void *base = nullptr;
  ASSERT_EQ(device->reserve(64ull << 20, &base), KVCRT_OK);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(base) % (2 << 20), 0u);
  ASSERT_EQ(device->commit(base, 4096), KVCRT_OK);
  EXPECT_EQ(device->fill(base, 5, 4096, nullptr), KVCRT_OK);
  ASSERT_EQ(device->commit(base, 32ull << 20), KVCRT_OK);
  expectBytes(base, 4095, 5);              // what was there stays
  expectBytes(base, (32ull << 20) - 1, 0); // what is new is zero
  device->release(base, 64ull << 20);
}

TEST_P(Device, WorkspaceGrowsAndStaysAligned) {
  const kvcrt_env *env = kvcrt_device_env(device);
  EXPECT_EQ(env->struct_size, sizeof(kvcrt_env));
  EXPECT_EQ(env->abi_version, KVCRT_ABI_VERSION);
  EXPECT_EQ(env->workspace_size, 0u);
  ASSERT_EQ(kvcrt_device_reserve_workspace(device, 1000), KVCRT_OK);
  EXPECT_GE(env->workspace_size, 1000u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(env->workspace) % 64, 0u);
  void *before = env->workspace;
  ASSERT_EQ(kvcrt_device_reserve_workspace(device, 10), KVCRT_OK);
  EXPECT_EQ(env->workspace, before);
  ASSERT_EQ(kvcrt_device_reserve_workspace(device, 5 << 20), KVCRT_OK);
  EXPECT_GE(env->workspace_size, 5u << 20);
  memset(env->workspace, 1, env->workspace_size);
}

struct Loop {
  std::atomic<int> visits[1000];
  std::atomic<int> wrongWorkers{0};
  int32_t workers;
};

TEST_P(Device, ParallelForVisitsEachIndexOnce) {
  for (int32_t workers : {1, 2, 5}) {
    kvcrt_device *other = make(workers);
    const kvcrt_env *env = kvcrt_device_env(other);
#ifdef KVCRT_WITHOUT_TBB
    workers = 1; // the caller's thread, whatever was asked for
#endif
    EXPECT_EQ(env->num_workers, workers);
    for (int64_t count : {0, 1, 7, 1000}) {
      auto loop = std::make_unique<Loop>();
      loop->workers = workers;
      env->parallel_for(
          env->context, count,
          [](void *closure, int64_t index, int32_t worker) {
            auto *l = static_cast<Loop *>(closure);
            ++l->visits[index];
            if (worker < 0 || worker >= l->workers)
              ++l->wrongWorkers;
          },
          loop.get());
      EXPECT_EQ(loop->wrongWorkers, 0);
      for (int64_t index = 0; index < 1000; ++index)
        ASSERT_EQ(loop->visits[index],
                  GetParam().keepsBytes && index < count ? 1 : 0);
    }
    kvcrt_device_destroy(other);
  }
}

TEST_P(Device, MemoryCallsMayComeFromAnyThread) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        void *address = nullptr;
        ASSERT_EQ(
            kvcrt_device_alloc(device, KVCRT_MEMORY_CONTROL, 256, &address),
            KVCRT_OK);
        ASSERT_EQ(kvcrt_device_free(device, address), KVCRT_OK);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

INSTANTIATE_TEST_SUITE_P(Conformance, Device, testing::ValuesIn(deviceKinds()),
                         nameOf);

TEST(DeviceCreate, SaysWhatIsWrong) {
  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  kvcrt_device *device = nullptr;
  char text[200] = "";
  desc.kind = 9;
  EXPECT_EQ(kvcrt_device_create(&desc, &device, text, sizeof(text)),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_STREQ(
      text,
      "expected device kind cpu (0), null (1), sim (2) or cuda (3), got 9");
  desc.kind = 0;
  desc.num_workers = -1;
  EXPECT_EQ(kvcrt_device_create(&desc, &device, text, sizeof(text)),
            KVCRT_INVALID_ARGUMENT);
  KVCRT_INIT(&desc);
  desc.abi_version = KVCRT_ABI_VERSION + 1;
  EXPECT_EQ(kvcrt_device_create(&desc, &device, text, sizeof(text)),
            KVCRT_VERSION_MISMATCH);
  EXPECT_EQ(device, nullptr);
}

TEST(DeviceLog, ReachesTheUser) {
  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  std::string heard;
  desc.log_context = &heard;
  desc.log = [](void *context, int32_t level, const char *message) {
    *static_cast<std::string *>(context) = message + std::to_string(level);
  };
  kvcrt_device *device = nullptr;
  ASSERT_EQ(kvcrt_device_create(&desc, &device, nullptr, 0), KVCRT_OK);
  const kvcrt_env *env = kvcrt_device_env(device);
  env->log(env->context, 2, "block");
  EXPECT_EQ(heard, "block2");
  kvcrt_device_destroy(device);
}

} // namespace
