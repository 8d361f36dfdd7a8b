//===- safetensors.cpp - reading weights files ----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header is untrusted: it is parsed without exceptions, and nothing of it
// is used before it has been checked against the file's size.
//
//===----------------------------------------------------------------------===//
#include "kvcrt/safetensors.h"
#include "dtype.h"
#include "file.h"
#include "json_reader.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <set>

using namespace kvcrt;

/// The C API's opaque file; immutable once open.
struct kvcrt_safetensors {
  MappedFile file;
  std::map<std::string, std::string> metadata;
  std::map<std::string, int32_t> index;  // name -> position in tensors
  std::vector<kvcrt_safetensor> tensors; // in the order of the data

  kvcrt_status open(const char *path, Message message);

private:
  kvcrt_status readHeader(const Json &header, uint64_t dataSize,
                          Message message);
  kvcrt_status readTensor(const std::string &name, const Json &value,
                          uint64_t dataSize, Message message);
};

namespace {

constexpr uint64_t kMaxHeader = 100000000; // bytes; the format's own limit

/// Parses the header; false when it is no JSON. duplicate: a key that stands
/// twice at one level, which a plain parse would hide.
bool parseHeader(const char *text, uint64_t size, Json &out,
                 std::string &duplicate) {
  std::vector<std::set<std::string>> levels;
  const Json::parser_callback_t watch = [&](int, Json::parse_event_t event,
                                            Json &parsed) {
    if (event == Json::parse_event_t::object_start)
      levels.emplace_back();
    else if (event == Json::parse_event_t::object_end)
      levels.pop_back();
    else if (event == Json::parse_event_t::key &&
             !levels.back().insert(parsed.get<std::string>()).second)
      duplicate = parsed.get<std::string>();
    return true;
  };
  out = Json::parse(text, text + size, watch, false);
  return !out.is_discarded() && out.is_object();
}

} // namespace

kvcrt_status kvcrt_safetensors::open(const char *path, Message message) {
  if (kvcrt_status status = file.open(path, message))
    return status;
  uint64_t headerSize = 0;
  if (file.size() < sizeof(headerSize))
    return message.fail(KVCRT_CORRUPT,
                        "%s: expected at least 8 bytes, got %zu; the file is "
                        "cut short",
                        path, file.size());
  memcpy(&headerSize, file.data(), sizeof(headerSize));
  const uint64_t rest = file.size() - sizeof(headerSize);
  if (headerSize < 2 || headerSize > kMaxHeader || headerSize > rest)
    return message.fail(
        KVCRT_CORRUPT,
        "%s: expected a header of at most %llu bytes, got %llu; "
        "the file is no safetensors file, or cut short",
        path, (unsigned long long)std::min(rest, kMaxHeader),
        (unsigned long long)headerSize);
  Json header;
  std::string duplicate;
  if (!parseHeader(file.data() + sizeof(headerSize), headerSize, header,
                   duplicate))
    return message.fail(KVCRT_CORRUPT,
                        "%s: expected a JSON object of %llu bytes at byte 8, "
                        "got other text",
                        path, (unsigned long long)headerSize);
  if (!duplicate.empty())
    return message.fail(KVCRT_CORRUPT,
                        "%s: `%.100s` stands twice in the header", path,
                        duplicate.c_str());
  char text[400] = "";
  if (kvcrt_status status =
          readHeader(header, rest - headerSize, Message{text, sizeof(text)}))
    return message.fail(status, "%s: %s", path, text);
  const char *data = file.data() + sizeof(headerSize) + headerSize;
  // Until here a tensor's data is its offset.
  for (kvcrt_safetensor &tensor : tensors)
    tensor.data = data + reinterpret_cast<uintptr_t>(tensor.data);
  return KVCRT_OK;
}

kvcrt_status kvcrt_safetensors::readHeader(const Json &header,
                                           uint64_t dataSize, Message message) {
  for (const auto &[name, value] : header.items()) {
    if (name != "__metadata__") {
      if (kvcrt_status status = readTensor(name, value, dataSize, message))
        return status;
      continue;
    }
    if (!value.is_object())
      return message.fail(KVCRT_CORRUPT, "`__metadata__`: expected an object");
    for (const auto &[key, entry] : value.items()) {
      if (!entry.is_string())
        return message.fail(KVCRT_CORRUPT,
                            "`__metadata__`.`%.100s`: expected a string",
                            key.c_str());
      metadata[key] = entry.get<std::string>();
    }
  }
  const auto offset = [](const kvcrt_safetensor &tensor) {
    return reinterpret_cast<uintptr_t>(tensor.data);
  };
  std::sort(tensors.begin(), tensors.end(),
            [&](const kvcrt_safetensor &a, const kvcrt_safetensor &b) {
              // Empty tensors come before what starts where they are.
              return std::make_pair(offset(a), a.bytes) <
                     std::make_pair(offset(b), b.bytes);
            });
  uint64_t end = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const kvcrt_safetensor &tensor = tensors[i];
    if (offset(tensor) != end)
      return message.fail(KVCRT_CORRUPT,
                          "tensor `%.100s`: expected data at byte %llu, got "
                          "%llu; tensors %s",
                          tensor.name, (unsigned long long)end,
                          (unsigned long long)offset(tensor),
                          offset(tensor) < end ? "overlap" : "leave a hole");
    end += tensor.bytes;
    index[tensor.name] = static_cast<int32_t>(i);
  }
  if (end != dataSize)
    return message.fail(
        KVCRT_CORRUPT,
        "expected %llu bytes of data, got %llu; the file is cut "
        "short or has bytes that no tensor owns",
        (unsigned long long)end, (unsigned long long)dataSize);
  return KVCRT_OK;
}

