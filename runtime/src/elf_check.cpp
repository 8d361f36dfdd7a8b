//===- elf_check.cpp - is this a library that is safe to load? ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Structures are copied out before they are read: nothing says that the file
// has them aligned.
//
//===----------------------------------------------------------------------===//
#include "elf_check.h"

#include <cstring>
#include <elf.h>

namespace kvcrt {
namespace {

#if defined(__x86_64__)
constexpr int kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr int kMachine = EM_AARCH64;
#else
constexpr int kMachine = EM_NONE;
#endif

class ElfFile {
public:
  ElfFile(const void *data, size_t size, Message message)
      : data_(static_cast<const char *>(data)), size_(size), message_(message) {
  }

  kvcrt_status check(bool forThisMachine) {
    if (kvcrt_status status = checkHeader(forThisMachine))
      return status;
    if (kvcrt_status status = checkSegments())
      return status;
    return checkSections();
  }

private:
  bool within(uint64_t offset, uint64_t bytes) const {
    return offset <= size_ && bytes <= size_ - offset;
  }
  template <typename T> T at(uint64_t offset) const {
    T value;
    memcpy(&value, data_ + offset, sizeof(value));
    return value;
  }
  __attribute__((format(printf, 2, 3))) kvcrt_status corrupt(const char *format,
                                                             ...) const {
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return message_.fail(KVCRT_CORRUPT, "%s; compile it again", text);
  }

  kvcrt_status checkHeader(bool forThisMachine) {
    if (size_ < sizeof(header_))
      return corrupt("expected an ELF library, got %zu bytes", size_);
    header_ = at<Elf64_Ehdr>(0);
    if (memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0 ||
        header_.e_ident[EI_CLASS] != ELFCLASS64 ||
        header_.e_ident[EI_DATA] != ELFDATA2LSB)
      return corrupt("expected a 64-bit little-endian ELF library, got other "
                     "bytes");
    if (header_.e_type != ET_DYN)
      return corrupt("expected an ELF shared object (type 3), got type %u",
                     header_.e_type);
    if (forThisMachine && header_.e_machine != kMachine)
      return message_.fail(KVCRT_UNSUPPORTED,
                           "expected ELF machine %d (this computer's), got %u; "
                           "compile for this target",
                           kMachine, header_.e_machine);
    if (header_.e_phentsize != sizeof(Elf64_Phdr) ||
        !within(header_.e_phoff,
                uint64_t(header_.e_phnum) * sizeof(Elf64_Phdr)))
      return corrupt("program headers leave the library of %zu bytes", size_);
    if (header_.e_shnum && (header_.e_shentsize != sizeof(Elf64_Shdr) ||
                            !within(header_.e_shoff, uint64_t(header_.e_shnum) *
                                                         sizeof(Elf64_Shdr))))
      return corrupt("section headers leave the library of %zu bytes", size_);
    return KVCRT_OK;
  }

