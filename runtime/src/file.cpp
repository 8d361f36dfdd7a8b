//===- file.cpp - whole files, read and written ---------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "file.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kvcrt {

MappedFile::~MappedFile() {
  if (data_)
    munmap(const_cast<char *>(data_), size_);
}

namespace {

/// A regular file that is open for reading.
class InputFile {
public:
  InputFile() = default;
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;
  ~InputFile() {
    if (descriptor >= 0)
      close(descriptor);
  }

  kvcrt_status open(const char *path, Message message) {
    descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      return message.fail(errno == ENOENT || errno == ENOTDIR ? KVCRT_NOT_FOUND
                                                              : KVCRT_IO_ERROR,
                          "cannot open `%s`: %s", path, strerror(errno));
    struct stat info;
    if (fstat(descriptor, &info) != 0)
      return message.fail(KVCRT_IO_ERROR, "cannot read `%s`: %s", path,
                          strerror(errno));
    if (!S_ISREG(info.st_mode))
      return message.fail(KVCRT_IO_ERROR, "expected `%s` to be a regular file",
                          path);
    size = info.st_size;
    return KVCRT_OK;
  }

  int descriptor = -1;
  size_t size = 0;
};

} // namespace

kvcrt_status MappedFile::open(const char *path, Message message) {
  InputFile file;
  if (kvcrt_status status = file.open(path, message))
    return status;
  if (!file.size)
    return KVCRT_OK;
  void *mapping =
      mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0);
  if (mapping == MAP_FAILED)
    return message.fail(KVCRT_IO_ERROR, "cannot map `%s`: %s", path,
                        strerror(errno));
  data_ = static_cast<const char *>(mapping);
  size_ = file.size;
  return KVCRT_OK;
}

kvcrt_status readFile(const char *path, uint64_t limit, std::vector<char> &out,
                      Message message) {
  InputFile file;
  if (kvcrt_status status = file.open(path, message))
    return status;
  if (file.size > limit)
    return message.fail(
        KVCRT_CORRUPT, "expected at most %llu bytes in `%s`, got %llu",
        (unsigned long long)limit, path, (unsigned long long)file.size);
  out.resize(file.size);
  for (size_t filled = 0; filled < out.size();) {
    const ssize_t count =
        ::read(file.descriptor, out.data() + filled, out.size() - filled);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return message.fail(KVCRT_IO_ERROR, "cannot read `%s`: %s", path,
                          strerror(errno));
    if (count == 0)
      out.resize(filled); // shortened meanwhile
    else
      filled += count;
  }
  return KVCRT_OK;
}

kvcrt_status writeFile(const char *path, const std::vector<Bytes> &pieces,
                       unsigned mode, Message message) {
  // A name of this process and call; the mode is the usual one less the umask.
  static std::atomic<unsigned> calls;
  const std::string temporary = std::string(path) + ".tmp" +
                                std::to_string(getpid()) + "." +
                                std::to_string(calls++);
  const int file =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (file < 0)
    return message.fail(KVCRT_IO_ERROR, "cannot create `%s`: %s",
                        temporary.c_str(), strerror(errno));
  int failure = 0;
  for (const Bytes &piece : pieces) {
    const char *data = static_cast<const char *>(piece.data);
    for (size_t left = piece.size; left && !failure;) {
      const ssize_t written = write(file, data, left);
      if (written < 0 && errno != EINTR)
        failure = errno;
      if (written > 0) {
        data += written;
        left -= written;
      }
    }
  }
  if (close(file) != 0 && !failure)
    failure = errno;
  if (!failure && rename(temporary.c_str(), path) != 0)
    failure = errno;
  if (!failure)
    return KVCRT_OK;
  unlink(temporary.c_str());
  return message.fail(KVCRT_IO_ERROR, "cannot write `%s`: %s", path,
                      strerror(failure));
}

} // namespace kvcrt
