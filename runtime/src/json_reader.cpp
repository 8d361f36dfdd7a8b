//===- json_reader.cpp - typed access to JSON, errors with a path ---------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "json_reader.h"

namespace kvcrt {
namespace {

const Json kEmptyObject = Json::object();
const Json kEmptyArray = Json::array();

} // namespace

std::string JsonReader::shown(const Json &value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 40)
    text = text.substr(0, 37) + "...";
  return text;
}

const Json *JsonReader::find(const JsonPlace &at, const char *key) {
  if (!at.value.is_object()) {
    fail(at.path, "expected an object, got " + shown(at.value));
    return nullptr;
  }
  auto it = at.value.find(key);
  return it == at.value.end() ? nullptr : &*it;
}

JsonPlace JsonReader::member(const JsonPlace &at, const char *key,
                             bool required) {
  const std::string path = join(at.path, key);
  const Json *value = find(at, key);
  if (!value && required)
    fail(path, "expected an object, got nothing");
  if (value && !value->is_object()) {
    fail(path, "expected an object, got " + shown(*value));
    value = nullptr;
  }
  return {value ? *value : kEmptyObject, path};
}

JsonPlace JsonReader::array(const JsonPlace &at, const char *key,
                            bool required) {
  const std::string path = join(at.path, key);
  const Json *value = find(at, key);
  if (!value && required)
    fail(path, "expected an array, got nothing");
  if (value && !value->is_array()) {
    fail(path, "expected an array, got " + shown(*value));
    value = nullptr;
  }
  return {value ? *value : kEmptyArray, path};
}

int64_t JsonReader::integer(const JsonPlace &at, const char *key,
                            int64_t otherwise, int64_t least, int64_t most) {
  const Json *value = find(at, key);
  if (!value)
    return otherwise;
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() ||
                     value->get<uint64_t>() <= uint64_t(INT64_MAX)) &&
                    value->get<int64_t>() >= least &&
                    value->get<int64_t>() <= most;
  if (fits)
    return value->get<int64_t>();
  fail(join(at.path, key), "expected an integer in [" + std::to_string(least) +
                               ", " + std::to_string(most) + "], got " +
                               shown(*value));
  return otherwise;
}

double JsonReader::number(const JsonPlace &at, const char *key,
                          double otherwise) {
  const Json *value = find(at, key);
  if (!value)
    return otherwise;
  if (value->is_number())
    return value->get<double>();
  fail(join(at.path, key), "expected a number, got " + shown(*value));
  return otherwise;
}

bool JsonReader::boolean(const JsonPlace &at, const char *key, bool otherwise) {
  const Json *value = find(at, key);
  if (!value)
    return otherwise;
  if (value->is_boolean())
    return value->get<bool>();
  fail(join(at.path, key), "expected true or false, got " + shown(*value));
  return otherwise;
}

std::string JsonReader::text(const JsonPlace &at, const char *key) {
  const Json *value = find(at, key);
  if (!value)
    return "";
  // A zero byte would cut the C string that callers see.
  if (value->is_string() &&
      value->get_ref<const std::string &>().find('\0') == std::string::npos)
    return value->get<std::string>();
  fail(join(at.path, key), "expected a string, got " + shown(*value));
  return "";
}

int32_t JsonReader::word(const JsonPlace &at, const char *key,
                         const char *const *words, int32_t otherwise) {
  const Json *value = find(at, key);
  if (!value)
    return otherwise;
  std::string known;
  for (int32_t index = 0; words[index]; ++index) {
    if (value->is_string() && *value == words[index])
      return index;
    known += std::string(index ? ", " : "") + words[index];
  }
  fail(join(at.path, key),
       "expected one of " + known + ", got " + shown(*value));
  return otherwise;
}

} // namespace kvcrt
