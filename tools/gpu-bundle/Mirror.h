//===- Mirror.h - host memory of a cell, twice: there and on a device -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cell is made in host memory, where the reference works. Kernels get copies
// of its ranges in device memory, and parameters in which every address of a
// range is the copy's.
//
// Invariant: kernels that run get addresses of copies alone; one that is left
// is a finding in the simulator and a fault on a GPU.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_MIRROR_H
#define KVC_TOOLS_GPU_BUNDLE_MIRROR_H

#include "kvcrt/gpu.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace kvc::bundle {

/// Ends the program's present cell; what() says why.
class Failure {
public:
  explicit Failure(std::string text) : text(std::move(text)) {}
  const std::string &what() const { return text; }

private:
  std::string text;
};

/// Throws a Failure with the device's words unless `status` is KVCRT_OK.
void require(kvcrt_device *device, int32_t status, const std::string &what);

/// A runtime that goes with its cell, however the cell ends.
struct DestroyRuntime {
  void operator()(kvcrt_runtime *runtime) const {
    kvcrt_runtime_destroy(runtime);
  }
};
using Runtime = std::unique_ptr<kvcrt_runtime, DestroyRuntime>;
/// Throws a Failure with the runtime's words.
Runtime createRuntime(const kvcrt_runtime_desc &desc);

class Mirror {
public:
  Mirror(kvcrt_device *device, void *stream) : device(device), stream(stream) {}
  ~Mirror();
  Mirror(const Mirror &) = delete;

  /// Copies what is there to a new range; it may be empty.
  void add(const void *base, size_t bytes, const char *name);
  /// Device memory without a host side; zeros.
  void *scratch(size_t bytes);
  /// Brings the range over again, or back. `base`: as it was added.
  void push(const void *base);
  void pull(void *base);
  /// The same address on the device.
  void *onDevice(const void *address) const;
  /// Parameters for kernels: each word that is an address of a range.
  kvcrt_params translate(const kvcrt_params &params) const;

private:
  struct Range {
    const char *base;
    size_t bytes;
    char *copy;
    const char *name;
  };
  const Range *find(const void *address) const;
  const Range &named(const void *base) const;

  kvcrt_device *device;
  void *stream;
  std::vector<Range> ranges;
  std::vector<void *> scratches;
};

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_MIRROR_H