kvcrt_status kvcrt_safetensors::readTensor(const std::string &name,
                                           const Json &value, uint64_t dataSize,
                                           Message message) {
  const auto fail = [&](kvcrt_status status, const std::string &what) {
    return message.fail(status, "tensor `%.100s`: %s", name.c_str(),
                        what.c_str());
  };
  if (name.find('\0') != std::string::npos)
    return fail(KVCRT_CORRUPT, "the name has a zero byte");
  JsonReader reader;
  const JsonPlace at{value, ""};
  const std::string dtype = reader.text(at, "dtype");
  const JsonPlace shape = reader.array(at, "shape", true);
  const JsonPlace offsets = reader.array(at, "data_offsets", true);
  if (reader.failed())
    return fail(KVCRT_CORRUPT, reader.error());
  kvcrt_safetensor tensor = {};
  tensor.dtype = findDtype(dtype.c_str());
  if (tensor.dtype < 0)
    return fail(KVCRT_UNSUPPORTED, "unknown type `" + dtype + "`");
  if (shape.value.size() > KVCRT_MAX_TENSOR_RANK)
    return fail(KVCRT_UNSUPPORTED, "expected at most 8 dimensions, got " +
                                       std::to_string(shape.value.size()));
  const auto natural = [](const Json &number, uint64_t most) {
    return number.is_number_unsigned() && number.get<uint64_t>() <= most;
  };
  for (const Json &size : shape.value) {
    if (!natural(size, INT64_MAX))
      return fail(KVCRT_CORRUPT, "shape: expected natural numbers");
    tensor.shape[tensor.rank++] = size.get<int64_t>();
  }
  if (offsets.value.size() != 2 || !natural(offsets.value[0], dataSize) ||
      !natural(offsets.value[1], dataSize) ||
      offsets.value[0] > offsets.value[1])
    return fail(KVCRT_CORRUPT, "data_offsets: expected begin <= end <= " +
                                   std::to_string(dataSize) + ", got " +
                                   offsets.value.dump());
  const uint64_t begin = offsets.value[0].get<uint64_t>();
  tensor.bytes = offsets.value[1].get<uint64_t>() - begin;
  uint64_t expected = 0;
  if (!tensorBytes(tensor.shape, tensor.rank, tensor.dtype, expected) ||
      expected != tensor.bytes)
    return fail(KVCRT_CORRUPT, "expected " + std::to_string(expected) +
                                   " bytes for its shape and type, got " +
                                   std::to_string(tensor.bytes));
  tensor.data = reinterpret_cast<const void *>(static_cast<uintptr_t>(begin));
  // Map nodes do not move, so the key can lend its characters.
  tensor.name = index.emplace(name, 0).first->first.c_str();
  tensors.push_back(tensor);
  return KVCRT_OK;
}

kvcrt_status kvcrt_safetensors_open(const char *path,
                                    kvcrt_safetensors **out_file, char *message,
                                    size_t message_size) {
  const Message text{message, message_size};
  if (!path || !out_file)
    return text.fail(KVCRT_INVALID_ARGUMENT, "expected a path and out_file");
  try {
    auto file = std::make_unique<kvcrt_safetensors>();
    if (kvcrt_status status = file->open(path, text))
      return status;
    *out_file = file.release();
    return KVCRT_OK;
  } catch (const std::bad_alloc &) {
    return text.fail(KVCRT_OUT_OF_MEMORY, "host memory is exhausted");
  }
}

void kvcrt_safetensors_close(kvcrt_safetensors *file) { delete file; }

int32_t kvcrt_safetensors_count(const kvcrt_safetensors *file) {
  return file ? static_cast<int32_t>(file->tensors.size()) : 0;
}

kvcrt_status kvcrt_safetensors_get(const kvcrt_safetensors *file, int32_t index,
                                   kvcrt_safetensor *out_tensor) {
  if (!file || !out_tensor || index < 0 ||
      index >= static_cast<int32_t>(file->tensors.size()))
    return KVCRT_INVALID_ARGUMENT;
  *out_tensor = file->tensors[index];
  return KVCRT_OK;
}

kvcrt_status kvcrt_safetensors_find(const kvcrt_safetensors *file,
                                    const char *name,
                                    kvcrt_safetensor *out_tensor) {
  if (!file || !name || !out_tensor)
    return KVCRT_INVALID_ARGUMENT;
  const auto it = file->index.find(name);
  if (it == file->index.end())
    return KVCRT_NOT_FOUND;
  *out_tensor = file->tensors[it->second];
  return KVCRT_OK;
}

const char *kvcrt_safetensors_metadata(const kvcrt_safetensors *file,
                                       const char *key) {
  if (!file || !key)
    return nullptr;
  const auto it = file->metadata.find(key);
  return it == file->metadata.end() ? nullptr : it->second.c_str();
}
