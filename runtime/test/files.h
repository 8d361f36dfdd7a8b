//===- files.h - temporary files for tests --------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_FILES_H
#define KVCRT_TEST_FILES_H

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

namespace kvcrt_test {

inline std::string readAll(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A path of its own that is removed at the end of the scope.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &contents = "") {
    static int count = 0;
    path_ = testing::TempDir() + "kvcrt-test-" + std::to_string(getpid()) +
            "-" + std::to_string(count++);
    write(contents);
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  void write(const std::string &contents) {
    std::ofstream(path_, std::ios::binary)
        .write(contents.data(), contents.size());
  }
  const char *path() const { return path_.c_str(); }

private:
  std::string path_;
};

template <typename T> T load(const std::string &bytes, size_t offset) {
  T value;
  memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}
template <typename T>
void store(std::string &bytes, size_t offset, const T &value) {
  memcpy(bytes.data() + offset, &value, sizeof(value));
}

} // namespace kvcrt_test

#endif // KVCRT_TEST_FILES_H
