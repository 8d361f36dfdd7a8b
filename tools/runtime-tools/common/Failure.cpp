//===- Failure.cpp - how the runtime tools give up ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Failure.h"

#include "kvcrt/runtime.h"

#include <cstdarg>
#include <cstdio>
#include <new>
#include <vector>

using namespace kvctool;

static std::string formatList(const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int size = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  std::vector<char> text(size + 1);
  vsnprintf(text.data(), text.size(), format, arguments);
  return std::string(text.data(), size);
}

std::string kvctool::format(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string text = formatList(format, arguments);
  va_end(arguments);
  return text;
}

void kvctool::fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string text = formatList(format, arguments);
  va_end(arguments);
  throw Failure(text);
}

void kvctool::require(kvcrt_status status, const std::string &where,
                      const Message &message) {
  if (status == KVCRT_OK)
    return;
  const std::string what =
      message.text[0] ? message.text : kvcrt_status_string(status);
  // The runtime's messages about files name them already.
  if (what.find(where) != std::string::npos)
    fail("%s", what.c_str());
  fail("%s: %s", where.c_str(), what.c_str());
}

int kvctool::runTool(const char *tool, int (*body)(int, char **), int argc,
                     char **argv) {
  std::string text;
  try {
    return body(argc, argv);
  } catch (const std::bad_alloc &) {
    text = "expected more memory than the system gives; run fewer or shorter "
           "sequences";
  } catch (const std::exception &error) {
    text = error.what();
  }
  fflush(stdout);
  fprintf(stderr, "%s: error: %s\n", tool, text.c_str());
  return 1;
}
