//===- cuda/driver.h - the CUDA driver's calls that we use ----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Our own declarations of a part of the driver API, so that the runtime builds
// without CUDA and runs without it: the library is opened by name at run time
// and every symbol is one row of the table below. Where cuda.h is at hand, a
// test compares each declaration with it (runtime/test/cuda_header_test.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_CUDA_DRIVER_H
#define KVCRT_SRC_CUDA_DRIVER_H

#include "../message.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace kvcrt::cuda {

using Result = int;
using Device = int;
using Pointer = unsigned long long; // CUdeviceptr
using Handle = unsigned long long;  // CUmemGenericAllocationHandle
// Opaque objects of the driver.
using Context = struct CUctx_st *;
using Module = struct CUmod_st *;
using Function = struct CUfunc_st *;
using Stream = struct CUstream_st *;
using Event = struct CUevent_st *;
using Graph = struct CUgraph_st *;
using GraphExec = struct CUgraphExec_st *;
using Pool = struct CUmemPoolHandle_st *;

// Values of the driver's enumerations.
constexpr Result kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2,
                 kNoDevice = 100, kInvalidDevice = 101, kInvalidImage = 200,
                 kNoBinaryForGpu = 209, kInvalidPtx = 218,
                 kUnsupportedPtxVersion = 222, kNotReady = 600,
                 kSystemDriverMismatch = 803, kNotSupported = 801;
constexpr unsigned kHostAllocPortable = 1, kHostAllocDeviceMap = 2;
constexpr unsigned kStreamNonBlocking = 1;
constexpr int kCaptureThreadLocal = 1;
constexpr int kMemoryHost = 1, kMemoryDevice = 2;
constexpr int kFunctionMaxDynamicShared = 8;
constexpr int kPoolReleaseThreshold = 4;
constexpr int kJitErrorLog = 5, kJitErrorLogBytes = 6;
constexpr int kAttributeClockRate = 13, kAttributeMultiprocessors = 16,
              kAttributeMemoryClockRate = 36, kAttributeMemoryBusWidth = 37,
              kAttributeL2Bytes = 38, kAttributeMajor = 75,
              kAttributeMinor = 76, kAttributeSharedPerMultiprocessor = 81,
              kAttributeSharedPerBlockOptIn = 97;
constexpr int kLocationDevice = 1, kAllocationPinned = 1, kAccessReadWrite = 3;
constexpr int kGranularityRecommended = 1;

struct Location {
  int type, id;
};
struct AllocationProperties {
  int type, handleTypes;
  Location location;
  void *win32;
  unsigned char compression, rdma;
  unsigned short usage;
  unsigned char reserved[4];
};
struct AccessDescription {
  Location location;
  int flags;
};
struct PoolProperties {
  int type, handleTypes;
  Location location;
  void *win32;
  size_t maxSize;
  unsigned short usage;
  unsigned char reserved[54];
};
struct Copy2D {
  size_t srcX, srcY;
  int srcType;
  const void *srcHost;
  Pointer srcDevice;
  void *srcArray;
  size_t srcPitch;
  size_t dstX, dstY;
  int dstType;
  void *dstHost;
  Pointer dstDevice;
  void *dstArray;
  size_t dstPitch;
  size_t width, height;
};

