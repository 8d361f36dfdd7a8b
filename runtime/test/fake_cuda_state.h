//===- fake_cuda_state.h - what the stand-in for libcuda holds --*- C++ -*-===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Its streams are queues of work that run when somebody waits. One lock for
// all; test code, so objects are plain.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_FAKE_CUDA_STATE_H
#define KVCRT_TEST_FAKE_CUDA_STATE_H

#include "cuda/driver.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace fake_cuda {

using namespace kvcrt::cuda;

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
  /// For programs: KVC_FAKE_CUDA_CHIP=103 plays an sm_103.
  State() {
    if (const char *chip = getenv("KVC_FAKE_CUDA_CHIP")) {
      major = atoi(chip) / 10;
      minor = atoi(chip) % 10;
    }
  }
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
inline thread_local std::vector<Context> stack; // a thread's current contexts
inline State &state() {
  static State s;
  return s;
}

inline Result enter(const char *symbol, const std::string &details = "") {
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

inline FakeStream &streamOf(Stream stream) {
  return stream ? *reinterpret_cast<FakeStream *>(stream)
                : state().defaultStream;
}
inline std::string nameOf(Stream stream) {
  return stream ? "stream" : "default";
}
inline void drain(FakeStream &stream, size_t until = SIZE_MAX) {
  while (stream.done < std::min(until, stream.queue.size()))
    stream.queue[stream.done++]();
}
inline void drainAll() {
  drain(state().defaultStream);
  for (FakeStream *stream : state().streams)
    drain(*stream);
}
inline Result enqueue(Stream stream, Work work) {
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
inline bool unmade(const void *object) {
  return state().live.erase(object) == 1;
}

} // namespace fake_cuda

#endif // KVCRT_TEST_FAKE_CUDA_STATE_H
