//===- sim_matrix_test.cpp - ldmatrix and mma against golden vectors ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which lane holds what is sim_golden.py's reading of the PTX ISA.
//
//===----------------------------------------------------------------------===//
#include "sim_fixture.h"
#include "sim_golden.h"

using namespace kvcrt::test;

namespace {

class Matrix : public SimTest {};

/// Fills shared memory: matrix m, row r, column c at 256 m + 8 r + c.
void fillMatrices(kvcrt_sim_thread *t) {
  const uint32_t lane = laneOf(t); // a row of matrix lane / 8
  for (uint32_t column = 0; column < 8; ++column)
    storeShared<uint16_t>(t, 1, lane * 16 + column * 2,
                          uint16_t(256 * (lane / 8) + 8 * (lane % 8) + column));
  t->table->warp_sync(t, 2, ~0u);
}

template <uint32_t kDescriptor>
void loadMatrices(kvcrt_sim_thread *t, const void *params) {
  fillMatrices(t);
  const uint32_t lane = laneOf(t), count = kDescriptor & 7;
  // Lanes beyond the matrices give no address: theirs may be anything.
  const uint64_t address = lane < count * 8 ? kBuffer + lane * 16 : 1;
  t->table->load_matrix(t, 3, address, kDescriptor,
                        pointer<uint32_t>(params) + lane * 4);
}

template <uint32_t kDescriptor>
void expectMatrices(bool transposed, const uint32_t *words) {
  const uint32_t *golden = transposed ? kLoadMatrixTransposed : kLoadMatrix;
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t i = 0; i < 4; ++i)
      EXPECT_EQ(words[lane * 4 + i],
                i < (kDescriptor & 7) ? golden[lane * 4 + i] : 0)
          << "lane " << lane << " register " << i;
}

TEST_F(Matrix, Load) {
  std::vector<uint32_t> words(128);
  auto *data = words.data();
  ASSERT_EQ(launch(&loadMatrices<4>, 32, &data), KVCRT_OK);
  expectMatrices<4>(false, data);
  words.assign(128, 0);
  ASSERT_EQ(launch(&loadMatrices<2>, 32, &data), KVCRT_OK);
  expectMatrices<2>(false, data);
  words.assign(128, 0);
  ASSERT_EQ(launch(&loadMatrices<1>, 32, &data), KVCRT_OK);
  expectMatrices<1>(false, data);
}

TEST_F(Matrix, LoadTransposed) {
  constexpr uint32_t kFlag = KVCRT_SIM_MATRIX_TRANSPOSED;
  std::vector<uint32_t> words(128);
  auto *data = words.data();
  ASSERT_EQ(launch(&loadMatrices<4 | kFlag>, 32, &data), KVCRT_OK);
  expectMatrices<4 | kFlag>(true, data);
  words.assign(128, 0);
  ASSERT_EQ(launch(&loadMatrices<2 | kFlag>, 32, &data), KVCRT_OK);
  expectMatrices<2 | kFlag>(true, data);
}

template <uint32_t kFlag>
void storeMatrices(kvcrt_sim_thread *t, const void *params) {
  const uint32_t lane = laneOf(t);
  const uint32_t *golden = kFlag ? kLoadMatrixTransposed : kLoadMatrix;
  t->table->store_matrix(t, 1, kBuffer + lane * 16, 4 | kFlag,
                         golden + lane * 4);
  t->table->warp_sync(t, 2, ~0u);
  for (uint32_t i = lane; i < 256; i += 32)
    pointer<uint32_t>(params)[i] = loadShared<uint16_t>(t, 3, i * 2);
}

TEST_F(Matrix, StoreIsTheInverseOfLoad) {
  std::vector<uint32_t> words(256);
  auto *data = words.data();
  for (KernelFn function :
       {&storeMatrices<0>, &storeMatrices<KVCRT_SIM_MATRIX_TRANSPOSED>}) {
    ASSERT_EQ(launch(function, 32, &data), KVCRT_OK);
    for (uint32_t i = 0; i < 256; ++i)
      EXPECT_EQ(words[i], 256 * (i / 64) + i % 64) << i;
  }
}

struct MultiplyCase {
  uint32_t descriptor, inputs, outputs;
  const uint32_t *in;
  uint32_t *out;
};

void multiplyCase(kvcrt_sim_thread *t, const void *params) {
  auto *test = pointer<const MultiplyCase>(params);
  const uint32_t lane = laneOf(t);
  t->table->multiply(t, 1, test->descriptor, test->in + lane * test->inputs,
                     test->out + lane * test->outputs);
}

#define MULTIPLY_TEST(name, a, c, k)                                           \
  TEST_F(Matrix, Multiply##name) {                                             \
    std::vector<uint32_t> out(std::size(kMma##name##Out));                     \
    MultiplyCase test = {                                                      \
        uint32_t(KVCRT_SIM_TYPE_##a | KVCRT_SIM_TYPE_##a << 4 |                \
                 KVCRT_SIM_TYPE_##c << 8 | k << 16),                           \
        uint32_t(std::size(kMma##name##In) / 32), uint32_t(out.size() / 32),   \
        kMma##name##In, out.data()};                                           \
    auto *data = &test;                                                        \
    ASSERT_EQ(launch(&multiplyCase, 32, &data), KVCRT_OK);                     \
    for (size_t i = 0; i < out.size(); ++i)                                    \
      EXPECT_EQ(out[i], kMma##name##Out[i])                                    \
          << "lane " << i / test.outputs << " register " << i % test.outputs;  \
  }
MULTIPLY_TEST(F16K16, F16, F32, 16)
MULTIPLY_TEST(F16K8, F16, F32, 8)
MULTIPLY_TEST(F16K16F16, F16, F16, 16)
MULTIPLY_TEST(Bf16K16, BF16, F32, 16)
MULTIPLY_TEST(Bf16K8, BF16, F32, 8)
MULTIPLY_TEST(E4m3K32, E4M3, F32, 32)
MULTIPLY_TEST(S8K32, S8, S32, 32)
MULTIPLY_TEST(S8K16, S8, S32, 16)
MULTIPLY_TEST(U8K32, U8, S32, 32)
MULTIPLY_TEST(Tf32K8, TF32, F32, 8)
MULTIPLY_TEST(Tf32K4, TF32, F32, 4)

TEST_F(Matrix, SaturatesOnlyWhenAsked) {
  // One product of 1 on an accumulator of 2^31 - 1.
  std::vector<uint32_t> in(32 * 10, 0), out(128);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    in[lane * 10] = in[lane * 10 + 1] = 1; // k = 4 t, so of each t
    in[lane * 10 + 4] = 1;
    for (int i = 6; i < 10; ++i)
      in[lane * 10 + i] = 0x7fffffff;
  }
  const uint32_t type = KVCRT_SIM_TYPE_S8 | KVCRT_SIM_TYPE_S8 << 4 |
                        KVCRT_SIM_TYPE_S32 << 8 | 32 << 16;
  for (uint32_t saturate : {0u, uint32_t(KVCRT_SIM_MULTIPLY_SATURATE)}) {
    MultiplyCase test = {type | saturate, 10, 4, in.data(), out.data()};
    auto *data = &test;
    ASSERT_EQ(launch(&multiplyCase, 32, &data), KVCRT_OK);
    for (uint32_t word : out)
      EXPECT_EQ(word, saturate ? 0x7fffffffu : 0x80000003u);
  }
}

} // namespace
