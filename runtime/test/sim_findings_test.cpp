//===- sim_findings_test.cpp - what the simulator finds, and what it must not //
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each kind once, at the right place; beside it the correct program, which must
// be silent under several orders of threads.
//
//===----------------------------------------------------------------------===//
#include "sim_fixture.h"

using namespace kvcrt::test;

namespace {

class Findings : public SimTest {
protected:
  void add(const void *base, uint64_t bytes, uint32_t flags = 0) {
    ASSERT_EQ(kvcrt_sim_add_memory(sim, base, bytes, flags, "numbers"),
              KVCRT_OK);
  }
  void expectSilent(KernelFn function, uint32_t threads,
                    const void *params = nullptr, uint32_t blocks = 1) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      kvcrt_sim_set_seed(sim, seed);
      ASSERT_EQ(launch(function, threads, params, 1024, blocks), KVCRT_OK)
          << "seed " << seed << ": "
          << (kvcrt_sim_finding_count(sim) ? finding().message : "");
    }
  }
};

TEST_F(Findings, GlobalOutOfBounds) {
  std::vector<float> numbers(32);
  add(numbers.data(), 32 * 4);
  auto *data = numbers.data();
  auto kernel = [](kvcrt_sim_thread *t, const void *params) {
    storeGlobal(t, 1, pointer<float>(params) + tidOf(t), 1.0f);
  };
  expectSilent(kernel, 32, &data);
  expectFinding(launch(kernel, 33, &data), KVCRT_SIM_OUT_OF_BOUNDS, "line 1",
                "thread (32, 0, 0): store of 4 bytes");
}

TEST_F(Findings, GlobalAccessAcrossTheEnd) {
  std::vector<char> bytes(64);
  add(bytes.data(), 10);
  auto *data = bytes.data();
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *params) {
                      loadGlobal(t, 1, pointer<uint32_t>(params) + 2);
                    },
                    1, &data),
                KVCRT_SIM_OUT_OF_BOUNDS, "line 1",
                "runs 2 bytes past the end of numbers");
}

TEST_F(Findings, GlobalMisaligned) {
  alignas(16) char bytes[64] = {};
  add(bytes, 64);
  auto *data = bytes + 2;
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *params) {
                      loadGlobal(t, 2, pointer<uint32_t>(params));
                    },
                    1, &data),
                KVCRT_SIM_MISALIGNED, "line 2", "expected alignment 4");
}

TEST_F(Findings, GlobalUninitialised) {
  std::vector<uint32_t> words(4);
  add(words.data(), 16, KVCRT_SIM_MEMORY_UNDEFINED);
  auto *data = words.data();
  auto kernel = [](kvcrt_sim_thread *t, const void *params) {
    storeGlobal(t, 1, pointer<uint32_t>(params), 1u);
    loadGlobal(t, 2, pointer<uint32_t>(params));
    loadGlobal(t, 3, pointer<uint32_t>(params) + 1);
  };
  expectFinding(launch(kernel, 1, &data), KVCRT_SIM_UNINITIALISED, "line 3",
                "nobody has written");
  EXPECT_EQ(kvcrt_sim_finding_count(sim), 1u);
  kvcrt_sim_clear_findings(sim);
  ASSERT_EQ(kvcrt_sim_mark(sim, words.data() + 1, 4, 1), KVCRT_OK);
  EXPECT_EQ(launch(kernel, 1, &data), KVCRT_OK);
}

TEST_F(Findings, ConstantMemoryIsNotWritten) {
  std::vector<uint32_t> words(4);
  add(words.data(), 16, KVCRT_SIM_MEMORY_CONSTANT);
  auto *data = words.data();
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *params) {
                      storeGlobal(t, 1, pointer<uint32_t>(params), 1u);
                    },
                    1, &data),
                KVCRT_SIM_OUT_OF_BOUNDS, "line 1", "may not write");
}

TEST_F(Findings, SharedOutOfBounds) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      storeShared<uint32_t>(t, 1, 1020, 1);
                      storeShared<uint32_t>(t, 2, 1024, 1);
                    },
                    1),
                KVCRT_SIM_OUT_OF_BOUNDS, "line 2", "the block has");
}

