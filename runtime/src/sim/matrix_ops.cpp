//===- matrix_ops.cpp - ldmatrix, stmatrix and mma.sync -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which lane holds which element is written down once, from the fragment
// tables of the PTX ISA, with g = lane / 4 and t = lane % 4 ("group" and
// "thread in group") and e elements of the multiplicand type in a register:
//
//   A  m16 x k   registers (g, t*e ..), (g+8, t*e ..), then the same with
//                k + 4e, as many as there are
//   B  k x n8    registers (k = t*e .., n = g), then k + 4e
//   C  m16 x n8  (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1); f16 in pairs
//
// Products are exact and summed in double with the accumulator, then rounded
// once: a GPU rounds in between, in an order that it does not tell.
//
//===----------------------------------------------------------------------===//
#include "block.h"
#include "numbers.h"

#include <algorithm>
#include <cstring>

namespace kvcrt::sim {
namespace {

constexpr uint32_t kRows = 16, kColumns = 8, kMaxDepth = 32;

/// Lanes read rows of 16 bytes; the lane that gives a row's address reads it.
void loadMatrix(Block &block, Thread *const lanes[], WarpCall *const calls[]) {
  const uint32_t count = calls[0]->detail & 0xff;
  const bool transposed = calls[0]->detail & KVCRT_SIM_MATRIX_TRANSPOSED;
  for (uint32_t i = 0; i < count; ++i) {
    uint16_t matrix[8][8];
    for (uint32_t row = 0; row < 8; ++row) {
      const uint32_t lane = i * 8 + row;
      memcpy(matrix[row],
             accessShared(*lanes[lane], calls[lane]->location,
                          calls[lane]->value,
                          16 | 4 << KVCRT_SIM_ACCESS_ALIGN_SHIFT,
                          /*isWrite=*/false, "ldmatrix row"),
             16);
    }
    for (uint32_t lane = 0; lane < kWarp; ++lane) {
      const uint32_t g = lane / 4, t = lane % 4 * 2;
      const uint16_t low = transposed ? matrix[t][g] : matrix[g][t];
      const uint16_t high = transposed ? matrix[t + 1][g] : matrix[g][t + 1];
      calls[lane]->out[i] = low | uint32_t(high) << 16;
    }
  }
}

void storeMatrix(Block &block, Thread *const lanes[], WarpCall *const calls[]) {
  const uint32_t count = calls[0]->detail & 0xff;
  const bool transposed = calls[0]->detail & KVCRT_SIM_MATRIX_TRANSPOSED;
  for (uint32_t i = 0; i < count; ++i) {
    uint16_t matrix[8][8];
    for (uint32_t lane = 0; lane < kWarp; ++lane) {
      const uint32_t g = lane / 4, t = lane % 4 * 2;
      const uint32_t value = calls[lane]->in[i];
      (transposed ? matrix[t][g] : matrix[g][t]) = uint16_t(value);
      (transposed ? matrix[t + 1][g] : matrix[g][t + 1]) =
          uint16_t(value >> 16);
    }
    for (uint32_t row = 0; row < 8; ++row) {
      const uint32_t lane = i * 8 + row;
      memcpy(accessShared(*lanes[lane], calls[lane]->location,
                          calls[lane]->value,
                          16 | 4 << KVCRT_SIM_ACCESS_ALIGN_SHIFT,
                          /*isWrite=*/true, "stmatrix row"),
             matrix[row], 16);
    }
  }
}

constexpr uint32_t bitsOf(uint32_t type) {
  switch (type) {
  case KVCRT_SIM_TYPE_F16:
  case KVCRT_SIM_TYPE_BF16:
    return 16;
  case KVCRT_SIM_TYPE_TF32:
    return 32;
  default:
    return 8;
  }
}

struct Table {
  explicit Table(float (*convert)(uint32_t)) {
    for (uint32_t bits = 0; bits < 256; ++bits)
      value[bits] = convert(bits);
  }
  float value[256];
};
const Table kE4M3(&fromE4M3), kE5M2(&fromE5M2);

/// Element `index` of a register.
template <uint32_t kType, typename Number>
Number element(uint32_t word, uint32_t index) {
  if constexpr (kType == KVCRT_SIM_TYPE_F16)
    return Number(fromF16(word >> 16 * index & 0xffff));
  else if constexpr (kType == KVCRT_SIM_TYPE_BF16)
    return Number(fromBf16(word >> 16 * index & 0xffff));
  else if constexpr (kType == KVCRT_SIM_TYPE_TF32)
    return Number(bitsToFloat(word & ~0x1fffu));
  else if constexpr (kType == KVCRT_SIM_TYPE_E4M3)
    return Number(kE4M3.value[word >> 8 * index & 0xff]);
  else if constexpr (kType == KVCRT_SIM_TYPE_E5M2)
    return Number(kE5M2.value[word >> 8 * index & 0xff]);
  else if constexpr (kType == KVCRT_SIM_TYPE_S8)
    return Number(int8_t(word >> 8 * index));
  else
    return Number(uint8_t(word >> 8 * index));
}

template <typename Number> struct Operands {
  Number a[kRows][kMaxDepth];
  Number b[kMaxDepth][kColumns];
  Number sum[kRows][kColumns];
};

template <uint32_t kType, typename Number>
void gatherA(Operands<Number> &operands, WarpCall *const calls[],
             uint32_t halves) {
  const uint32_t e = 32 / bitsOf(kType);
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    const uint32_t g = lane / 4, t = lane % 4;
    const uint32_t *in = calls[lane]->in;
    for (uint32_t half = 0; half < halves; ++half)
      for (uint32_t i = 0; i < e; ++i) {
        const uint32_t k = half * 4 * e + t * e + i;
        operands.a[g][k] = element<kType, Number>(in[2 * half], i);
        operands.a[g + 8][k] = element<kType, Number>(in[2 * half + 1], i);
      }
  }
}

template <uint32_t kType, typename Number>
void gatherB(Operands<Number> &operands, WarpCall *const calls[],
             uint32_t halves) {
  const uint32_t e = 32 / bitsOf(kType);
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    const uint32_t g = lane / 4, t = lane % 4;
    const uint32_t *in = calls[lane]->in + 2 * halves;
    for (uint32_t half = 0; half < halves; ++half)
      for (uint32_t i = 0; i < e; ++i)
        operands.b[half * 4 * e + t * e + i][g] =
            element<kType, Number>(in[half], i);
  }
}

