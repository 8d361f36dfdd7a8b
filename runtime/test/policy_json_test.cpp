//===- policy_json_test.cpp - policies as text and back -------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

#include "kvcrt/artifact.h"

using namespace kvcrt_test;

namespace {

std::string format(const kvcrt_policy &policy) {
  char text[1000];
  size_t size = 0;
  EXPECT_EQ(kvcrt_policy_format(&policy, text, sizeof(text), &size), KVCRT_OK);
  EXPECT_EQ(size, strlen(text) + 1);
  return text;
}

kvcrt_status parse(const std::string &text, kvcrt_policy &policy,
                   std::string *message = nullptr) {
  char buffer[300] = "";
  const kvcrt_status status = kvcrt_policy_parse(
      text.data(), text.size(), &policy, buffer, sizeof(buffer));
  if (message)
    *message = buffer;
  return status;
}

kvcrt_policy full() {
  kvcrt_policy p = plainPolicy();
  p.value = tokenI8();
  p.value.group = 32;
  p.order = KVCRT_NHD;
  p.position = KVCRT_POSITION_ROPE;
  p.rope.theta = 5e5;
  p.rope.dim = 32;
  p.rope.style = KVCRT_ROPE_INTERLEAVED;
  p.rope.at = KVCRT_ROPE_AT_ATTEND;
  p.rope.scaling = KVCRT_ROPE_SCALING_LLAMA3;
  p.rope.factor = 8.0;
  p.rope.low_freq_factor = 1.0;
  p.rope.high_freq_factor = 4.0;
  p.rope.original_max_positions = 8192;
  p.retention = KVCRT_RETAIN_STREAMING;
  p.window = 1020;
  p.sink_tokens = 4;
  p.rollback = 3;
  p.max_positions = 2048;
  return p;
}

TEST(PolicyJson, WritesTheDocumentedForm) {
  EXPECT_EQ(
      format(plainPolicy()),
      "{\"kv_heads\":2,\"key_dim\":64,\"value_dim\":64,\"element\":\"f32\","
      "\"layout\":\"paged\",\"block\":4,\"order\":\"hnd\","
      "\"key\":{\"kind\":\"plain\",\"format\":\"f32\"},"
      "\"value\":{\"kind\":\"plain\",\"format\":\"f32\"},"
      "\"position\":{\"kind\":\"none\"},\"retention\":{\"kind\":\"all\"},"
      "\"rollback\":0,\"max_positions\":0}");
}

TEST(PolicyJson, RoundTripsEveryField) {
  kvcrt_policy back;
  ASSERT_EQ(parse(format(full()), back), KVCRT_OK);
  EXPECT_EQ(format(back), format(full()));
  EXPECT_EQ(back.value.group, 32);
  EXPECT_EQ(back.rope.theta, 5e5);
  EXPECT_EQ(back.rope.scaling, KVCRT_ROPE_SCALING_LLAMA3);
  EXPECT_EQ(back.rope.original_max_positions, 8192);
  EXPECT_EQ(back.sink_tokens, 4);
  EXPECT_EQ(back.rollback, 3);
  EXPECT_EQ(back.order, KVCRT_NHD);
}

TEST(PolicyJson, AbsentKeysHaveTheDialectsDefaults) {
  kvcrt_policy p;
  ASSERT_EQ(parse("{\"kv_heads\":8,\"key_dim\":128,\"element\":\"bf16\"}", p),
            KVCRT_OK);
  EXPECT_EQ(p.value_dim, 128);
  EXPECT_EQ(p.block, 16);
  EXPECT_EQ(p.layout, KVCRT_LAYOUT_PAGED);
  EXPECT_EQ(p.key.format, KVCRT_BF16);
  EXPECT_EQ(p.value.kind, KVCRT_STORAGE_PLAIN);
  EXPECT_EQ(p.retention, KVCRT_RETAIN_ALL);
  EXPECT_EQ(kvcrt_legality_check(&p, nullptr, 0), KVCRT_OK);
}

TEST(PolicyJson, ErrorsSayWhere) {
  kvcrt_policy p;
  std::string message;
  EXPECT_EQ(parse("{\"kv_heads\":", p, &message), KVCRT_CORRUPT);
  EXPECT_EQ(parse("{\"kv_heads\":\"2\"}", p, &message), KVCRT_CORRUPT);
  EXPECT_EQ(message, "policy.kv_heads: expected an integer in [0, 2147483647], "
                     "got \"2\"");
  EXPECT_EQ(parse("{\"kv_heads\":4294967298}", p, &message), KVCRT_CORRUPT);
  EXPECT_EQ(parse("{\"retention\":{\"kind\":\"ring\"}}", p, &message),
            KVCRT_CORRUPT);
  EXPECT_EQ(message, "policy.retention.kind: expected one of all, window, "
                     "streaming, heavy_hitter, snap, got \"ring\"");
  EXPECT_EQ(parse("{\"key\":[]}", p, &message), KVCRT_CORRUPT);
  EXPECT_EQ(message, "policy.key: expected an object, got []");
}

TEST(PolicyJson, FormatAsksForRoom) {
  const kvcrt_policy p = plainPolicy();
  size_t needed = 0;
  EXPECT_EQ(kvcrt_policy_format(&p, nullptr, 0, &needed),
            KVCRT_WORKSPACE_TOO_SMALL);
  EXPECT_EQ(needed, format(p).size() + 1);
  kvcrt_policy wrong = p;
  wrong.layout = 17;
  char text[1000];
  EXPECT_EQ(kvcrt_policy_format(&wrong, text, sizeof(text), &needed),
            KVCRT_INVALID_ARGUMENT);
}

} // namespace
