//===- cuda_device_test.cpp - what the cuda device asks of a driver -------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Over the fake driver, which works on host memory and only when somebody
// waits: packing of arguments, order, graphs, choice of images.
//
//===----------------------------------------------------------------------===//
#include "cuda/driver.h"
#include "cuda_fixture.h"

using namespace kvcrt_test;

namespace {

using CudaDevice = FakeCudaTest;
using Values = std::vector<int32_t>;

TEST_F(CudaDevice, TellsWhatItIs) {
  create();
  kvcrt_device_info info;
  KVCRT_INIT(&info);
  ASSERT_EQ(kvcrt_device_get_info(device, &info), KVCRT_OK);
  EXPECT_STREQ(info.name, "Fake GPU");
  EXPECT_EQ(info.sm, 90);
  EXPECT_EQ(info.multiprocessors, 1016);
  EXPECT_EQ(info.shared_bytes_per_block, 1097);
  EXPECT_EQ(info.memory_bytes, 80ull << 30);
  EXPECT_EQ(info.driver_version, 13000);
  EXPECT_EQ(error(), "");
}

TEST_F(CudaDevice, LaunchesOnTheCallersStream) {
  create();
  void *stream = nullptr;
  ASSERT_EQ(kvcrt_stream_create(device, &stream), KVCRT_OK);
  int32_t *count = alloc(1), *add = alloc(1), *out = alloc(4);
  put(count, {3});
  put(add, {5});
  AddParams params = {count, add, out};
  ASSERT_EQ(launch(params, stream), KVCRT_OK);
  params = {};                                  // copied before launch returned
  EXPECT_EQ(get(out, 4), Values({0, 0, 0, 0})); // another stream's work
  EXPECT_EQ(get(out, 4, stream), Values({5, 5, 5, 0}));
  EXPECT_EQ(calls("cuLaunchKernel add grid=3,1,1 block=64,1,1 shared=102400 "
                  "stream"),
            1);
  EXPECT_EQ(calls("cuFuncSetAttribute 8=102400"), 1);
  // Loaded once.
  ASSERT_EQ(launch(AddParams{count, add, out}, stream), KVCRT_OK);
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 1);
  int32_t blocks = 0;
  ASSERT_EQ(kvcrt_kernel_prepare(device, &kernel, &blocks), KVCRT_OK);
  EXPECT_EQ(blocks, 2);
  ASSERT_EQ(kvcrt_device_forget_kernels(device), KVCRT_OK);
  EXPECT_EQ(calls("cuModuleUnload"), 1);
  ASSERT_EQ(launch(AddParams{count, add, out}, stream), KVCRT_OK);
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 2);
  EXPECT_EQ(launch(AddParams{count, add, out}, stream, 0),
            KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_stream_destroy(device, stream), KVCRT_OK);
}

TEST_F(CudaDevice, LeavesTheCallersContextAlone) {
  create();
  using kvcrt::cuda::Context;
  auto push =
      reinterpret_cast<int (*)(Context)>(dlsym(library, "cuCtxPushCurrent_v2"));
  auto pop = reinterpret_cast<int (*)(Context *)>(
      dlsym(library, "cuCtxPopCurrent_v2"));
  const Context other = reinterpret_cast<Context>(&push);
  push(other);
  alloc(1);
  Context now = nullptr;
  pop(&now);
  EXPECT_EQ(now, other);
}

TEST_F(CudaDevice, UpdateIsDoneWithItsSource) {
  create();
  int32_t *a = alloc(2);
  Values source = {1, 2};
  ASSERT_EQ(kvcrt_device_update(device, a, source.data(), 8, nullptr),
            KVCRT_OK);
  source = {7, 7};
  EXPECT_EQ(get(a, 2), Values({1, 2}));
}

TEST_F(CudaDevice, EventsOrderStreams) {
  create();
  void *first = nullptr, *second = nullptr, *event = nullptr, *end = nullptr;
  ASSERT_EQ(kvcrt_stream_create(device, &first), KVCRT_OK);
  ASSERT_EQ(kvcrt_stream_create(device, &second), KVCRT_OK);
  ASSERT_EQ(kvcrt_event_create(device, &event), KVCRT_OK);
  ASSERT_EQ(kvcrt_event_create(device, &end), KVCRT_OK);
  int32_t *a = alloc(1), *b = alloc(1);
  ASSERT_EQ(kvcrt_device_fill(device, a, 1, 4, first), KVCRT_OK);
  ASSERT_EQ(kvcrt_event_record(device, event, first), KVCRT_OK);
  EXPECT_EQ(kvcrt_event_query(device, event), KVCRT_BUSY);
  EXPECT_EQ(error(), ""); // an answer, not a failure
  ASSERT_EQ(kvcrt_event_wait(device, event, second), KVCRT_OK);
  ASSERT_EQ(kvcrt_device_copy(device, b, a, 4, second), KVCRT_OK);
  ASSERT_EQ(kvcrt_event_record(device, end, second), KVCRT_OK);
  EXPECT_EQ(get(b, 1, second), Values({0x01010101}));
  EXPECT_EQ(kvcrt_event_query(device, event), KVCRT_OK);
  ASSERT_EQ(kvcrt_event_synchronize(device, end), KVCRT_OK);
  float milliseconds = 0;
  ASSERT_EQ(kvcrt_event_elapsed(device, event, end, &milliseconds), KVCRT_OK);
  EXPECT_EQ(milliseconds, 0.25f);
  for (void *e : {event, end})
    ASSERT_EQ(kvcrt_event_destroy(device, e), KVCRT_OK);
  for (void *s : {first, second})
    ASSERT_EQ(kvcrt_stream_destroy(device, s), KVCRT_OK);
}

