//===- artifact_test.cpp - seal, open, tamper -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "artifact_fixture.h"

using namespace kvcrt_test;

namespace {

TEST_F(ArtifactTest, SealThenOpenThenCall) {
  ASSERT_EQ(seal(manifest()), KVCRT_OK) << message;
  ASSERT_EQ(open(), KVCRT_OK) << message;
  void *address = nullptr;
  ASSERT_EQ(kvcrt_artifact_symbol(artifact, "kvc_test_answer", &address),
            KVCRT_OK);
  EXPECT_EQ(reinterpret_cast<int32_t (*)()>(address)(), 42);
  EXPECT_EQ(kvcrt_artifact_symbol(artifact, "kvc_missing", &address),
            KVCRT_NOT_FOUND);
  EXPECT_EQ(kvcrt_artifact_symbol(artifact, "", &address),
            KVCRT_INVALID_ARGUMENT);
}

TEST_F(ArtifactTest, AnOpenArtifactDoesNotNeedItsFile) {
  ASSERT_EQ(seal(manifest()), KVCRT_OK) << message;
  ASSERT_EQ(open(), KVCRT_OK) << message;
  file.write(""); // truncated while loaded
  void *address = nullptr;
  ASSERT_EQ(kvcrt_artifact_symbol(artifact, "kvc_test_answer", &address),
            KVCRT_OK);
  EXPECT_EQ(reinterpret_cast<int32_t (*)()>(address)(), 42);
}

// The loader takes a library that was loaded from the same path for the same.
TEST_F(ArtifactTest, TwoOpenArtifactsAreTwoLibraries) {
  ASSERT_EQ(seal(manifest()), KVCRT_OK) << message;
  ASSERT_EQ(open(), KVCRT_OK) << message;
  kvcrt_artifact *other = nullptr;
  ASSERT_EQ(kvcrt_artifact_open(file.path(), &other, nullptr, 0), KVCRT_OK);
  void *first = nullptr, *second = nullptr;
  ASSERT_EQ(kvcrt_artifact_symbol(artifact, "kvc_test_answer", &first),
            KVCRT_OK);
  ASSERT_EQ(kvcrt_artifact_symbol(other, "kvc_test_answer", &second), KVCRT_OK);
  EXPECT_NE(first, second);
  kvcrt_artifact_close(other);
  EXPECT_EQ(reinterpret_cast<int32_t (*)()>(first)(), 42);
}

TEST_F(ArtifactTest, EveryTruncationIsRefused) {
  ASSERT_EQ(seal(manifest()), KVCRT_OK) << message;
  const std::string whole = readAll(file.path());
  for (size_t size = 0; size < whole.size();
       size += size + 200 < whole.size() ? 97 : 1) {
    file.write(whole.substr(0, size));
    ASSERT_EQ(open(), KVCRT_CORRUPT) << size;
  }
  file.write(whole + "x");
  EXPECT_EQ(open(), KVCRT_CORRUPT);
}

TEST_F(ArtifactTest, EveryChangedByteIsRefused) {
  ASSERT_EQ(seal(manifest()), KVCRT_OK) << message;
  const size_t size = readAll(file.path()).size();
  for (size_t at = 0; at < size; at += at + 200 < size ? 131 : 1) {
    const kvcrt_status status = openTampered(at, 0x10);
    ASSERT_TRUE(status == KVCRT_CORRUPT || status == KVCRT_VERSION_MISMATCH)
        << at;
  }
  EXPECT_EQ(openTampered(elf.size() + 5, 1), KVCRT_CORRUPT);
  EXPECT_NE(message.find("expected checksum"), std::string::npos) << message;
}

TEST_F(ArtifactTest, MissingCpuFeatures) {
  ASSERT_EQ(seal(manifest("\"sse2\", \"no-such-thing\", \"avx9000\"")),
            KVCRT_OK);
  EXPECT_EQ(open(), KVCRT_UNSUPPORTED);
  EXPECT_NE(message.find("expected a CPU with no-such-thing, avx9000, got one"),
            std::string::npos)
      << message;
  EXPECT_EQ(inspect(), KVCRT_OK); // any machine can read the manifest
}

TEST_F(ArtifactTest, OpenChecksWhatSealWouldHaveRefused) {
  EXPECT_EQ(openForged(elf, manifest()), KVCRT_OK) << message;
  EXPECT_EQ(openForged(elf, "[]"), KVCRT_CORRUPT);
  EXPECT_EQ(openForged("no library", manifest()), KVCRT_CORRUPT);
  EXPECT_EQ(openForged(elf.substr(0, elf.size() / 2), manifest()),
            KVCRT_CORRUPT);
}

TEST_F(ArtifactTest, NotAnArtifact) {
  EXPECT_EQ(open(), KVCRT_CORRUPT); // an empty file
  file.write(elf);
  EXPECT_EQ(open(), KVCRT_CORRUPT);
  EXPECT_NE(message.find("expected `KVCART01` at byte"), std::string::npos)
      << message;
  EXPECT_NE(message.find(file.path()), std::string::npos);
  char text[100] = "";
  EXPECT_EQ(kvcrt_artifact_open("no/such.so", &artifact, text, sizeof(text)),
            KVCRT_NOT_FOUND);
  EXPECT_EQ(kvcrt_artifact_open(nullptr, &artifact, text, sizeof(text)),
            KVCRT_INVALID_ARGUMENT);
}

TEST_F(ArtifactTest, SealNamesAFolderThatIsNotThere) {
  char text[300] = "";
  const std::string json = manifest();
  EXPECT_EQ(kvcrt_artifact_seal(elf.data(), elf.size(), json.data(),
                                json.size(), "no/such/folder.so", text,
                                sizeof(text)),
            KVCRT_IO_ERROR);
  EXPECT_NE(std::string(text).find("no/such/folder.so"), std::string::npos);
}

#if defined(__x86_64__)
TEST(CpuFeatures, AgreeWithTheCompilersOwn) {
  EXPECT_EQ(kvcrt_cpu_has_feature("sse2"), 1);
  EXPECT_EQ(kvcrt_cpu_has_feature("avx2") != 0,
            __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(kvcrt_cpu_has_feature("fma") != 0,
            __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(kvcrt_cpu_has_feature("bmi2") != 0,
            __builtin_cpu_supports("bmi2") != 0);
  EXPECT_EQ(kvcrt_cpu_has_feature("avx512f") != 0,
            __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(kvcrt_cpu_has_feature("avx512vnni") != 0,
            __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ(kvcrt_cpu_has_feature("avx512bf16") != 0,
            __builtin_cpu_supports("avx512bf16") != 0);
  EXPECT_EQ(kvcrt_cpu_has_feature(nullptr), 0);
}
#endif

TEST(Dtypes, NamesAndSizes) {
  EXPECT_STREQ(kvcrt_dtype_name(KVCRT_DTYPE_BF16), "BF16");
  EXPECT_EQ(kvcrt_dtype_size(KVCRT_DTYPE_BF16), 2u);
  EXPECT_EQ(kvcrt_dtype_size(KVCRT_DTYPE_U64), 8u);
  EXPECT_EQ(kvcrt_dtype_name(15), nullptr);
  EXPECT_EQ(kvcrt_dtype_size(-1), 0u);
}

} // namespace
