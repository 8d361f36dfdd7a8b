//===- sim_api_test.cpp - the simulator's C API ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "sim_fixture.h"

#include <atomic>
#include <sys/mman.h>

using namespace kvcrt::test;

namespace {

class SimApi : public SimTest {};

void nothing(kvcrt_sim_thread *, const void *) {}

TEST_F(SimApi, Ranges) {
  char bytes[64] = {};
  EXPECT_EQ(kvcrt_sim_add_memory(sim, bytes, 0, 0, nullptr),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_sim_add_memory(sim, bytes + 16, 16, 0, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_sim_add_memory(sim, bytes, 17, 0, nullptr),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_sim_add_memory(sim, bytes + 31, 4, 0, nullptr),
            KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(kvcrt_sim_add_memory(sim, bytes, 16, 0, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_sim_add_memory(sim, bytes + 32, 32, 0, nullptr), KVCRT_OK);
  EXPECT_EQ(kvcrt_sim_remove_memory(sim, bytes + 1), KVCRT_NOT_FOUND);
  EXPECT_EQ(kvcrt_sim_remove_memory(sim, bytes + 16), KVCRT_OK);
  EXPECT_EQ(kvcrt_sim_remove_memory(sim, bytes + 16), KVCRT_NOT_FOUND);
}

TEST_F(SimApi, RefusesLaunches) {
  EXPECT_EQ(launch(&nothing, 0), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(launch(&nothing, 1025), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(launch(&nothing, 32, nullptr, 1024, 0), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(launch(&nothing, 32, nullptr, 300000), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(launch(nullptr, 32), KVCRT_INVALID_ARGUMENT);
  kernel.required_threads[0] = 64;
  kernel.required_threads[1] = kernel.required_threads[2] = 1;
  EXPECT_EQ(launch(&nothing, 32), KVCRT_INVALID_ARGUMENT);
  EXPECT_EQ(launch(&nothing, 64), KVCRT_OK);
  kernel.table_size += 8;
  EXPECT_EQ(launch(&nothing, 64), KVCRT_VERSION_MISMATCH);
  kernel.abi_version = 99;
  EXPECT_EQ(launch(&nothing, 64), KVCRT_VERSION_MISMATCH);
}

TEST_F(SimApi, EveryThreadOfEveryBlockRunsOnce) {
  static std::atomic<uint32_t> runs[6][64];
  KVCRT_INIT(&kernel);
  kernel.name = "kernel";
  kernel.function = [](kvcrt_sim_thread *t, const void *) {
    auto at = [&](uint32_t which) {
      return uint32_t(t->table->special_register(t, 0, which));
    };
    const uint32_t thread =
        at(KVCRT_SIM_REGISTER_TID_X) +
        at(KVCRT_SIM_REGISTER_NTID_X) * (at(KVCRT_SIM_REGISTER_TID_X + 1) +
                                         at(KVCRT_SIM_REGISTER_NTID_X + 1) *
                                             at(KVCRT_SIM_REGISTER_TID_X + 2));
    const uint32_t block =
        at(KVCRT_SIM_REGISTER_CTAID_X) +
        at(KVCRT_SIM_REGISTER_NCTAID_X) * at(KVCRT_SIM_REGISTER_CTAID_X + 1);
    if (at(KVCRT_SIM_REGISTER_LANEID) == thread % 32 &&
        at(KVCRT_SIM_REGISTER_WARPID) == thread / 32)
      ++runs[block][thread];
  };
  const uint32_t grid[3] = {3, 2, 1}, block[3] = {4, 8, 2};
  for (uint64_t seed : {0, 1, 77}) {
    kvcrt_sim_set_seed(sim, seed);
    ASSERT_EQ(kvcrt_sim_launch(sim, nullptr, &kernel, grid, block, 0, nullptr),
              KVCRT_OK);
  }
  for (auto &of : runs)
    for (auto &count : of)
      EXPECT_EQ(count, 3u);
}

TEST_F(SimApi, FindingsAreKeptOncePerPlace) {
  auto kernel = [](kvcrt_sim_thread *t, const void *) {
    loadShared<uint32_t>(t, 1, 0);
    loadShared<uint32_t>(t, 2, 0);
  };
  EXPECT_EQ(launch(kernel, 64), KVCRT_DEVICE_ERROR);
  EXPECT_EQ(kvcrt_sim_finding_count(sim), 2u);
  EXPECT_STREQ(finding(1).location, "line 2");
  EXPECT_STREQ(finding(1).kernel, "kernel");
  kvcrt_sim_finding unused;
  EXPECT_EQ(kvcrt_sim_finding_at(sim, 2, &unused), KVCRT_INVALID_ARGUMENT);
  kvcrt_sim_clear_findings(sim);
  EXPECT_EQ(kvcrt_sim_finding_count(sim), 0u);
}

TEST_F(SimApi, AnOutsideStoreHarmsNobody) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      storeGlobal(t, 1, reinterpret_cast<uint64_t *>(64),
                                  uint64_t(1));
                    },
                    1),
                KVCRT_SIM_OUT_OF_BOUNDS, "line 1", "no memory of the device");
}

/// 64 GiB of which three pages are touched; block x stride beyond 2^32.
TEST_F(SimApi, SparsePool) {
  constexpr uint64_t kBytes = uint64_t(64) << 30;
  void *pool = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(pool, MAP_FAILED);
  ASSERT_EQ(kvcrt_sim_add_memory(sim, pool, kBytes, 0, "pool"), KVCRT_OK);
  auto kernel = [](kvcrt_sim_thread *t, const void *params) {
    auto *base = pointer<char>(params);
    for (uint64_t offset : {uint64_t(0), uint64_t(5) << 30, kBytes - 8})
      storeGlobal(t, 1, reinterpret_cast<uint64_t *>(base + offset), offset);
    if (loadGlobal(t, 2,
                   reinterpret_cast<uint64_t *>(base + (uint64_t(5) << 30))) !=
        uint64_t(5) << 30)
      t->table->trap(t, 0);
  };
  EXPECT_EQ(launch(kernel, 1, &pool), KVCRT_OK);
  EXPECT_EQ(kvcrt_sim_remove_memory(sim, pool), KVCRT_OK);
  munmap(pool, kBytes);
}

TEST_F(SimApi, GenericAddressesOfSharedMemory) {
  EXPECT_EQ(launch(
                [](kvcrt_sim_thread *t, const void *) {
                  const uint64_t generic =
                      t->table->shared_to_generic(t, 1, kBuffer + 16);
                  *static_cast<uint32_t *>(
                      t->table->store_generic(t, 2, generic, access(4))) = 99;
                  if (t->table->generic_to_shared(t, 3, generic) !=
                          kBuffer + 16 ||
                      loadShared<uint32_t>(t, 4, 16) != 99)
                    t->table->trap(t, 0);
                },
                1),
            KVCRT_OK);
}

} // namespace
