//===- manifest_test.cpp - the manifest as structures, and its errors ----===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "artifact_fixture.h"

using namespace kvcrt_test;

namespace {

class ManifestTest : public ArtifactTest {};

TEST_F(ManifestTest, ManifestAsStructures) {
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

TEST_F(ManifestTest, ManifestErrors) {
  const std::string good = manifest();
  EXPECT_EQ(seal("{"), KVCRT_CORRUPT);
  EXPECT_EQ(seal(replaced(good, "\"abi\": 2", "\"abi\": 1")),
            KVCRT_VERSION_MISMATCH);
  EXPECT_EQ(seal(replaced(good, "\"cpu\"", "\"toaster\"")), KVCRT_UNSUPPORTED);
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

// Host code of an artefact for a GPU runs anywhere; its kernels are a device's.
TEST_F(ManifestTest, ArtifactsOfGPUs) {
  ASSERT_EQ(seal(replaced(manifest(), "\"cpu\"", "\"sm_90a\"")), KVCRT_OK)
      << message;
  ASSERT_EQ(inspect(), KVCRT_OK) << message;
  EXPECT_STREQ(kvcrt_artifact_manifest(artifact)->target, "sm_90a");
  kvcrt_artifact_close(artifact);
  artifact = nullptr;
  EXPECT_EQ(open(), KVCRT_OK) << message;
  kvcrt_artifact_close(artifact);
  artifact = nullptr;
  EXPECT_EQ(seal(replaced(manifest(), "\"cpu\"", "\"tpu\"")),
            KVCRT_UNSUPPORTED);
  EXPECT_NE(message.find("expected target `cpu`, `sim:` and a chip, or a chip "
                         "as sm_90a, got `tpu`"),
            std::string::npos)
      << message;
}

} // namespace