/// X(name in our table, symbol, parameters): calls that every driver of
/// kMinimumVersion has.
#define KVCRT_CUDA_CALLS(X)                                                    \
  X(init, cuInit, (unsigned))                                                  \
  X(driverGetVersion, cuDriverGetVersion, (int *))                             \
  X(getErrorName, cuGetErrorName, (Result, const char **))                     \
  X(getErrorString, cuGetErrorString, (Result, const char **))                 \
  X(deviceGetCount, cuDeviceGetCount, (int *))                                 \
  X(deviceGet, cuDeviceGet, (Device *, int))                                   \
  X(deviceGetName, cuDeviceGetName, (char *, int, Device))                     \
  X(deviceGetAttribute, cuDeviceGetAttribute, (int *, int, Device))            \
  X(deviceTotalMem, cuDeviceTotalMem_v2, (size_t *, Device))                   \
  X(primaryRetain, cuDevicePrimaryCtxRetain, (Context *, Device))              \
  X(primaryRelease, cuDevicePrimaryCtxRelease_v2, (Device))                    \
  X(ctxGetCurrent, cuCtxGetCurrent, (Context *))                               \
  X(ctxPush, cuCtxPushCurrent_v2, (Context))                                   \
  X(ctxPop, cuCtxPopCurrent_v2, (Context *))                                   \
  X(memAlloc, cuMemAlloc_v2, (Pointer *, size_t))                              \
  X(memFree, cuMemFree_v2, (Pointer))                                          \
  X(hostAlloc, cuMemHostAlloc, (void **, size_t, unsigned))                    \
  X(hostFree, cuMemFreeHost, (void *))                                         \
  X(poolCreate, cuMemPoolCreate, (Pool *, const PoolProperties *))             \
  X(poolDestroy, cuMemPoolDestroy, (Pool))                                     \
  X(poolSetAttribute, cuMemPoolSetAttribute, (Pool, int, void *))              \
  X(poolAlloc, cuMemAllocFromPoolAsync, (Pointer *, size_t, Pool, Stream))     \
  X(freeAsync, cuMemFreeAsync, (Pointer, Stream))                              \
  X(granularity, cuMemGetAllocationGranularity,                                \
    (size_t *, const AllocationProperties *, int))                             \
  X(addressReserve, cuMemAddressReserve,                                       \
    (Pointer *, size_t, size_t, Pointer, unsigned long long))                  \
  X(addressFree, cuMemAddressFree, (Pointer, size_t))                          \
  X(memCreate, cuMemCreate,                                                    \
    (Handle *, size_t, const AllocationProperties *, unsigned long long))      \
  X(memRelease, cuMemRelease, (Handle))                                        \
  X(memMap, cuMemMap, (Pointer, size_t, size_t, Handle, unsigned long long))   \
  X(memUnmap, cuMemUnmap, (Pointer, size_t))                                   \
  X(memSetAccess, cuMemSetAccess,                                              \
    (Pointer, size_t, const AccessDescription *, size_t))                      \
  X(copyAsync, cuMemcpyAsync, (Pointer, Pointer, size_t, Stream))              \
  X(copy2DAsync, cuMemcpy2DAsync_v2, (const Copy2D *, Stream))                 \
  X(fillAsync, cuMemsetD8Async, (Pointer, unsigned char, size_t, Stream))      \
  X(streamCreate, cuStreamCreate, (Stream *, unsigned))                        \
  X(streamDestroy, cuStreamDestroy_v2, (Stream))                               \
  X(streamSynchronize, cuStreamSynchronize, (Stream))                          \
  X(streamWaitEvent, cuStreamWaitEvent, (Stream, Event, unsigned))             \
  X(streamBeginCapture, cuStreamBeginCapture_v2, (Stream, int))                \
  X(streamEndCapture, cuStreamEndCapture, (Stream, Graph *))                   \
  X(graphInstantiate, cuGraphInstantiateWithFlags,                             \
    (GraphExec *, Graph, unsigned long long))                                  \
  X(graphLaunch, cuGraphLaunch, (GraphExec, Stream))                           \
  X(graphExecDestroy, cuGraphExecDestroy, (GraphExec))                         \
  X(graphDestroy, cuGraphDestroy, (Graph))                                     \
  X(eventCreate, cuEventCreate, (Event *, unsigned))                           \
  X(eventDestroy, cuEventDestroy_v2, (Event))                                  \
  X(eventRecord, cuEventRecord, (Event, Stream))                               \
  X(eventQuery, cuEventQuery, (Event))                                         \
  X(eventSynchronize, cuEventSynchronize, (Event))                             \
  X(eventElapsed, cuEventElapsedTime, (float *, Event, Event))                 \
  X(moduleLoad, cuModuleLoadDataEx,                                            \
    (Module *, const void *, unsigned, int *, void **))                        \
  X(moduleUnload, cuModuleUnload, (Module))                                    \
  X(moduleGetFunction, cuModuleGetFunction,                                    \
    (Function *, Module, const char *))                                        \
  X(functionSetAttribute, cuFuncSetAttribute, (Function, int, int))            \
  X(occupancy, cuOccupancyMaxActiveBlocksPerMultiprocessor,                    \
    (int *, Function, int, size_t))                                            \
  X(launchKernel, cuLaunchKernel,                                              \
    (Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,     \
     unsigned, Stream, void **, void **))                                      \
  X(tensorMapEncode, cuTensorMapEncodeTiled,                                   \
    (void *, int, uint32_t, void *, const uint64_t *, const uint64_t *,        \
     const uint32_t *, const uint32_t *, int, int, int, int))

/// CUDA 12.0: tensor maps, and cubins of sm_90.
constexpr int kMinimumVersion = 12000;

/// The opened library; closed with the last device that uses it.
struct Driver {
#define KVCRT_CUDA_MEMBER(member, symbol, parameters)                          \
  Result(*member) parameters = nullptr;
  KVCRT_CUDA_CALLS(KVCRT_CUDA_MEMBER)
#undef KVCRT_CUDA_MEMBER

  /// Opens `path`, or $KVCRT_CUDA_DRIVER, or libcuda.so.1, finds all symbols,
  /// initialises the driver and checks its version. KVCRT_NOT_FOUND: no
  /// library or no GPU; KVCRT_UNSUPPORTED: a driver that is too old.
  static kvcrt_status open(const char *path, std::unique_ptr<Driver> &out,
                           Message message);
  ~Driver();
  Driver(const Driver &) = delete;

  int version = 0; // 13000 = CUDA 13.0

private:
  Driver() = default;
  kvcrt_status load(const char *path, Message message);
  void *library_ = nullptr;
};

/// Writes "CALL: CUDA_ERROR_NAME: text" and answers the status that it means.
/// `what`: CALL and, perhaps, of what.
kvcrt_status translate(const Driver &driver, Result result, const char *what,
                       char *text, size_t textSize);

} // namespace kvcrt::cuda

#endif // KVCRT_SRC_CUDA_DRIVER_H
