//===- artifact_test.cpp - seal, open, tamper -----------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "files.h"

#include "artifact_format.h"

#include "kvcrt/artifact.h"

using namespace kvcrt_test;

namespace {

const char kManifest[] = R"({
 "kvc": 1, "abi": 1, "target": "cpu", "triple": "x86_64-unknown-linux-gnu",
 "cpu_features": [FEATURES], "kind": "model", "max_positions": 2048,
 "vocab": 256, "bytes_per_token": 4096.0,
 "entry": {"init": "kvc_model_init", "step": "kvc_model_step",
           "step_workspace": "kvc_model_step_workspace"},
 "groups": [{"policy": {"kv_heads": 2, "key_dim": 64}, "layers": [0, 2]},
            {"policy": {"kv_heads": 2, "key_dim": 64, "retention":
              {"kind": "window", "window": 1024}}, "layers": [1]}],
 "layers": [{"name": "l0", "scale": 0.125, "query_heads": 4, "variant": "v0"},
            {"name": "l1", "scale": 0.125, "query_heads": 4, "variant": "v1"},
            {"name": "l2", "softcap": 30.0, "query_heads": 4, "variant": "v0"}],
 "variants": [{"name": "v0", "symbols": {"attend": "kvc_test_attend"}},
              {"name": "v1", "symbols": {}}],
 "params": [{"name": "embed", "dtype": "F32", "shape": [256, 8]}],
 "constants": [{"name": "", "dtype": "F32", "shape": [8, 256], "bytes": 8192}],
 "inputs": [{"name": "tokens", "dtype": "I64", "shape": [1, -1]}],
 "outputs": [{"name": "logits", "dtype": "F32", "shape": [1, -1, 256]}],
 "unknown": {"later": true}
})";

std::string manifest(const std::string &features = "") {
  std::string text = kManifest;
  text.replace(text.find("FEATURES"), 8, features);
  return text;
}

std::string replaced(std::string text, const std::string &from,
                     const std::string &to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  return text.replace(text.find(from), from.size(), to);
}

class ArtifactTest : public testing::Test {
protected:
  kvcrt_status seal(const std::string &json) {
    char text[600] = "";
    const kvcrt_status status =
        kvcrt_artifact_seal(elf.data(), elf.size(), json.data(), json.size(),
                            file.path(), text, sizeof(text));
    message = text;
    return status;
  }
  kvcrt_status open() { return openBy(kvcrt_artifact_open); }
  kvcrt_status inspect() { return openBy(kvcrt_artifact_inspect); }
  /// Writes what seal() refuses: the checks of open stand alone.
  kvcrt_status openForged(const std::string &library, const std::string &json) {
    const kvcrt_artifact_footer footer = kvcrt::makeFooter(
        library.data(), library.size(), json.data(), json.size());
    file.write(
        library + json +
        std::string(reinterpret_cast<const char *>(&footer), sizeof(footer)));
    return open();
  }
  kvcrt_status openTampered(size_t offset, char change) {
    std::string bytes = readAll(file.path());
    bytes[offset] = static_cast<char>(bytes[offset] ^ change);
    TemporaryFile copy(bytes);
    char text[600] = "";
    const kvcrt_status status =
        kvcrt_artifact_open(copy.path(), &artifact, text, sizeof(text));
    message = text;
    return status;
  }
  void TearDown() override { kvcrt_artifact_close(artifact); }

  std::string elf = readAll(KVCRT_TEST_MODULE);
  TemporaryFile file;
  kvcrt_artifact *artifact = nullptr;
  std::string message;

private:
  template <typename F> kvcrt_status openBy(F &&call) {
    char text[600] = "";
    kvcrt_artifact_close(artifact);
    artifact = nullptr;
    const kvcrt_status status =
        call(file.path(), &artifact, text, sizeof(text));
    message = text;
    return status;
  }
};

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