  kvcrt_status checkSections() const {
    for (unsigned i = 0; i < header_.e_shnum; ++i) {
      const auto section =
          at<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr));
      if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
          !within(section.sh_offset, section.sh_size))
        return corrupt("section %u ends at byte %llu of %zu", i,
                       (unsigned long long)section.sh_offset + section.sh_size,
                       size_);
    }
    for (unsigned i = 0; i < header_.e_shnum; ++i) {
      const auto section =
          at<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr));
      if (section.sh_type == SHT_DYNSYM)
        if (kvcrt_status status = checkSymbols(section))
          return status;
    }
    return KVCRT_OK;
  }

  /// An undefined symbol would be taken from whatever process loads the
  /// library.
  kvcrt_status checkSymbols(const Elf64_Shdr &symbols) const {
    if (symbols.sh_link >= header_.e_shnum)
      return corrupt("the symbol table has no names");
    const auto names =
        at<Elf64_Shdr>(header_.e_shoff + symbols.sh_link * sizeof(Elf64_Shdr));
    for (uint64_t i = 1; i < symbols.sh_size / sizeof(Elf64_Sym); ++i) {
      const auto symbol =
          at<Elf64_Sym>(symbols.sh_offset + i * sizeof(Elf64_Sym));
      const uint64_t left = names.sh_size - symbol.st_name;
      const char *name = data_ + names.sh_offset + symbol.st_name;
      if (symbol.st_name >= names.sh_size || !memchr(name, 0, left))
        return corrupt("symbol %llu has no name", (unsigned long long)i);
      if (symbol.st_shndx == SHN_UNDEF &&
          ELF64_ST_BIND(symbol.st_info) != STB_WEAK)
        return message_.fail(KVCRT_UNSUPPORTED,
                             "expected a library that defines all it uses, got "
                             "one without `%.100s`; it was not linked by "
                             "kvc-compile",
                             name);
    }
    return KVCRT_OK;
  }

  Elf64_Phdr segment(unsigned i) const {
    return at<Elf64_Phdr>(header_.e_phoff + i * sizeof(Elf64_Phdr));
  }

  kvcrt_status checkSegments() const {
    unsigned loads = 0;
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      const Elf64_Phdr s = segment(i);
      if (!within(s.p_offset, s.p_filesz))
        return corrupt("segment %u ends at byte %llu of %zu", i,
                       (unsigned long long)s.p_offset + s.p_filesz, size_);
      if (s.p_type == PT_INTERP)
        return corrupt("segment %u asks for a program interpreter", i);
      if (s.p_type != PT_LOAD)
        continue;
      ++loads;
      if (s.p_memsz < s.p_filesz || s.p_vaddr + s.p_memsz < s.p_vaddr ||
          s.p_memsz > uint64_t(1) << 40)
        return corrupt("segment %u has a wrong size in memory", i);
    }
    if (!loads)
      return corrupt("expected at least one segment to load, got none");
    for (unsigned i = 0; i < header_.e_phnum; ++i)
      if (segment(i).p_type == PT_DYNAMIC)
        return checkDynamic(segment(i));
    return corrupt("expected a dynamic section, got none");
  }

  /// File offset of a virtual address, or false.
  bool fileOffset(uint64_t address, uint64_t &offset) const {
    for (unsigned i = 0; i < header_.e_phnum; ++i) {
      const Elf64_Phdr s = segment(i);
      if (s.p_type == PT_LOAD && address >= s.p_vaddr &&
          address - s.p_vaddr < s.p_filesz) {
        offset = s.p_offset + (address - s.p_vaddr);
        return true;
      }
    }
    return false;
  }

  kvcrt_status checkDynamic(const Elf64_Phdr &s) const {
    uint64_t strings = 0, needed = 0;
    bool needs = false, ended = false;
    for (uint64_t i = 0; i < s.p_filesz / sizeof(Elf64_Dyn) && !ended; ++i) {
      const auto entry = at<Elf64_Dyn>(s.p_offset + i * sizeof(Elf64_Dyn));
      switch (entry.d_tag) {
      case DT_NULL:
        ended = true;
        break;
      case DT_NEEDED:
        needs = true;
        needed = entry.d_un.d_val;
        break;
      case DT_STRTAB:
      case DT_SYMTAB:
      case DT_RELA:
      case DT_JMPREL:
      case DT_HASH:
      case DT_GNU_HASH:
      case DT_INIT:
      case DT_FINI:
      case DT_INIT_ARRAY:
      case DT_FINI_ARRAY: {
        uint64_t offset;
        if (!fileOffset(entry.d_un.d_ptr, offset))
          return corrupt("dynamic entry %llu points outside of every segment",
                         (unsigned long long)i);
        if (entry.d_tag == DT_STRTAB)
          strings = offset;
        break;
      }
      default:
        break;
      }
    }
    if (!ended)
      return corrupt("the dynamic section has no end");
    if (!needs)
      return KVCRT_OK;
    const char *name = "?";
    if (strings && within(strings, needed) &&
        memchr(data_ + strings + needed, 0, size_ - strings - needed))
      name = data_ + strings + needed;
    return message_.fail(KVCRT_UNSUPPORTED,
                         "expected a library that needs no other, got one that "
                         "needs `%.100s`; it was not linked by kvc-compile",
                         name);
  }

  const char *data_;
  size_t size_;
  Message message_;
  Elf64_Ehdr header_ = {};
};

} // namespace

kvcrt_status checkElf(const void *data, size_t size, bool forThisMachine,
                      Message message) {
  return ElfFile(data, size, message).check(forThisMachine);
}

} // namespace kvcrt
