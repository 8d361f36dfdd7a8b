//===- BuildIdentity.cpp - which compiler is this? ------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A version number would be the same after every edit of a kernel. The linker's
// build id is a hash of all that it linked, and lies in memory: reading it
// costs microseconds. Invariant: two processes with different code have
// different identities.
//
//===----------------------------------------------------------------------===//

#include "kvc/Target/NVPTX/Image.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Alignment.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"
#include <cstring>
#include <link.h>

namespace kvc::nvptx {

namespace {
struct Identity {
  std::string text;
  bool whole = true;
};
} // namespace

/// The build id in the notes of a loaded object; empty when it has none.
static llvm::ArrayRef<uint8_t> findBuildId(const dl_phdr_info &object) {
  for (unsigned i = 0; i < object.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = object.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const auto *at =
        reinterpret_cast<const uint8_t *>(object.dlpi_addr + segment.p_vaddr);
    const uint8_t *end = at + segment.p_memsz;
    uint64_t alignment = segment.p_align == 8 ? 8 : 4;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof(note));
      const uint8_t *name = at + sizeof(note);
      const uint8_t *body = name + llvm::alignTo(note.n_namesz, alignment);
      if (body + note.n_descsz > end)
        break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
          std::memcmp(name, "GNU", 4) == 0)
        return {body, note.n_descsz};
      at = body + llvm::alignTo(note.n_descsz, alignment);
    }
  }
  return {};
}

static int addObject(dl_phdr_info *object, size_t, void *data) {
  auto &identity = *static_cast<Identity *>(data);
  llvm::StringRef name = object->dlpi_name;
  // The kernel's own page of clock functions.
  if (name.starts_with("linux-"))
    return 0;
  if (llvm::ArrayRef<uint8_t> id = findBuildId(*object); !id.empty()) {
    identity.text += llvm::toHex(id) + ",";
    return 0;
  }
  auto file = llvm::MemoryBuffer::getFile(
      name.empty() ? llvm::StringRef("/proc/self/exe") : name,
      /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file) {
    identity.whole = false;
    return 1;
  }
  llvm::StringRef bytes = (*file)->getBuffer();
  llvm::XXH128_hash_t sum = llvm::xxh3_128bits(llvm::ArrayRef(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  identity.text +=
      llvm::utohexstr(sum.high64) + llvm::utohexstr(sum.low64) + ",";
  return 0;
}

const std::string &buildIdentity() {
  static const std::string text = [] {
    Identity identity;
    dl_iterate_phdr(addObject, &identity);
    return identity.whole ? identity.text : std::string();
  }();
  return text;
}

} // namespace kvc::nvptx
