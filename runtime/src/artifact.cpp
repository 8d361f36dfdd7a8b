//===- artifact.cpp - opening and sealing compiled libraries --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   read the file once -> verify those bytes -> copy the library into a sealed
//   memory file -> dlopen that
//
// The loader maps what was verified, whatever happens to the file meanwhile.
//
//===----------------------------------------------------------------------===//
#include "artifact_format.h"
#include "file.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

using namespace kvcrt;

/// The C API's opaque artefact; immutable once open.
struct kvcrt_artifact {
  Manifest manifest;
  void *library = nullptr; // from dlopen; null when only inspected
  /// What `library` was loaded from. Open as long as it is: the loader takes a
  /// path for the library that was loaded under it before, and a file that is
  /// closed gives its number, and so its path, to the next.
  int file = -1;

  ~kvcrt_artifact() {
    if (library)
      dlclose(library);
    if (file >= 0)
      close(file);
  }
};

namespace {

/// Larger libraries are refused before memory is asked for.
constexpr uint64_t kMaxArtifact = uint64_t(4) << 30; // bytes

kvcrt_status checkCpu(const kvcrt_manifest &manifest, Message message) {
  std::string missing;
  for (int32_t i = 0; i < manifest.num_cpu_features; ++i)
    if (!kvcrt_cpu_has_feature(manifest.cpu_features[i]))
      missing +=
          std::string(missing.empty() ? "" : ", ") + manifest.cpu_features[i];
  if (missing.empty())
    return KVCRT_OK;
  return message.fail(
      KVCRT_UNSUPPORTED,
      "expected a CPU with %.300s, got one without; compile for "
      "this CPU (kvc-compile --mcpu=...) or use another machine",
      missing.c_str());
}

kvcrt_status load(const char *elf, size_t size, kvcrt_artifact &artifact,
                  Message message) {
  const int file =
      memfd_create("kvc-artifact", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0)
    return message.fail(KVCRT_IO_ERROR, "cannot make a file in memory: %s",
                        strerror(errno));
  kvcrt_status status = KVCRT_OK;
  for (size_t done = 0; done < size && !status;) {
    const ssize_t written = write(file, elf + done, size - done);
    if (written > 0)
      done += written;
    else if (errno != EINTR)
      status = message.fail(KVCRT_OUT_OF_MEMORY,
                            "cannot keep %zu bytes in memory: %s", size,
                            strerror(errno));
  }
  if (!status) {
    (void)fcntl(file, F_ADD_SEALS,
                F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    artifact.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!artifact.library) {
      const char *reason = dlerror();
      status = message.fail(KVCRT_IO_ERROR, "cannot load the library: %s",
                            reason ? reason : "unknown");
    }
  }
  artifact.file = file;
  return status;
}

kvcrt_status openVerified(const char *path, bool toRun, kvcrt_artifact **out,
                          Message message) {
  if (!path || !out)
    return message.fail(KVCRT_INVALID_ARGUMENT, "expected a path and an out_");
  std::vector<char> bytes;
  if (kvcrt_status status = readFile(path, kMaxArtifact, bytes, message))
    return status;
  char text[480] = "";
  const Message inner{text, sizeof(text)};
  auto artifact = std::make_unique<kvcrt_artifact>();
  kvcrt_artifact_footer footer;
  kvcrt_status status = checkFooter(bytes.data(), bytes.size(), footer, inner);
  if (!status)
    status = checkContents(bytes.data(), footer.elf_size,
                           bytes.data() + footer.elf_size, footer.manifest_size,
                           toRun, artifact->manifest, inner);
  if (!status && toRun)
    status = checkCpu(artifact->manifest.view(), inner);
  if (!status && toRun)
    status = load(bytes.data(), footer.elf_size, *artifact, inner);
  if (status)
    return message.fail(status, "%s: %s", path, text);
  *out = artifact.release();
  return KVCRT_OK;
}

template <typename Call> kvcrt_status guarded(Message message, Call &&call) {
  try {
    return call();
  } catch (const std::bad_alloc &) {
    return message.fail(KVCRT_OUT_OF_MEMORY, "host memory is exhausted");
  }
}

} // namespace

kvcrt_status kvcrt_artifact_open(const char *path,
                                 kvcrt_artifact **out_artifact, char *message,
                                 size_t message_size) {
  const Message text{message, message_size};
  return guarded(text,
                 [&] { return openVerified(path, true, out_artifact, text); });
}

kvcrt_status kvcrt_artifact_inspect(const char *path,
                                    kvcrt_artifact **out_artifact,
                                    char *message, size_t message_size) {
  const Message text{message, message_size};
  return guarded(text,
                 [&] { return openVerified(path, false, out_artifact, text); });
}

void kvcrt_artifact_close(kvcrt_artifact *artifact) { delete artifact; }

const kvcrt_manifest *kvcrt_artifact_manifest(const kvcrt_artifact *artifact) {
  return artifact ? &artifact->manifest.view() : nullptr;
}

kvcrt_status kvcrt_artifact_symbol(const kvcrt_artifact *artifact,
                                   const char *name, void **out_address) {
  if (!artifact || !artifact->library || !name || !*name || !out_address)
    return KVCRT_INVALID_ARGUMENT;
  void *address = dlsym(artifact->library, name);
  if (!address)
    return KVCRT_NOT_FOUND;
  *out_address = address;
  return KVCRT_OK;
}

kvcrt_status kvcrt_artifact_seal(const void *elf, size_t elf_size,
                                 const char *manifest, size_t manifest_size,
                                 const char *path, char *message,
                                 size_t message_size) {
  const Message text{message, message_size};
  if (!elf || !manifest || !path)
    return text.fail(KVCRT_INVALID_ARGUMENT,
                     "expected a library, a manifest and a path");
  return guarded(text, [&] {
    Manifest parsed;
    if (kvcrt_status status = checkContents(elf, elf_size, manifest,
                                            manifest_size, false, parsed, text))
      return status;
    const kvcrt_artifact_footer footer =
        makeFooter(elf, elf_size, manifest, manifest_size);
    return writeFile(
        path,
        {{elf, elf_size}, {manifest, manifest_size}, {&footer, sizeof(footer)}},
        0777, text);
  });
}
