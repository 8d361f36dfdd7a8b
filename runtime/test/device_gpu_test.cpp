//===- device_gpu_test.cpp - what a device with streams promises ----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams, events, memory of a stream, captured graphs, uploads and tensor maps
// by copies and fills alone, so that a driver without an assembler has the same
// results; one kernel where there is a GPU.
//
//===----------------------------------------------------------------------===//
#include "device_calls.h"
#include "device_suite.h"

#include <cstring>

using namespace kvcrt_test;

namespace {

class GpuDevice : public Device {
protected:
  void SetUp() override {
    Device::SetUp();
    if (device) {
      ASSERT_EQ(kvcrt_stream_create(device, &stream), KVCRT_OK);
      ASSERT_EQ(kvcrt_stream_create(device, &other), KVCRT_OK);
    }
  }
  void TearDown() override {
    for (void *s : {stream, other})
      if (s) {
        EXPECT_EQ(kvcrt_stream_destroy(device, s), KVCRT_OK);
      }
    Device::TearDown();
  }
  std::string error() { return errorOf(device); }
  uint8_t lastByte(const void *address, uint64_t bytes, void *of) {
    uint8_t read = 0;
    EXPECT_EQ(kvcrt_device_read(device, &read,
                                static_cast<const char *>(address) + bytes - 1,
                                1, of),
              KVCRT_OK);
    return read;
  }
  /// After a failure the device still works.
  void expectAlive() {
    void *a = alloc(64);
    EXPECT_EQ(kvcrt_device_fill(device, a, 3, 64, stream), KVCRT_OK);
    EXPECT_EQ(lastByte(a, 64, stream), 3);
    kvcrt_device_free(device, a);
  }
  void *stream = nullptr, *other = nullptr;
};

TEST_P(GpuDevice, TellsWhatItIs) {
  kvcrt_device_info info;
  KVCRT_INIT(&info);
  ASSERT_EQ(kvcrt_device_get_info(device, &info), KVCRT_OK) << error();
  EXPECT_NE(info.name[0], 0);
  EXPECT_GE(info.sm, 80);
  EXPECT_GE(info.driver_version, 12000);
  EXPECT_GT(info.multiprocessors, 0);
  EXPECT_GT(info.l2_bytes, 0);
  if (GetParam().driver)
    return; // a fake one's numbers
  EXPECT_GE(info.shared_bytes_per_block, 99 << 10);
  EXPECT_GE(info.shared_bytes_per_multiprocessor, info.shared_bytes_per_block);
  EXPECT_GE(info.memory_bytes, 1ull << 30);
}

TEST_P(GpuDevice, EventsOrderStreams) {
  constexpr uint64_t kBytes = 64 << 20; // a GPU is busy with them for a while
  void *a = alloc(kBytes), *b = alloc(kBytes);
  void *filled = nullptr, *copied = nullptr;
  ASSERT_EQ(kvcrt_event_create(device, &filled), KVCRT_OK);
  ASSERT_EQ(kvcrt_event_create(device, &copied), KVCRT_OK);
  for (uint8_t i = 1; i < 9; ++i) {
    if (i > 1) { // what the last round copies is not overwritten before
      ASSERT_EQ(kvcrt_event_wait(device, copied, stream), KVCRT_OK);
    }
    ASSERT_EQ(kvcrt_device_fill(device, a, i, kBytes, stream), KVCRT_OK);
    ASSERT_EQ(kvcrt_event_record(device, filled, stream), KVCRT_OK);
    ASSERT_EQ(kvcrt_event_wait(device, filled, other), KVCRT_OK);
    ASSERT_EQ(kvcrt_device_copy(device, b, a, kBytes, other), KVCRT_OK);
    ASSERT_EQ(kvcrt_event_record(device, copied, other), KVCRT_OK);
    if (i % 4 == 0) {
      EXPECT_EQ(lastByte(b, kBytes, other), i);
    }
  }
  ASSERT_EQ(kvcrt_event_synchronize(device, copied), KVCRT_OK);
  EXPECT_EQ(kvcrt_event_query(device, copied), KVCRT_OK);
  float milliseconds = -1;
  ASSERT_EQ(kvcrt_event_elapsed(device, filled, copied, &milliseconds),
            KVCRT_OK);
  EXPECT_GT(milliseconds, 0.0f);
  for (void *event : {filled, copied})
    EXPECT_EQ(kvcrt_event_destroy(device, event), KVCRT_OK);
  for (void *memory : {a, b})
    EXPECT_EQ(kvcrt_device_free(device, memory), KVCRT_OK);
}

TEST_P(GpuDevice, MemoryOfAStreamIsTakenAndGivenInItsOrder) {
  constexpr uint64_t kBytes = 8 << 20;
  void *out = alloc(kBytes);
  for (uint8_t i = 1; i < 20; ++i) {
    void *address = nullptr;
    ASSERT_EQ(kvcrt_device_alloc_async(device, kBytes, stream, &address),
              KVCRT_OK)
        << error();
    ASSERT_EQ(kvcrt_device_fill(device, address, i, kBytes, stream), KVCRT_OK);
    ASSERT_EQ(kvcrt_device_copy(device, out, address, kBytes, stream),
              KVCRT_OK);
    ASSERT_EQ(kvcrt_device_free_async(device, address, stream), KVCRT_OK);
  }
  EXPECT_EQ(lastByte(out, kBytes, stream), 19);
  EXPECT_EQ(kvcrt_device_free(device, out), KVCRT_OK);
}

TEST_P(GpuDevice, AGraphReadsWhatLiesThereWhenItRuns) {
  constexpr uint64_t kBytes = 4096;
  void *a = alloc(kBytes), *b = alloc(kBytes), *c = alloc(kBytes);
  ASSERT_EQ(kvcrt_device_fill(device, a, 1, kBytes, stream), KVCRT_OK);
  EXPECT_EQ(kvcrt_graph_begin(device, nullptr), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_graph_begin(device, stream), KVCRT_OK) << error();
  ASSERT_EQ(kvcrt_device_copy(device, b, a, kBytes, stream), KVCRT_OK);
  ASSERT_EQ(kvcrt_device_fill(device, c, 9, kBytes, stream), KVCRT_OK);
  kvcrt_graph *graph = nullptr;
  ASSERT_EQ(kvcrt_graph_end(device, stream, &graph), KVCRT_OK) << error();
  EXPECT_EQ(lastByte(b, kBytes, stream), 0); // nothing has run
  for (uint8_t i = 2; i < 6; ++i) {
    ASSERT_EQ(kvcrt_device_fill(device, a, i, kBytes, stream), KVCRT_OK);
    ASSERT_EQ(kvcrt_device_fill(device, c, 0, kBytes, stream), KVCRT_OK);
    ASSERT_EQ(kvcrt_graph_launch(device, graph, stream), KVCRT_OK) << error();
    EXPECT_EQ(lastByte(b, kBytes, stream), i);
    EXPECT_EQ(lastByte(c, kBytes, stream), 9);
  }
  kvcrt_graph_destroy(device, graph);
  for (void *memory : {a, b, c})
    EXPECT_EQ(kvcrt_device_free(device, memory), KVCRT_OK);
}

TEST_P(GpuDevice, ErrorsNameTheCall) {
  kvcrt_graph *graph = nullptr;
  EXPECT_NE(kvcrt_graph_end(device, stream, &graph), KVCRT_OK);
  EXPECT_EQ(error().rfind("cuStreamEndCapture", 0), 0u) << error();
  expectAlive();

  static const char text[] = "this is no PTX";
  const kvcrt_image image = {KVCRT_IMAGE_PTX, 80, text, sizeof(text), "sm_80"};
  const kvcrt_kernel kernel = kernelOf("nothing", &image);
  int32_t blocks = 0;
  EXPECT_NE(kvcrt_kernel_prepare(device, &kernel, &blocks), KVCRT_OK);
  EXPECT_EQ(error().rfind("cuModuleLoadDataEx of kernel `nothing`", 0), 0u)
      << error();
  expectAlive();
}

TEST_P(GpuDevice, RowsOfTheHostAreBroughtOver) {
  char *host = static_cast<char *>(alloc(256, KVCRT_MEMORY_CONTROL));
  char *there = static_cast<char *>(alloc(256));
  memset(host, 7, 256);
  ASSERT_EQ(device->upload(there, host, 8, 3, 64, stream), KVCRT_OK);
  ASSERT_EQ(kvcrt_device_synchronize(device, stream), KVCRT_OK);
  for (size_t at = 0; at < 256; ++at) {
    uint8_t read = 1;
    ASSERT_EQ(kvcrt_device_read(device, &read, there + at, 1, stream),
              KVCRT_OK);
    EXPECT_EQ(read, at < 192 && at % 64 < 8 ? 7 : 0) << at;
  }
  kvcrt_device_free(device, host);
  kvcrt_device_free(device, there);
}

TEST_P(GpuDevice, TensorMaps) {
  void *base = alloc(4096 * 1000);
  kvcrt_tensor_map_desc desc = tensorMapDesc(base);
  kvcrt_tensor_map map = {};
  kvcrt_device_info info;
  KVCRT_INIT(&info);
  ASSERT_EQ(kvcrt_device_get_info(device, &info), KVCRT_OK);
  if (info.sm >= 90) {
    EXPECT_EQ(kvcrt_tensor_map_encode(device, &desc, &map), KVCRT_OK)
        << error();
  }
  desc.element = KVCRT_I4;
  EXPECT_EQ(kvcrt_tensor_map_encode(device, &desc, &map), KVCRT_UNSUPPORTED);
  kvcrt_device_free(device, base);
}

/// out[thread] += add, of 64 threads. Parameters: out, add.
const char kAddPtx[] = R"ptx(.version 7.0
.target sm_80
.address_size 64
.visible .entry add_all(.param .align 8 .b8 p[16])
{
  .reg .b32 %r<4>;
  .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [p];
  ld.param.u32 %r1, [p+8];
  cvta.to.global.u64 %rd1, %rd1;
  mov.u32 %r2, %tid.x;
  mul.wide.u32 %rd2, %r2, 4;
  add.u64 %rd1, %rd1, %rd2;
  ld.global.u32 %r3, [%rd1];
  add.u32 %r3, %r3, %r1;
  st.global.u32 [%rd1], %r3;
  ret;
}
)ptx";

