//===- sim_fixture.h - kernels of the simulator written in C++ ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kvc-sim-rewrite emits, by hand: a function that calls the thread's
// table. Locations are line numbers of the test's choice.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_SIM_FIXTURE_H
#define KVCRT_TEST_SIM_FIXTURE_H

#include "kvcrt/runtime.h"
#include "kvcrt/sim.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace kvcrt::test {

using KernelFn = void (*)(kvcrt_sim_thread *, const void *);

class SimTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(kvcrt_sim_create(nullptr, &sim), KVCRT_OK);
    KVCRT_INIT(&kernel);
    kernel.name = "kernel";
    kernel.table_size = sizeof(kvcrt_sim_table);
    kernel.locations = kLocations;
    kernel.num_locations = 5;
    kernel.shared = &shared;
    kernel.num_shared = 1;
    shared = {"buffer", KVCRT_SIM_SHARED_BASE + 128, 0, 128, 0};
  }
  void TearDown() override { kvcrt_sim_destroy(sim); }

  kvcrt_status launch(KernelFn function, uint32_t threads,
                      const void *params = nullptr, uint32_t sharedBytes = 1024,
                      uint32_t blocks = 1) {
    kernel.function = function;
    kernel.params_size = params ? 8 : 0;
    const uint32_t grid[3] = {blocks, 1, 1}, block[3] = {threads, 1, 1};
    return kvcrt_sim_launch(sim, nullptr, &kernel, grid, block, sharedBytes,
                            params);
  }
  kvcrt_sim_finding finding(uint64_t index = 0) {
    kvcrt_sim_finding result = {};
    EXPECT_EQ(kvcrt_sim_finding_at(sim, index, &result), KVCRT_OK);
    return result;
  }
  /// The launch fails with one kind of finding, at `location` first.
  void expectFinding(kvcrt_status status, kvcrt_sim_finding_kind kind,
                     const char *location, const char *text) {
    EXPECT_EQ(status, KVCRT_DEVICE_ERROR);
    ASSERT_GE(kvcrt_sim_finding_count(sim), 1u);
    const kvcrt_sim_finding found = finding();
    EXPECT_EQ(found.kind, kind) << found.message;
    EXPECT_STREQ(found.location, location);
    EXPECT_NE(std::string(found.message).find(text), std::string::npos)
        << found.message;
  }

  static constexpr const char *kLocations[5] = {"the kernel", "line 1",
                                                "line 2", "line 3", "line 4"};
  kvcrt_sim *sim = nullptr;
  kvcrt_sim_kernel kernel;
  kvcrt_sim_shared shared;
};

inline uint32_t laneOf(kvcrt_sim_thread *t) {
  return uint32_t(t->table->special_register(t, 0, KVCRT_SIM_REGISTER_LANEID));
}
inline uint32_t tidOf(kvcrt_sim_thread *t) {
  return uint32_t(t->table->special_register(t, 0, KVCRT_SIM_REGISTER_TID_X));
}
inline uint32_t blockOf(kvcrt_sim_thread *t) {
  return uint32_t(t->table->special_register(t, 0, KVCRT_SIM_REGISTER_CTAID_X));
}
inline void barrier(kvcrt_sim_thread *t, uint32_t location = 4) {
  t->table->barrier(t, location, 0, 0,
                    KVCRT_SIM_BARRIER_SYNC | KVCRT_SIM_BARRIER_ALIGNED, 0);
}
/// The parameter block holds one pointer.
template <typename T> T *pointer(const void *params) {
  return *static_cast<T *const *>(params);
}
constexpr uint32_t access(uint32_t bytes) {
  return bytes | uint32_t(__builtin_ctz(bytes)) << KVCRT_SIM_ACCESS_ALIGN_SHIFT;
}
constexpr uint32_t kBuffer = KVCRT_SIM_SHARED_BASE + 128;

template <typename T>
void storeShared(kvcrt_sim_thread *t, uint32_t location, uint32_t offset,
                 T value) {
  memcpy(
      t->table->store_shared(t, location, kBuffer + offset, access(sizeof(T))),
      &value, sizeof(T));
}
template <typename T>
T loadShared(kvcrt_sim_thread *t, uint32_t location, uint32_t offset) {
  T value;
  memcpy(
      &value,
      t->table->load_shared(t, location, kBuffer + offset, access(sizeof(T))),
      sizeof(T));
  return value;
}
template <typename T>
void storeGlobal(kvcrt_sim_thread *t, uint32_t location, const T *address,
                 T value) {
  memcpy(t->table->store_global(t, location,
                                reinterpret_cast<uint64_t>(address),
                                access(sizeof(T))),
         &value, sizeof(T));
}
template <typename T>
T loadGlobal(kvcrt_sim_thread *t, uint32_t location, const T *address,
             uint32_t flags = 0) {
  T value;
  memcpy(&value,
         t->table->load_global(t, location, reinterpret_cast<uint64_t>(address),
                               access(sizeof(T)) | flags),
         sizeof(T));
  return value;
}

} // namespace kvcrt::test

#endif // KVCRT_TEST_SIM_FIXTURE_H