template <typename Number>
void gather(Operands<Number> &operands, WarpCall *const calls[], uint32_t typeA,
            uint32_t typeB, uint32_t depth) {
  const uint32_t halves = depth / (4 * (32 / bitsOf(typeA))); // 1 or 2
#define KVCRT_SIM_GATHER(type)                                                 \
  if (typeA == type)                                                           \
    gatherA<type>(operands, calls, halves);                                    \
  if (typeB == type)                                                           \
    gatherB<type>(operands, calls, halves);
  KVCRT_SIM_GATHER(KVCRT_SIM_TYPE_F16)
  KVCRT_SIM_GATHER(KVCRT_SIM_TYPE_BF16)
  KVCRT_SIM_GATHER(KVCRT_SIM_TYPE_TF32)
  KVCRT_SIM_GATHER(KVCRT_SIM_TYPE_E4M3)
  KVCRT_SIM_GATHER(KVCRT_SIM_TYPE_E5M2)
  KVCRT_SIM_GATHER(KVCRT_SIM_TYPE_S8)
  KVCRT_SIM_GATHER(KVCRT_SIM_TYPE_U8)
#undef KVCRT_SIM_GATHER
}

#if defined(__x86_64__) && !defined(KVCRT_SIM_ASAN) &&                         \
    !defined(__SANITIZE_ADDRESS__)
#define KVCRT_SIM_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define KVCRT_SIM_CLONES
#endif

/// sum += a b
KVCRT_SIM_CLONES
void multiplyDouble(Operands<double> &operands, uint32_t depth) {
  for (uint32_t row = 0; row < kRows; ++row) {
    double sum[kColumns];
    for (uint32_t n = 0; n < kColumns; ++n)
      sum[n] = operands.sum[row][n];
    for (uint32_t k = 0; k < depth; ++k)
      for (uint32_t n = 0; n < kColumns; ++n)
        sum[n] += operands.a[row][k] * operands.b[k][n];
    for (uint32_t n = 0; n < kColumns; ++n)
      operands.sum[row][n] = sum[n];
  }
}

