//===- block_pool.cpp - the blocks of one cache group ---------------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "block_pool.h"

namespace kvcrt {

BlockPool::~BlockPool() {
  for (int kind = 0; kind < kNumRegions; ++kind)
    if (base_[kind])
      device_->release(base_[kind], uint64_t(stride_[kind]) * maxBlocks_);
}

kvcrt_status BlockPool::create(kvcrt_device &device, const GroupLayout &layout,
                               int32_t numBlocks, int32_t maxBlocks) {
  device_ = &device;
  stride_ = layout.blockStride;
  maxBlocks_ = maxBlocks;
  for (int kind = 0; kind < kNumRegions; ++kind) {
    if (!stride_[kind])
      continue;
    void *base = nullptr;
    if (kvcrt_status status =
            device.reserve(uint64_t(stride_[kind]) * maxBlocks, &base))
      return status;
    base_[kind] = static_cast<char *>(base);
  }
  references_.assign(maxBlocks, 0);
  marks_.assign(maxBlocks, PlanMark());
  quarantine_.resize(maxBlocks);
  free_.reserve(maxBlocks);
  return grow(numBlocks);
}

kvcrt_status BlockPool::grow(int32_t numBlocks) {
  for (int kind = 0; kind < kNumRegions; ++kind)
    if (base_[kind])
      if (kvcrt_status status =
              device_->commit(base_[kind], uint64_t(stride_[kind]) * numBlocks))
        return status;
  // Low ids on top of the stack, new ones below the old: memory that was used
  // before is used again first.
  const int32_t added = numBlocks - numBlocks_;
  free_.insert(free_.begin(), added, 0);
  for (int32_t i = 0; i < added; ++i)
    free_[i] = numBlocks - 1 - i;
  numBlocks_ = numBlocks;
  return KVCRT_OK;
}

void BlockPool::drop(int32_t block, uint64_t newestStep) {
  const int32_t left = --references_[block];
  shared_ -= left == 1;
  if (left > 0)
    return;
  if (newestStep == 0) {
    free_.push_back(block);
    return;
  }
  int32_t tail = quarantineHead_ + quarantined_;
  tail -= tail >= maxBlocks_ ? maxBlocks_ : 0;
  quarantine_[tail] = {block, newestStep};
  ++quarantined_;
}

void BlockPool::reclaim(uint64_t oldestStep) {
  while (quarantined_ && quarantine_[quarantineHead_].step < oldestStep) {
    free_.push_back(quarantine_[quarantineHead_].block);
    quarantineHead_ =
        quarantineHead_ + 1 == maxBlocks_ ? 0 : quarantineHead_ + 1;
    --quarantined_;
  }
}

kvcrt_status BlockPool::copy(int32_t from, int32_t to, void *stream) const {
  for (int kind = 0; kind < kNumRegions; ++kind)
    if (base_[kind])
      if (kvcrt_status status =
              device_->copy(base_[kind] + int64_t(to) * stride_[kind],
                            base_[kind] + int64_t(from) * stride_[kind],
                            stride_[kind], stream))
        return status;
  return KVCRT_OK;
}

const char *BlockPool::verify(const std::vector<int32_t> &expected) const {
  std::vector<char> place(numBlocks_, 0);
  for (int32_t block : free_) {
    if (block < 0 || block >= numBlocks_ || place[block])
      return "the free stack names a block twice or out of range";
    place[block] = 'f';
  }
  uint64_t step = 0;
  for (int32_t i = 0; i < quarantined_; ++i) {
    const Quarantined &entry = quarantine_[(quarantineHead_ + i) % maxBlocks_];
    if (entry.block < 0 || entry.block >= numBlocks_ || place[entry.block])
      return "the quarantine names a block twice or out of range";
    if (entry.step < step)
      return "the quarantine is not in the order of steps";
    step = entry.step;
    place[entry.block] = 'q';
  }
  int32_t shared = 0;
  for (int32_t block = 0; block < numBlocks_; ++block) {
    if (references_[block] != expected[block])
      return "a block's references differ from the tables that name it";
    if ((references_[block] == 0) != (place[block] != 0))
      return "a block is used and free at once, or neither";
    shared += references_[block] > 1;
  }
  return shared == shared_ ? nullptr : "the count of shared blocks is wrong";
}

} // namespace kvcrt
