//===- cuda_header_test.cpp - our declarations against CUDA's own ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built only where cuda.h is installed; all is decided by the compiler.
//
//===----------------------------------------------------------------------===//
#include "cuda/driver.h"

#include <cuda.h>
#include <gtest/gtest.h>

#include <type_traits>

namespace ours = kvcrt::cuda;

namespace {

static_assert(ours::kOutOfMemory == CUDA_ERROR_OUT_OF_MEMORY &&
              ours::kInvalidValue == CUDA_ERROR_INVALID_VALUE &&
              ours::kNoDevice == CUDA_ERROR_NO_DEVICE &&
              ours::kInvalidDevice == CUDA_ERROR_INVALID_DEVICE &&
              ours::kInvalidImage == CUDA_ERROR_INVALID_IMAGE &&
              ours::kNoBinaryForGpu == CUDA_ERROR_NO_BINARY_FOR_GPU &&
              ours::kInvalidPtx == CUDA_ERROR_INVALID_PTX &&
              ours::kUnsupportedPtxVersion ==
                  CUDA_ERROR_UNSUPPORTED_PTX_VERSION &&
              ours::kNotReady == CUDA_ERROR_NOT_READY &&
              ours::kSystemDriverMismatch ==
                  CUDA_ERROR_SYSTEM_DRIVER_MISMATCH &&
              ours::kNotSupported == CUDA_ERROR_NOT_SUPPORTED);
static_assert(ours::kHostAllocPortable == CU_MEMHOSTALLOC_PORTABLE &&
              ours::kHostAllocDeviceMap == CU_MEMHOSTALLOC_DEVICEMAP &&
              ours::kStreamNonBlocking == CU_STREAM_NON_BLOCKING &&
              ours::kCaptureThreadLocal ==
                  CU_STREAM_CAPTURE_MODE_THREAD_LOCAL &&
              ours::kMemoryHost == CU_MEMORYTYPE_HOST &&
              ours::kMemoryDevice == CU_MEMORYTYPE_DEVICE &&
              ours::kFunctionMaxDynamicShared ==
                  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES &&
              ours::kPoolReleaseThreshold ==
                  CU_MEMPOOL_ATTR_RELEASE_THRESHOLD &&
              ours::kJitErrorLog == CU_JIT_ERROR_LOG_BUFFER &&
              ours::kJitErrorLogBytes == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
static_assert(
    ours::kAttributeClockRate == CU_DEVICE_ATTRIBUTE_CLOCK_RATE &&
    ours::kAttributeMultiprocessors ==
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT &&
    ours::kAttributeMemoryClockRate == CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE &&
    ours::kAttributeMemoryBusWidth ==
        CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH &&
    ours::kAttributeL2Bytes == CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE &&
    ours::kAttributeMajor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR &&
    ours::kAttributeMinor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR &&
    ours::kAttributeSharedPerMultiprocessor ==
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR &&
    ours::kAttributeSharedPerBlockOptIn ==
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
static_assert(ours::kLocationDevice == CU_MEM_LOCATION_TYPE_DEVICE &&
              ours::kAllocationPinned == CU_MEM_ALLOCATION_TYPE_PINNED &&
              ours::kAccessReadWrite == CU_MEM_ACCESS_FLAGS_PROT_READWRITE &&
              ours::kGranularityRecommended ==
                  CU_MEM_ALLOC_GRANULARITY_RECOMMENDED);
static_assert(
    sizeof(ours::AllocationProperties) == sizeof(CUmemAllocationProp) &&
    offsetof(ours::AllocationProperties, location) ==
        offsetof(CUmemAllocationProp, location) &&
    sizeof(ours::AccessDescription) == sizeof(CUmemAccessDesc) &&
    offsetof(ours::AccessDescription, flags) ==
        offsetof(CUmemAccessDesc, flags) &&
    sizeof(ours::PoolProperties) == sizeof(CUmemPoolProps) &&
    offsetof(ours::PoolProperties, maxSize) ==
        offsetof(CUmemPoolProps, maxSize) &&
    sizeof(ours::Copy2D) == sizeof(CUDA_MEMCPY2D) &&
    offsetof(ours::Copy2D, dstDevice) == offsetof(CUDA_MEMCPY2D, dstDevice) &&
    offsetof(ours::Copy2D, height) == offsetof(CUDA_MEMCPY2D, Height));
static_assert(CU_TENSOR_MAP_DATA_TYPE_UINT8 == 0 &&
              CU_TENSOR_MAP_DATA_TYPE_FLOAT16 == 6 &&
              CU_TENSOR_MAP_DATA_TYPE_FLOAT32 == 7 &&
              CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 == 9 &&
              CU_TENSOR_MAP_SWIZZLE_128B == 3 &&
              CU_TENSOR_MAP_L2_PROMOTION_L2_128B == 2);

/// What a parameter looks like to the machine: enumerations are ints, and any
/// pointer is like any other.
template <typename T, bool = std::is_pointer_v<T>, bool = std::is_enum_v<T>>
struct Machine {
  using type = T;
};
template <typename T> struct Machine<T, true, false> {
  using type = void *;
};
template <typename T> struct Machine<T, false, true> {
  using type = int;
};
template <typename F> struct Call;
template <typename R, typename... P> struct Call<R (*)(P...)> {
  using type = typename Machine<R>::type(typename Machine<P>::type...);
};

TEST(CudaHeader, DeclaresWhatWeDeclare) {
  int calls = 0;
#define CHECK_CALL(member, symbol, parameters)                                 \
  static_assert(std::is_same_v<Call<decltype(&::symbol)>::type,                \
                               Call<decltype(ours::Driver::member)>::type>,    \
                #symbol);                                                      \
  ++calls;
  KVCRT_CUDA_CALLS(CHECK_CALL)
#undef CHECK_CALL
  EXPECT_EQ(calls, 57);
}

} // namespace
