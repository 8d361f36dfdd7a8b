//===- table.cpp - the functions behind sim_intrinsics.def ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unpacks what compiled code passes and calls the part that does it. Nothing
// here may own memory while it waits for other threads (fiber.h).
//
//===----------------------------------------------------------------------===//
#include "block.h"
#include "numbers.h"

#include <cmath>

namespace kvcrt::sim {
namespace {

Thread &of(kvcrt_sim_thread *thread) { return *static_cast<Thread *>(thread); }

uint64_t special_register(kvcrt_sim_thread *caller, uint32_t, uint32_t which) {
  Thread &thread = of(caller);
  const Launch &launch = *thread.block->launch;
  const uint32_t bit = 1u << thread.lane;
  switch (which) {
  case KVCRT_SIM_REGISTER_TID_X:
  case KVCRT_SIM_REGISTER_TID_X + 1:
  case KVCRT_SIM_REGISTER_TID_X + 2:
    return thread.index[which - KVCRT_SIM_REGISTER_TID_X];
  case KVCRT_SIM_REGISTER_NTID_X:
  case KVCRT_SIM_REGISTER_NTID_X + 1:
  case KVCRT_SIM_REGISTER_NTID_X + 2:
    return launch.threads[which - KVCRT_SIM_REGISTER_NTID_X];
  case KVCRT_SIM_REGISTER_CTAID_X:
  case KVCRT_SIM_REGISTER_CTAID_X + 1:
  case KVCRT_SIM_REGISTER_CTAID_X + 2:
    return thread.block->index[which - KVCRT_SIM_REGISTER_CTAID_X];
  case KVCRT_SIM_REGISTER_NCTAID_X:
  case KVCRT_SIM_REGISTER_NCTAID_X + 1:
  case KVCRT_SIM_REGISTER_NCTAID_X + 2:
    return launch.grid[which - KVCRT_SIM_REGISTER_NCTAID_X];
  case KVCRT_SIM_REGISTER_LANEID:
    return thread.lane;
  case KVCRT_SIM_REGISTER_WARPID:
    return thread.warp;
  case KVCRT_SIM_REGISTER_NWARPID:
    return (launch.numThreads + kWarp - 1) / kWarp;
  case KVCRT_SIM_REGISTER_WARPSIZE:
    return kWarp;
  case KVCRT_SIM_REGISTER_LANEMASK_EQ:
    return bit;
  case KVCRT_SIM_REGISTER_LANEMASK_LE:
    return bit | (bit - 1);
  case KVCRT_SIM_REGISTER_LANEMASK_LT:
    return bit - 1;
  case KVCRT_SIM_REGISTER_LANEMASK_GE:
    return uint32_t(~(bit - 1));
  case KVCRT_SIM_REGISTER_LANEMASK_GT:
    return uint32_t(~(bit | (bit - 1)));
  case KVCRT_SIM_REGISTER_NSMID:
    return 1;
  case KVCRT_SIM_REGISTER_CLOCK:
    return thread.clock;
  case KVCRT_SIM_REGISTER_DYNAMIC_SMEM:
    return thread.block->shared.dynamicBytes();
  case KVCRT_SIM_REGISTER_TOTAL_SMEM:
    return thread.block->shared.totalBytes();
  default:
    return 0;
  }
}

const void *load_global(kvcrt_sim_thread *thread, uint32_t location,
                        uint64_t address, uint32_t access) {
  return accessGlobal(of(thread), location, address, access, false, "load");
}
void *store_global(kvcrt_sim_thread *thread, uint32_t location,
                   uint64_t address, uint32_t access) {
  return accessGlobal(of(thread), location, address, access, true, "store");
}
const void *load_shared(kvcrt_sim_thread *thread, uint32_t location,
                        uint64_t address, uint32_t access) {
  return accessShared(of(thread), location, address, access, false, "load");
}
void *store_shared(kvcrt_sim_thread *thread, uint32_t location,
                   uint64_t address, uint32_t access) {
  return accessShared(of(thread), location, address, access, true, "store");
}
const void *load_generic(kvcrt_sim_thread *thread, uint32_t location,
                         uint64_t address, uint32_t access) {
  return address >= kSharedWindow
             ? load_shared(thread, location, address - kSharedWindow, access)
             : load_global(thread, location, address, access);
}
void *store_generic(kvcrt_sim_thread *thread, uint32_t location,
                    uint64_t address, uint32_t access) {
  return address >= kSharedWindow
             ? store_shared(thread, location, address - kSharedWindow, access)
             : store_global(thread, location, address, access);
}
uint64_t shared_to_generic(kvcrt_sim_thread *, uint32_t, uint64_t address) {
  return address + kSharedWindow;
}
uint64_t generic_to_shared(kvcrt_sim_thread *thread, uint32_t location,
                           uint64_t address) {
  if (address < kSharedWindow)
    of(thread).block->report(of(thread), KVCRT_SIM_INVALID, location,
                             "generic address 0x%llx is not in shared memory",
                             static_cast<unsigned long long>(address));
  return address - kSharedWindow;
}

// A prefetch has no effect that a program could see, wherever it points.
void prefetch(kvcrt_sim_thread *, uint32_t, uint64_t, uint32_t) {}

uint64_t atomic(kvcrt_sim_thread *thread, uint32_t location, uint64_t address,
                uint64_t operand, uint64_t compare, uint32_t descriptor) {
  return atomicOperation(of(thread), location, address, operand, compare,
                         descriptor);
}
void fence(kvcrt_sim_thread *thread, uint32_t location, uint32_t scope,
           uint32_t order) {
  of(thread).location = location;
  sim::fence(of(thread), scope, order);
}
uint32_t barrier(kvcrt_sim_thread *thread, uint32_t location, uint32_t id,
                 uint32_t threads, uint32_t mode, uint32_t predicate) {
  return of(thread).block->barrierOperation(
      of(thread), {id, threads, mode, predicate, location});
}

uint64_t inWarp(kvcrt_sim_thread *caller, WarpCall &call) {
  Thread &thread = of(caller);
  thread.block->warpOperation(thread, call);
  return call.result;
}
void warp_sync(kvcrt_sim_thread *thread, uint32_t location, uint32_t mask) {
  WarpCall call{WarpOp::Sync, false, mask, 0, location};
  inWarp(thread, call);
}
uint64_t shuffle(kvcrt_sim_thread *thread, uint32_t location, uint32_t mask,
                 uint32_t value, uint32_t lane, uint32_t clamp, uint32_t mode) {
  WarpCall call{WarpOp::Shuffle, false, mask, mode,
                location,        value, lane, clamp};
  return inWarp(thread, call);
}
uint32_t vote(kvcrt_sim_thread *thread, uint32_t location, uint32_t mask,
              uint32_t predicate, uint32_t mode) {
  WarpCall call{WarpOp::Vote, false, mask, mode, location, predicate};
  return uint32_t(inWarp(thread, call));
}
uint64_t match(kvcrt_sim_thread *thread, uint32_t location, uint32_t mask,
               uint64_t value, uint32_t mode) {
  WarpCall call{WarpOp::Match, false, mask, mode, location, value};
  return inWarp(thread, call);
}
uint32_t reduce(kvcrt_sim_thread *thread, uint32_t location, uint32_t mask,
                uint32_t value, uint32_t mode) {
  WarpCall call{WarpOp::Reduce, false, mask, mode, location, value};
  return uint32_t(inWarp(thread, call));
}
uint32_t elect(kvcrt_sim_thread *thread, uint32_t location, uint32_t mask) {
  WarpCall call{WarpOp::Elect, false, mask, 0, location};
  return uint32_t(inWarp(thread, call));
}
// Lanes reconverge when the simulator says so: those that have not exited.
uint32_t active_mask(kvcrt_sim_thread *thread, uint32_t) {
  return of(thread).block->liveLanes(of(thread).warp);
}

void load_matrix(kvcrt_sim_thread *thread, uint32_t location, uint64_t address,
                 uint32_t descriptor, uint32_t *result) {
  WarpCall call{WarpOp::LoadMatrix, true, ~0u, descriptor, location, address};
  call.out = result;
  inWarp(thread, call);
}
void store_matrix(kvcrt_sim_thread *thread, uint32_t location, uint64_t address,
                  uint32_t descriptor, const uint32_t *values) {
  WarpCall call{WarpOp::StoreMatrix, true, ~0u, descriptor, location, address};
  call.in = values;
  inWarp(thread, call);
}
void multiply(kvcrt_sim_thread *thread, uint32_t location, uint32_t descriptor,
              const uint32_t *operands, uint32_t *result) {
  WarpCall call{WarpOp::Multiply, true, ~0u, descriptor, location};
  call.in = operands;
  call.out = result;
  inWarp(thread, call);
}

void copy_async(kvcrt_sim_thread *thread, uint32_t location, uint64_t shared,
                uint64_t global, uint32_t bytes, uint32_t sourceBytes) {
  copyAsync(of(thread), location, shared, global, bytes, sourceBytes);
}
void copy_commit(kvcrt_sim_thread *caller, uint32_t) {
  Thread &thread = of(caller);
  const auto open = uint32_t(thread.copies.size()) - thread.committed;
  thread.groups.push_back(open);
  thread.committed += open;
}
void copy_wait(kvcrt_sim_thread *caller, uint32_t, uint32_t newest) {
  Thread &thread = of(caller);
  if (newest == ~0u) {
    landCopies(thread, thread.copies.size());
    thread.groups.clear();
    thread.committed = 0;
    return;
  }
  size_t landing = 0;
  while (thread.groups.size() > newest) {
    landing += thread.groups.front();
    thread.groups.pop_front();
  }
  thread.committed -= uint32_t(landing);
  landCopies(thread, landing);
}

float flushed(float value, bool flush) {
  return flush && std::fpclassify(value) == FP_SUBNORMAL
             ? std::copysign(0.0f, value)
             : value;
}

float approximate(kvcrt_sim_thread *, uint32_t, uint32_t which, float value) {
  const bool flush = which & KVCRT_SIM_FLUSH;
  const float x = flushed(value, flush);
  float result = x;
  switch (which & 0xff) {
  case KVCRT_SIM_APPROXIMATE_EX2:
    result = std::exp2(x);
    break;
  case KVCRT_SIM_APPROXIMATE_LG2:
    result = std::log2(x);
    break;
  case KVCRT_SIM_APPROXIMATE_RCP:
    result = 1 / x;
    break;
  case KVCRT_SIM_APPROXIMATE_RSQRT:
    result = float(1 / std::sqrt(double(x)));
    break;
  case KVCRT_SIM_APPROXIMATE_SQRT:
    result = std::sqrt(x);
    break;
  case KVCRT_SIM_APPROXIMATE_SIN:
    result = std::sin(x);
    break;
  case KVCRT_SIM_APPROXIMATE_COS:
    result = std::cos(x);
    break;
  case KVCRT_SIM_APPROXIMATE_TANH:
    result = std::tanh(x);
    break;
  }
  return flushed(result, flush);
}

uint32_t convert(kvcrt_sim_thread *, uint32_t, uint32_t which, uint32_t a,
                 uint32_t b) {
  float high = bitsToFloat(a), low = bitsToFloat(b);
  const uint32_t kind = which & 0xff;
  if (kind == KVCRT_SIM_CONVERT_F16X2_E4M3X2 ||
      kind == KVCRT_SIM_CONVERT_F16X2_E5M2X2) {
    high = fromF16(a >> 16);
    low = fromF16(a & 0xffff);
  }
  if (kind == KVCRT_SIM_CONVERT_E4M3X2_F16X2) {
    high = fromE4M3(a >> 8 & 0xff);
    low = fromE4M3(a & 0xff);
  } else if (kind == KVCRT_SIM_CONVERT_E5M2X2_F16X2) {
    high = fromE5M2(a >> 8 & 0xff);
    low = fromE5M2(a & 0xff);
  }
  if (which & KVCRT_SIM_CONVERT_RELU) {
    high = high < 0 ? 0 : high;
    low = low < 0 ? 0 : low;
  }
  switch (kind) {
  case KVCRT_SIM_CONVERT_F32_BF16X2:
    return toBf16(high) << 16 | toBf16(low);
  case KVCRT_SIM_CONVERT_F32_E4M3X2:
  case KVCRT_SIM_CONVERT_F16X2_E4M3X2:
    return toE4M3(high) << 8 | toE4M3(low);
  case KVCRT_SIM_CONVERT_F32_E5M2X2:
  case KVCRT_SIM_CONVERT_F16X2_E5M2X2:
    return toE5M2(high) << 8 | toE5M2(low);
  case KVCRT_SIM_CONVERT_F32_TF32:
    return toTf32(high);
  default:
    return toF16(high) << 16 | toF16(low);
  }
}

uint32_t half2(kvcrt_sim_thread *, uint32_t, uint32_t which, uint32_t a,
               uint32_t b, uint32_t c) {
  const bool bf16 = which >> 8 == KVCRT_SIM_TYPE_BF16;
  uint32_t result = 0;
  for (uint32_t shift = 0; shift < 32; shift += 16) {
    auto number = [&](uint32_t word) {
      const uint32_t bits = word >> shift & 0xffff;
      return double(bf16 ? fromBf16(bits) : fromF16(bits));
    };
    // Exact in double but for sums of far exponents, which double rounds
    // where no 16-bit tie can be.
    const double x = number(a), y = number(b), z = number(c);
    double value = 0;
    switch (which & 0xff) {
    case KVCRT_SIM_HALF2_ADD:
      value = x + y;
      break;
    case KVCRT_SIM_HALF2_SUB:
      value = x - y;
      break;
    case KVCRT_SIM_HALF2_MUL:
      value = x * y;
      break;
    case KVCRT_SIM_HALF2_FMA:
      value = std::fma(x, y, z);
      break;
    case KVCRT_SIM_HALF2_MIN:
      value = std::fmin(x, y);
      break;
    case KVCRT_SIM_HALF2_MAX:
      value = std::fmax(x, y);
      break;
    case KVCRT_SIM_HALF2_EX2:
      value = std::exp2(x);
      break;
    }
    result |= (bf16 ? toBf16(value) : toF16(value)) << shift;
  }
  return result;
}

/// Modes as NVVM's #nvvm.permute_mode counts them.
uint32_t permute(kvcrt_sim_thread *, uint32_t, uint32_t a, uint32_t b,
                 uint32_t selector, uint32_t mode) {
  const uint64_t bytes = a | uint64_t(b) << 32;
  const uint32_t s = selector & 3;
  uint32_t pick[4];
  for (uint32_t i = 0; i < 4; ++i)
    switch (mode) {
    case 1: // f4e
      pick[i] = s + i;
      break;
    case 2: // b4e
      pick[i] = (s - i) & 7;
      break;
    case 3: // rc8
      pick[i] = s;
      break;
    case 4: // ecl
      pick[i] = i < s ? s : i;
      break;
    case 5: // ecr
      pick[i] = i < s ? i : s;
      break;
    case 6: // rc16
      pick[i] = (s & 1) * 2 + (i & 1);
      break;
    default:
      pick[i] = selector >> 4 * i & 15;
    }
  uint32_t result = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t byte = uint32_t(bytes >> 8 * (pick[i] & 7)) & 0xff;
    if (pick[i] & 8)
      byte = byte & 0x80 ? 0xff : 0; // the sign, eight times
    result |= byte << 8 * i;
  }
  return result;
}

void sleep(kvcrt_sim_thread *thread, uint32_t location, uint32_t) {
  of(thread).block->yield(of(thread), location);
}
void trap(kvcrt_sim_thread *thread, uint32_t location) {
  of(thread).block->report(of(thread), KVCRT_SIM_INVALID, location, "trap");
  of(thread).block->abandon(of(thread));
}

} // namespace

const kvcrt_sim_table kTable = {
#define KVCRT_SIM_INTRINSIC(name, result, parameters, ptx) &name,
#include "kvcrt/sim_intrinsics.def"
};

} // namespace kvcrt::sim
