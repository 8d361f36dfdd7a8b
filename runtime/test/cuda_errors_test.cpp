//===- cuda_errors_test.cpp - every driver error becomes a status ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets each call of a run of everything fail in turn, in each place.
//
//===----------------------------------------------------------------------===//
#include "cuda_fixture.h"

#include <map>

using namespace kvcrt_test;

namespace {

using CudaErrors = FakeCudaTest;

TEST_F(CudaErrors, WithoutADriver) {
  EXPECT_EQ(tryCreate("/nowhere/libcuda.so.1"), KVCRT_NOT_FOUND);
  EXPECT_NE(message.find("expected the NVIDIA driver's library: "
                         "/nowhere/libcuda.so.1"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("install the driver"), std::string::npos);
  EXPECT_EQ(tryCreate(KVCRT_TEST_MODULE), KVCRT_NOT_FOUND);
  EXPECT_NE(message.find("which has no cuInit"), std::string::npos) << message;
  // The environment names it, too.
  setenv("KVCRT_CUDA_DRIVER", KVCRT_TEST_FAKE_CUDA, 1);
  EXPECT_EQ(tryCreate(nullptr), KVCRT_OK) << message;
  unsetenv("KVCRT_CUDA_DRIVER");
}

TEST_F(CudaErrors, WithADriverThatWillNotDo) {
  fake->set("version", 11040);
  EXPECT_EQ(tryCreate(), KVCRT_UNSUPPORTED);
  EXPECT_EQ(message,
            "expected an NVIDIA driver for CUDA 12.0 or newer, got one "
            "for 11.4; update the driver");
  fake->reset();
  fake->set("devices", 0);
  EXPECT_EQ(tryCreate(), KVCRT_NOT_FOUND);
  EXPECT_EQ(message, "cuInit: CUDA_ERROR_NO_DEVICE (100): something else; "
                     "expected a GPU that this driver can use");
  fake->reset();
  EXPECT_EQ(tryCreate(KVCRT_TEST_FAKE_CUDA, 1), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(message, "expected a GPU with ordinal 1, got 1 GPUs");
  fake->fail("cuDevicePrimaryCtxRetain", 1, 2);
  EXPECT_EQ(tryCreate(), KVCRT_OUT_OF_MEMORY);
  EXPECT_EQ(message,
            "cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY (2): out of "
            "memory");
}

TEST_F(CudaErrors, SayWhatTheAssemblerSaid) {
  create();
  images[0] = images[1];
  assembly.loadResult = 218;
  assembly.loadLog = "line 7: unknown opcode\nline 8: so it is";
  int32_t *count = alloc(1);
  EXPECT_EQ(launch(AddParams{count, count, count}, nullptr),
            KVCRT_DEVICE_ERROR);
  EXPECT_EQ(error(), "cuModuleLoadDataEx of kernel `add`, PTX for sm_90a: "
                     "CUDA_ERROR_OTHER (218): something else: line 7: unknown "
                     "opcode line 8: so it is");
  EXPECT_NE(log.find(error()), std::string::npos);
  assembly.loadResult = 222;
  assembly.loadLog = nullptr;
  EXPECT_EQ(launch(AddParams{count, count, count}, nullptr), KVCRT_UNSUPPORTED);
  EXPECT_NE(error().find("update the driver, or compile with a ptxas"),
            std::string::npos)
      << error();
  kernel.name = "other";
  assembly.loadResult = 0;
  EXPECT_EQ(launch(AddParams{count, count, count}, nullptr),
            KVCRT_DEVICE_ERROR);
  EXPECT_NE(error().find("cuModuleGetFunction of `other`"), std::string::npos);
}

/// A step of everything; stops at the first failure and says its status.
class Everything : public FakeCudaTest {
protected:
  void run() {
    first = KVCRT_OK;
    log.clear();
    note(tryCreate());
    if (first)
      return;
    void *stream = nullptr, *event = nullptr, *payload = nullptr,
         *control = nullptr, *region = nullptr, *async = nullptr;
    kvcrt_graph *graph = nullptr;
    int32_t blocks = 0;
    float milliseconds = 0;
    kvcrt_device_info info;
    KVCRT_INIT(&info);
    kvcrt_tensor_map map;
    kvcrt_tensor_map_desc desc;
    KVCRT_INIT(&desc);
    desc.rank = 1;
    desc.extent[0] = desc.box[0] = 16;
    note(kvcrt_device_get_info(device, &info));
    note(kvcrt_stream_create(device, &stream));
    note(kvcrt_event_create(device, &event));
    note(kvcrt_device_alloc(device, KVCRT_MEMORY_PAYLOAD, 256, &payload));
    note(kvcrt_device_alloc(device, KVCRT_MEMORY_CONTROL, 256, &control));
    note(makeRuntime(stream));
    note(kvcrt_kernel_prepare(device, &kernel, &blocks));
    if (stream && payload) {
      int32_t *p = static_cast<int32_t *>(payload);
      note(kvcrt_device_alloc_async(device, 64, stream, &async));
      note(kvcrt_device_fill(device, payload, 0, 256, stream));
      note(kvcrt_device_copy(device, p + 8, p, 32, stream));
      const kvcrt_status begun = kvcrt_graph_begin(device, stream);
      note(begun);
      note(kvcrt_status(launch(AddParams{p, p + 1, p + 2}, stream)));
      if (!begun)
        note(kvcrt_graph_end(device, stream, &graph));
      if (graph)
        note(kvcrt_graph_launch(device, graph, stream));
      if (async)
        note(kvcrt_device_free_async(device, async, stream));
      if (event) {
        note(kvcrt_event_record(device, event, stream));
        note(kvcrt_event_wait(device, event, nullptr));
        note(kvcrt_event_synchronize(device, event));
        note(kvcrt_event_query(device, event));
        note(kvcrt_event_elapsed(device, event, event, &milliseconds));
      }
      note(kvcrt_device_synchronize(device, stream));
      desc.base = payload;
      note(kvcrt_tensor_map_encode(device, &desc, &map));
    }
    (void)region;
    if (graph)
      kvcrt_graph_destroy(device, graph);
    if (event)
      note(kvcrt_event_destroy(device, event));
    if (stream)
      note(kvcrt_stream_destroy(device, stream));
    note(kvcrt_device_free(device, payload));
    note(kvcrt_device_free(device, control));
    note(kvcrt_device_forget_kernels(device));
    kvcrt_device_destroy(device);
    device = nullptr;
  }

private:
  void note(kvcrt_status status) { first = first ? first : status; }
  /// A runtime whose step arrays are brought over row by row, and a step.
  kvcrt_status makeRuntime(void *stream) {
    const kvcrt_group_desc group = smallGroup(64);
    kvcrt_runtime_desc desc;
    KVCRT_INIT(&desc);
    desc.device = device;
    desc.groups = &group;
    desc.num_groups = 1;
    desc.max_logit_rows = 100000;
    desc.capacity.max_seqs = 2;
    desc.capacity.max_tokens = 8;
    desc.capacity.max_kv_len = 64;
    kvcrt_runtime *runtime = nullptr;
    char text[300];
    kvcrt_status status =
        kvcrt_runtime_create(&desc, &runtime, text, sizeof(text));
    if (status)
      return status;
    kvcrt_step_entry entries[2] = {{0, 4, 0}, {0, 4, 0}};
    for (kvcrt_step_entry &entry : entries)
      status =
          status ? status : kvcrt_sequence_create(runtime, &entry.sequence);
    kvcrt_step_view view;
    if (!status)
      status = kvcrt_step_begin(runtime, entries, 2, &view, text, sizeof(text));
    if (!status)
      status = kvcrt_step_submit(runtime, view.id, stream);
    int32_t errors = 0;
    if (!status)
      status = kvcrt_step_get_errors(runtime, view.id, &errors);
    kvcrt_runtime_destroy(runtime);
    return status;
  }

protected:
  kvcrt_status first = KVCRT_OK;
};

TEST_F(Everything, FailsInEachPlaceInTurn) {
  run();
  ASSERT_EQ(first, KVCRT_OK) << message << log;
  ASSERT_EQ(fake->live(), 0);
  // Every call of the table is made by this run.
  std::map<std::string, int> made;
  const std::string lines = fake->log();
  for (size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1)
    ++made[lines.substr(at, lines.find_first_of(" \n", at) - at)];
  EXPECT_EQ(made.size(), 55u); // all but the two that name errors
  int places = 0;
  for (auto &[symbol, times] : made)
    for (int nth = 1; nth <= times; ++nth, ++places) {
      SCOPED_TRACE(symbol + " #" + std::to_string(nth));
      fake->reset();
      fake->fail(symbol.c_str(), nth, 719); // launch failure
      run();
      // Freeing has nobody to tell but the log.
      const bool told =
          first != KVCRT_OK || log.find("(719)") != std::string::npos;
      EXPECT_TRUE(told);
      // The text names the call, without its version.
      const std::string call = symbol.substr(0, symbol.find("_v2"));
      EXPECT_NE((message + log).find(call), std::string::npos)
          << message << log;
      const bool frees = symbol.find("Free") != std::string::npos ||
                         symbol.find("Destroy") != std::string::npos ||
                         symbol.find("Unload") != std::string::npos ||
                         symbol.find("Release") != std::string::npos ||
                         symbol.find("Unmap") != std::string::npos ||
                         symbol.find("Ctx") != std::string::npos;
      if (!frees) {
        EXPECT_EQ(fake->live(), 0) << fake->log();
      }
    }
  EXPECT_GT(places, 100);
  fake->reset();
}

} // namespace
