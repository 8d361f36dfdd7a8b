//===- Prompts.h - what kvc-run is asked to continue ----------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A prompt file has one JSON object a line; blank lines are skipped.
//
//   {"name": "hello", "text": "Once upon a time"}
//   {"name": "licence", "file": "LICENSE", "offset": 0, "length": 256}
//   {"name": "ids", "tokens": [1, 2, 3], "max_new_tokens": 16}
//
// One of text, file and tokens. Bytes are tokens: text stands in UTF-8, files
// are read as they are (their path is relative to the prompt file's folder,
// offset and length count bytes and may be left out). max_new_tokens replaces
// the command line's.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_KVC_RUN_PROMPTS_H
#define KVC_TOOLS_KVC_RUN_PROMPTS_H

#include <cstdint>
#include <string>
#include <vector>

namespace kvctool {

struct Prompt {
  std::string name;
  std::string where; // "file:line", for messages
  std::vector<int32_t> tokens;
  int32_t newTokens;
};

/// Throws Failure for anything but at least one prompt of at least one token
/// each, all in [0, vocab).
std::vector<Prompt> readPrompts(const std::string &path, int32_t vocab,
                                int32_t newTokens);

} // namespace kvctool

#endif // KVC_TOOLS_KVC_RUN_PROMPTS_H
