//===- Options.h - command lines of the runtime tools ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// getopt_long with a table: one entry per option, from which --help is printed
// too. Long options ("--name=value" or "--name value"); an option named output
// answers to -o as well.
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_COMMON_OPTIONS_H
#define KVC_TOOLS_COMMON_OPTIONS_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kvctool {

struct Option {
  std::string name;
  std::string argument; // what --help calls the value; empty = a flag
  std::string help;
  std::function<void(const std::string &value)> accept;
};

struct CommandLine {
  std::string tool;
  std::string usage; // after the tool's name
  std::string about; // one paragraph
  std::vector<Option> options;
  std::string epilogue; // printed last by --help; may be empty
};

/// Calls accept for each option and answers the other arguments. --help and
/// --version print and exit with 0. Throws Failure for anything unknown.
std::vector<std::string> parseCommandLine(const CommandLine &line, int argc,
                                          char **argv);

/// An option's value as a number in [least, most].
int64_t parseCount(const std::string &option, const std::string &value,
                   int64_t least, int64_t most);
/// Bytes, with an optional K, M or G (powers of 1024).
uint64_t parseBytes(const std::string &option, const std::string &value);
/// "64,256,1024", each in [least, most].
std::vector<int64_t> parseCounts(const std::string &option,
                                 const std::string &value, int64_t least,
                                 int64_t most);

} // namespace kvctool

#endif // KVC_TOOLS_COMMON_OPTIONS_H
