//===- sim_device_test.cpp - launches through the sim device --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled host code does: env->launch with the address of a kvcrt_kernel.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/gpu.h"
#include "sim_fixture.h"

using namespace kvcrt::test;

namespace {

class SimDevice : public SimTest {
protected:
  void SetUp() override {
    SimTest::SetUp();
    kvcrt_device_desc desc;
    KVCRT_INIT(&desc);
    desc.kind = KVCRT_DEVICE_SIM;
    desc.num_workers = 2;
    desc.log_context = &log;
    desc.log = [](void *context, int32_t, const char *message) {
      *static_cast<std::string *>(context) += message;
    };
    ASSERT_EQ(kvcrt_device_create(&desc, &device, nullptr, 0), KVCRT_OK);
    kernel.function = [](kvcrt_sim_thread *t, const void *params) {
      storeGlobal(t, 1, pointer<uint32_t>(params) + blockOf(t) * 32 + tidOf(t),
                  tidOf(t));
    };
    kernel.params_size = 8;
    image = {KVCRT_IMAGE_SIM, 0, &kernel, sizeof(kernel), "sim"};
    KVCRT_INIT(&record);
    record.name = "kernel";
    record.threads = 32;
    record.images = &image;
    record.num_images = 1;
    KVCRT_INIT(&call);
    call.kernel = &record;
    call.grid[0] = 4;
    call.grid[1] = call.grid[2] = 1;
    call.params = &address;
    call.params_size = sizeof(address);
  }
  void TearDown() override {
    kvcrt_device_destroy(device);
    SimTest::TearDown();
  }
  int32_t run() {
    const kvcrt_env *env = kvcrt_device_env(device);
    return env->launch(env->context, env, &call);
  }

  kvcrt_device *device = nullptr;
  void *address = nullptr;
  kvcrt_image image{};
  kvcrt_kernel record{};
  kvcrt_launch call{};
  std::string log;
};

TEST_F(SimDevice, RunsOnItsMemory) {
  ASSERT_EQ(
      kvcrt_device_alloc(device, KVCRT_MEMORY_PAYLOAD, 4 * 32 * 4, &address),
      KVCRT_OK);
  EXPECT_EQ(run(), KVCRT_OK) << log;
  for (uint32_t i = 0; i < 128; ++i)
    EXPECT_EQ(static_cast<uint32_t *>(address)[i], i % 32);
  // One block more than there is memory.
  call.grid[0] = 5;
  EXPECT_EQ(run(), KVCRT_DEVICE_ERROR);
  EXPECT_NE(log.find("past the end of a payload allocation"), std::string::npos)
      << log;
  EXPECT_GE(kvcrt_sim_finding_count(kvcrt_device_sim(device)), 1u);
  ASSERT_EQ(kvcrt_device_free(device, address), KVCRT_OK);
  call.grid[0] = 1;
  EXPECT_EQ(run(), KVCRT_DEVICE_ERROR);
}

TEST_F(SimDevice, RunsOnMemoryThatACallerRegisters) {
  std::vector<uint32_t> numbers(128);
  address = numbers.data();
  EXPECT_EQ(run(), KVCRT_DEVICE_ERROR);
  ASSERT_EQ(kvcrt_sim_add_memory(kvcrt_device_sim(device), address, 512, 0,
                                 "numbers"),
            KVCRT_OK);
  EXPECT_EQ(run(), KVCRT_OK);
  EXPECT_EQ(numbers[127], 31u);
}

TEST_F(SimDevice, RefusesWhatItCannotRun) {
  image.kind = KVCRT_IMAGE_PTX;
  EXPECT_EQ(run(), KVCRT_UNSUPPORTED);
  EXPECT_NE(log.find("--target=sim"), std::string::npos) << log;
  image.kind = KVCRT_IMAGE_SIM;
  call.params_size = 4;
  EXPECT_EQ(run(), KVCRT_INVALID_ARGUMENT);
  call.struct_size = 3;
  EXPECT_EQ(run(), KVCRT_VERSION_MISMATCH);
}

TEST_F(SimDevice, AGraphRunsWhatWasCaptured) {
  ASSERT_EQ(
      kvcrt_device_alloc(device, KVCRT_MEMORY_PAYLOAD, 4 * 32 * 4, &address),
      KVCRT_OK);
  uint32_t *numbers = static_cast<uint32_t *>(address);
  kvcrt_graph *graph = nullptr;
  EXPECT_EQ(kvcrt_graph_end(device, nullptr, &graph), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_graph_begin(device, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_graph_begin(device, nullptr), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_device_fill(device, address, 1, 4 * 32 * 4, nullptr),
            KVCRT_OK);
  call.grid[0] = 2;
  ASSERT_EQ(run(), KVCRT_OK) << log;
  ASSERT_EQ(kvcrt_graph_end(device, nullptr, &graph), KVCRT_OK);
  EXPECT_EQ(numbers[31], 0u); // nothing has run
  void *other = nullptr;
  std::swap(other, address); // parameters are the captured ones
  for (int round = 0; round < 2; ++round) {
    numbers[31] = numbers[64] = 7;
    ASSERT_EQ(kvcrt_graph_launch(device, graph, nullptr), KVCRT_OK) << log;
    EXPECT_EQ(numbers[31], 31u);
    EXPECT_EQ(numbers[63], 31u);
    EXPECT_EQ(numbers[64], 0x01010101u);
  }
  kvcrt_graph_destroy(device, graph);
}

TEST_F(SimDevice, OtherDevicesHaveNoSimulator) {
  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  kvcrt_device *cpu = nullptr;
  ASSERT_EQ(kvcrt_device_create(&desc, &cpu, nullptr, 0), KVCRT_OK);
  EXPECT_EQ(kvcrt_device_sim(cpu), nullptr);
  EXPECT_EQ(kvcrt_device_env(cpu)->launch, nullptr);
  EXPECT_EQ(kvcrt_graph_begin(cpu, nullptr), KVCRT_UNSUPPORTED);
  kvcrt_device_destroy(cpu);
}

} // namespace
