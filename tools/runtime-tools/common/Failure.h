//===- Failure.h - how the runtime tools give up --------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tool that cannot go on throws a Failure; main prints it as one line
// "error: ..." and exits with 1. Messages read "expected X, got Y", say where,
// and end with the way out.
//
// Invariant: no exception of any kind leaves runTool.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_COMMON_FAILURE_H
#define KVC_TOOLS_COMMON_FAILURE_H

#include "kvcrt/abi.h"

#include <exception>
#include <string>

namespace kvctool {

class Failure : public std::exception {
public:
  explicit Failure(std::string text) : text(std::move(text)) {}
  const char *what() const noexcept override { return text.c_str(); }

private:
  std::string text;
};

/// Throws a Failure with printf's formatting.
[[noreturn]] void fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/// printf into a string.
std::string format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/// A buffer for the runtime's one-line messages.
struct Message {
  char text[1024] = "";
  char *data() { return text; }
  static constexpr size_t size() { return sizeof(text); }
};

/// Throws unless `status` is KVCRT_OK: "<where>: <message or status name>".
void require(kvcrt_status status, const std::string &where,
             const Message &message = {});

/// Runs a tool's body and turns whatever it throws into an exit status.
int runTool(const char *tool, int (*body)(int, char **), int argc, char **argv);

} // namespace kvctool

#endif // KVC_TOOLS_COMMON_FAILURE_H