TEST_F(Findings, SharedRunsIntoTheGapBetweenVariables) {
  const kvcrt_sim_shared variables[] = {{"first", kBuffer, 64, 16, 0},
                                        {"second", kBuffer + 80, 64, 16, 0}};
  kernel.shared = variables;
  kernel.num_shared = 2;
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      storeShared<uint32_t>(t, 1, 60, 1);
                      storeShared<uint32_t>(t, 1, 80, 1);
                      storeShared<uint32_t>(t, 2, 64, 1);
                    },
                    1),
                KVCRT_SIM_OUT_OF_BOUNDS, "line 2", "leaves its variable");
}

TEST_F(Findings, SharedUninitialised) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      storeShared<uint16_t>(t, 1, 0, 1);
                      loadShared<uint32_t>(t, 2, 0);
                    },
                    1),
                KVCRT_SIM_UNINITIALISED, "line 2", "nobody has written 0x482");
}

/// Thread t writes, thread t + 1 (of 64) reads.
template <bool kBarrier> void neighbour(kvcrt_sim_thread *t, const void *) {
  const uint32_t tid = tidOf(t);
  storeShared<uint32_t>(t, 1, tid * 4, tid);
  if (kBarrier)
    barrier(t);
  loadShared<uint32_t>(t, 2, (tid + 1) % 64 * 4);
}
TEST_F(Findings, MissingBarrierWriteThenRead) {
  expectSilent(&neighbour<true>, 64);
  kvcrt_sim_set_seed(sim, 3);
  EXPECT_EQ(launch(&neighbour<false>, 64), KVCRT_DEVICE_ERROR);
  bool race = false;
  for (uint64_t i = 0; i < kvcrt_sim_finding_count(sim); ++i)
    race |= finding(i).kind == KVCRT_SIM_RACE;
  EXPECT_TRUE(race);
}

/// All read what one wrote; then another thread writes it.
template <bool kBarrier> void reuse(kvcrt_sim_thread *t, const void *) {
  if (tidOf(t) == 0)
    storeShared<uint32_t>(t, 1, 0, 7);
  barrier(t);
  loadShared<uint32_t>(t, 2, 0);
  if (kBarrier)
    barrier(t);
  if (tidOf(t) == 40)
    storeShared<uint32_t>(t, 3, 0, 8);
}
TEST_F(Findings, MissingBarrierReadThenWrite) {
  expectSilent(&reuse<true>, 64);
  // In numbered order the writer is not the last to read: only recorded
  // readers show it.
  kvcrt_sim_set_seed(sim, 0);
  EXPECT_EQ(launch(&reuse<false>, 64), KVCRT_DEVICE_ERROR);
  EXPECT_EQ(finding().kind, KVCRT_SIM_RACE);
}

/// A shuffle in between orders nothing.
template <bool kSync> void acrossLanes(kvcrt_sim_thread *t, const void *) {
  const uint32_t lane = laneOf(t);
  storeShared<uint32_t>(t, 1, lane * 4, lane);
  if (kSync)
    t->table->warp_sync(t, 4, ~0u);
  else
    t->table->shuffle(t, 4, ~0u, lane, 0, 0x1f, KVCRT_SIM_SHUFFLE_IDX);
  loadShared<uint32_t>(t, 2, (lane ^ 1) * 4);
}
TEST_F(Findings, ShuffleDoesNotOrderMemory) {
  expectSilent(&acrossLanes<true>, 32);
  expectFinding(launch(&acrossLanes<false>, 32), KVCRT_SIM_RACE, "line 2",
                "no barrier orders the two");
}