TEST_F(CudaDevice, MemoryOfAStream) {
  create();
  void *stream = nullptr, *address = nullptr;
  ASSERT_EQ(kvcrt_stream_create(device, &stream), KVCRT_OK);
  EXPECT_EQ(kvcrt_device_alloc_async(device, 0, stream, &address),
            KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_device_alloc_async(device, 64, stream, &address), KVCRT_OK);
  ASSERT_EQ(kvcrt_device_fill(device, address, 2, 64, stream), KVCRT_OK);
  EXPECT_EQ(get(static_cast<int32_t *>(address), 1, stream),
            Values({0x02020202}));
  ASSERT_EQ(kvcrt_device_free_async(device, address, stream), KVCRT_OK);
  ASSERT_EQ(kvcrt_device_free_async(device, nullptr, stream), KVCRT_OK);
  ASSERT_EQ(kvcrt_stream_destroy(device, stream), KVCRT_OK);
}

TEST_F(CudaDevice, AGraphReplaysWithOtherLengths) {
  create();
  void *stream = nullptr;
  ASSERT_EQ(kvcrt_stream_create(device, &stream), KVCRT_OK);
  int32_t *count = alloc(1), *add = alloc(1), *out = alloc(6);
  put(count, {2}, stream);
  put(add, {1}, stream);
  const AddParams params = {count, add, out};
  ASSERT_EQ(launch(params, stream), KVCRT_OK); // loads the kernel
  EXPECT_EQ(kvcrt_graph_begin(device, nullptr), KVCRT_INVALID_ARGUMENT);
  ASSERT_EQ(kvcrt_graph_begin(device, stream), KVCRT_OK);
  for (int layer = 0; layer < 3; ++layer)
    ASSERT_EQ(launch(params, stream), KVCRT_OK);
  kvcrt_graph *graph = nullptr;
  ASSERT_EQ(kvcrt_graph_end(device, stream, &graph), KVCRT_OK);
  EXPECT_EQ(get(out, 6, stream), Values({1, 1, 0, 0, 0, 0})); // not run
  ASSERT_EQ(kvcrt_graph_launch(device, graph, stream), KVCRT_OK);
  EXPECT_EQ(get(out, 6, stream), Values({4, 4, 0, 0, 0, 0}));
  put(count, {5}, stream);
  put(add, {10}, stream);
  ASSERT_EQ(kvcrt_graph_launch(device, graph, stream), KVCRT_OK);
  EXPECT_EQ(get(out, 6, stream), Values({34, 34, 30, 30, 30, 0}));
  EXPECT_EQ(calls("cuStreamBeginCapture_v2 1"), 1); // this thread's calls
  kvcrt_graph_destroy(device, graph);
  ASSERT_EQ(kvcrt_stream_destroy(device, stream), KVCRT_OK);
}

TEST_F(CudaDevice, TensorMaps) {
  create();
  kvcrt_tensor_map_desc desc = tensorMapDesc(alloc(64));
  struct {
    char shift[8];
    kvcrt_tensor_map map; // not 64-byte aligned
  } room = {};
  ASSERT_EQ(kvcrt_tensor_map_encode(device, &desc, &room.map), KVCRT_OK)
      << error();
  EXPECT_EQ(room.map.opaque[127], 0x5A);
  EXPECT_EQ(calls("cuTensorMapEncodeTiled type=9 rank=3 128/-/64/1 "
                  "16/256/16/1 1000/4096/1/1 0320"),
            1)
      << fake->log();
  desc.stride[1] = 24;
  EXPECT_EQ(kvcrt_tensor_map_encode(device, &desc, &room.map),
            KVCRT_INVALID_ARGUMENT);
  desc.stride[1] = 256;
  desc.box[0] = 257;
  EXPECT_EQ(kvcrt_tensor_map_encode(device, &desc, &room.map),
            KVCRT_INVALID_ARGUMENT);
  desc.box[0] = 64;
  desc.element = KVCRT_I4;
  EXPECT_EQ(kvcrt_tensor_map_encode(device, &desc, &room.map),
            KVCRT_UNSUPPORTED);
}

