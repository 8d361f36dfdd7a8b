//===- layout_test.cpp - addresses of rows, worked out by hand ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

#include "group_layout.h"

using namespace kvcrt;
using namespace kvcrt_test;

namespace {

GroupLayout layoutOf(const kvcrt_policy &policy, int32_t layers) {
  GroupLayout layout;
  char text[300] = "";
  EXPECT_EQ(computeGroupLayout(policy, layers, layout, {text, sizeof(text)}),
            KVCRT_OK)
      << text;
  return layout;
}

TEST(Layout, HndPlain) {
  // 2 heads, 64 x f32 = 256 bytes a row, 4 rows a page-head = 1024 bytes.
  const GroupLayout l = layoutOf(plainPolicy(), 3);
  EXPECT_EQ(l.key.token_stride, 256);
  EXPECT_EQ(l.key.head_stride, 1024);
  EXPECT_EQ(l.valueOffset, 2048);
  EXPECT_EQ(l.key.layer_stride, 4096);
  EXPECT_EQ(l.key.block_stride, 3 * 4096);
  EXPECT_EQ(l.value.block_stride, 3 * 4096);
  EXPECT_EQ(l.blockBytes, 3 * 4096);
  EXPECT_EQ(l.denseBytesPerToken, 3 * 2 * 2 * 256.0); // no padding at all
}

TEST(Layout, NhdSwapsHeadAndToken) {
  kvcrt_policy p = plainPolicy();
  p.order = KVCRT_NHD;
  const GroupLayout l = layoutOf(p, 1);
  EXPECT_EQ(l.key.head_stride, 256);
  EXPECT_EQ(l.key.token_stride, 512);
  EXPECT_EQ(l.key.layer_stride, 4096);
}

TEST(Layout, RowsPadTo16PageHeadsTo128) {
  // K: 20 x f16 = 40 bytes, pitch 48, 3 rows = 144, page-head 256.
  // V: 8 x f16 = 16 bytes, pitch 16, 3 rows = 48, page-head 128.
  kvcrt_policy p = plainPolicy();
  p.block = 3;
  p.key_dim = 20;
  p.value_dim = 8;
  p.key.format = p.value.format = KVCRT_F16;
  const GroupLayout l = layoutOf(p, 1);
  EXPECT_EQ(l.key.token_stride, 48);
  EXPECT_EQ(l.key.head_stride, 256);
  EXPECT_EQ(l.value.token_stride, 16);
  EXPECT_EQ(l.value.head_stride, 128);
  EXPECT_EQ(l.valueOffset, 512);
  EXPECT_EQ(l.blockBytes, 512 + 256);
  EXPECT_EQ(l.denseBytesPerToken, 2 * (40 + 16.0));
}

TEST(Layout, ScalesHaveRegionsOfTheirOwn) {
  // K i8: 64 bytes a row, 4 rows = 256. Scale f32: 4 a token, 16 a page-head,
  // 32 a layer, 64 a block of 2 layers. V stays f32.
  kvcrt_policy p = plainPolicy();
  p.key = tokenI8();
  GroupLayout l = layoutOf(p, 2);
  EXPECT_EQ(l.key.token_stride, 64);
  EXPECT_EQ(l.key.head_stride, 256);
  EXPECT_EQ(l.valueOffset, 512);
  EXPECT_EQ(l.key.scale_token_stride, 4);
  EXPECT_EQ(l.key.scale_head_stride, 16);
  EXPECT_EQ(l.key.scale_layer_stride, 32);
  EXPECT_EQ(l.key.scale_block_stride, 64);
  EXPECT_EQ(l.blockStride[kKeyScale], 64);
  EXPECT_EQ(l.blockStride[kKeyZero], 0);
  EXPECT_EQ(l.blockStride[kValueScale], 0);
  EXPECT_EQ(l.blockBytes, 2 * (512 + 2048) + 64);
  // block 5: 20 bytes of scales pad to 32; a zero point doubles them
  p.block = 5;
  p.key.symmetric = 0;
  l = layoutOf(p, 1);
  EXPECT_EQ(l.key.scale_head_stride, 32);
  EXPECT_EQ(l.blockStride[kKeyZero], 64);
}

TEST(Layout, LegalButNotRunYet) {
  kvcrt_policy policies[4] = {plainPolicy(), plainPolicy(), plainPolicy(),
                              plainPolicy()};
  policies[0].layout = KVCRT_LAYOUT_RING;
  policies[0].retention = KVCRT_RETAIN_WINDOW;
  policies[0].window = 2;
  policies[1].retention = KVCRT_RETAIN_HEAVY_HITTER;
  policies[1].budget = 8;
  policies[2].key = tokenI8();
  policies[2].key.axis = KVCRT_AXIS_HEAD;
  policies[3].block = 1 << 30;
  policies[3].kv_heads = 1 << 14;
  for (const kvcrt_policy &policy : policies) {
    ASSERT_EQ(kvcrt_legality_check(&policy, nullptr, 0), KVCRT_OK);
    GroupLayout layout;
    char text[300] = "";
    EXPECT_EQ(computeGroupLayout(policy, 1, layout, {text, sizeof(text)}),
              KVCRT_UNSUPPORTED);
    EXPECT_NE(text[0], 0);
  }
}

class PoolAddresses : public RuntimeTest {};

TEST_F(PoolAddresses, CachesPointIntoOneAlignedPool) {
  kvcrt_policy quantised = plainPolicy();
  quantised.value = tokenI8();
  addGroup(quantised, 5);
  const int32_t first[] = {0, 2}, second[] = {1};
  groups[0].layers = first;
  groups[0].num_layers = 2;
  groups[1].layers = second;
  create(KVCRT_DEVICE_CPU);
  ASSERT_EQ(begin({{newSequence(), 1, KVCRT_LOGITS_LAST}}), KVCRT_OK);
  ASSERT_EQ(view.num_caches, 3);
  const kvcrt_cache *c = view.caches;
  const auto address = [](const void *p) {
    return reinterpret_cast<uintptr_t>(p);
  };
  EXPECT_EQ(address(c[0].key.payload) % (2 << 20), 0u);
  EXPECT_EQ(address(c[1].key.payload) % (2 << 20), 0u);
  EXPECT_EQ(address(c[0].value.payload) - address(c[0].key.payload), 2048u);
  EXPECT_EQ(address(c[2].key.payload) - address(c[0].key.payload), 4096u);
  EXPECT_EQ(c[0].layer, 0);
  EXPECT_EQ(c[2].layer, 1);
  EXPECT_EQ(c[1].layer, 0);
  EXPECT_EQ(c[0].num_blocks, 8);
  EXPECT_EQ(c[1].num_blocks, 5);
  EXPECT_EQ(c[0].key.scale, nullptr);
  EXPECT_EQ(c[1].key.scale, nullptr);
  EXPECT_NE(c[1].value.scale, nullptr);
  EXPECT_EQ(c[0].block_table, c[2].block_table);
  EXPECT_NE(c[0].block_table, c[1].block_table);
  EXPECT_EQ(c[0].first_block, nullptr); // nothing is ever freed
  // the last byte of the last block is memory
  static_cast<char *>(c[0].key.payload)[8 * c[0].key.block_stride - 1] = 1;
}

} // namespace
