//===- Options.cpp - command lines of the runtime tools -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Options.h"

#include "Failure.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <getopt.h>

using namespace kvctool;

static void printHelp(const CommandLine &line) {
  printf("usage: %s %s\n\n%s\n\noptions:\n", line.tool.c_str(),
         line.usage.c_str(), line.about.c_str());
  const auto print = [](const std::string &left, const std::string &help) {
    printf("  %-28s %s\n", left.c_str(), help.c_str());
  };
  for (const Option &option : line.options)
    print("--" + option.name +
              (option.argument.empty() ? "" : "=" + option.argument),
          option.help);
  print("--help", "this text");
  print("--version", "the release");
  if (!line.epilogue.empty())
    printf("\n%s\n", line.epilogue.c_str());
}

std::vector<std::string> kvctool::parseCommandLine(const CommandLine &line,
                                                   int argc, char **argv) {
  enum { kHelp = 1000, kVersion, kFirst };
  std::vector<option> table;
  for (size_t i = 0; i < line.options.size(); ++i)
    table.push_back(
        {line.options[i].name.c_str(),
         line.options[i].argument.empty() ? no_argument : required_argument,
         nullptr, int(kFirst + i)});
  table.push_back({"help", no_argument, nullptr, kHelp});
  table.push_back({"version", no_argument, nullptr, kVersion});
  table.push_back({nullptr, 0, nullptr, 0});

  opterr = 0; // the messages are ours
  while (true) {
    const int current = optind;
    // ":" tells a missing value from an unknown option.
    int code = getopt_long(argc, argv, ":o:", table.data(), nullptr);
    if (code == 'o')
      for (size_t i = 0; i < line.options.size(); ++i)
        if (line.options[i].name == "output")
          code = int(kFirst + i);
    if (code == -1)
      break;
    if (code == kHelp) {
      printHelp(line);
      exit(0);
    }
    if (code == kVersion) {
      printf("%s %s\n", line.tool.c_str(), KVC_VERSION);
      exit(0);
    }
    if (code >= kFirst) {
      line.options[code - kFirst].accept(optarg ? optarg : "");
      continue;
    }
    // getopt has moved past the offender unless it is inside a word.
    const char *word = argv[optind > current ? optind - 1 : current];
    if (code == ':')
      fail("expected a value for '%s', got none; write %s=VALUE (see %s "
           "--help)",
           word, word, line.tool.c_str());
    fail("expected an option of %s, got '%s'; see %s --help", line.tool.c_str(),
         word, line.tool.c_str());
  }
  return std::vector<std::string>(argv + optind, argv + argc);
}

int64_t kvctool::parseCount(const std::string &option, const std::string &value,
                            int64_t least, int64_t most) {
  errno = 0;
  char *end = nullptr;
  const long long number = strtoll(value.c_str(), &end, 10);
  if (value.empty() || *end || errno || number < least || number > most)
    fail("--%s: expected a number from %lld to %lld, got '%s'", option.c_str(),
         static_cast<long long>(least), static_cast<long long>(most),
         value.c_str());
  return number;
}

uint64_t kvctool::parseBytes(const std::string &option,
                             const std::string &value) {
  int shift = 0;
  std::string digits = value;
  switch (value.empty() ? 0 : value.back()) {
  case 'K':
    shift = 10;
    break;
  case 'M':
    shift = 20;
    break;
  case 'G':
    shift = 30;
    break;
  }
  if (shift)
    digits.pop_back();
  errno = 0;
  char *end = nullptr;
  const long long number = strtoll(digits.c_str(), &end, 10);
  if (digits.empty() || *end || errno || number < 1 ||
      number > (INT64_MAX >> shift))
    fail("--%s: expected bytes such as 64M or 2G, got '%s'", option.c_str(),
         value.c_str());
  return static_cast<uint64_t>(number) << shift;
}

std::vector<int64_t> kvctool::parseCounts(const std::string &option,
                                          const std::string &value,
                                          int64_t least, int64_t most) {
  std::vector<int64_t> counts;
  size_t begin = 0;
  while (true) {
    const size_t comma = value.find(',', begin);
    counts.push_back(parseCount(
        option,
        value.substr(begin, comma == std::string::npos ? comma : comma - begin),
        least, most));
    if (comma == std::string::npos)
      return counts;
    begin = comma + 1;
  }
}