TEST_F(CudaDevice, TakesTheBestImage) {
  // machine code of this chip, of an older one of its generation, PTX
  struct Case {
    int minor;
    kvcrt_image first, second;
    int32_t status;
    int loads; // which image: of those that are refused, none
  };
  fake->set("major", 8);
  fake->set("minor", 6);
  create();
  int32_t *count = alloc(1);
  const AddParams params = {count, count, count};
  const kvcrt_image ptx90a = {KVCRT_IMAGE_PTX, 90, &code, 8, "sm_90a"},
                    cubin90a = {KVCRT_IMAGE_CUBIN, 90, &code, 8, "sm_90a"},
                    cubin89 = {KVCRT_IMAGE_CUBIN, 89, &code, 8, "sm_89"},
                    cubin80 = {KVCRT_IMAGE_CUBIN, 80, &code, 8, "sm_80"},
                    ptx75 = {KVCRT_IMAGE_PTX, 75, &assembly, 8, "sm_75"};
  kernel.num_images = 2;
  code.loadResult = 209; // a driver that does not know this machine code
  images[0] = cubin80;
  images[1] = ptx75;
  ASSERT_EQ(launch(params, nullptr), KVCRT_OK) << log;
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 2);
  ASSERT_EQ(kvcrt_device_forget_kernels(device), KVCRT_OK);
  code.loadResult = 0;
  images[0] = ptx75;
  images[1] = cubin80; // better, though it comes second
  assembly.loadResult = 218;
  ASSERT_EQ(launch(params, nullptr), KVCRT_OK) << log;
  ASSERT_EQ(kvcrt_device_forget_kernels(device), KVCRT_OK);
  images[0] = cubin89;
  images[1] = cubin90a;
  EXPECT_EQ(launch(params, nullptr), KVCRT_UNSUPPORTED);
  EXPECT_EQ(error(), "kernel `add`: expected code for sm_86, got sm_89 machine "
                     "code, sm_90a machine code; compile with --target=sm_86");
  images[0] = ptx90a;
  EXPECT_EQ(launch(params, nullptr), KVCRT_UNSUPPORTED);
  kernel.num_images = 0;
  EXPECT_EQ(launch(params, nullptr), KVCRT_UNSUPPORTED);
  EXPECT_NE(error().find("got none"), std::string::npos);
}

TEST_F(CudaDevice, StepArraysAreBroughtToTheDevice) {
  create();
  const kvcrt_group_desc group = smallGroup(16);
  kvcrt_runtime_desc desc;
  KVCRT_INIT(&desc);
  desc.device = device;
  desc.groups = &group;
  desc.num_groups = 1;
  desc.capacity.max_seqs = 2;
  desc.capacity.max_tokens = 8;
  desc.capacity.max_kv_len = 32;
  kvcrt_runtime *runtime = nullptr;
  ASSERT_EQ(kvcrt_runtime_create(&desc, &runtime, nullptr, 0), KVCRT_OK);
  kvcrt_sequence sequence = 0;
  ASSERT_EQ(kvcrt_sequence_create(runtime, &sequence), KVCRT_OK);
  void *stream = nullptr;
  ASSERT_EQ(kvcrt_stream_create(device, &stream), KVCRT_OK);
  kvcrt_step_view view;
  const kvcrt_step_entry entry = {sequence, 6, KVCRT_LOGITS_LAST};
  ASSERT_EQ(kvcrt_step_begin(runtime, &entry, 1, &view, nullptr, 0), KVCRT_OK);
  EXPECT_NE(view.step->kv_len, view.host_step->kv_len);
  EXPECT_EQ(view.host_step->kv_len[0], 6);
  ASSERT_EQ(kvcrt_step_submit(runtime, view.id, stream), KVCRT_OK);
  // In the stream's order, without a wait.
  EXPECT_EQ(get(view.step->kv_len, 1), Values({0}));
  EXPECT_EQ(get(view.step->kv_len, 1, stream), Values({6}));
  EXPECT_EQ(get(view.caches[0].slot_mapping, 6, stream),
            Values({0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(get(view.caches[0].block_table, 2, stream), Values({0, 1}));
  put(view.caches[0].error_word, {KVCRT_ERROR_NAN_INPUT}, stream);
  int32_t errors = 0;
  ASSERT_EQ(kvcrt_step_get_errors(runtime, view.id, &errors), KVCRT_OK);
  EXPECT_EQ(errors, KVCRT_ERROR_NAN_INPUT);
  // The next step in this slot has none, before it is submitted and after.
  ASSERT_EQ(kvcrt_step_retire(runtime, view.id), KVCRT_OK);
  ASSERT_EQ(kvcrt_step_begin(runtime, &entry, 1, &view, nullptr, 0), KVCRT_OK);
  EXPECT_EQ(view.slot, 0);
  ASSERT_EQ(kvcrt_step_get_errors(runtime, view.id, &errors), KVCRT_OK);
  EXPECT_EQ(errors, 0);
  ASSERT_EQ(kvcrt_step_submit(runtime, view.id, stream), KVCRT_OK);
  ASSERT_EQ(kvcrt_step_get_errors(runtime, view.id, &errors), KVCRT_OK);
  EXPECT_EQ(errors, 0);
  kvcrt_runtime_destroy(runtime);
  ASSERT_EQ(kvcrt_stream_destroy(device, stream), KVCRT_OK);
}

} // namespace
