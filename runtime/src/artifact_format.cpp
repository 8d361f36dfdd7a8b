//===- artifact_format.cpp - footer, checksum and checks of an artefact ---===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "artifact_format.h"
#include "elf_check.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvcrt {

static_assert(sizeof(kvcrt_artifact_footer) == 64, "the format says 64 bytes");

kvcrt_artifact_footer makeFooter(const void *elf, size_t elfSize,
                                 const void *manifest, size_t manifestSize) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, elf, elfSize);
  XXH3_128bits_update(&state, manifest, manifestSize);
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  kvcrt_artifact_footer footer = {};
  memcpy(footer.magic, KVCRT_ARTIFACT_MAGIC, sizeof(footer.magic));
  footer.version = KVCRT_ARTIFACT_VERSION;
  footer.elf_size = elfSize;
  footer.manifest_size = manifestSize;
  footer.xxh3_lo = hash.low64;
  footer.xxh3_hi = hash.high64;
  return footer;
}

kvcrt_status checkFooter(const char *data, size_t size,
                         kvcrt_artifact_footer &footer, Message message) {
  if (size < sizeof(footer))
    return message.fail(KVCRT_CORRUPT,
                        "expected at least the %zu bytes of a footer, got %zu; "
                        "the file is no artefact, or cut short",
                        sizeof(footer), size);
  const size_t contents = size - sizeof(footer);
  memcpy(&footer, data + contents, sizeof(footer));
  if (memcmp(footer.magic, KVCRT_ARTIFACT_MAGIC, sizeof(footer.magic)) != 0)
    return message.fail(
        KVCRT_CORRUPT,
        "expected `%s` at byte %zu, got other bytes; the file "
        "is no artefact, or cut short: compile or copy it again",
        KVCRT_ARTIFACT_MAGIC, contents);
  if (footer.version != KVCRT_ARTIFACT_VERSION)
    return message.fail(KVCRT_VERSION_MISMATCH,
                        "expected artefact format %u, got %u; compile it again "
                        "with this release",
                        KVCRT_ARTIFACT_VERSION, footer.version);
  if (footer.elf_size > contents ||
      footer.manifest_size != contents - footer.elf_size || footer.reserved0 ||
      footer.reserved1 || footer.reserved2)
    return message.fail(KVCRT_CORRUPT,
                        "expected a library and a manifest of %zu bytes, got "
                        "%llu and %llu in the footer; copy the file again",
                        contents, (unsigned long long)footer.elf_size,
                        (unsigned long long)footer.manifest_size);
  const XXH128_hash_t hash = XXH3_128bits(data, contents);
  if (hash.low64 != footer.xxh3_lo || hash.high64 != footer.xxh3_hi)
    return message.fail(
        KVCRT_CORRUPT,
        "expected checksum %016llx%016llx over %zu bytes, got %016llx%016llx; "
        "the file was changed: copy or compile it again",
        (unsigned long long)footer.xxh3_hi, (unsigned long long)footer.xxh3_lo,
        contents, (unsigned long long)hash.high64,
        (unsigned long long)hash.low64);
  return KVCRT_OK;
}

kvcrt_status checkContents(const void *elf, size_t elfSize,
                           const char *manifest, size_t manifestSize,
                           bool forThisMachine, Manifest &out,
                           Message message) {
  if (kvcrt_status status = checkElf(elf, elfSize, forThisMachine, message))
    return status;
  if (kvcrt_status status = out.parse(manifest, manifestSize, message))
    return status;
  // Host functions run on this machine whatever the kernels are for: a device
  // that cannot take these says so when one is launched.
  const char *target = out.view().target;
  if (strcmp(target, "cpu") != 0 && strncmp(target, "sim:", 4) != 0 &&
      strncmp(target, "sm_", 3) != 0)
    return message.fail(KVCRT_UNSUPPORTED,
                        "expected target `cpu`, `sim:` and a chip, or a chip "
                        "as sm_90a, got `%.40s`",
                        target);
  return KVCRT_OK;
}

} // namespace kvcrt
