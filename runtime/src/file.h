//===- file.h - whole files, read and written -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_FILE_H
#define KVCRT_SRC_FILE_H

#include "message.h"

#include <vector>

namespace kvcrt {

/// A read-only private mapping of a file. The mapping outlives the descriptor.
class MappedFile {
public:
  MappedFile() = default;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  /// KVCRT_NOT_FOUND, KVCRT_IO_ERROR (with the system's reason); an empty file
  /// is size 0 and data null.
  kvcrt_status open(const char *path, Message message);
  const char *data() const { return data_; }
  size_t size() const { return size_; }

private:
  const char *data_ = nullptr;
  size_t size_ = 0;
};

/// Reads a whole file of at most `limit` bytes (KVCRT_CORRUPT beyond) into
/// `out`. May throw std::bad_alloc.
kvcrt_status readFile(const char *path, uint64_t limit, std::vector<char> &out,
                      Message message);

struct Bytes {
  const void *data;
  size_t size;
};

/// Writes the pieces one after the other to a temporary file beside `path` and
/// renames it: a reader sees the old file or the new one, never a part.
kvcrt_status writeFile(const char *path, const std::vector<Bytes> &pieces,
                       unsigned mode, Message message);

} // namespace kvcrt

#endif // KVCRT_SRC_FILE_H
