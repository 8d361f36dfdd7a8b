//===- artifact_fixture.h - a small artefact for tests -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_ARTIFACT_FIXTURE_H
#define KVCRT_TEST_ARTIFACT_FIXTURE_H

#include "files.h"

#include "artifact_format.h"

#include "kvcrt/artifact.h"

namespace kvcrt_test {

inline const char kManifest[] = R"({
 "kvc": 1, "abi": 2, "target": "cpu", "triple": "x86_64-unknown-linux-gnu",
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

inline std::string manifest(const std::string &features = "") {
  std::string text = kManifest;
  text.replace(text.find("FEATURES"), 8, features);
  return text;
}

inline std::string replaced(std::string text, const std::string &from,
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

} // namespace kvcrt_test

#endif // KVCRT_TEST_ARTIFACT_FIXTURE_H
