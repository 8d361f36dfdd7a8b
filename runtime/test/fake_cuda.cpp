//===- fake_cuda.cpp - a stand-in for libcuda -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See fake_cuda.h. One lock for all; test code, so objects are plain.
//
//===----------------------------------------------------------------------===//
#include "fake_cuda.h"
#include "cuda/driver.h"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <sys/mman.h>
#include <type_traits>
#include <vector>

using namespace kvcrt::cuda;
using kvcrt_test::FakeImage;

namespace {

using Work = std::function<void()>;

struct FakeStream {
  std::vector<Work> queue;
  size_t done = 0;
  std::unique_ptr<std::vector<Work>> capture;
};
struct FakeEvent {
  FakeStream *stream = nullptr;
  size_t at = 0; // works of the stream before it
};
struct FakeGraph {
  std::vector<Work> nodes;
};

struct State {
  std::recursive_mutex mutex;
  std::string log;
  std::string failSymbol;
  int failNth = 0, failResult = 0;
  int version = 13000, devices = 1, major = 9, minor = 0;
  /// What was made and not destroyed, and what destroys it.
  std::map<const void *, void (*)(const void *)> live;
  std::map<Pointer, size_t> memory;           // device allocations
  std::map<Pointer, size_t> reserved, mapped; // virtual memory
  std::map<Handle, size_t> handles;
  Handle nextHandle = 1;
  std::set<FakeStream *> streams;
  std::vector<std::unique_ptr<FakeStream>> destroyed; // done; events know them
  FakeStream defaultStream;
  int retained = 0;
};
thread_local std::vector<Context> stack; // a thread's current contexts
State &state() {
  static State s;
  return s;
}

Result enter(const char *symbol, const std::string &details = "") {
  State &s = state();
  s.log += symbol + (details.empty() ? "" : " " + details) + "\n";
  if (s.failSymbol == symbol && --s.failNth == 0)
    return s.failResult;
  return kSuccess;
}
#define ENTER(symbol, ...)                                                     \
  std::lock_guard<std::recursive_mutex> lock(state().mutex);                   \
  if (Result injected = enter(#symbol, ##__VA_ARGS__))                         \
  return injected

FakeStream &streamOf(Stream stream) {
  return stream ? *reinterpret_cast<FakeStream *>(stream)
                : state().defaultStream;
}
std::string nameOf(Stream stream) { return stream ? "stream" : "default"; }
void drain(FakeStream &stream, size_t until = SIZE_MAX) {
  while (stream.done < std::min(until, stream.queue.size()))
    stream.queue[stream.done++]();
}
void drainAll() {
  drain(state().defaultStream);
  for (FakeStream *stream : state().streams)
    drain(*stream);
}
Result enqueue(Stream stream, Work work) {
  FakeStream &s = streamOf(stream);
  (s.capture ? *s.capture : s.queue).push_back(std::move(work));
  return kSuccess;
}
template <typename T> T *made(T *object) {
  state().live.emplace(object, [](const void *p) {
    if constexpr (std::is_void_v<T>)
      free(const_cast<void *>(p));
    else
      delete static_cast<const T *>(p);
  });
  return object;
}
/// False when it is not alive; the caller destroys it.
bool unmade(const void *object) { return state().live.erase(object) == 1; }

} // namespace

#pragma GCC visibility push(default)
extern "C" {

Result cuInit(unsigned) {
  ENTER(cuInit);
  return state().devices ? kSuccess : kNoDevice;
}
Result cuDriverGetVersion(int *out) {
  ENTER(cuDriverGetVersion);
  *out = state().version;
  return kSuccess;
}
Result cuGetErrorName(Result result, const char **out) {
  *out = result == kOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
         : result == kNoDevice  ? "CUDA_ERROR_NO_DEVICE"
                                : "CUDA_ERROR_OTHER";
  return kSuccess;
}
Result cuGetErrorString(Result result, const char **out) {
  *out = result == kOutOfMemory ? "out of memory" : "something else";
  return kSuccess;
}
Result cuDeviceGetCount(int *out) {
  ENTER(cuDeviceGetCount);
  *out = state().devices;
  return kSuccess;
}
Result cuDeviceGet(Device *out, int ordinal) {
  ENTER(cuDeviceGet);
  *out = 40 + ordinal;
  return kSuccess;
}
Result cuDeviceGetName(char *out, int size, Device) {
  ENTER(cuDeviceGetName);
  snprintf(out, size_t(size), "Fake GPU");
  return kSuccess;
}
Result cuDeviceGetAttribute(int *out, int attribute, Device) {
  ENTER(cuDeviceGetAttribute);
  *out = attribute == kAttributeMajor   ? state().major
         : attribute == kAttributeMinor ? state().minor
                                        : 1000 + attribute;
  return kSuccess;
}
Result cuDeviceTotalMem_v2(size_t *out, Device) {
  ENTER(cuDeviceTotalMem_v2);
  *out = size_t(80) << 30;
  return kSuccess;
}
Result cuDevicePrimaryCtxRetain(Context *out, Device) {
  ENTER(cuDevicePrimaryCtxRetain);
  ++state().retained;
  *out = reinterpret_cast<Context>(0x1000);
  return kSuccess;
}
Result cuDevicePrimaryCtxRelease_v2(Device) {
  ENTER(cuDevicePrimaryCtxRelease_v2);
  --state().retained;
  return kSuccess;
}
Result cuCtxGetCurrent(Context *out) {
  ENTER(cuCtxGetCurrent);
  *out = stack.empty() ? nullptr : stack.back();
  return kSuccess;
}
Result cuCtxPushCurrent_v2(Context context) {
  ENTER(cuCtxPushCurrent_v2);
  stack.push_back(context);
  return kSuccess;
}
Result cuCtxPopCurrent_v2(Context *out) {
  ENTER(cuCtxPopCurrent_v2);
  if (stack.empty())
    return 201;
  *out = stack.back();
  stack.pop_back();
  return kSuccess;
}

Result cuMemAlloc_v2(Pointer *out, size_t bytes) {
  ENTER(cuMemAlloc_v2, std::to_string(bytes));
  void *memory = made(aligned_alloc(256, (bytes + 255) / 256 * 256));
  memset(memory, 0xCD, bytes);
  *out = reinterpret_cast<uintptr_t>(memory);
  return kSuccess;
}
Result cuMemFree_v2(Pointer address) {
  ENTER(cuMemFree_v2);
  drainAll();
  void *memory = reinterpret_cast<void *>(address);
  if (!unmade(memory))
    return kInvalidValue;
  free(memory);
  return kSuccess;
}
Result cuMemHostAlloc(void **out, size_t bytes, unsigned flags) {
  ENTER(cuMemHostAlloc, std::to_string(flags));
  *out = made(aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
  memset(*out, 0xCD, bytes);
  return kSuccess;
}
Result cuMemFreeHost(void *memory) {
  ENTER(cuMemFreeHost);
  drainAll();
  if (!unmade(memory))
    return kInvalidValue;
  free(memory);
  return kSuccess;
}
Result cuMemPoolCreate(Pool *out, const PoolProperties *properties) {
  ENTER(cuMemPoolCreate);
  if (properties->type != kAllocationPinned || properties->location.id != 40)
    return kInvalidValue;
  *out = reinterpret_cast<Pool>(made(new int));
  return kSuccess;
}
Result cuMemPoolDestroy(Pool pool) {
  ENTER(cuMemPoolDestroy);
  if (!unmade(pool))
    return kInvalidValue;
  delete reinterpret_cast<int *>(pool);
  return kSuccess;
}
Result cuMemPoolSetAttribute(Pool, int attribute, void *value) {
  ENTER(cuMemPoolSetAttribute);
  return attribute == kPoolReleaseThreshold && *static_cast<uint64_t *>(value)
             ? kSuccess
             : kInvalidValue;
}
Result cuMemAllocFromPoolAsync(Pointer *out, size_t bytes, Pool pool,
                               Stream stream) {
  ENTER(cuMemAllocFromPoolAsync, nameOf(stream));
  if (!state().live.count(pool))
    return kInvalidValue;
  void *memory = made(aligned_alloc(256, (bytes + 255) / 256 * 256));
  *out = reinterpret_cast<uintptr_t>(memory);
  return enqueue(stream, [=] { memset(memory, 0xCD, bytes); });
}
Result cuMemFreeAsync(Pointer address, Stream stream) {
  ENTER(cuMemFreeAsync, nameOf(stream));
  void *memory = reinterpret_cast<void *>(address);
  if (!unmade(memory))
    return kInvalidValue;
  // Work of a capture that fails is dropped, and never run.
  std::shared_ptr<void> owner(memory, free);
  return enqueue(stream, [owner]() mutable { owner.reset(); });
}

Result cuMemGetAllocationGranularity(size_t *out, const AllocationProperties *,
                                     int) {
  ENTER(cuMemGetAllocationGranularity);
  *out = 2 << 20;
  return kSuccess;
}
Result cuMemAddressReserve(Pointer *out, size_t bytes, size_t alignment,
                           Pointer, unsigned long long) {
  ENTER(cuMemAddressReserve);
  // Room to align in, kept with the region.
  char *room = static_cast<char *>(
      mmap(nullptr, bytes + alignment, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  const Pointer base = (reinterpret_cast<uintptr_t>(room) + alignment - 1) /
                       alignment * alignment;
  state().reserved[base] = bytes;
  *out = base;
  return kSuccess;
}
Result cuMemAddressFree(Pointer base, size_t bytes) {
  ENTER(cuMemAddressFree);
  auto it = state().reserved.find(base);
  if (it == state().reserved.end() || it->second != bytes)
    return kInvalidValue;
  for (auto &[at, size] : state().mapped)
    if (at >= base && at < base + bytes)
      return kInvalidValue; // still mapped
  munmap(reinterpret_cast<void *>(base), bytes);
  state().reserved.erase(it);
  return kSuccess;
}
Result cuMemCreate(Handle *out, size_t bytes, const AllocationProperties *p,
                   unsigned long long) {
  ENTER(cuMemCreate, std::to_string(bytes));
  if (bytes % (2 << 20) || p->location.type != kLocationDevice)
    return kInvalidValue;
  *out = state().nextHandle++;
  state().handles[*out] = bytes;
  return kSuccess;
}
Result cuMemRelease(Handle handle) {
  ENTER(cuMemRelease);
  return state().handles.erase(handle) ? kSuccess : kInvalidValue;
}
Result cuMemMap(Pointer at, size_t bytes, size_t offset, Handle handle,
                unsigned long long) {
  ENTER(cuMemMap);
  if (offset || !state().handles.count(handle) ||
      state().handles[handle] != bytes || state().mapped.count(at))
    return kInvalidValue;
  state().mapped[at] = bytes;
  return kSuccess;
}
Result cuMemUnmap(Pointer at, size_t bytes) {
  ENTER(cuMemUnmap);
  drainAll();
  auto it = state().mapped.find(at);
  if (it == state().mapped.end() || it->second != bytes)
    return kInvalidValue;
  state().mapped.erase(it);
  void *memory = reinterpret_cast<void *>(at);
  mprotect(memory, bytes, PROT_NONE);
  madvise(memory, bytes, MADV_DONTNEED);
  return kSuccess;
}
Result cuMemSetAccess(Pointer at, size_t bytes, const AccessDescription *access,
                      size_t count) {
  ENTER(cuMemSetAccess);
  if (count != 1 || access->flags != kAccessReadWrite ||
      !state().mapped.count(at))
    return kInvalidValue;
  void *memory = reinterpret_cast<void *>(at);
  mprotect(memory, bytes, PROT_READ | PROT_WRITE);
  memset(memory, 0xCD, bytes);
  return kSuccess;
}

Result cuMemcpyAsync(Pointer to, Pointer from, size_t bytes, Stream stream) {
  ENTER(cuMemcpyAsync, std::to_string(bytes) + " " + nameOf(stream));
  return enqueue(stream, [=] {
    memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
  });
}
Result cuMemcpy2DAsync_v2(const Copy2D *c, Stream stream) {
  ENTER(cuMemcpy2DAsync_v2, std::to_string(c->width) + "x" +
                                std::to_string(c->height) + " " +
                                nameOf(stream));
  if (c->srcType != kMemoryHost || c->dstType != kMemoryDevice)
    return kInvalidValue;
  return enqueue(stream, [copy = *c] {
    for (size_t row = 0; row < copy.height; ++row)
      memcpy(reinterpret_cast<char *>(copy.dstDevice) + row * copy.dstPitch,
             static_cast<const char *>(copy.srcHost) + row * copy.srcPitch,
             copy.width);
  });
}
Result cuMemsetD8Async(Pointer to, unsigned char value, size_t bytes,
                       Stream stream) {
  ENTER(cuMemsetD8Async, std::to_string(bytes) + " " + nameOf(stream));
  return enqueue(stream,
                 [=] { memset(reinterpret_cast<void *>(to), value, bytes); });
}

Result cuStreamCreate(Stream *out, unsigned flags) {
  ENTER(cuStreamCreate, std::to_string(flags));
  FakeStream *stream = made(new FakeStream);
  state().streams.insert(stream);
  *out = reinterpret_cast<Stream>(stream);
  return kSuccess;
}
Result cuStreamDestroy_v2(Stream stream) {
  ENTER(cuStreamDestroy_v2);
  FakeStream *s = &streamOf(stream);
  if (!unmade(s))
    return kInvalidValue;
  drain(*s);
  state().streams.erase(s);
  state().destroyed.emplace_back(s);
  return kSuccess;
}
Result cuStreamSynchronize(Stream stream) {
  ENTER(cuStreamSynchronize, nameOf(stream));
  if (streamOf(stream).capture)
    return 900; // not while it is captured
  drain(streamOf(stream));
  return kSuccess;
}
Result cuStreamWaitEvent(Stream stream, Event event, unsigned) {
  ENTER(cuStreamWaitEvent);
  const FakeEvent e = *reinterpret_cast<FakeEvent *>(event);
  return enqueue(stream, [e] {
    if (e.stream)
      drain(*e.stream, e.at);
  });
}
Result cuStreamBeginCapture_v2(Stream stream, int mode) {
  ENTER(cuStreamBeginCapture_v2, std::to_string(mode));
  FakeStream &s = streamOf(stream);
  if (!stream || s.capture)
    return kInvalidValue;
  s.capture = std::make_unique<std::vector<Work>>();
  return kSuccess;
}
Result cuStreamEndCapture(Stream stream, Graph *out) {
  std::lock_guard<std::recursive_mutex> lock(state().mutex);
  FakeStream &s = streamOf(stream);
  // A failing end ends it as well.
  const std::unique_ptr<std::vector<Work>> capture = std::move(s.capture);
  if (Result injected = enter("cuStreamEndCapture"))
    return injected;
  if (!capture)
    return 901;
  *out = reinterpret_cast<Graph>(made(new FakeGraph{std::move(*capture)}));
  return kSuccess;
}
Result cuGraphInstantiateWithFlags(GraphExec *out, Graph graph,
                                   unsigned long long) {
  ENTER(cuGraphInstantiateWithFlags);
  *out = reinterpret_cast<GraphExec>(
      made(new FakeGraph(*reinterpret_cast<FakeGraph *>(graph))));
  return kSuccess;
}
Result cuGraphLaunch(GraphExec exec, Stream stream) {
  ENTER(cuGraphLaunch, nameOf(stream));
  for (const Work &node : reinterpret_cast<FakeGraph *>(exec)->nodes)
    enqueue(stream, node);
  return kSuccess;
}
Result cuGraphExecDestroy(GraphExec exec) {
  ENTER(cuGraphExecDestroy);
  if (!unmade(exec))
    return kInvalidValue;
  delete reinterpret_cast<FakeGraph *>(exec);
  return kSuccess;
}
Result cuGraphDestroy(Graph graph) {
  ENTER(cuGraphDestroy);
  if (!unmade(graph))
    return kInvalidValue;
  delete reinterpret_cast<FakeGraph *>(graph);
  return kSuccess;
}

Result cuEventCreate(Event *out, unsigned) {
  ENTER(cuEventCreate);
  *out = reinterpret_cast<Event>(made(new FakeEvent));
  return kSuccess;
}
Result cuEventDestroy_v2(Event event) {
  ENTER(cuEventDestroy_v2);
  if (!unmade(event))
    return kInvalidValue;
  delete reinterpret_cast<FakeEvent *>(event);
  return kSuccess;
}
Result cuEventRecord(Event event, Stream stream) {
  ENTER(cuEventRecord);
  FakeStream &s = streamOf(stream);
  *reinterpret_cast<FakeEvent *>(event) = {&s, s.queue.size()};
  return kSuccess;
}
Result cuEventQuery(Event event) {
  ENTER(cuEventQuery);
  const FakeEvent &e = *reinterpret_cast<FakeEvent *>(event);
  return e.stream && e.stream->done < e.at ? kNotReady : kSuccess;
}
Result cuEventSynchronize(Event event) {
  ENTER(cuEventSynchronize);
  const FakeEvent &e = *reinterpret_cast<FakeEvent *>(event);
  if (e.stream)
    drain(*e.stream, e.at);
  return kSuccess;
}
Result cuEventElapsedTime(float *out, Event begin, Event end) {
  ENTER(cuEventElapsedTime);
  for (Event event : {begin, end}) {
    const FakeEvent &e = *reinterpret_cast<FakeEvent *>(event);
    if (e.stream && e.stream->done < e.at)
      return kNotReady;
  }
  *out = 0.25f;
  return kSuccess;
}

Result cuModuleLoadDataEx(Module *out, const void *data, unsigned count,
                          int *options, void **values) {
  ENTER(cuModuleLoadDataEx);
  const auto *image = static_cast<const FakeImage *>(data);
  // For programs with real images: kernels of any name that do nothing.
  static const FakeImage idle = {"", nullptr, 0, nullptr, 0, nullptr};
  if (getenv("KVC_FAKE_CUDA_ANY_IMAGE"))
    image = &idle;
  else if (memcmp(image->magic, "FAKECUDA", 8) != 0)
    return kInvalidImage;
  if (image->loadResult) {
    if (image->loadLog && count == 2 && options[0] == kJitErrorLog &&
        options[1] == kJitErrorLogBytes)
      snprintf(static_cast<char *>(values[0]),
               reinterpret_cast<uintptr_t>(values[1]), "%s", image->loadLog);
    return image->loadResult;
  }
  *out = reinterpret_cast<Module>(made(new const FakeImage *(image)));
  return kSuccess;
}
Result cuModuleUnload(Module module) {
  ENTER(cuModuleUnload);
  drainAll();
  if (!unmade(module))
    return kInvalidValue;
  delete reinterpret_cast<const FakeImage **>(module);
  return kSuccess;
}
Result cuModuleGetFunction(Function *out, Module module, const char *name) {
  ENTER(cuModuleGetFunction, name);
  const FakeImage *image = *reinterpret_cast<const FakeImage **>(module);
  if (image->kernel && strcmp(name, image->kernel) != 0)
    return 500;
  *out = reinterpret_cast<Function>(const_cast<FakeImage *>(image));
  return kSuccess;
}
Result cuFuncSetAttribute(Function, int attribute, int value) {
  ENTER(cuFuncSetAttribute,
        std::to_string(attribute) + "=" + std::to_string(value));
  return kSuccess;
}
Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int *out, Function,
                                                   int threads, size_t shared) {
  ENTER(cuOccupancyMaxActiveBlocksPerMultiprocessor,
        std::to_string(threads) + " " + std::to_string(shared));
  *out = 2;
  return kSuccess;
}
Result cuLaunchKernel(Function function, unsigned gx, unsigned gy, unsigned gz,
                      unsigned bx, unsigned by, unsigned bz, unsigned shared,
                      Stream stream, void **params, void **extra) {
  const auto *image = reinterpret_cast<const FakeImage *>(function);
  ENTER(cuLaunchKernel,
        std::string(image->kernel ? image->kernel : "any") +
            " grid=" + std::to_string(gx) + "," + std::to_string(gy) + "," +
            std::to_string(gz) + " block=" + std::to_string(bx) + "," +
            std::to_string(by) + "," + std::to_string(bz) +
            " shared=" + std::to_string(shared) + " " + nameOf(stream));
  if (extra || !params)
    return kInvalidValue;
  // By value: copied before the call returns.
  const char *bytes = static_cast<const char *>(params[0]);
  std::vector<char> copy(bytes, bytes + image->paramBytes);
  return enqueue(stream, [=] {
    if (image->run)
      image->run(copy.data(), gx);
  });
}
Result cuTensorMapEncodeTiled(void *out, int type, uint32_t rank, void *base,
                              const uint64_t *extent, const uint64_t *stride,
                              const uint32_t *box, const uint32_t *step,
                              int interleave, int swizzle, int promotion,
                              int fill) {
  std::string text =
      "type=" + std::to_string(type) + " rank=" + std::to_string(rank);
  for (uint32_t d = 0; d < rank; ++d)
    text += " " + std::to_string(extent[d]) + "/" +
            (d ? std::to_string(stride[d - 1]) : "-") + "/" +
            std::to_string(box[d]) + "/" + std::to_string(step[d]);
  text += " " + std::to_string(interleave) + std::to_string(swizzle) +
          std::to_string(promotion) + std::to_string(fill);
  ENTER(cuTensorMapEncodeTiled, text);
  if (!base || reinterpret_cast<uintptr_t>(out) % 64)
    return kInvalidValue;
  memset(out, 0x5A, 128);
  return kSuccess;
}

extern const kvcrt_test::FakeControls fake_cuda_controls;
const kvcrt_test::FakeControls fake_cuda_controls = {
    [] {
      State &s = state();
      drainAll();
      s.log.clear();
      s.failSymbol.clear();
      s.version = 13000;
      s.devices = 1;
      s.major = 9;
      s.minor = 0;
      stack.clear();
      // Left where a test lets the calls fail that would have freed it.
      for (auto [object, destroy] : s.live)
        destroy(object);
      s.live.clear();
      s.streams.clear();
      s.destroyed.clear();
      s.defaultStream.queue.clear();
      s.defaultStream.done = 0;
      s.mapped.clear();
      for (auto [base, bytes] : s.reserved)
        munmap(reinterpret_cast<void *>(base), bytes);
      s.reserved.clear();
      s.handles.clear();
      s.retained = 0;
    },
    [](const char *symbol, int nth, int result) {
      state().failSymbol = symbol;
      state().failNth = nth;
      state().failResult = result;
    },
    [](const char *property, int value) {
      const std::string name = property;
      State &s = state();
      (name == "version"   ? s.version
       : name == "devices" ? s.devices
       : name == "major"   ? s.major
                           : s.minor) = value;
    },
    [] { return state().log.c_str(); },
    [] {
      const State &s = state();
      return int(s.live.size() + s.mapped.size() + s.reserved.size() +
                 s.handles.size() + stack.size()) +
             s.retained;
    }};

} // extern "C"
#pragma GCC visibility pop
