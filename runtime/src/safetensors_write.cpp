//===- safetensors_write.cpp - writing weights files ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format allows no hole between tensors, so alignment comes from the order
// of sizes alone; the header is padded with spaces so that the data begins at a
// multiple of 64 bytes.
//
//===----------------------------------------------------------------------===//
#include "dtype.h"
#include "file.h"

#include "kvcrt/safetensors.h"

#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

using namespace kvcrt;

namespace {

kvcrt_status writeTensors(const char *path, const kvcrt_safetensor *tensors,
                          int32_t count, const char *const *metadata,
                          int32_t numMetadata, Message message) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  for (int32_t i = 0; i < numMetadata; ++i)
    header["__metadata__"][metadata[2 * i]] = metadata[2 * i + 1];
  uint64_t offset = 0;
  std::set<std::string> names;
  for (int32_t i = 0; i < count; ++i) {
    const kvcrt_safetensor &tensor = tensors[i];
    if (!tensor.name || !*tensor.name || !names.insert(tensor.name).second)
      return message.fail(KVCRT_INVALID_ARGUMENT,
                          "tensor %d: expected a name of its own, got `%s`", i,
                          tensor.name ? tensor.name : "");
    uint64_t expected = 0;
    if (tensor.rank < 0 || tensor.rank > KVCRT_MAX_TENSOR_RANK ||
        !kvcrt_dtype_name(tensor.dtype) ||
        !tensorBytes(tensor.shape, tensor.rank, tensor.dtype, expected) ||
        expected != tensor.bytes || (tensor.bytes && !tensor.data))
      return message.fail(KVCRT_INVALID_ARGUMENT,
                          "tensor `%s`: expected data of %llu bytes for its "
                          "shape and type, got %llu",
                          tensor.name, (unsigned long long)expected,
                          (unsigned long long)tensor.bytes);
    auto &entry = header[tensor.name];
    entry["dtype"] = kvcrt_dtype_name(tensor.dtype);
    entry["shape"] = nlohmann::ordered_json::array();
    for (int32_t axis = 0; axis < tensor.rank; ++axis)
      entry["shape"].push_back(tensor.shape[axis]);
    entry["data_offsets"] = {offset, offset + tensor.bytes};
    offset += tensor.bytes;
  }
  std::string text = header.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  uint64_t size = text.size();
  while ((sizeof(size) + size) % 64)
    ++size;
  text.resize(size, ' ');
  std::vector<Bytes> pieces = {{&size, sizeof(size)}, {text.data(), size}};
  for (int32_t i = 0; i < count; ++i)
    pieces.push_back({tensors[i].data, tensors[i].bytes});
  return writeFile(path, pieces, 0666, message);
}

} // namespace

kvcrt_status kvcrt_safetensors_write(const char *path,
                                     const kvcrt_safetensor *tensors,
                                     int32_t num_tensors,
                                     const char *const *metadata,
                                     int32_t num_metadata, char *message,
                                     size_t message_size) {
  const Message text{message, message_size};
  if (!path || num_tensors < 0 || (num_tensors && !tensors) ||
      num_metadata < 0 || (num_metadata && !metadata))
    return text.fail(KVCRT_INVALID_ARGUMENT, "expected a path and tensors");
  try {
    return writeTensors(path, tensors, num_tensors, metadata, num_metadata,
                        text);
  } catch (const std::bad_alloc &) {
    return text.fail(KVCRT_OUT_OF_MEMORY, "host memory is exhausted");
  }
}
