//===- artifact_format.h - footer, checksum and checks of an artefact -----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared by the side that seals and the side that opens, so that the one cannot
// write what the other refuses.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_ARTIFACT_FORMAT_H
#define KVCRT_SRC_ARTIFACT_FORMAT_H

#include "manifest.h"
#include "message.h"

namespace kvcrt {

/// A footer for elf ++ manifest, checksum included.
kvcrt_artifact_footer makeFooter(const void *elf, size_t elfSize,
                                 const void *manifest, size_t manifestSize);

/// Checks the footer of `size` bytes, its sizes and checksum.
kvcrt_status checkFooter(const char *data, size_t size,
                         kvcrt_artifact_footer &footer, Message message);

/// Checks what both sides can: the library and the manifest, target included.
kvcrt_status checkContents(const void *elf, size_t elfSize,
                           const char *manifest, size_t manifestSize,
                           bool forThisMachine, Manifest &out, Message message);

} // namespace kvcrt

#endif // KVCRT_SRC_ARTIFACT_FORMAT_H