TEST_F(ArtifactTest, ManifestAsStructures) {
  ASSERT_EQ(seal(manifest()), KVCRT_OK) << message;
  ASSERT_EQ(inspect(), KVCRT_OK) << message;
  const kvcrt_manifest &m = *kvcrt_artifact_manifest(artifact);
  EXPECT_STREQ(m.target, "cpu");
  EXPECT_STREQ(m.entry_step, "kvc_model_step");
  EXPECT_STREQ(m.entry_recompute, "");
  EXPECT_EQ(m.max_positions, 2048);
  EXPECT_EQ(m.vocab, 256);
  EXPECT_EQ(m.bytes_per_token, 4096.0);
  ASSERT_EQ(m.num_groups, 2);
  EXPECT_EQ(m.groups[0].num_layers, 2);
  EXPECT_EQ(m.groups[0].layers[1], 2);
  EXPECT_EQ(m.groups[1].policy.window, 1024);
  EXPECT_EQ(m.groups[1].policy.value_dim, 64);
  ASSERT_EQ(m.num_layers, 3);
  EXPECT_EQ(m.layers[2].group, 0);
  EXPECT_EQ(m.layers[2].index_in_group, 1);
  EXPECT_EQ(m.layers[2].softcap, 30.0f);
  EXPECT_EQ(m.layers[1].scale, 0.125f);
  EXPECT_STREQ(m.layers[1].variant, "v1");
  EXPECT_STREQ(m.variants[0].attend, "kvc_test_attend");
  ASSERT_EQ(m.num_params, 1);
  EXPECT_EQ(m.params[0].bytes, 256u * 8 * 4);
  EXPECT_EQ(m.constants[0].bytes, 8192u);
  EXPECT_EQ(m.inputs[0].shape[1], -1);
  EXPECT_EQ(m.inputs[0].bytes, 0u);
  EXPECT_EQ(m.inputs[0].dtype, KVCRT_DTYPE_I64);
  EXPECT_EQ(std::string(m.json, m.json_size), manifest());
  void *address = nullptr; // nothing is loaded
  EXPECT_EQ(kvcrt_artifact_symbol(artifact, "kvc_test_answer", &address),
            KVCRT_INVALID_ARGUMENT);
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

TEST_F(ArtifactTest, ManifestErrors) {
  const std::string good = manifest();
  EXPECT_EQ(seal("{"), KVCRT_CORRUPT);
  EXPECT_EQ(seal(replaced(good, "\"abi\": 1", "\"abi\": 2")),
            KVCRT_VERSION_MISMATCH);
  EXPECT_EQ(seal(replaced(good, "\"cpu\"", "\"sm_90a\"")), KVCRT_UNSUPPORTED);
  EXPECT_EQ(seal(replaced(good, "\"layers\": [1]", "\"layers\": [2]")),
            KVCRT_CORRUPT);
  EXPECT_EQ(message,
            "manifest: groups[1].layers: layer 2 is in two groups; compile it "
            "again");
  EXPECT_EQ(seal(replaced(good, "\"layers\": [1]", "\"layers\": [3]")),
            KVCRT_CORRUPT);
  EXPECT_EQ(seal(replaced(good, "\"layers\": [1]", "\"layers\": []")),
            KVCRT_CORRUPT);
  EXPECT_EQ(seal(replaced(good, "\"variant\": \"v1\"", "\"variant\": \"v7\"")),
            KVCRT_CORRUPT);
  EXPECT_EQ(message, "manifest: layers[1].variant: no variant is named `v7`; "
                     "compile it again");
  EXPECT_EQ(seal(replaced(good, "\"I64\"", "\"I65\"")), KVCRT_CORRUPT);
  EXPECT_EQ(seal(replaced(good, "\"window\": 1024", "\"window\": 0")),
            KVCRT_ILLEGAL_POLICY);
  EXPECT_EQ(message.substr(0, 45),
            "manifest: groups[1].policy: window_positive: ");
  EXPECT_EQ(seal(good), KVCRT_OK) << message;
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
