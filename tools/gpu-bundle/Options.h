//===- Options.h - --name=value of the bundle's programs ------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Invariant: an option that is not known ends the program with its usage.
//
//===----------------------------------------------------------------------===//
#ifndef KVC_TOOLS_GPU_BUNDLE_OPTIONS_H
#define KVC_TOOLS_GPU_BUNDLE_OPTIONS_H

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

namespace kvc::bundle {

class Options {
public:
  Options(int argc, char **argv, const char *usage,
          const std::vector<std::string> &known) {
    for (int i = 1; i < argc; ++i) {
      const std::string text = argv[i];
      const size_t equals = text.find('=');
      const std::string name = text.substr(0, equals);
      bool found = false;
      for (const std::string &one : known)
        if (name == "--" + one && equals != std::string::npos) {
          values[one] = text.substr(equals + 1);
          found = true;
        }
      if (found)
        continue;
      const bool help = text == "--help" || text == "-h";
      if (!help)
        fprintf(stderr, "expected an option, got %s\n", text.c_str());
      fputs(usage, help ? stdout : stderr);
      exit(help ? 0 : 2);
    }
  }
  std::string get(const std::string &name,
                  const std::string &otherwise = "") const {
    auto it = values.find(name);
    return it == values.end() ? otherwise : it->second;
  }

private:
  std::map<std::string, std::string> values;
};

/// NAME in the folder of the running program.
inline std::string besideProgram(const std::string &name) {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  const std::string program(path, size > 0 ? size_t(size) : 0);
  return program.substr(0, program.rfind('/') + 1) + name;
}

} // namespace kvc::bundle

#endif // KVC_TOOLS_GPU_BUNDLE_OPTIONS_H
