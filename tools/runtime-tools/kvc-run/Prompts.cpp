//===- Prompts.cpp - what kvc-run is asked to continue --------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Prompts.h"

#include "../common/Failure.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace kvctool;
using nlohmann::json;

static std::string readBytes(const std::string &path,
                             const std::string &where) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  // A folder opens, but cannot be read; an empty file inserts nothing, which
  // sets failbit without an error.
  if (in)
    bytes << in.rdbuf();
  if (!in.is_open() || in.bad() || errno)
    fail("%sexpected a readable file, got '%s': %s", where.c_str(),
         path.c_str(), strerror(errno ? errno : EIO));
  return bytes.str();
}

static std::vector<int32_t> toTokens(const std::string &bytes) {
  std::vector<int32_t> tokens;
  for (unsigned char byte : bytes)
    tokens.push_back(byte);
  return tokens;
}

/// entry[key] as a number in [least, most], or `otherwise` when it is absent.
static int64_t readCount(const json &entry, const char *key, int64_t otherwise,
                         int64_t least, int64_t most,
                         const std::string &where) {
  if (!entry.contains(key))
    return otherwise;
  const json &value = entry[key];
  if (!value.is_number_integer() || value.get<int64_t>() < least ||
      value.get<int64_t>() > most)
    fail("%s: expected \"%s\" to be a number from %lld to %lld, got %s",
         where.c_str(), key, static_cast<long long>(least),
         static_cast<long long>(most), value.dump().c_str());
  return value;
}

static std::string readPart(const json &entry, const std::string &folder,
                            const std::string &where) {
  if (!entry["file"].is_string())
    fail("%s: expected \"file\" to be a path, got %s", where.c_str(),
         entry["file"].dump().c_str());
  std::string path = entry["file"];
  if (path.empty() || path[0] != '/')
    path = folder + path;
  const std::string bytes = readBytes(path, where + ": ");
  const int64_t size = int64_t(bytes.size());
  const int64_t offset = readCount(entry, "offset", 0, 0, size, where);
  const int64_t length =
      readCount(entry, "length", size - offset, 0, INT64_MAX, where);
  if (length > size - offset)
    fail("%s: expected %lld bytes from offset %lld on in '%s', got a file of "
         "%lld bytes",
         where.c_str(), static_cast<long long>(length),
         static_cast<long long>(offset), path.c_str(),
         static_cast<long long>(size));
  return bytes.substr(offset, length);
}

static Prompt readPrompt(const json &entry, const std::string &folder,
                         const std::string &where, int32_t vocab,
                         int32_t newTokens) {
  Prompt prompt;
  prompt.where = where;
  int sources = 0;
  for (const auto &[key, value] : entry.items()) {
    static const char *const known[] = {
        "name", "text", "file", "offset", "length", "tokens", "max_new_tokens"};
    if (std::find(std::begin(known), std::end(known), key) == std::end(known))
      fail("%s: expected the keys name, text, file, offset, length, tokens and "
           "max_new_tokens, got \"%s\"",
           where.c_str(), key.c_str());
    sources += key == "text" || key == "file" || key == "tokens";
  }
  if (sources != 1)
    fail("%s: expected one of \"text\", \"file\" and \"tokens\", got %d of "
         "them",
         where.c_str(), sources);

  prompt.name = where;
  if (entry.contains("name")) {
    if (!entry["name"].is_string())
      fail("%s: expected \"name\" to be a string, got %s", where.c_str(),
           entry["name"].dump().c_str());
    prompt.name = entry["name"];
  }
  if (entry.contains("text")) {
    if (!entry["text"].is_string())
      fail("%s: expected \"text\" to be a string, got %s", where.c_str(),
           entry["text"].dump().c_str());
    prompt.tokens = toTokens(entry["text"]);
  } else if (entry.contains("file")) {
    prompt.tokens = toTokens(readPart(entry, folder, where));
  } else {
    if (!entry["tokens"].is_array())
      fail("%s: expected \"tokens\" to be a list of numbers, got %s",
           where.c_str(), entry["tokens"].dump().c_str());
    for (const json &token : entry["tokens"]) {
      // Whatever does not fit becomes -1 and is refused below.
      const bool fits = token.is_number_unsigned() &&
                        token.get<uint64_t>() <= uint64_t(INT32_MAX);
      prompt.tokens.push_back(fits ? token.get<int32_t>() : -1);
    }
  }
  if (prompt.tokens.empty())
    fail("%s: expected a prompt of at least one token, got an empty one",
         where.c_str());
  for (size_t i = 0; i < prompt.tokens.size(); ++i)
    if (prompt.tokens[i] < 0 || prompt.tokens[i] >= vocab)
      fail("%s: token %zu: expected an id from 0 to %d (the model's "
           "vocabulary), got %s",
           where.c_str(), i, vocab - 1,
           entry.contains("tokens") ? entry["tokens"][i].dump().c_str()
                                    : std::to_string(prompt.tokens[i]).c_str());
  prompt.newTokens = int32_t(
      readCount(entry, "max_new_tokens", newTokens, 1, INT32_MAX, where));
  return prompt;
}

std::vector<Prompt> kvctool::readPrompts(const std::string &path, int32_t vocab,
                                         int32_t newTokens) {
  const std::string text = readBytes(path, "--prompts: ");
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "" : path.substr(0, slash + 1);
  std::vector<Prompt> prompts;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos)
      continue;
    const std::string where = path + ":" + std::to_string(number);
    const json entry = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!entry.is_object())
      fail("%s: expected a JSON object such as {\"name\": \"a\", \"text\": "
           "\"Once\"}, got other text",
           where.c_str());
    prompts.push_back(readPrompt(entry, folder, where, vocab, newTokens));
  }
  if (prompts.empty())
    fail("%s: expected at least one prompt, got an empty file; write a line "
         "such as {\"name\": \"a\", \"text\": \"Once\"}",
         path.c_str());
  return prompts;
}