/// A ring of two stages: groups wait and commit as in a decode loop.
template <int kNewest, bool kSync>
void ring(kvcrt_sim_thread *t, const void *params) {
  auto *source = pointer<const uint32_t>(params);
  const uint32_t lane = laneOf(t);
  auto copy = [&](uint32_t step) {
    t->table->copy_async(t, 1, kBuffer + step % 2 * 128 + lane * 4,
                         reinterpret_cast<uint64_t>(source + step * 32 + lane),
                         4, 4);
    t->table->copy_commit(t, 1);
  };
  copy(0);
  for (uint32_t step = 0; step < 6; ++step) {
    copy(step + 1);
    t->table->copy_wait(t, 2, kNewest);
    t->table->warp_sync(t, 2, ~0u);
    const uint32_t value =
        loadShared<uint32_t>(t, 3, step % 2 * 128 + (lane ^ 5) * 4);
    if (value != step * 32 + (lane ^ 5))
      t->table->trap(t, 0);
    if (kSync)
      t->table->warp_sync(t, 2, ~0u);
  }
  t->table->copy_wait(t, 2, ~0u);
}
TEST_F(Findings, CopyRing) {
  std::vector<uint32_t> numbers(32 * 7);
  for (uint32_t i = 0; i < numbers.size(); ++i)
    numbers[i] = i;
  add(numbers.data(), numbers.size() * 4);
  auto *data = numbers.data();
  expectSilent(&ring<1, true>, 32, &data);
  kvcrt_sim_set_seed(sim, 0);
  expectFinding(launch(&ring<2, true>, 32, &data), KVCRT_SIM_MISSING_WAIT,
                "line 3", "has not been waited for");
  kvcrt_sim_clear_findings(sim);
  // Overwriting the stage that others still read.
  expectFinding(launch(&ring<1, false>, 32, &data), KVCRT_SIM_RACE, "line 3",
                "wrote at line 1; no barrier orders the two");
}

TEST_F(Findings, CopyFillsWithZeros) {
  alignas(16) uint32_t source[4] = {1, 2, 3, 4};
  add(source, 8); // only what is read is there
  uint32_t result[4] = {9, 9, 9, 9};
  void *data[] = {source, result};
  auto *pointers = &data;
  expectSilent(
      [](kvcrt_sim_thread *t, const void *params) {
        auto **both = pointer<void *>(params);
        t->table->copy_async(t, 1, kBuffer, reinterpret_cast<uint64_t>(both[0]),
                             16, 8);
        t->table->copy_commit(t, 1);
        t->table->copy_wait(t, 1, 0);
        for (uint32_t i = 0; i < 4; ++i)
          static_cast<uint32_t *>(both[1])[i] =
              loadShared<uint32_t>(t, 2, i * 4);
      },
      1, &pointers);
  EXPECT_EQ(result[0], 1u);
  EXPECT_EQ(result[1], 2u);
  EXPECT_EQ(result[2], 0u);
  EXPECT_EQ(result[3], 0u);
}

TEST_F(Findings, BarrierThatSomeDoNotReach) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      if (tidOf(t) != 33)
                        barrier(t, 2);
                    },
                    64),
                KVCRT_SIM_DIVERGENT_BARRIER, "line 2",
                "exited without reaching this barrier, the first is thread 33");
}

TEST_F(Findings, BarrierAtTwoPlacesOfOneWarp) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      if (tidOf(t) < 16)
                        barrier(t, 1);
                      else
                        barrier(t, 2);
                    },
                    64),
                KVCRT_SIM_DIVERGENT_BARRIER, "line 2",
                "waits at another barrier, line 1");
}

TEST_F(Findings, NamedBarriersSynchroniseTheirThreadsAlone) {
  expectSilent(
      [](kvcrt_sim_thread *t, const void *) {
        const uint32_t tid = tidOf(t), half = tid / 64;
        storeShared<uint32_t>(t, 1, tid * 4, tid);
        t->table->barrier(t, 2, 1 + half, 64, KVCRT_SIM_BARRIER_ALIGNED, 0);
        loadShared<uint32_t>(t, 3, (half * 64 + (tid + 1) % 64) * 4);
      },
      128);
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      const uint32_t tid = tidOf(t), half = tid / 64;
                      storeShared<uint32_t>(t, 1, tid * 4, tid);
                      t->table->barrier(t, 2, 1 + half, 64,
                                        KVCRT_SIM_BARRIER_ALIGNED, 0);
                      // The first half's barrier says nothing of the second.
                      if (tid == 0)
                        loadShared<uint32_t>(t, 3, 64 * 4);
                      barrier(t, 4);
                      loadShared<uint32_t>(t, 4, (tid + 64) % 128 * 4);
                    },
                    128),
                KVCRT_SIM_RACE, "line 3", "no barrier orders the two");
}

