//===- fixtures.h - small runtimes for tests ------------------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef KVCRT_TEST_FIXTURES_H
#define KVCRT_TEST_FIXTURES_H

#include "kvcrt/runtime.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace kvcrt_test {

/// 2 heads of 64, f32, paged<block = 4>, retention all: legal and small.
inline kvcrt_policy plainPolicy() {
  kvcrt_policy p;
  memset(&p, 0, sizeof(p));
  p.kv_heads = 2;
  p.key_dim = p.value_dim = 64;
  p.block = 4;
  p.key.symmetric = p.value.symmetric = 1;
  return p;
}

inline kvcrt_storage tokenI8() {
  kvcrt_storage s = {};
  s.kind = KVCRT_STORAGE_QUANT;
  s.format = KVCRT_I8;
  s.axis = KVCRT_AXIS_TOKEN;
  s.symmetric = 1;
  s.scale_format = KVCRT_F32;
  return s;
}

using Values = std::vector<int32_t>;

inline Values list(const int32_t *data, int count) {
  return {data, data + count};
}

/// A runtime on the null device unless said otherwise; members are options
/// until create() is called.
class RuntimeTest : public testing::Test {
protected:
  RuntimeTest() {
    KVCRT_INIT(&desc);
    desc.capacity.max_tokens = 64;
    desc.capacity.max_seqs = 4;
    desc.capacity.max_kv_len = 64;
    addGroup(plainPolicy(), 8);
  }
  ~RuntimeTest() override {
    kvcrt_runtime_destroy(runtime);
    kvcrt_device_destroy(device);
  }

  void addGroup(const kvcrt_policy &policy, int32_t blocks) {
    kvcrt_group_desc group = {};
    group.policy = policy;
    group.num_layers = 1;
    group.num_blocks = blocks;
    groups.push_back(group);
  }
  kvcrt_status tryCreate(kvcrt_device_kind kind = KVCRT_DEVICE_NULL) {
    kvcrt_device_desc deviceDesc;
    KVCRT_INIT(&deviceDesc);
    deviceDesc.kind = kind;
    deviceDesc.num_workers = 1;
    if (!device) {
      EXPECT_EQ(kvcrt_device_create(&deviceDesc, &device, nullptr, 0),
                KVCRT_OK);
    }
    desc.device = device;
    desc.groups = groups.data();
    desc.num_groups = static_cast<int32_t>(groups.size());
    char text[400] = "";
    const kvcrt_status status =
        kvcrt_runtime_create(&desc, &runtime, text, sizeof(text));
    message = text;
    return status;
  }
  void create(kvcrt_device_kind kind = KVCRT_DEVICE_NULL) {
    ASSERT_EQ(tryCreate(kind), KVCRT_OK) << message;
  }

  kvcrt_sequence newSequence() {
    kvcrt_sequence name = 0;
    EXPECT_EQ(kvcrt_sequence_create(runtime, &name), KVCRT_OK);
    return name;
  }
  kvcrt_status begin(const std::vector<kvcrt_step_entry> &entries) {
    char text[400] = "";
    const kvcrt_status status = kvcrt_step_begin(
        runtime, entries.data(), static_cast<int32_t>(entries.size()), &view,
        text, sizeof(text));
    message = text;
    return status;
  }
  void submit(uint64_t step) {
    ASSERT_EQ(kvcrt_step_submit(runtime, step, nullptr), KVCRT_OK);
  }
  /// begin, submit, commit, retire: the tokens are permanent.
  void run(kvcrt_sequence name, int32_t tokens) {
    ASSERT_EQ(begin({{name, tokens, KVCRT_LOGITS_LAST}}), KVCRT_OK) << message;
    submit(view.id);
    ASSERT_EQ(kvcrt_step_commit(runtime, view.id, nullptr), KVCRT_OK);
    ASSERT_EQ(kvcrt_step_retire(runtime, view.id), KVCRT_OK);
  }
  kvcrt_group_stats stats(int32_t group = 0) {
    kvcrt_group_stats out;
    KVCRT_INIT(&out);
    EXPECT_EQ(kvcrt_group_get_stats(runtime, group, &out), KVCRT_OK);
    return out;
  }
  kvcrt_sequence_info info(kvcrt_sequence name) {
    kvcrt_sequence_info out;
    KVCRT_INIT(&out);
    EXPECT_EQ(kvcrt_sequence_get_info(runtime, name, &out), KVCRT_OK);
    return out;
  }
  std::vector<int32_t> blocks(kvcrt_sequence name, int32_t group = 0) {
    std::vector<int32_t> out(64);
    int32_t count = 0;
    EXPECT_EQ(
        kvcrt_sequence_get_blocks(runtime, name, group, out.data(), 64, &count),
        KVCRT_OK);
    out.resize(count);
    return out;
  }

  kvcrt_runtime_desc desc;
  std::vector<kvcrt_group_desc> groups;
  kvcrt_device *device = nullptr;
  kvcrt_runtime *runtime = nullptr;
  kvcrt_step_view view;
  std::string message;
};

} // namespace kvcrt_test

#endif // KVCRT_TEST_FIXTURES_H
