//===- Mirror.cpp - host memory of a cell, twice: there and on a device ---===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Mirror.h"

#include <cstring>

namespace kvc::bundle {

void require(kvcrt_device *device, int32_t status, const std::string &what) {
  if (status == KVCRT_OK)
    return;
  char text[700] = "";
  const bool told =
      kvcrt_device_get_error(device, text, sizeof(text)) == KVCRT_OK;
  throw Failure(what + ": " + kvcrt_status_string(status) +
                (told ? std::string(" (") + text + ")" : ""));
}

Runtime createRuntime(const kvcrt_runtime_desc &desc) {
  kvcrt_runtime *runtime = nullptr;
  char text[500] = "";
  const kvcrt_status status =
      kvcrt_runtime_create(&desc, &runtime, text, sizeof(text));
  require(desc.device, status, text);
  return Runtime(runtime);
}

Mirror::~Mirror() {
  for (const Range &range : ranges)
    (void)kvcrt_device_free(device, range.copy);
  for (void *memory : scratches)
    (void)kvcrt_device_free(device, memory);
}

void *Mirror::scratch(size_t bytes) {
  void *memory = nullptr;
  require(device,
          kvcrt_device_alloc(device, KVCRT_MEMORY_PAYLOAD, bytes ? bytes : 1,
                             &memory),
          std::to_string(bytes) + " bytes of device memory");
  scratches.push_back(memory);
  return memory;
}

void Mirror::add(const void *base, size_t bytes, const char *name) {
  void *copy = scratch(bytes);
  scratches.pop_back(); // the range's now
  ranges.push_back({static_cast<const char *>(base), bytes,
                    static_cast<char *>(copy), name});
  if (bytes)
    push(base);
}

const Mirror::Range *Mirror::find(const void *address) const {
  const char *at = static_cast<const char *>(address);
  for (const Range &range : ranges)
    if (at >= range.base && at < range.base + range.bytes)
      return &range;
  return nullptr;
}

const Mirror::Range &Mirror::named(const void *base) const {
  // By its beginning: an empty range holds no address.
  for (const Range &range : ranges)
    if (range.base == base)
      return range;
  throw Failure("expected a range of the cell's memory");
}

void Mirror::push(const void *base) {
  const Range &range = named(base);
  if (!range.bytes)
    return;
  require(
      device,
      kvcrt_device_update(device, range.copy, range.base, range.bytes, stream),
      std::string("copy of ") + range.name);
}

void Mirror::pull(void *base) {
  const Range &range = named(base);
  if (!range.bytes)
    return;
  require(device,
          kvcrt_device_read(device, base, range.copy, range.bytes, stream),
          std::string("copy back of ") + range.name);
}

void *Mirror::onDevice(const void *address) const {
  if (!address)
    return nullptr;
  const Range *range = find(address);
  if (!range)
    throw Failure("expected an address of the cell's memory");
  return range->copy + (static_cast<const char *>(address) - range->base);
}

kvcrt_params Mirror::translate(const kvcrt_params &params) const {
  // Strides and numbers are far below any address of a process, and no pair of
  // 32-bit numbers in a cell looks like one.
  static_assert(sizeof(params) % sizeof(uint64_t) == 0);
  kvcrt_params out = params;
  char *bytes = reinterpret_cast<char *>(&out);
  for (size_t i = 0; i < sizeof(out); i += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, bytes + i, sizeof(word));
    const char *address = reinterpret_cast<const char *>(word);
    const Range *range = find(address);
    if (!range)
      continue;
    word = reinterpret_cast<uint64_t>(range->copy + (address - range->base));
    memcpy(bytes + i, &word, sizeof(word));
  }
  return out;
}

} // namespace kvc::bundle
