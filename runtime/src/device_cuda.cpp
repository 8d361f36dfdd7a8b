//===- device_cuda.cpp - an NVIDIA GPU through its driver -----------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Payload is device memory; control memory is pinned host memory, which kernels
// are not given: step arrays have a copy on the device. Threads are a cpu
// device's, for host code beside the kernels.
//
// Invariant: nothing allocates, waits or changes the caller's context behind
// the caller's back, but for what kvcrt/runtime.h promises (read and update are
// complete on return, allocations are zero).
//
//===----------------------------------------------------------------------===//
#include "cuda/modules.h"
#include "cuda/regions.h"
#include "gpu.h"

#include <cstring>

namespace kvcrt {
namespace {

using namespace cuda;

struct CudaGraph final : kvcrt_graph {
  GraphExec exec = nullptr;
};

class CudaDevice final : public HostedDevice, public Gpu {
public:
  explicit CudaDevice(const kvcrt_device_desc &desc)
      : HostedDevice(desc), session_(env), regions_(session_),
        modules_(session_) {
    env.launch = &launch;
  }
  ~CudaDevice() override {
    if (!session_.context())
      return;
    Current current(session_);
    freeAll();
    regions_.releaseAll();
    (void)modules_.clear();
    if (pool_)
      (void)session_.check(driver().poolDestroy(pool_), "cuMemPoolDestroy");
  }

  kvcrt_status open(const kvcrt_device_desc &desc, Message message);

  kvcrt_status reserve(uint64_t bytes, void **out_base) override {
    Current current(session_);
    return current.status ? current.status : regions_.reserve(bytes, out_base);
  }
  kvcrt_status commit(void *base, uint64_t bytes) override {
    Current current(session_);
    return current.status ? current.status : regions_.commit(base, bytes);
  }
  void release(void *base, uint64_t) override {
    Current current(session_);
    regions_.release(base);
  }

  kvcrt_status copy(void *destination, const void *source, uint64_t bytes,
                    void *stream) override {
    return call("cuMemcpyAsync", [&](const Driver &d) {
      return d.copyAsync(pointer(destination), pointer(source), bytes,
                         Stream(stream));
    });
  }
  kvcrt_status update(void *destination, const void *hostSource, uint64_t bytes,
                      void *stream) override {
    const kvcrt_status status = copy(destination, hostSource, bytes, stream);
    // The source may be pinned, and is the caller's again on return.
    return status ? status : synchronize(stream);
  }
  kvcrt_status read(void *hostDestination, const void *source, uint64_t bytes,
                    void *stream) override {
    const kvcrt_status status = copy(hostDestination, source, bytes, stream);
    return status ? status : synchronize(stream);
  }
  kvcrt_status fill(void *destination, uint8_t value, uint64_t bytes,
                    void *stream) override {
    return call("cuMemsetD8Async", [&](const Driver &d) {
      return d.fillAsync(pointer(destination), value, bytes, Stream(stream));
    });
  }
  kvcrt_status synchronize(void *stream) override {
    return call("cuStreamSynchronize", [&](const Driver &d) {
      return d.streamSynchronize(Stream(stream));
    });
  }
  bool sharesControlMemory() const override { return false; }
  kvcrt_status upload(void *destination, const void *source, uint64_t bytes,
                      uint64_t rows, uint64_t pitch, void *stream) override;

