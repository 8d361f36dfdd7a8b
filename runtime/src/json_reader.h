//===- json_reader.h - typed access to JSON, errors with a path -----------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A reader remembers the first error and then answers defaults, so that code
// which reads a structure is a list of fields without a check after each. The
// error names where: "groups[0].policy.retention.window: expected ...".
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_JSON_READER_H
#define KVCRT_SRC_JSON_READER_H

#include <nlohmann/json.hpp>

#include <string>

namespace kvcrt {

using Json = nlohmann::json;

/// Where in the document an object stands, for messages.
struct JsonPlace {
  const Json &value;
  std::string path;
};

class JsonReader {
public:
  bool failed() const { return !error_.empty(); }
  const std::string &error() const { return error_; }

  void fail(const std::string &path, const std::string &what) {
    if (error_.empty())
      error_ =
          (path.empty() ? std::string("the document") : path) + ": " + what;
  }

  /// The member `key`; an empty object when absent (required: an error).
  JsonPlace member(const JsonPlace &at, const char *key, bool required = false);
  /// As member, but an array; empty when absent.
  JsonPlace array(const JsonPlace &at, const char *key, bool required = false);
  JsonPlace element(const JsonPlace &array, size_t index) {
    return {array.value[index], array.path + "[" + std::to_string(index) + "]"};
  }

  int64_t integer(const JsonPlace &at, const char *key, int64_t otherwise,
                  int64_t least, int64_t most);
  int32_t count(const JsonPlace &at, const char *key, int32_t otherwise = 0) {
    return static_cast<int32_t>(integer(at, key, otherwise, 0, INT32_MAX));
  }
  double number(const JsonPlace &at, const char *key, double otherwise);
  bool boolean(const JsonPlace &at, const char *key, bool otherwise);
  std::string text(const JsonPlace &at, const char *key);
  /// The index of a word in `words` (null-terminated list).
  int32_t word(const JsonPlace &at, const char *key, const char *const *words,
               int32_t otherwise);

private:
  const Json *find(const JsonPlace &at, const char *key);
  static std::string join(const std::string &path, const char *key) {
    return path.empty() ? key : path + "." + key;
  }
  /// A short form of a value for messages.
  static std::string shown(const Json &value);

  std::string error_;
};

} // namespace kvcrt

#endif // KVCRT_SRC_JSON_READER_H