TEST_F(Findings, ProducersArriveAndConsumersWait) {
  expectSilent(
      [](kvcrt_sim_thread *t, const void *) {
        const uint32_t tid = tidOf(t);
        if (tid < 32) {
          storeShared<uint32_t>(t, 1, tid * 4, tid);
          t->table->barrier(
              t, 2, 3, 64, KVCRT_SIM_BARRIER_ARRIVE | KVCRT_SIM_BARRIER_ALIGNED,
              0);
        } else {
          t->table->barrier(t, 3, 3, 64, KVCRT_SIM_BARRIER_ALIGNED, 0);
          loadShared<uint32_t>(t, 4, (63 - tid) * 4);
        }
      },
      64);
}

TEST_F(Findings, MaskWithoutTheLaneItself) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      t->table->vote(t, 1, 0xffff, 1, KVCRT_SIM_VOTE_ANY);
                    },
                    32),
                KVCRT_SIM_LANE_MASK, "line 1", "lacks its own lane 16");
}

TEST_F(Findings, MasksThatDisagree) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      t->table->warp_sync(t, laneOf(t) == 7 ? 2 : 1,
                                          laneOf(t) == 7 ? 0xff : 0xffffffff);
                      barrier(t, 3);
                    },
                    32),
                KVCRT_SIM_LANE_MASK, "line 1", "waits for ever");
}

TEST_F(Findings, LanesOfAMatrixOperationThatHaveLeft) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      uint32_t in[10] = {}, out[4];
                      if (laneOf(t) < 20)
                        t->table->multiply(
                            t, 1, KVCRT_SIM_TYPE_F32 << 8 | 16 << 16, in, out);
                    },
                    32),
                KVCRT_SIM_LANE_MASK, "line 1", "got lanes 0x000fffff");
}

TEST_F(Findings, ShuffleFromALaneOutsideTheMask) {
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *) {
                      const uint32_t mask =
                          laneOf(t) < 16 ? 0xffff : 0xffff0000;
                      t->table->shuffle(t, 1, mask, 0, laneOf(t) ^ 16, 0x1f,
                                        KVCRT_SIM_SHUFFLE_IDX);
                    },
                    32),
                KVCRT_SIM_LANE_MASK, "line 1", "takes no part");
}

struct LastArriver {
  uint32_t partial[64 * 4];
  uint32_t counter;
  uint32_t sum;
};

/// Four blocks write partial sums; the last to arrive adds them up.
template <bool kRelease, bool kAcquire>
void lastArriver(kvcrt_sim_thread *t, const void *params) {
  auto *shared = pointer<LastArriver>(params);
  const uint32_t tid = tidOf(t), block = blockOf(t);
  storeGlobal(t, 1, &shared->partial[block * 64 + tid], block + 1);
  barrier(t);
  if (tid == 0) {
    if (kRelease)
      t->table->fence(t, 2, KVCRT_SIM_SCOPE_GPU, KVCRT_SIM_ACQUIRE_RELEASE);
    const uint64_t old = t->table->atomic(
        t, 2, reinterpret_cast<uint64_t>(&shared->counter), 1, 0,
        KVCRT_SIM_ATOMIC_ADD | 2 << KVCRT_SIM_ATOMIC_SIZE_SHIFT |
            KVCRT_SIM_GLOBAL << KVCRT_SIM_ATOMIC_SPACE_SHIFT |
            KVCRT_SIM_SCOPE_GPU << KVCRT_SIM_ATOMIC_SCOPE_SHIFT);
    if (kAcquire)
      t->table->fence(t, 2, KVCRT_SIM_SCOPE_GPU, KVCRT_SIM_ACQUIRE_RELEASE);
    storeShared<uint32_t>(t, 2, 0, uint32_t(old));
  }
  barrier(t);
  if (loadShared<uint32_t>(t, 3, 0) != 3)
    return;
  uint32_t sum = 0;
  for (uint32_t other = 0; other < 4; ++other)
    sum += loadGlobal(t, 3, &shared->partial[other * 64 + tid]);
  if (sum != 10)
    t->table->trap(t, 0);
  if (tid == 0)
    storeGlobal(t, 4, &shared->counter, 0u);
}
TEST_F(Findings, LastArriverNeedsItsFences) {
  LastArriver shared = {};
  add(&shared, sizeof(shared));
  auto *data = &shared;
  expectSilent(&lastArriver<true, true>, 64, &data, 4);
  kvcrt_sim_set_seed(sim, 0);
  for (KernelFn function :
       {&lastArriver<false, true>, &lastArriver<true, false>}) {
    kvcrt_sim_clear_findings(sim);
    expectFinding(launch(function, 64, &data, 1024, 4), KVCRT_SIM_RACE,
                  "line 3",
                  "no release and acquire at gpu scope order the two");
    shared.counter = 0;
  }
}

