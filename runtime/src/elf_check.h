//===- elf_check.h - is this a library that is safe to load? --------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dynamic loader trusts its input: a segment that reaches past the file's
// end kills the process with SIGBUS, a wrong dynamic entry with SIGSEGV. These
// checks come first.
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_SRC_ELF_CHECK_H
#define KVCRT_SRC_ELF_CHECK_H

#include "message.h"

namespace kvcrt {

/// KVCRT_CORRUPT: not a 64-bit little-endian ELF shared object, or a header,
/// segment or section that leaves [data, data + size). KVCRT_UNSUPPORTED: it
/// needs another library; or `forThisMachine` and the machine is another one.
kvcrt_status checkElf(const void *data, size_t size, bool forThisMachine,
                      Message message);

} // namespace kvcrt

#endif // KVCRT_SRC_ELF_CHECK_H