void multiplyFloats(WarpCall *const calls[], uint32_t typeA, uint32_t typeB,
                    uint32_t typeC, uint32_t depth) {
  Operands<double> operands;
  gather(operands, calls, typeA, typeB, depth);
  const uint32_t first = 3 * depth / (4 * (32 / bitsOf(typeA)));
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    const uint32_t g = lane / 4, t = lane % 4 * 2;
    const uint32_t *in = calls[lane]->in + first;
    for (uint32_t i = 0; i < 4; ++i)
      operands.sum[g + i / 2 * 8][t + i % 2] =
          typeC == KVCRT_SIM_TYPE_F32
              ? double(bitsToFloat(in[i]))
              : double(fromF16(in[i / 2] >> 16 * (i % 2) & 0xffff));
  }
  multiplyDouble(operands, depth);
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    const uint32_t g = lane / 4, t = lane % 4 * 2;
    uint32_t *out = calls[lane]->out;
    for (uint32_t row = 0; row < 2; ++row) {
      const double low = operands.sum[g + row * 8][t];
      const double high = operands.sum[g + row * 8][t + 1];
      if (typeC == KVCRT_SIM_TYPE_F32) {
        out[2 * row] = floatToBits(float(low));
        out[2 * row + 1] = floatToBits(float(high));
      } else {
        out[row] = toF16(low) | toF16(high) << 16;
      }
    }
  }
}

void multiplyIntegers(WarpCall *const calls[], uint32_t typeA, uint32_t typeB,
                      uint32_t depth, bool saturate) {
  Operands<int64_t> operands;
  gather(operands, calls, typeA, typeB, depth);
  const uint32_t first = 3 * depth / 16;
  for (uint32_t lane = 0; lane < kWarp; ++lane) {
    const uint32_t g = lane / 4, t = lane % 4 * 2;
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t row = g + i / 2 * 8, column = t + i % 2;
      int64_t sum = int32_t(calls[lane]->in[first + i]);
      for (uint32_t k = 0; k < depth; ++k)
        sum += operands.a[row][k] * operands.b[k][column];
      if (saturate)
        sum = std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX);
      calls[lane]->out[i] = uint32_t(sum);
    }
  }
}

} // namespace

void runMatrixOperation(Block &block, Thread *const lanes[kWarp],
                        WarpCall *const calls[kWarp], uint32_t mask) {
  const WarpCall &first = *calls[__builtin_ctz(mask)];
  const uint32_t detail = first.detail;
  if (mask != ~0u) {
    block.report(*lanes[__builtin_ctz(mask)], KVCRT_SIM_LANE_MASK,
                 first.location,
                 "expected all 32 lanes of the warp, got lanes 0x%08x; the "
                 "others have exited or do not exist",
                 mask);
    // Leave defined values behind.
    for (uint32_t left = mask; left; left &= left - 1) {
      WarpCall &call = *calls[__builtin_ctz(left)];
      if (call.out)
        memset(call.out, 0xff,
               first.op == WarpOp::Multiply
                   ? (detail >> 8 & 0xf) == KVCRT_SIM_TYPE_F16 ? 8 : 16
                   : 4 * (detail & 0xff));
    }
    return;
  }
  if (first.op == WarpOp::LoadMatrix)
    return loadMatrix(block, lanes, calls);
  if (first.op == WarpOp::StoreMatrix)
    return storeMatrix(block, lanes, calls);
  const uint32_t typeA = detail & 0xf, typeB = detail >> 4 & 0xf;
  const uint32_t typeC = detail >> 8 & 0xf, depth = detail >> 16 & 0xff;
  const uint32_t step = 4 * (32 / bitsOf(typeA));
  if ((depth != step && depth != 2 * step) || bitsOf(typeA) != bitsOf(typeB)) {
    block.report(*lanes[0], KVCRT_SIM_INVALID, first.location,
                 "mma of types %u and %u has no shape m16n8k%u", typeA, typeB,
                 depth);
    for (uint32_t lane = 0; lane < kWarp; ++lane)
      memset(calls[lane]->out, 0xff, 8);
    return;
  }
  if (typeC == KVCRT_SIM_TYPE_S32)
    multiplyIntegers(calls, typeA, typeB, depth,
                     detail & KVCRT_SIM_MULTIPLY_SATURATE);
  else
    multiplyFloats(calls, typeA, typeB, typeC, depth);
}

} // namespace kvcrt::sim