  Gpu *gpu() override { return this; }
  kvcrt_status info(kvcrt_device_info *out) override;
  std::string lastError() override { return session_.lastError(); }
  kvcrt_status prepare(const kvcrt_kernel *kernel, int32_t *blocks) override;
  kvcrt_status forgetKernels() override { return modules_.clear(); }
  kvcrt_status streamCreate(void **out) override {
    return call("cuStreamCreate", [&](const Driver &d) {
      return d.streamCreate(reinterpret_cast<Stream *>(out),
                            kStreamNonBlocking);
    });
  }
  kvcrt_status streamDestroy(void *stream) override {
    return call("cuStreamDestroy", [&](const Driver &d) {
      return d.streamDestroy(Stream(stream));
    });
  }
  kvcrt_status eventCreate(void **out) override {
    return call("cuEventCreate", [&](const Driver &d) {
      return d.eventCreate(reinterpret_cast<Event *>(out), 0);
    });
  }
  kvcrt_status eventDestroy(void *event) override {
    return call("cuEventDestroy",
                [&](const Driver &d) { return d.eventDestroy(Event(event)); });
  }
  kvcrt_status eventRecord(void *event, void *stream) override {
    return call("cuEventRecord", [&](const Driver &d) {
      return d.eventRecord(Event(event), Stream(stream));
    });
  }
  kvcrt_status eventWait(void *event, void *stream) override {
    return call("cuStreamWaitEvent", [&](const Driver &d) {
      return d.streamWaitEvent(Stream(stream), Event(event), 0);
    });
  }
  kvcrt_status eventQuery(void *event) override;
  kvcrt_status eventSynchronize(void *event) override {
    return call("cuEventSynchronize", [&](const Driver &d) {
      return d.eventSynchronize(Event(event));
    });
  }
  kvcrt_status eventElapsed(void *begin, void *end, float *out) override {
    return call("cuEventElapsedTime", [&](const Driver &d) {
      return d.eventElapsed(out, Event(begin), Event(end));
    });
  }
  kvcrt_status allocAsync(uint64_t bytes, void *stream, void **out) override;
  kvcrt_status freeAsync(void *address, void *stream) override {
    return call("cuMemFreeAsync", [&](const Driver &d) {
      return d.freeAsync(pointer(address), Stream(stream));
    });
  }
  kvcrt_status graphBegin(void *stream) override {
    if (!stream) // the default stream cannot be captured
      return KVCRT_INVALID_ARGUMENT;
    return call("cuStreamBeginCapture", [&](const Driver &d) {
      return d.streamBeginCapture(Stream(stream), kCaptureThreadLocal);
    });
  }
  kvcrt_status graphEnd(void *stream, kvcrt_graph **out) override;
  kvcrt_status graphLaunch(kvcrt_graph *graph, void *stream) override {
    return call("cuGraphLaunch", [&](const Driver &d) {
      return d.graphLaunch(static_cast<CudaGraph *>(graph)->exec,
                           Stream(stream));
    });
  }
  void graphDestroy(kvcrt_graph *graph) override {
    (void)call("cuGraphExecDestroy", [&](const Driver &d) {
      return d.graphExecDestroy(static_cast<CudaGraph *>(graph)->exec);
    });
    delete graph;
  }
  kvcrt_status tensorMap(const kvcrt_tensor_map_desc &desc,
                         kvcrt_tensor_map *out) override;

protected:
  void *allocate(int32_t kind, uint64_t bytes) override;
  void deallocate(void *address, int32_t kind, uint64_t bytes) override;

private:
  const Driver &driver() const { return session_.driver(); }
  /// One driver call with the context current; `what` names it.
  template <typename Body> kvcrt_status call(const char *what, Body &&body) {
    Current current(session_);
    return current.status ? current.status
                          : session_.check(body(driver()), what);
  }

  static CudaDevice &of(void *context) {
    return *static_cast<CudaDevice *>(static_cast<kvcrt_device *>(context));
  }
  static int32_t launch(void *context, const kvcrt_env *env,
                        const kvcrt_launch *launch) noexcept;