TEST_P(GpuDevice, KernelsRunInTheOrderOfTheirStream) {
  if (GetParam().driver)
    GTEST_SKIP() << "this driver assembles nothing";
  const kvcrt_image image = {KVCRT_IMAGE_PTX, 80, kAddPtx, sizeof(kAddPtx),
                             "sm_80"};
  const kvcrt_kernel kernel = kernelOf("add_all", &image);
  int32_t blocks = 0;
  ASSERT_EQ(kvcrt_kernel_prepare(device, &kernel, &blocks), KVCRT_OK)
      << error();
  EXPECT_GT(blocks, 0);
  void *out = alloc(256);
  struct {
    void *out;
    uint64_t add;
  } params = {out, 5};
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(launchKernel(device, kernel, &params, sizeof(params), stream, 1),
              KVCRT_OK)
        << error();
  int32_t sums[64] = {};
  ASSERT_EQ(kvcrt_device_read(device, sums, out, sizeof(sums), stream),
            KVCRT_OK);
  for (int32_t sum : sums)
    EXPECT_EQ(sum, 50);
  // The kernel is this test's; its device goes on without it.
  EXPECT_EQ(kvcrt_device_forget_kernels(device), KVCRT_OK);
  kvcrt_device_free(device, out);
}

INSTANTIATE_TEST_SUITE_P(Conformance, GpuDevice, testing::ValuesIn(gpuKinds()),
                         nameOf);

} // namespace
