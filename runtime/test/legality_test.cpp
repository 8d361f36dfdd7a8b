//===- legality_test.cpp - one case per row of legality.def ---------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every row has a policy that breaks it and no row above it. The last test
// fails when a row of the table has no case here.
//
//===----------------------------------------------------------------------===//
#include "fixtures.h"

#include <functional>
#include <map>

using namespace kvcrt_test;

namespace {

using Change = std::function<void(kvcrt_policy &)>;

void rope(kvcrt_policy &p) {
  p.position = KVCRT_POSITION_ROPE;
  p.rope.theta = 1e4;
  p.rope.dim = 64;
}
void window(kvcrt_policy &p, int32_t tokens) {
  p.retention = KVCRT_RETAIN_WINDOW;
  p.window = tokens;
}
void channel(kvcrt_policy &p, int32_t group, int32_t residual) {
  p.key = tokenI8();
  p.key.axis = KVCRT_AXIS_CHANNEL;
  p.key.group = group;
  p.key.residual = residual;
}

const std::map<std::string, Change> kIllegal = {
    {"geometry_positive", [](kvcrt_policy &p) { p.kv_heads = 0; }},
    {"element_float", [](kvcrt_policy &p) { p.element = KVCRT_I8; }},
    {"layout_known", [](kvcrt_policy &p) { p.layout = 3; }},
    {"block_positive", [](kvcrt_policy &p) { p.block = 0; }},
    {"storage_known", [](kvcrt_policy &p) { p.value.format = 8; }},
    {"plain_float", [](kvcrt_policy &p) { p.key.format = KVCRT_I8; }},
    {"plain_residual", [](kvcrt_policy &p) { p.value.residual = 4; }},
    {"quant_format",
     [](kvcrt_policy &p) {
       p.key = tokenI8();
       p.key.format = KVCRT_F16;
     }},
    {"scale_float",
     [](kvcrt_policy &p) {
       p.value = tokenI8();
       p.value.scale_format = KVCRT_I4;
     }},
    {"float_zero_point",
     [](kvcrt_policy &p) {
       p.key = tokenI8();
       p.key.format = KVCRT_F8E5M2;
       p.key.symmetric = 0;
     }},
    {"position_known", [](kvcrt_policy &p) { p.position = 3; }},
    {"rope_values",
     [](kvcrt_policy &p) {
       rope(p);
       p.rope.theta = -1.0;
     }},
    {"rope_scaling_values",
     [](kvcrt_policy &p) {
       rope(p);
       p.rope.scaling = KVCRT_ROPE_SCALING_LLAMA3;
       p.rope.factor = 8.0;
       p.rope.low_freq_factor = 4.0;
       p.rope.high_freq_factor = 1.0;
       p.rope.original_max_positions = 8192;
     }},
    {"retention_known", [](kvcrt_policy &p) { p.retention = 5; }},
    {"window_positive", [](kvcrt_policy &p) { window(p, 0); }},
    {"window_sinks",
     [](kvcrt_policy &p) {
       window(p, 8);
       p.sink_tokens = 4;
     }},
    {"budget_positive",
     [](kvcrt_policy &p) {
       p.retention = KVCRT_RETAIN_HEAVY_HITTER;
       p.budget = 8;
       p.recent = 9;
     }},
    {"limits_positive", [](kvcrt_policy &p) { p.rollback = -1; }},
    {"rope_dim",
     [](kvcrt_policy &p) {
       rope(p);
       p.rope.dim = 66;
     }},
    {"row_bytes",
     [](kvcrt_policy &p) {
       p.value_dim = 63;
       p.value = tokenI8();
       p.value.format = KVCRT_I4;
     }},
    {"token_group",
     [](kvcrt_policy &p) {
       p.key = tokenI8();
       p.key.group = 48;
     }},
    {"channel_group_block", [](kvcrt_policy &p) { channel(p, 6, 6); }},
    {"channel_residual", [](kvcrt_policy &p) { channel(p, 8, 7); }},
    {"residual_rollback",
     [](kvcrt_policy &p) {
       channel(p, 8, 8);
       p.rollback = 1;
     }},
    {"ring_all", [](kvcrt_policy &p) { p.layout = KVCRT_LAYOUT_RING; }},
    {"ring_rollback",
     [](kvcrt_policy &p) {
       p.layout = KVCRT_LAYOUT_RING;
       p.block = 11;
       window(p, 8);
       p.rollback = 4;
     }},
    {"length_dependent_rope",
     [](kvcrt_policy &p) {
       rope(p);
       p.rope.scaling = KVCRT_ROPE_SCALING_DYNAMIC;
       p.rope.factor = 2.0;
       p.rope.original_max_positions = 2048;
     }},
    {"evict_rollback",
     [](kvcrt_policy &p) {
       p.retention = KVCRT_RETAIN_SNAP;
       p.budget = 8;
       p.rollback = 1;
     }},
};

/// The smallest changes that make the case of some rows legal.
const std::map<std::string, Change> kFixed = {
    {"rope_dim", [](kvcrt_policy &p) { p.rope.dim = 64; }},
    {"token_group", [](kvcrt_policy &p) { p.key.group = 32; }},
    {"channel_group_block", [](kvcrt_policy &p) { p.block = 3; }},
    {"channel_residual", [](kvcrt_policy &p) { p.key.residual = 8; }},
    {"residual_rollback", [](kvcrt_policy &p) { p.rollback = 0; }},
    {"ring_all", [](kvcrt_policy &p) { p.layout = KVCRT_LAYOUT_PAGED; }},
    {"ring_rollback", [](kvcrt_policy &p) { p.block = 12; }},
    {"length_dependent_rope",
     [](kvcrt_policy &p) { p.rope.at = KVCRT_ROPE_AT_ATTEND; }},
    {"evict_rollback", [](kvcrt_policy &p) { p.rollback = 0; }},
};

TEST(Legality, PlainIsLegal) {
  const kvcrt_policy policy = plainPolicy();
  EXPECT_EQ(kvcrt_legality_check(&policy, nullptr, 0), KVCRT_OK);
  EXPECT_EQ(kvcrt_legality_check(nullptr, nullptr, 0), KVCRT_INVALID_ARGUMENT);
}

TEST(Legality, EachRowForbidsItsCase) {
  for (const auto &[label, change] : kIllegal) {
    kvcrt_policy policy = plainPolicy();
    change(policy);
    char text[400] = "";
    EXPECT_EQ(kvcrt_legality_check(&policy, text, sizeof(text)),
              KVCRT_ILLEGAL_POLICY)
        << label;
    EXPECT_EQ(std::string(text).substr(0, label.size() + 2), label + ": ")
        << text;
    EXPECT_NE(std::string(text).find("; "), std::string::npos) << text;
  }
}

TEST(Legality, TheFixMakesItLegal) {
  for (const auto &[label, fix] : kFixed) {
    kvcrt_policy policy = plainPolicy();
    kIllegal.at(label)(policy);
    fix(policy);
    char text[400] = "";
    EXPECT_EQ(kvcrt_legality_check(&policy, text, sizeof(text)), KVCRT_OK)
        << text;
  }
}

TEST(Legality, EachRowHasACase) {
  size_t rows = 0;
#define KVCRT_LEGALITY(label, pair, illegal, reason, fix)                      \
  EXPECT_EQ(kIllegal.count(#label), 1u) << #label;                             \
  ++rows;
  const kvcrt_policy p = plainPolicy();
  (void)p;
#include "kvcrt/legality.def"
  EXPECT_EQ(rows, kIllegal.size());
}

TEST(Status, NamesAreTheEnumerators) {
  EXPECT_STREQ(kvcrt_status_string(KVCRT_OK), "KVCRT_OK");
  EXPECT_STREQ(kvcrt_status_string(KVCRT_ILLEGAL_POLICY),
               "KVCRT_ILLEGAL_POLICY");
  EXPECT_STREQ(kvcrt_status_string(99), "unknown kvcrt_status");
}

} // namespace