TEST_F(Findings, LastArriverOnSeveralWorkers) {
  kvcrt_device_desc desc;
  KVCRT_INIT(&desc);
  desc.num_workers = 4;
  kvcrt_device *device = nullptr;
  ASSERT_EQ(kvcrt_device_create(&desc, &device, nullptr, 0), KVCRT_OK);
  LastArriver shared = {};
  add(&shared, sizeof(shared));
  auto *data = &shared;
  kernel.function = &lastArriver<true, true>;
  kernel.params_size = 8;
  const uint32_t grid[3] = {4, 1, 1}, block[3] = {64, 1, 1};
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(kvcrt_sim_launch(sim, kvcrt_device_env(device), &kernel, grid,
                               block, 1024, &data),
              KVCRT_OK);
  kvcrt_device_destroy(device);
}

TEST_F(Findings, TwoBlocksWriteTheSame) {
  uint32_t word = 0;
  add(&word, 4);
  auto *data = &word;
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *params) {
                      storeGlobal(t, 1, pointer<uint32_t>(params), 1u);
                    },
                    1, &data, 1024, 2),
                KVCRT_SIM_RACE, "line 1", "of block number 0 wrote");
}

TEST_F(Findings, NonCoherentLoadOfWhatTheKernelWrites) {
  uint32_t word = 0;
  add(&word, 4);
  auto *data = &word;
  expectFinding(launch(
                    [](kvcrt_sim_thread *t, const void *params) {
                      storeGlobal(t, 1, pointer<uint32_t>(params), 1u);
                      loadGlobal(t, 2, pointer<uint32_t>(params),
                                 KVCRT_SIM_ACCESS_INVARIANT);
                    },
                    1, &data),
                KVCRT_SIM_RACE, "line 2", "non-coherent");
}

TEST_F(Findings, LaunchesAreOrdered) {
  uint32_t word = 0;
  add(&word, 4);
  auto *data = &word;
  expectSilent(
      [](kvcrt_sim_thread *t, const void *params) {
        storeGlobal(t, 1, pointer<uint32_t>(params), 1u);
      },
      1, &data);
}

TEST_F(Findings, SpinningForEverEnds) {
  uint32_t flag = 0;
  add(&flag, 4);
  auto *data = &flag;
  expectFinding(
      launch(
          [](kvcrt_sim_thread *t, const void *params) {
            while (
                t->table->atomic(
                    t, 1, reinterpret_cast<uint64_t>(pointer<uint32_t>(params)),
                    0, 0,
                    KVCRT_SIM_ATOMIC_LOAD | 2 << KVCRT_SIM_ATOMIC_SIZE_SHIFT |
                        KVCRT_SIM_GLOBAL << KVCRT_SIM_ATOMIC_SPACE_SHIFT) == 0)
              ;
          },
          2, &data),
      KVCRT_SIM_DEADLOCK, "line 1", "no progress");
}

} // namespace
