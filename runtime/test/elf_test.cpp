//===- elf_test.cpp - libraries that must not reach the loader ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes one field of a good library at a time. That nothing crashes on random
// damage is shown by flipping every bit of its headers.
//
//===----------------------------------------------------------------------===//
#include "files.h"

#include "elf_check.h"

#include <cstddef>
#include <elf.h>

using namespace kvcrt;
using namespace kvcrt_test;

namespace {

class ElfTest : public testing::Test {
protected:
  kvcrt_status check() {
    char text[300] = "";
    const kvcrt_status status =
        checkElf(bytes.data(), bytes.size(), true, {text, sizeof(text)});
    message = text;
    return status;
  }
  template <typename T> void setHeader(size_t offset, T value) {
    store(bytes, offset, value);
  }
  /// Offset in the file of the first segment of a type.
  size_t segment(uint32_t type) {
    const auto header = load<Elf64_Ehdr>(bytes, 0);
    for (unsigned i = 0; i < header.e_phnum; ++i) {
      const size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
      if (load<Elf64_Phdr>(bytes, at).p_type == type)
        return at;
    }
    ADD_FAILURE() << "no segment of type " << type;
    return 0;
  }
  std::string bytes = readAll(KVCRT_TEST_MODULE);
  std::string message;
};

TEST_F(ElfTest, GoodLibraryPasses) { EXPECT_EQ(check(), KVCRT_OK) << message; }

TEST_F(ElfTest, OtherFilesAreRefused) {
  bytes[0] = 'X';
  EXPECT_EQ(check(), KVCRT_CORRUPT);
  bytes = "\x7f"
          "ELF";
  EXPECT_EQ(check(), KVCRT_CORRUPT);
}

TEST_F(ElfTest, ExecutablesAreRefused) {
  setHeader<uint16_t>(offsetof(Elf64_Ehdr, e_type), ET_EXEC);
  EXPECT_EQ(check(), KVCRT_CORRUPT);
  EXPECT_EQ(message, "expected an ELF shared object (type 3), got type 2; "
                     "compile it again");
}

TEST_F(ElfTest, OtherMachinesAreUnsupported) {
  setHeader<uint16_t>(offsetof(Elf64_Ehdr, e_machine), EM_RISCV);
  EXPECT_EQ(check(), KVCRT_UNSUPPORTED);
}

TEST_F(ElfTest, HeadersStayWithinTheFile) {
  const std::string good = bytes;
  setHeader<uint64_t>(offsetof(Elf64_Ehdr, e_phoff), good.size() - 8);
  EXPECT_EQ(check(), KVCRT_CORRUPT);
  bytes = good;
  setHeader<uint64_t>(offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX - 8);
  EXPECT_EQ(check(), KVCRT_CORRUPT);
  bytes = good;
  setHeader<uint64_t>(offsetof(Elf64_Ehdr, e_shoff), good.size());
  EXPECT_EQ(check(), KVCRT_CORRUPT);
}

TEST_F(ElfTest, SegmentsStayWithinTheFile) {
  const size_t at = segment(PT_LOAD);
  auto s = load<Elf64_Phdr>(bytes, at);
  s.p_filesz = s.p_memsz = bytes.size() + 1;
  store(bytes, at, s);
  EXPECT_EQ(check(), KVCRT_CORRUPT);
  EXPECT_EQ(message.substr(0, 18), "segment 0 ends at ") << message;
}

TEST_F(ElfTest, SegmentsAreNotLargerInTheFileThanInMemory) {
  const size_t at = segment(PT_LOAD);
  auto s = load<Elf64_Phdr>(bytes, at);
  s.p_memsz = s.p_filesz - 1;
  store(bytes, at, s);
  EXPECT_EQ(check(), KVCRT_CORRUPT);
}

TEST_F(ElfTest, DynamicEntriesPointIntoSegments) {
  const auto s = load<Elf64_Phdr>(bytes, segment(PT_DYNAMIC));
  for (uint64_t at = s.p_offset;; at += sizeof(Elf64_Dyn)) {
    auto entry = load<Elf64_Dyn>(bytes, at);
    ASSERT_NE(entry.d_tag, DT_NULL);
    if (entry.d_tag != DT_SYMTAB)
      continue;
    entry.d_un.d_ptr = uint64_t(1) << 40;
    store(bytes, at, entry);
    break;
  }
  EXPECT_EQ(check(), KVCRT_CORRUPT);
}

TEST_F(ElfTest, NeedingALibraryIsUnsupported) {
  // Turns an entry that a loader can do without into DT_NEEDED.
  const auto s = load<Elf64_Phdr>(bytes, segment(PT_DYNAMIC));
  for (uint64_t at = s.p_offset;; at += sizeof(Elf64_Dyn)) {
    auto entry = load<Elf64_Dyn>(bytes, at);
    ASSERT_NE(entry.d_tag, DT_NULL);
    if (entry.d_tag != DT_STRSZ)
      continue;
    entry.d_tag = DT_NEEDED;
    entry.d_un.d_val = 1;
    store(bytes, at, entry);
    break;
  }
  EXPECT_EQ(check(), KVCRT_UNSUPPORTED);
  EXPECT_EQ(message.substr(0, 45),
            "expected a library that needs no other, got o");
}

TEST_F(ElfTest, UndefinedSymbolsAreUnsupported) {
  const auto header = load<Elf64_Ehdr>(bytes, 0);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    const auto section =
        load<Elf64_Shdr>(bytes, header.e_shoff + i * sizeof(Elf64_Shdr));
    if (section.sh_type != SHT_DYNSYM)
      continue;
    const size_t at = section.sh_offset + sizeof(Elf64_Sym);
    auto symbol = load<Elf64_Sym>(bytes, at);
    symbol.st_shndx = SHN_UNDEF;
    store(bytes, at, symbol);
  }
  EXPECT_EQ(check(), KVCRT_UNSUPPORTED);
  EXPECT_NE(message.find("got one without `kvc_test_a"), std::string::npos)
      << message;
}

TEST_F(ElfTest, FlippedBitsNeverCrash) {
  const std::string good = bytes;
  const auto header = load<Elf64_Ehdr>(good, 0);
  const auto flip = [&](size_t begin, size_t size) {
    for (size_t at = begin; at < begin + size && at < good.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        bytes = good;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
        check(); // any status will do; the sanitizers watch
      }
  };
  flip(0, sizeof(header));
  flip(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
  flip(header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr));
  const auto s = load<Elf64_Phdr>(good, segment(PT_DYNAMIC));
  flip(s.p_offset, s.p_filesz);
}

} // namespace