  Session session_;
  Regions regions_;
  Modules modules_;
  Pool pool_ = nullptr; // constant once open
};

kvcrt_status CudaDevice::open(const kvcrt_device_desc &desc, Message message) {
  kvcrt_status status = session_.open(desc.driver, desc.ordinal, message);
  if (status)
    return status;
  kvcrt_device_info found;
  KVCRT_INIT(&found);
  status = info(&found);
  if (!status) {
    modules_.setChip(found.sm);
    Current current(session_);
    PoolProperties properties = {};
    properties.type = kAllocationPinned;
    properties.location = {kLocationDevice, session_.device()};
    status = current.status;
    if (!status)
      status = session_.check(driver().poolCreate(&pool_, &properties),
                              "cuMemPoolCreate");
    // Freed memory stays in the pool when the host waits for a stream.
    uint64_t threshold = UINT64_MAX;
    if (!status)
      status = session_.check(
          driver().poolSetAttribute(pool_, kPoolReleaseThreshold, &threshold),
          "cuMemPoolSetAttribute");
  }
  return status ? message.fail(status, "%s", lastError().c_str()) : KVCRT_OK;
}

kvcrt_status CudaDevice::info(kvcrt_device_info *out) {
  const Driver &d = driver();
  const Device device = session_.device();
  kvcrt_device_info found;
  KVCRT_INIT(&found);
  if (kvcrt_status status = session_.check(
          d.deviceGetName(found.name, int(sizeof(found.name)), device),
          "cuDeviceGetName"))
    return status;
  found.name[sizeof(found.name) - 1] = 0;
  int major = 0, minor = 0;
  const std::pair<int, int32_t *> attributes[] = {
      {kAttributeMajor, &major},
      {kAttributeMinor, &minor},
      {kAttributeMultiprocessors, &found.multiprocessors},
      {kAttributeSharedPerBlockOptIn, &found.shared_bytes_per_block},
      {kAttributeSharedPerMultiprocessor,
       &found.shared_bytes_per_multiprocessor},
      {kAttributeL2Bytes, &found.l2_bytes},
      {kAttributeClockRate, &found.clock_khz},
      {kAttributeMemoryClockRate, &found.memory_clock_khz},
      {kAttributeMemoryBusWidth, &found.memory_bus_bits}};
  for (auto [attribute, value] : attributes)
    if (kvcrt_status status = session_.check(
            d.deviceGetAttribute(value, attribute, device),
            ("cuDeviceGetAttribute of attribute " + std::to_string(attribute))
                .c_str()))
      return status;
  size_t bytes = 0;
  if (kvcrt_status status =
          session_.check(d.deviceTotalMem(&bytes, device), "cuDeviceTotalMem"))
    return status;
  found.sm = major * 10 + minor;
  found.memory_bytes = bytes;
  found.driver_version = d.version;
  *out = found;
  return KVCRT_OK;
}

void *CudaDevice::allocate(int32_t kind, uint64_t bytes) {
  Current current(session_);
  if (current.status)
    return nullptr;
  const std::string size = " of " + std::to_string(bytes) + " bytes";
  if (kind == KVCRT_MEMORY_CONTROL) {
    void *host = nullptr;
    if (session_.check(driver().hostAlloc(&host, bytes, kHostAllocPortable),
                       ("cuMemHostAlloc" + size).c_str()))
      return nullptr;
    memset(host, 0, bytes);
    return host;
  }
  Pointer address = 0;
  if (session_.check(driver().memAlloc(&address, bytes),
                     ("cuMemAlloc" + size).c_str()))
    return nullptr;
  kvcrt_status status =
      session_.check(driver().fillAsync(address, 0, bytes, nullptr),
                     ("cuMemsetD8Async" + size).c_str());
  // Other streams do not wait for the default one.
  if (!status)
    status = session_.check(driver().streamSynchronize(nullptr),
                            "cuStreamSynchronize");
  if (status) {
    (void)session_.check(driver().memFree(address), "cuMemFree");
    return nullptr;
  }
  return reinterpret_cast<void *>(address);
}

void CudaDevice::deallocate(void *address, int32_t kind, uint64_t) {
  Current current(session_);
  if (kind == KVCRT_MEMORY_CONTROL)
    (void)session_.check(driver().hostFree(address), "cuMemFreeHost");
  else
    (void)session_.check(driver().memFree(pointer(address)), "cuMemFree");
}

kvcrt_status CudaDevice::upload(void *destination, const void *source,
                                uint64_t bytes, uint64_t rows, uint64_t pitch,
                                void *stream) {
  if (rows <= 1 || bytes == pitch)
    return copy(destination, source, rows * bytes, stream);
  return call("cuMemcpy2DAsync", [&](const Driver &d) {
    Copy2D all = {};
    all.srcType = kMemoryHost;
    all.srcHost = source;
    all.srcPitch = pitch;
    all.dstType = kMemoryDevice;
    all.dstDevice = pointer(destination);
    all.dstPitch = pitch;
    all.width = bytes;
    all.height = rows;
    return d.copy2DAsync(&all, Stream(stream));
  });
}

kvcrt_status CudaDevice::prepare(const kvcrt_kernel *kernel, int32_t *blocks) {
  Current current(session_);
  if (current.status)
    return current.status;
  Function function = nullptr;
  if (kvcrt_status status = modules_.find(*kernel, function))
    return status;
  return session_.check(driver().occupancy(blocks, function,
                                           int(kernel->threads),
                                           kernel->shared_bytes),
                        "cuOccupancyMaxActiveBlocksPerMultiprocessor");
}

kvcrt_status CudaDevice::eventQuery(void *event) {
  Current current(session_);
  if (current.status)
    return current.status;
  const Result result = driver().eventQuery(Event(event));
  return result == kNotReady ? KVCRT_BUSY // an answer, not a failure
                             : session_.check(result, "cuEventQuery");
}

kvcrt_status CudaDevice::allocAsync(uint64_t bytes, void *stream, void **out) {
  Current current(session_);
  if (current.status)
    return current.status;
  Pointer address = 0;
  const Result result =
      driver().poolAlloc(&address, bytes, pool_, Stream(stream));
  if (result != kSuccess)
    return session_.check(result, ("cuMemAllocFromPoolAsync of " +
                                   std::to_string(bytes) + " bytes")
                                      .c_str());
  *out = reinterpret_cast<void *>(address);
  return KVCRT_OK;
}

kvcrt_status CudaDevice::graphEnd(void *stream, kvcrt_graph **out) {
  auto made = std::make_unique<CudaGraph>();
  Current current(session_);
  if (current.status)
    return current.status;
  Graph graph = nullptr;
  kvcrt_status status = session_.check(
      driver().streamEndCapture(Stream(stream), &graph), "cuStreamEndCapture");
  if (status || !graph)
    return status ? status
                  : session_.refuse(KVCRT_DEVICE_ERROR,
                                    "cuStreamEndCapture: expected a graph, got "
                                    "none; the stream was not being captured");
  status = session_.check(driver().graphInstantiate(&made->exec, graph, 0),
                          "cuGraphInstantiateWithFlags");
  const kvcrt_status destroyed =
      session_.check(driver().graphDestroy(graph), "cuGraphDestroy");
  if (!status && destroyed) {
    (void)session_.check(driver().graphExecDestroy(made->exec),
                         "cuGraphExecDestroy");
    status = destroyed;
  }
  if (!status)
    *out = made.release();
  return status;
}

kvcrt_status CudaDevice::tensorMap(const kvcrt_tensor_map_desc &desc,
                                   kvcrt_tensor_map *out) {
  // The driver's CUtensorMapDataType.
  int type = 0;
  switch (desc.element) {
  case KVCRT_I8:
  case KVCRT_F8E4M3FN:
  case KVCRT_F8E5M2:
    type = 0; // UINT8
    break;
  case KVCRT_F16:
    type = 6;
    break;
  case KVCRT_F32:
    type = 7;
    break;
  case KVCRT_BF16:
    type = 9;
    break;
  default:
    return KVCRT_UNSUPPORTED;
  }
  const uint32_t steps[5] = {1, 1, 1, 1, 1};
  // CUtensorMap asks for 64-byte alignment, which a block of parameters on the
  // host need not have.
  alignas(64) kvcrt_tensor_map map;
  const kvcrt_status status =
      call("cuTensorMapEncodeTiled", [&](const Driver &d) {
        return d.tensorMapEncode(&map, type, uint32_t(desc.rank), desc.base,
                                 desc.extent, desc.stride + 1, desc.box, steps,
                                 /*interleave=*/0, desc.swizzle,
                                 /*l2Promotion=*/2, /*oobFill=*/0);
      });
  if (!status)
    *out = map;
  return status;
}

int32_t CudaDevice::launch(void *context, const kvcrt_env *env,
                           const kvcrt_launch *launch) noexcept {
  if (kvcrt_status status = checkStruct(launch))
    return status;
  const kvcrt_kernel *kernel = launch->kernel;
  if (kvcrt_status status = checkStruct(kernel))
    return status;
  if (!launch->params || !launch->grid[0] || !launch->grid[1] ||
      !launch->grid[2])
    return KVCRT_INVALID_ARGUMENT;
  CudaDevice &device = of(context);
  try {
    Current current(device.session_);
    if (current.status)
      return current.status;
    Function function = nullptr;
    if (kvcrt_status status = device.modules_.find(*kernel, function))
      return status;
    void *params[] = {const_cast<void *>(launch->params)};
    const Result result = device.driver().launchKernel(
        function, launch->grid[0], launch->grid[1], launch->grid[2],
        kernel->threads, 1, 1, kernel->shared_bytes, Stream(env->stream),
        params, nullptr);
    if (result == kSuccess)
      return KVCRT_OK;
    return device.session_.check(
        result, ("cuLaunchKernel of `" + std::string(kernel->name) + "`, " +
                 std::to_string(launch->grid[0]) + " blocks")
                    .c_str());
  } catch (const std::bad_alloc &) {
    return KVCRT_OUT_OF_MEMORY;
  }
}

} // namespace

kvcrt_status createCudaDevice(const kvcrt_device_desc &desc,
                              std::unique_ptr<kvcrt_device> &out,
                              Message message) {
  auto device = std::make_unique<CudaDevice>(desc);
  const kvcrt_status status = device->open(desc, message);
  if (!status)
    out = std::move(device);
  return status;
}

} // namespace kvcrt
